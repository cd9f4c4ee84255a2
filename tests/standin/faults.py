"""The ways a call to Akismet can go wrong, each under a short name.

Akismet documents none of the failures of the network, and status 200 alone. What a suspended or a
throttled account is told is put together from what its WordPress plugin and its PHP library look
for: a plain `false` that only the headers take back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol, TypedDict

from .protocol import CHECK, ENDPOINTS, USAGE, VERIFY, Call
from .service import Answer, Service, text

NAMES = {
    "hang": "accept the call, never answer until released",
    "slow": "the right answer after `seconds`",
    "drip": "the right answer, a byte of the body every `seconds`",
    "drip_headers": "the same, headers included",
    "cut": "half of the body, then the end of the connection",
    "reset": "connection reset, no answer",
    "close": "connection closed, no answer",
    "empty": "200 without a body",
    "garbage": "200 with bytes that are no text",
    "html": "200 with a web page",
    "redirect": "302 to another path",
    "429": "too many requests, with `retry_after`; any status from 400 to 599 works like this",
    "500": "server error",
    "503": "unavailable, with `retry_after`",
    "invalid": "`invalid`, as for a wrong key",
    "suspended": "`false`, X-akismet-error: suspended, alert `code` (10402)",
    "throttled": "checks: `false`, X-akismet-error, alert `code` (10508); usage-limit tells",
    "alert": "the right answer with alert `code` and `message`",
    "recheck_after": "checks: `false`, to be asked again after `seconds`",
    "discard": "checks: `true` with the pro-tip discard",
    "newline": "the right answer and a line break",
}
SECONDS = {"slow": 1.0, "drip": 0.05, "drip_headers": 0.05, "recheck_after": 120.0}
OVER_LIMIT = (10508, "You are over the limit of your plan.")
ALERTS = {"suspended": (10402, "Your account is suspended for non-payment.")}


class Details(TypedDict, total=False):
    """The keywords of a fault; Fault says what they mean."""

    only: str | Iterable[str]
    calls: int | None
    seconds: float | None
    retry_after: int | str | datetime | None
    code: int
    message: str


@dataclass
class Fault:
    """One way to fail: for all calls or those in `only`, for ever or for the next `calls`."""

    name: str
    only: str | Iterable[str] = ()
    calls: int | None = None
    seconds: float | None = None
    retry_after: int | str | datetime | None = None
    code: int | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        self.name = str(self.name).replace("-", "_")
        if self.name not in NAMES and not self.status:
            raise ValueError(f"no fault named {self.name!r}; there are {', '.join(NAMES)}")
        only = [self.only] if isinstance(self.only, str) else self.only
        self._only = frozenset(path.rsplit("/", 1)[-1] for path in only)
        if wrong := self._only - ENDPOINTS:
            raise ValueError(f"no call named {', '.join(sorted(wrong))}")
        code, message = ALERTS.get(self.name, OVER_LIMIT)
        self.code = self.code or code
        self.message = self.message or message
        if self.seconds is None:
            self.seconds = SECONDS.get(self.name)

    @property
    def status(self) -> int | None:
        """503 for the fault "503"; None for those that have a name."""
        number = int(self.name) if self.name.isdecimal() else 0
        return number if 400 <= number <= 599 else None

    def applies(self, endpoint: str) -> bool:
        return self.calls != 0 and (not self._only or endpoint in self._only)


class Faults:
    """What to do to the next calls. The first that applies wins, so a list is also a sequence."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def take(self, endpoint: str) -> Fault | None:
        for fault in self.planned:
            if fault.applies(endpoint):
                if fault.calls is not None:
                    fault.calls -= 1
                return fault
        return None


def spoil(fault: Fault, call: Call, service: Service) -> Answer:
    """The answer under a fault, before it is sent.

    A fault in REPLACING keeps the call from the service, so a report under it teaches nothing.
    """
    if status := fault.status:
        return Answer(b"", _retry_after(fault), status)
    served = fault.name == "throttled" and call.endpoint != CHECK
    if fault.name in REPLACING and not served:
        return REPLACING[fault.name](fault)
    answer = service.answer(call)
    if fault.name == "newline":
        return Answer(answer.body + b"\n", answer.headers)
    if fault.name == "throttled" and call.endpoint == USAGE:
        return service.usage_limit(throttled=True)
    if fault.name in {"alert", "throttled"} and call.endpoint in {CHECK, VERIFY}:
        return answer.with_headers(_alert(fault))
    if fault.name == "discard" and answer.body in {b"true", b"false"}:
        return Answer(b"true", answer.headers | {"X-akismet-pro-tip": "discard"})
    if fault.name == "recheck_after" and _is_provisional(call, answer):
        return answer.with_headers({"X-akismet-recheck-after": f"{fault.seconds:.0f}"})
    return answer


def _is_provisional(call: Call, answer: Answer) -> bool:
    """Ham may be provisional, and is so only once: a recheck gets its final answer."""
    return answer.body == b"false" and call.get("recheck_reason") in {"", "edit"}


def _retry_after(fault: Fault) -> dict[str, str]:
    """Retry-After in seconds or as a date, the two forms of RFC 9110."""
    when = fault.retry_after
    if isinstance(when, datetime):
        return {"Retry-After": format_datetime(when.astimezone(UTC), usegmt=True)}
    return {} if when is None else {"Retry-After": str(when)}


def _alert(fault: Fault) -> dict[str, str]:
    """The headers that tell the owner of a problem with the account."""
    return {"X-akismet-alert-code": str(fault.code), "X-akismet-alert-msg": str(fault.message)}


def _account_error(fault: Fault) -> Answer:
    return text("false", error=fault.name).with_headers(_alert(fault))


PAGE = "<!DOCTYPE html><title>Sign in</title><p>Sign in to use this network."

REPLACING: dict[str, Callable[[Fault], Answer]] = {
    "reset": lambda fault: Answer(b""),
    "close": lambda fault: Answer(b""),
    "empty": lambda fault: Answer(b""),
    "garbage": lambda fault: Answer(b"\x00\xff\xfetrue\xc3("),
    "html": lambda fault: Answer(PAGE.encode(), content_type="text/html; charset=utf-8"),
    "redirect": lambda fault: Answer(b"", {"Location": "/moved"}, 302),
    "invalid": lambda fault: text("invalid"),
    "suspended": _account_error,
    "throttled": _account_error,
}


class Line(Protocol):
    """The connection a call came in on."""

    def pause(self, seconds: float | None) -> bool:
        """Wait (None: until released); False when client or server has left meanwhile."""

    def record(self, answer: Answer) -> None:
        """Note in the log what is about to be sent."""

    def send(self, data: bytes) -> None:
        """Send something, with more to follow."""

    def finish(self, data: bytes = b"") -> None:
        """Send the end; the call is over before its last byte is out."""

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection; with `reset` not by saying goodbye but with a TCP reset."""


def deliver(fault: Fault | None, answer: Answer, line: Line) -> None:
    """Send an answer down the line, the way the fault wants it sent."""
    name = fault.name if fault else ""
    seconds = fault.seconds if fault else None
    if name in {"reset", "close"}:
        line.finish()
        line.hang_up(reset=name == "reset")
    elif name in {"hang", "slow"} and not line.pause(seconds):
        line.finish()
        line.hang_up()
    elif name == "cut":
        line.finish(answer.head() + answer.body[: len(answer.body) // 2])
        line.hang_up()
    else:
        line.record(answer)
        if name in {"drip", "drip_headers"}:
            _drip(answer, line, seconds, headers_too=name == "drip_headers")
        else:
            line.finish(answer.head() + answer.body)


def _drip(answer: Answer, line: Line, seconds: float | None, *, headers_too: bool) -> None:
    drops = answer.body
    if headers_too:
        drops = answer.head() + drops
    else:
        line.send(answer.head())
    for drop in drops[:-1]:
        line.send(bytes([drop]))
        if not line.pause(seconds):
            line.finish()
            line.hang_up()
            return
    line.finish(drops[-1:])
