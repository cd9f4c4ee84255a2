"""Clients that ask all the time: one thread and an event loop, so that little of it is theirs."""

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

PATIENCE = 60  # seconds


@dataclass
class Measured:
    """The seconds each request took, how long all of them took together, and the last answer."""

    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0
    answer: bytes = b""

    def add(self, other: "Measured") -> None:
        self.seconds += other.seconds
        self.lasted += other.lasted
        self.answer = other.answer

    @property
    def p50(self) -> float:
        return quantiles(self.seconds, n=100)[49]

    @property
    def p99(self) -> float:
        return quantiles(self.seconds, n=100)[98]

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.lasted


@dataclass
class Client:
    """One connection, which asks again as soon as it has its answer."""

    port: int
    request: Callable[[], bytes]
    status: int
    keeps_alive: bool
    connection: socket.socket | None = None
    began: float = 0.0
    received: bytes = b""

    def ask(self) -> socket.socket:
        """Send the next request; what to wait on."""
        self.began, self.received = time.perf_counter(), b""
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.sendall(self.request())
        return self.connection

    def take_in(self) -> float | None:
        """Read what has come; the seconds since the request if that was all of it."""
        assert self.connection
        part = self.connection.recv(262_144)
        if not part:
            raise SystemExit("The server hung up before its answer was complete.")
        self.received += part
        if not is_complete(self.received):
            return None
        took = time.perf_counter() - self.began
        found = int(self.received[9:12])
        if found != self.status:
            raise SystemExit(f"Status {found} instead of {self.status}: {self.received[:500]!r}")
        if not self.keeps_alive:
            self.close()
        return took

    def close(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection = None


def is_complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    if head[9:12] == b"304":
        return True
    lower = head.lower()
    start = lower.find(b"content-length:")
    return start > 0 and len(body) >= int(lower[start + 15 :].split(b"\r\n", 1)[0])


def run(
    port: int,
    request: Callable[[], bytes],
    *,
    number: int,
    clients: int,
    status: int = 200,
    keeps_alive: bool = True,
) -> Measured:
    """Have so many clients make `number` requests in all; `request` gives the bytes of each."""
    done = Measured()
    crowd = [Client(port, request, status, keeps_alive) for _ in range(clients)]
    began = time.perf_counter()
    with selectors.DefaultSelector() as waiting:
        left = number
        for client in crowd[:number]:
            waiting.register(client.ask(), selectors.EVENT_READ, client)
            left -= 1
        while waiting.get_map():
            ready = waiting.select(PATIENCE)
            if not ready:
                raise SystemExit("The server does not answer any longer.")
            for key, _event in ready:
                client = key.data
                took = client.take_in()
                if took is None:
                    continue
                done.seconds.append(took)
                done.answer = client.received
                waiting.unregister(key.fileobj)
                if left:
                    waiting.register(client.ask(), selectors.EVENT_READ, client)
                    left -= 1
    done.lasted = time.perf_counter() - began
    for client in crowd:
        client.close()
    return done
