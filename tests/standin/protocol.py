"""What goes over the wire: the calls Akismet documents, their parameters, and what can be wrong.

The names and meanings come from Akismet's developer documentation (akismet.com/developers), the
pages "Comment check", "Submit spam", "Submit ham", "Key verification", "Usage limit" and "Key
sites", and from the OpenAPI description Akismet publishes (which adds ``key`` and
``comment_parent``). Akismet itself overlooks most mistakes in silence; here each is written down.
"""

import codecs
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

VERIFY, CHECK, SPAM, HAM = "verify-key", "comment-check", "submit-spam", "submit-ham"
USAGE, SITES = "usage-limit", "key-sites"
REPORTS = frozenset({SPAM, HAM})
PATHS = {f"/1.1/{name}": name for name in (VERIFY, CHECK, SPAM, HAM)} | {
    f"/1.2/{name}": name for name in (USAGE, SITES)
}
ENDPOINTS = frozenset(PATHS.values())

# Documented for comment-check; submit-spam and submit-ham take the same.
COMMENT_PARAMETERS = frozenset(
    {
        "api_key", "blog", "user_ip", "user_agent", "referrer", "permalink", "comment_type",
        "comment_author", "comment_author_email", "comment_author_url", "comment_content",
        "comment_date_gmt", "comment_post_modified_gmt", "comment_parent", "comment_context",
        "blog_lang", "blog_charset", "user_role", "is_test", "recheck_reason",
        "honeypot_field_name",
    }
)  # fmt: skip

# Sent by Akismet's own WordPress plugin or its tests, but in no documentation.
UNDOCUMENTED = {
    CHECK: frozenset({"callback", "classify", "test_discard", "test_alert_code"}),
    SPAM: frozenset({"reporter", "comment_check_response"}),
    HAM: frozenset({"reporter", "comment_check_response"}),
}

KNOWN = {
    VERIFY: frozenset({"api_key", "key", "blog"}),
    CHECK: COMMENT_PARAMETERS,
    SPAM: COMMENT_PARAMETERS,
    HAM: COMMENT_PARAMETERS,
    USAGE: frozenset({"api_key"}),
    SITES: frozenset({"api_key", "month", "filter", "format", "order", "limit", "offset"}),
}
REQUIRED = {
    VERIFY: ("api_key", "blog"),
    CHECK: ("api_key", "blog", "user_ip"),
    SPAM: ("api_key", "blog", "user_ip"),
    HAM: ("api_key", "blog", "user_ip"),
    USAGE: ("api_key",),
    SITES: ("api_key",),
}

# Two ways to know a comment again: by what it says and who says it, or, when a report changed
# that, by when and where it was written.
SAME_COMMENT = ("comment_content", "comment_author", "comment_author_email", "user_ip")
SAME_MOMENT = ("comment_date_gmt", "permalink", "user_ip")


class Moment(NamedTuple):
    """When a call arrived, on the clock that never jumps and on the one people read."""

    monotonic: float
    wall: datetime


@dataclass(eq=False)
class Call:
    """One request as it arrived, and what became of it.

    `answer`, `status` and `answer_headers` are set just before the answer is sent; they stay
    None (and empty) when there is none, as with a hanging or a reset connection. `identical` is
    set for reports whose comment was checked before: True when they repeat the check's values.
    """

    method: str
    path: str
    parameters: list[tuple[str, str]]
    headers: "Message[str, str]"
    at: Moment
    problems: list[str] = field(default_factory=list)
    identical: bool | None = None
    fault: str | None = None
    answer: str | None = None
    status: int | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)
    abandoned: bool = False
    """The client closed the connection before it was answered."""

    @property
    def endpoint(self) -> str:
        """`comment-check` for /1.1/comment-check; empty for a path Akismet does not have."""
        return PATHS.get(self.path, "")

    @property
    def guid(self) -> str | None:
        return self.answer_headers.get("X-akismet-guid")

    def get(self, name: str, default: str = "") -> str:
        """The value Akismet would see: when a name comes twice, the last one."""
        values = self.values(name)
        return values[-1] if values else default

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.parameters if known == name]

    def names(self) -> set[str]:
        return {name for name, _ in self.parameters}

    def same(self, other: "Call", names: Iterable[str]) -> bool:
        return all(self.values(name) == other.values(name) for name in names)

    def as_json(self) -> dict[str, Any]:
        """For GET /_log."""
        plain = ("method", "path", "parameters", "problems", "identical", "fault", "answer")
        return {name: getattr(self, name) for name in plain} | {
            "endpoint": self.endpoint,
            "headers": dict(self.headers.items()),
            "monotonic": self.at.monotonic,
            "wall": self.at.wall.isoformat(),
            "status": self.status,
            "answer_headers": self.answer_headers,
            "abandoned": self.abandoned,
        }


def decode_form(form: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    """The pairs of a form or query string in wire order, and the names that are not UTF-8."""
    pairs, problems = [], []
    for piece in form.split(b"&"):
        if not piece:
            continue
        raw = [unquote_to_bytes(part.replace(b"+", b" ")) for part in piece.split(b"=", 1)]
        name, value = (part.decode("utf-8", "replace") for part in (*raw, b"")[:2])
        pairs.append((name, value))
        try:
            b"".join(raw).decode("utf-8")
        except UnicodeDecodeError:
            problems.append(f"bad UTF-8: {name}")
    return pairs, problems


def problems_of(call: Call, *, undocumented: bool, key: str, target: str) -> list[str]:
    """Everything about a call that a careful client would do differently; empty when nothing.

    `target` is the request target as it came, query included.
    """
    if not call.endpoint:
        return [f"unknown path: {call.path}"]
    return [
        *_envelope_problems(call, key, target),
        *_name_problems(call, undocumented=undocumented),
        *_value_problems(call),
        *_honeypot_problems(call),
    ]


def _envelope_problems(call: Call, key: str, target: str) -> list[str]:
    """The request around the parameters: method, content type, User-Agent, and where the key is."""
    problems = []
    if call.method == "GET" and call.path.startswith("/1.1/"):
        problems.append("method: version 1.1 takes POST only")
    if call.method == "POST" and not _is_utf8_form(call.headers):
        problems.append(f"content type: {call.headers.get('Content-Type', 'none')}")
    if not call.headers.get("User-Agent", "").strip():
        problems.append("no User-Agent")
    # 1.2 may be asked by GET, but a key in a URL ends up in somebody's log.
    if key in target or "api_key=" in target:
        problems.append("key in URL")
    if call.headers.get("Host", "").startswith(f"{key}."):
        problems.append("key in host name")
    return problems


def _is_utf8_form(headers: "Message[str, str]") -> bool:
    charset = headers.get_content_charset("utf-8")
    return (
        "Content-Type" in headers
        and headers.get_content_type() == "application/x-www-form-urlencoded"
        and charset.lower() in {"utf-8", "utf8"}
    )


def _name_problems(call: Call, *, undocumented: bool) -> list[str]:
    """Names that are unknown, come twice, or should be there.

    Akismet also welcomes the server's environment (HTTP_ACCEPT and so on). We consider those the
    visitor's business, so they count as unknown.
    """
    known = KNOWN[call.endpoint] | {call.get("honeypot_field_name")}
    if undocumented:
        known |= UNDOCUMENTED.get(call.endpoint, frozenset())
    names = [name for name, _ in call.parameters]
    problems = []
    for name in dict.fromkeys(names):
        plain = re.sub(r"\[\d*\]$", "", name)
        is_list = plain == "comment_context" and plain != name
        if name not in known and not (is_list and plain in known):
            problems.append(f"unknown parameter: {name}")
        if names.count(name) > 1 and not name.endswith("[]"):
            problems.append(f"repeated parameter: {name}")
    missing = (name for name in REQUIRED[call.endpoint] if not call.get(name).strip())
    problems += [
        f"missing parameter: {name}"
        for name in missing
        # The OpenAPI description of verify-key calls it `key`, the documentation `api_key`.
        if not (call.endpoint == VERIFY and name == "api_key" and call.get("key"))
    ]
    return problems


def _value_problems(call: Call) -> list[str]:
    problems = []
    for name, value in call.parameters:
        plain = re.sub(r"\[\d*\]$", "[]", name)
        if plain in WELL_FORMED and not WELL_FORMED[plain](value):
            problems.append(f"malformed {name}: {value!r}")
    return problems


def _honeypot_problems(call: Call) -> list[str]:
    """The field named by `honeypot_field_name` has to come along, empty or not."""
    if "honeypot_field_name" not in call.names():
        return []
    name = call.get("honeypot_field_name")
    if name in COMMENT_PARAMETERS:
        return [f"honeypot takes the name of a parameter: {name}"]
    if name not in call.names():
        return [f"honeypot field absent: {name}"]
    return []


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_web_address(text: str) -> bool:
    """A full URL, scheme included, as `blog` and `permalink` have to be."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and text.split() == [text]
    except ValueError:
        return False


def is_utc_time(text: str) -> bool:
    """ISO 8601 in UTC, and saying so: 2026-11-22T10:00:00Z or ...+00:00."""
    try:
        return "T" in text and datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False


def is_charset(text: str) -> bool:
    try:
        codecs.lookup(text)
    except (LookupError, ValueError):
        return False
    return True


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


LANGUAGE = "[a-z]{2}(_[A-Za-z]{2,4})?"

# A website (comment_author_url) and an e-mail address are to be sent as typed, so not judged here.
WELL_FORMED: Mapping[str, Callable[[str], bool]] = {
    "blog": is_web_address,
    "permalink": is_web_address,
    "user_ip": is_address,
    "comment_date_gmt": is_utc_time,
    "comment_post_modified_gmt": is_utc_time,
    "is_test": _matches("1|true"),
    "blog_lang": _matches(f"{LANGUAGE}(, ?{LANGUAGE})*"),
    "blog_charset": is_charset,
    "comment_context": lambda text: False,  # a list: only comment_context[] is read as one
    "comment_context[]": lambda text: bool(text.strip()),
    "month": _matches(r"\d{4}-(0[1-9]|1[0-2])"),
    "format": _matches("json|csv"),
    "order": _matches("total|spam|ham|missed_spam|false_positives"),
    "limit": _matches(r"\d+"),
    "offset": _matches(r"\d+"),
}


def compare(report: Call, checks: Iterable[Call], *, undocumented: bool) -> None:
    """Fill in `identical` for a report, and a problem naming the values it changed.

    Akismet's documentation of both reports asks for the values of the check: fewer are accepted,
    different ones are not a match. A report of a comment that was never checked is allowed, so it
    gets neither. Only the key may change, and the parameters that exist for one call alone.
    """
    checks = list(checks)
    matching = [check for check in checks if report.same(check, SAME_COMMENT)]
    if not matching and report.get("comment_date_gmt"):
        matching = [check for check in checks if report.same(check, SAME_MOMENT)]
    if not matching:
        return
    aside = {"api_key"}
    if undocumented:
        aside |= UNDOCUMENTED[CHECK] | UNDOCUMENTED[SPAM]
    names = list(dict.fromkeys(name for name, _ in report.parameters))
    changed = min((_changed(report, check, names, aside) for check in matching), key=len)
    report.identical = not changed
    if changed:
        report.problems.append(f"differs from the check: {', '.join(changed)}")


def _changed(report: Call, check: Call, names: list[str], aside: set[str]) -> list[str]:
    either = [*names, *sorted(check.names() - set(names))]
    return [name for name in either if name not in aside and not report.same(check, [name])]
