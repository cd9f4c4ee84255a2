"""The only file that talks to Akismet: a request out, one of four outcomes in.

FIELDS is the single list of what is sent. The request is built from it, and so is the page that
tells readers what is sent, so neither can say something the other does not.

Facts about the protocol come from akismet.com/developers and from the answers of the service;
what the `akismet` package leaves out (response headers, a few parameters, a deadline) is added
around it here, without touching its insides.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import akismet
import certifi
import httpx
from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import Comment, Outcome, Report, Trouble

AKISMET = "https://rest.akismet.com"
HONEYPOT = "homepage"
# One odd answer must not silence us for months; after a day it may say so again.
LONGEST_PAUSE = 86_400.0  # seconds
SUSPENDED = {"10006", "10009", "10010", "10402", "10403", "10404"}
USER_AGENT = f"Sgwrs/1.0 | {akismet.USER_AGENT}"

type Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Field:
    """One parameter: its name on the wire, what readers are told of it, where it comes from."""

    name: str
    told: str | Promise
    value: Callable[[Comment], str | list[str] | None]


def context(comment: Comment) -> list[str]:
    """Words saying what the page is about."""
    article = comment.article
    words = [tag.name for tag in article.tags.all()]
    if article.category:
        words.insert(0, getattr(article.category, f"name_{article.language}"))
    return words


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


FIELDS = (
    Field("blog", _("the address of this site"), lambda c: blog()),
    Field("user_ip", _("your IP address"), lambda c: c.user_ip),
    Field("user_agent", _("the name of your browser, as it gives it"), lambda c: c.user_agent),
    Field("referrer", _("the address of the page you sent it from"), lambda c: c.referrer),
    Field("comment_author", _("the name you typed"), lambda c: c.name),
    Field("comment_author_email", _("the e-mail address you typed"), lambda c: c.email),
    Field("comment_author_url", _("the website you typed, if any"), lambda c: c.website),
    Field("comment_content", _("your comment, as you typed it"), lambda c: c.body),
    Field("comment_date_gmt", _("when you sent it"), lambda c: iso(c.submitted_at)),
    Field("comment_type", _("that it is a comment"), lambda c: "comment"),
    Field(
        "comment_parent",
        _("the number of the comment you reply to, if any"),
        lambda c: str(c.parent_id) if c.parent_id else None,
    ),
    Field(
        HONEYPOT,
        _("what is in a hidden field that only machines fill in"),
        lambda c: c.honeypot,
    ),
    Field("honeypot_field_name", _("the name of that hidden field"), lambda c: HONEYPOT),
    Field(
        "permalink",
        _("the address of the article"),
        lambda c: settings.SITE_URL + c.article.get_absolute_url(),
    ),
    Field(
        "comment_post_modified_gmt",
        _("when the article was last changed"),
        lambda c: iso(c.article.modified_at),
    ),
    Field("comment_context[]", _("the article's category and tags"), context),
    Field(
        "blog_lang",
        _("the languages of this site"),
        lambda c: ", ".join(code for code, _name in settings.LANGUAGES),
    ),
    Field("blog_charset", _("how the text is encoded"), lambda c: "UTF-8"),
    Field(
        "user_role",
        _("for members of our team: that they are"),
        lambda c: "administrator" if c.user and c.user.is_staff and c.user.is_active else None,
    ),
    Field(
        "recheck_reason",
        _("when the question is put again: why"),
        lambda c: c.check_reason,
    ),
    Field(
        "is_test",
        _("on a test site: that it is a test"),
        lambda c: "1" if settings.DEBUG else None,
    ),
)
# The package adds the key to every call.
SITE_FIELDS = (("api_key", _("the key by which Akismet knows this site")),)


def parameters(comment: Comment) -> Pairs:
    """Every field that has a value for this comment, as it goes out."""
    pairs: Pairs = []
    for one in FIELDS:
        value = one.value(comment)
        if isinstance(value, list):
            pairs += [(one.name, item) for item in value]
        elif value or (value == "" and one.name == HONEYPOT):
            pairs.append((one.name, value))
    return pairs


@dataclass
class Answer:
    """What a call came to. `trouble` is empty when Akismet answered as it should."""

    sent: Pairs = field(default_factory=list)
    outcome: Outcome = Outcome.UNKNOWN
    trouble: Trouble | str = ""
    duration: float = 0.0
    http_status: int | None = None
    guid: str = ""
    pro_tip: str = ""
    alert_code: str = ""
    alert_message: str = ""
    debug_help: str = ""
    recheck_after: int | None = None
    retry_after: float | None = None

    @property
    def is_about_the_account(self) -> bool:
        """Trouble that only verifying the key can end."""
        return self.trouble in {Trouble.INVALID, Trouble.ACCOUNT}

    def evidence(self) -> dict[str, Any]:
        """The columns that SpamCheck and Report share."""
        return {
            "sent": self.sent,
            "duration": round(self.duration, 3),
            "trouble": self.trouble,
            "http_status": self.http_status,
            "debug_help": self.debug_help,
            "guid": self.guid,
            "pro_tip": self.pro_tip,
            "alert_code": self.alert_code,
            "alert_message": self.alert_message,
        }


def check(comment: Comment) -> Answer:
    """Ask whether a comment is spam. Never raises; takes AKISMET_TIMEOUT seconds at the most."""
    pairs = parameters(comment)
    if not comment.user_ip:
        return Answer(sent=pairs, trouble=Trouble.NO_ADDRESS)
    answer, verdict = ask(pairs, lambda client, known: client.comment_check(**known))
    if answer.trouble:
        return answer
    if verdict is not akismet.CheckResponse.HAM:
        answer.outcome = Outcome.SPAM
    elif answer.alert_code in SUSPENDED:
        # A suspended key answers `false` to everything.
        answer.trouble = Trouble.ACCOUNT
    elif answer.recheck_after:
        answer.outcome = Outcome.PROVISIONAL
    else:
        answer.outcome = Outcome.HAM
    return answer


def report(verdict: str, pairs: Pairs) -> Answer:
    """Tell Akismet that it was wrong (`verdict`: spam or ham), with the values of the check."""
    submit = "submit_spam" if verdict == Report.Verdict.SPAM else "submit_ham"
    answer, _thanks = ask(pairs, lambda client, known: getattr(client, submit)(**known))
    return answer


def verify() -> Answer:
    """Ask whether the key is good for this site."""
    answer, valid = ask(
        [], lambda client, known: client.verify_key(settings.AKISMET_API_KEY, blog())
    )
    if not answer.trouble and not valid:
        answer.trouble = Trouble.INVALID
    elif answer.alert_code in SUSPENDED:
        answer.trouble = Trouble.ACCOUNT
    return answer


def usage() -> dict[str, Any] | None:
    """What the plan allows and how much of it is used, as Account keeps it. None: no answer."""

    def read(said: dict[str, Any]) -> dict[str, Any]:
        return {
            "checks_used": whole(str(said["usage"])),
            "checks_allowed": whole(str(said["limit"])),
            "is_throttled": said["throttled"] is True,
        }

    return ask([], lambda client, known: read(client.usage_limit()))[1]


def blog() -> str:
    """The identity of the site with Akismet; it must never change."""
    return f"{settings.SITE_URL}/"


class Call(httpx.Client):
    """The HTTP client of one call: adds what the package refuses, keeps what it drops."""

    response: httpx.Response | None = None
    line: socket.socket | None = None

    def __init__(self, extra: dict[str, list[str]]) -> None:
        self.extra = extra
        super().__init__(
            headers={"User-Agent": USER_AGENT},
            timeout=settings.AKISMET_TIMEOUT,
            verify=certificates() if settings.AKISMET_API_URL.startswith("https:") else False,
            follow_redirects=False,
        )

    def get(self, url: Any, *, params: Any = None, **options: Any) -> httpx.Response:
        """As a POST: the key must not stand in an address."""
        return self.post(url, data=params, **options)

    def post(self, url: Any, *, data: Any = None, **options: Any) -> httpx.Response:
        elsewhere = str(url).replace(AKISMET, settings.AKISMET_API_URL, 1)
        self.response = super().post(
            elsewhere,
            data={**(data or {}), **self.extra},
            extensions={"trace": self.look_on},
            **options,
        )
        return self.response

    def look_on(self, event: str, info: dict[str, Any]) -> None:
        """Keep hold of the connection (httpx's `trace` extension), to be able to hang up."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self.line = info["return_value"].get_extra_info("socket")

    def hang_up(self) -> None:
        """End the call for both sides, now. close() alone leaves a blocked read, and so the
        connection, as it is, and Akismet would see the next question before this one's end.
        """
        if self.line is not None:
            with suppress(OSError):
                self.line.shutdown(socket.SHUT_RDWR)
        self.close()


@lru_cache(maxsize=1)
def certificates() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def ask(pairs: Pairs, use: Callable[[Any, dict[str, str]], Any]) -> tuple[Answer, Any]:
    """Make one call through the package and read its answer, headers before the body."""
    answer, result = Answer(sent=pairs), None
    started = time.monotonic()
    http: Call | None = None
    try:
        known, extra = sorted_out(pairs)
        http = Call(extra)
        site = akismet.Config(key=settings.AKISMET_API_KEY, url=dict(pairs).get("blog", blog()))
        client = akismet.SyncClient(config=site, http_client=http)
        result = within(settings.AKISMET_TIMEOUT, lambda: use(client, known))
    except Exception as error:  # noqa: BLE001 - whatever it is, the comment waits
        answer.trouble = trouble(error)
    finally:
        answer.duration = time.monotonic() - started
        if http is not None:
            http.hang_up()
    if http is not None and http.response is not None and answer.trouble != Trouble.TIMEOUT:
        read_headers(answer, http.response)
    return answer, result


def sorted_out(pairs: Pairs) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The parameters the package takes, and those it refuses."""
    takes = akismet.AkismetArguments.__optional_keys__ | {"user_ip"}
    known = {name: value for name, value in pairs if name in takes}
    extra: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in takes | {"blog"}:  # the package sends that one itself
            extra.setdefault(name, []).append(value)
    return known, extra


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of `work`, or TimeoutError after so many seconds whatever the server does.

    A socket's time-out begins anew with every byte, so a server that drips could hold us for
    ever; only a clock of our own bounds the whole call.
    """
    results: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            results.put((None, error))

    threading.Thread(target=run, daemon=True, name="akismet").start()
    try:
        result, error = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error:
        raise error
    return result


def trouble(error: BaseException) -> Trouble:
    """What an exception means. Its text is never kept: it may hold the key or a whole body."""
    cause = error.__cause__
    if isinstance(error, TimeoutError) or isinstance(cause, httpx.TimeoutException):
        return Trouble.TIMEOUT
    if isinstance(error, akismet.APIKeyError):
        return Trouble.INVALID
    if isinstance(cause, httpx.HTTPStatusError):
        return Trouble.STATUS
    if isinstance(cause, httpx.TransportError):
        return Trouble.UNREACHABLE
    return Trouble.NONSENSE


def read_headers(answer: Answer, response: httpx.Response) -> None:
    """Take down what the headers say; a complaint about the account overrides the body."""
    headers = response.headers
    answer.http_status = response.status_code
    answer.guid = headers.get("X-akismet-guid", "")[:64]
    answer.pro_tip = headers.get("X-akismet-pro-tip", "").strip().lower()[:64]
    answer.alert_code = headers.get("X-akismet-alert-code", "").strip()[:16]
    answer.alert_message = without_key(headers.get("X-akismet-alert-msg", ""))[:300]
    answer.debug_help = without_key(headers.get("X-akismet-debug-help", ""))[:300]
    answer.recheck_after = whole(headers.get("X-akismet-recheck-after", "").strip())
    answer.retry_after = pause(headers.get("Retry-After", ""))
    if headers.get("X-akismet-error", "").strip() and response.status_code == httpx.codes.OK:
        answer.trouble = Trouble.ACCOUNT


def without_key(text: str) -> str:
    return text.replace(settings.AKISMET_API_KEY, "…")


def whole(text: str) -> int | None:
    """A number of up to seven digits: more seconds than that (116 days) nobody means."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else None


def pause(text: str) -> float | None:
    """The seconds of a Retry-After header, which gives either them or a date."""
    if (seconds := whole(text.strip())) is not None:
        return min(float(seconds), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max(0.0, (moment - timezone.now()).total_seconds()), LONGEST_PAUSE)
    except (TypeError, ValueError, OverflowError):
        return None
