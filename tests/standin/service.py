"""What Akismet answers when all is well: verdicts, thanks, and the two questions about the account.

Bodies, headers and the values that always give spam or ham are those of Akismet's developer
documentation (akismet.com/developers). It gives no wording for most errors; those here were
recorded from the real service in the test suites of public clients, and where there is no record
(an empty `api_key` or `blog` in comment-check) they are worded alike.
"""

import csv
import io
import json
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from .protocol import CHECK, REPORTS, SITES, SPAM, USAGE, VERIFY, Call, is_web_address

THANKS = "Thanks for making the web a better place."
SPAM_AUTHORS = frozenset({"akismet-guaranteed-spam", "viagra-test-123"})
SPAM_EMAIL = "akismet-guaranteed-spam@example.com"
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer before it is put on the wire. Akismet says 200 even when it says no."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    content_type: str = PLAIN

    def with_headers(self, headers: dict[str, str]) -> "Answer":
        return Answer(self.body, self.headers | headers, self.status, self.content_type)

    def head(self) -> bytes:
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [f"HTTP/1.1 {self.status} {reason}", f"Content-Type: {self.content_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode()


def text(body: str, **headers: str) -> Answer:
    """A plain answer; `debug_help="..."` becomes the header X-akismet-debug-help."""
    names = {f"X-akismet-{name.replace('_', '-')}": value for name, value in headers.items()}
    return Answer(body.encode(), names)


class Service:
    """One account: its key, what it has learnt, how much it was used."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.limit: int | None = None
        """Checks a month; None is a plan without a limit."""
        self.forget()

    def forget(self) -> None:
        self.usage = 0
        self.learnt: dict[tuple[str, ...], bool] = {}
        self.sites: dict[tuple[str, str], Counter[str]] = {}

    def answer(self, call: Call) -> Answer:
        if not call.endpoint:
            return Answer(b"", status=404)
        if call.endpoint == CHECK:
            answer = self._refusal(call) or self._check(call)
            return answer.with_headers({"X-akismet-guid": uuid.uuid4().hex})
        if refusal := self._refusal(call):
            return refusal
        if call.endpoint == VERIFY:
            return text("valid")
        if call.endpoint in REPORTS:
            return self._report(call)
        if call.endpoint == USAGE:
            return self.usage_limit()
        return self._key_sites(call)

    def _refusal(self, call: Call) -> Answer | None:
        """The answer to a call without a good key, site or visitor; None when it has all three."""
        verify = call.endpoint == VERIFY
        key_name = "key" if verify else "api_key"
        key = call.get("api_key") or (call.get("key") if verify else "")
        if call.method == "GET" and call.path.startswith("/1.1/"):
            return text("invalid")  # not documented: treated as a call without parameters
        if not key.strip():
            return text("invalid", debug_help=f'Empty "{key_name}" value')
        if key != self.key:
            return text("invalid")
        if call.endpoint in {USAGE, SITES}:
            return None
        if not call.get("blog").strip():
            return text("invalid", debug_help='Empty "blog" value')
        if not is_web_address(call.get("blog")):
            return text("invalid", debug_help="We were unable to parse your blog URI")
        if not verify and not call.get("user_ip").strip():
            return text("Missing required field: user_ip.", debug_help='Empty "user_ip" value')
        return None

    def _check(self, call: Call) -> Answer:
        spam = self.is_spam(call)
        self.usage += 1
        self._count(call, "spam" if spam else "ham")
        answer = text("true" if spam else "false")
        if spam and is_guaranteed_spam(call) and call.get("test_discard") == "1":
            answer = answer.with_headers({"X-akismet-pro-tip": "discard"})
        if (code := call.get("test_alert_code")).isdecimal():
            answer = answer.with_headers(
                {"X-akismet-alert-code": code, "X-akismet-alert-msg": f"Test alert {code}"}
            )
        return answer

    def is_spam(self, call: Call) -> bool:
        """The documented test values first, then what reports have taught, otherwise ham."""
        if is_guaranteed_spam(call):
            return True
        if "administrator" in [role.strip() for role in call.get("user_role").split(",")]:
            return False
        words = ("comment_content", call.get("comment_content"))
        if words in self.learnt:
            return self.learnt[words]
        return any(self.learnt.get(lesson, False) for lesson in [*call.parameters, _who(call)])

    def teach(self, name: str, value: str, *, spam: bool) -> None:
        """From now on a parameter of this value means spam, or no longer does."""
        self.learnt[(name, value)] = spam

    def _report(self, call: Call) -> Answer:
        """A report teaches the text; without a text, the author and address together.

        With `is_test` it teaches nothing, as documented.
        """
        self._count(call, "missed_spam" if call.endpoint == SPAM else "false_positives")
        if not call.get("is_test"):
            words = call.get("comment_content")
            lesson = ("comment_content", words) if words.strip() else _who(call)
            self.learnt[lesson] = call.endpoint == SPAM
        return text(THANKS)

    def _count(self, call: Call, column: str) -> None:
        month = call.at.wall.strftime("%Y-%m")
        counts = self.sites.setdefault((month, call.get("blog")), Counter())
        counts.update([column, "api_calls"] if call.endpoint == CHECK else [column])

    def usage_limit(self, *, throttled: bool = False) -> Answer:
        """`percentage` is a string, `limit` a number or "none": the documentation's example."""
        share = 100 * self.usage / self.limit if self.limit else 0
        return as_json(
            {
                "limit": "none" if self.limit is None else self.limit,
                "usage": self.usage,
                "percentage": f"{share:.2f}",
                "throttled": throttled,
            }
        )

    def _key_sites(self, call: Call) -> Answer:
        """One row a site. All counts are strings, as in the documentation's example."""
        month = call.get("month") or datetime.now(UTC).strftime("%Y-%m")
        column = call.get("order", "total").replace("total", "api_calls")
        limit, offset = _number(call, "limit", 500), _number(call, "offset", 0)
        found = sorted(
            (
                (site, counts)
                for (when, site), counts in self.sites.items()
                if when == month and call.get("filter") in site
            ),
            key=lambda row: row[1][column],
            reverse=True,
        )
        columns = ("api_calls", "spam", "ham", "missed_spam", "false_positives")
        rows: list[dict[str, str | bool]] = [
            {"site": site} | {name: str(counts[name]) for name in columns} | {"is_revoked": False}
            for site, counts in found[offset : offset + limit]
        ]
        if call.get("format") == "csv":
            title = f"Active sites for {self.key} during {month} (limit:{limit}, offset: {offset})"
            return _as_csv(title, rows)
        return as_json({month: rows, "limit": limit, "offset": offset, "total": len(found)})


def is_guaranteed_spam(call: Call) -> bool:
    return call.get("comment_author") in SPAM_AUTHORS or (
        call.get("comment_author_email") == SPAM_EMAIL
    )


def _who(call: Call) -> tuple[str, ...]:
    return ("who", call.get("comment_author"), call.get("comment_author_email"))


def _number(call: Call, name: str, default: int) -> int:
    return int(call.get(name)) if call.get(name).isdecimal() else default


def as_json(value: object, status: int = 200) -> Answer:
    body = json.dumps(value).encode()
    return Answer(body, status=status, content_type="application/json; charset=utf-8")


def _as_csv(title: str, rows: list[dict[str, str | bool]]) -> Answer:
    page = io.StringIO()
    page.write(f"{title}\n")
    if rows:
        writer = csv.DictWriter(page, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return Answer(page.getvalue().encode(), content_type="text/csv; charset=utf-8")
