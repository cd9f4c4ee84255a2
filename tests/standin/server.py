"""The stand-in itself: the log of calls and the switches for tests."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, Unpack

from .faults import Details, Fault, Faults, spoil
from .protocol import CHECK, REPORTS, SAME_COMMENT, Call, compare, problems_of
from .service import Answer, Service
from .wire import Server, Wire


class Standin:
    """A stand-in for Akismet on this machine. All its methods may be called from any thread.

    `watch` is called with every call once it is over.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        key: str = "standin-key0",
        accept_undocumented: bool = False,
        watch: Callable[[Call], None] | None = None,
    ) -> None:
        self.accept_undocumented = accept_undocumented
        self.watch = watch
        self._first = (key, accept_undocumented)
        self.service = Service(key)
        self._port = port
        self._changed = threading.Condition(threading.RLock())
        self._server: Server | None = None
        self._calls: list[Call] = []
        self._under_way: dict[Call, Wire] = {}
        self._faults = Faults()
        self._most_at_once = 0
        self._asked_twice: list[tuple[Call, Call]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; after a stop, on the same port as before."""
        self._server = Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        serve = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), name="standin", daemon=True
        )
        serve.start()

    def stop(self) -> None:
        """Stop listening and close every connection, those that hang included. The log stays."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        with self._changed:
            for wire in self._under_way.values():
                wire.give_up()
        server.hang_up(timeout=2)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def key(self) -> str:
        """The one good key; set another to make the old one wrong."""
        return self.service.key

    @key.setter
    def key(self, key: str) -> None:
        self.service.key = key

    # The log

    @property
    def calls(self) -> list[Call]:
        """All calls in the order they arrived, those still under way included."""
        with self._changed:
            return list(self._calls)

    @property
    def checks(self) -> list[Call]:
        return [call for call in self.calls if call.endpoint == CHECK]

    @property
    def reports(self) -> list[Call]:
        return [call for call in self.calls if call.endpoint in REPORTS]

    @property
    def problems(self) -> list[str]:
        """The problems of all calls together, each with the call it is about."""
        return [f"{call.path}: {problem}" for call in self.calls for problem in call.problems]

    @property
    def most_at_once(self) -> int:
        """The largest number of comment-check calls that were under way at the same time."""
        with self._changed:
            return self._most_at_once

    @property
    def asked_twice_at_once(self) -> list[tuple[Call, Call]]:
        """Pairs of checks of the same comment, the second begun before the first was over."""
        with self._changed:
            return list(self._asked_twice)

    def wait_for_calls(self, number: int, timeout: float = 5, *, only: str = "") -> list[Call]:
        """Wait until so many calls (to `only`, if given) have arrived, and return them."""

        def arrived() -> list[Call]:
            return [call for call in self._calls if only in {"", call.endpoint}]

        with self._changed:
            if not self._changed.wait_for(lambda: len(arrived()) >= number, timeout):
                raise TimeoutError(
                    f"{len(arrived())} calls arrived in {timeout} s, expected {number}"
                )
            return arrived()

    def wait_until_idle(self, timeout: float = 5) -> None:
        """Wait until no call is under way."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, timeout):
                raise TimeoutError(f"{len(self._under_way)} calls still under way")

    # The switches

    @property
    def fault(self) -> Fault | None:
        """The fault the next call may meet."""
        with self._changed:
            return next((fault for fault in self._faults.planned if fault.calls != 0), None)

    @fault.setter
    def fault(self, fault: Fault | str | None) -> None:
        self.behave(fault)

    def behave(self, fault: Fault | str | None = None, **details: Unpack[Details]) -> None:
        """From now on fail like this and no other way; without a fault, behave well."""
        with self._changed:
            self._faults.planned = []
            if fault is not None:
                self.then(fault, **details)

    def then(self, fault: Fault | str, **details: Unpack[Details]) -> None:
        """Fail like this too: where or when the faults before do not apply."""
        planned = fault if isinstance(fault, Fault) else Fault(fault, **details)
        with self._changed:
            self._faults.planned.append(planned)

    def teach(self, name: str, value: str, *, spam: bool) -> None:
        """Decide what a value means: teach("comment_content", "...", spam=True)."""
        with self._changed:
            self.service.teach(name, value, spam=spam)

    def release(self) -> None:
        """Answer the calls that hang or wait, now. Later ones hang as before."""
        with self._changed:
            for wire in self._under_way.values():
                wire.released.set()

    def reset(self) -> None:
        """Be as new: no calls, lessons or faults, the first key; hanging calls are let go."""
        with self._changed:
            self.key, self.accept_undocumented = self._first
            self.service.limit = None
            self.behave()
            self.service.forget()
            self.release()
            self._under_way = {}
            self._calls = []
            self._most_at_once = 0
            self._asked_twice = []

    # What the connections ask for

    def receive(self, wire: Wire, target: str) -> tuple[Fault | None, Answer]:
        """Write a call down, judge it, and say what to answer."""
        call = wire.call
        with self._changed:
            call.problems += problems_of(
                call, undocumented=self.accept_undocumented, key=self.key, target=target
            )
            if call.endpoint in REPORTS:
                checks = [earlier for earlier in self._calls if earlier.endpoint == CHECK]
                compare(call, checks, undocumented=self.accept_undocumented)
            self._calls.append(call)
            self._begin(wire)
            fault = self._faults.take(call.endpoint) if call.endpoint else None
            call.fault = fault.name if fault else None
            answer = spoil(fault, call, self.service) if fault else self.service.answer(call)
            self._changed.notify_all()
            return fault, answer

    def _begin(self, wire: Wire) -> None:
        """Count the call among those under way, having let go of clients that left meanwhile."""
        for earlier, line in list(self._under_way.items()):
            if line.is_dead():
                line.give_up()
                earlier.abandoned = True
                del self._under_way[earlier]
        checks = [earlier for earlier in self._under_way if earlier.endpoint == CHECK]
        call = wire.call
        self._under_way[call] = wire
        if call.endpoint == CHECK:
            self._most_at_once = max(self._most_at_once, len(checks) + 1)
            self._asked_twice += [
                (earlier, call) for earlier in checks if call.same(earlier, SAME_COMMENT)
            ]

    def over(self, call: Call) -> None:
        with self._changed:
            self._under_way.pop(call, None)
            self._changed.notify_all()

    def control(self, order: Any) -> None:
        """Obey a POST to /_control; ValueError or TypeError when it makes no sense.

        {"fault": "503", "calls": 2, "only": ["comment-check"], "retry_after": 1}, with
        "then": true to add it to the faults there are; {"fault": null} to behave well;
        {"release": true}; {"reset": true}; {"key": "another-key"}.
        """
        if not isinstance(order, dict):
            raise TypeError("an order is a JSON object")
        order = dict(order)
        with self._changed:
            if order.pop("reset", False):
                self.reset()
            if key := order.pop("key", None):
                self.key = str(key)
            if order.pop("release", False):
                self.release()
            if "fault" in order:
                name, then = order.pop("fault"), order.pop("then", False)
                fault = None if name is None else Fault(name, **order)
                if fault and then:
                    self.then(fault)
                else:
                    self.behave(fault)
            elif order:
                raise ValueError(f"not understood: {', '.join(order)}")

    def state(self) -> dict[str, Any]:
        """For GET /_control."""
        with self._changed:
            planned = [(fault.name, fault.calls) for fault in self._faults.planned]
            return {
                "faults": [{"name": name, "calls": calls} for name, calls in planned],
                "calls": len(self._calls),
                "under_way": len(self._under_way),
                "most_at_once": self._most_at_once,
                "asked_twice_at_once": len(self._asked_twice),
                "problems": self.problems,
            }
