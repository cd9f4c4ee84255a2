"""Connections: reading a call off one, and sending the answer down it the way a fault wants."""

import json
import socket
import socketserver
import struct
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from .faults import deliver
from .protocol import Call, Moment, decode_form
from .service import Answer, as_json

if TYPE_CHECKING:
    from .server import Standin

GLANCE = 0.05  # seconds between two looks at whether a waiting client is still there


class Server(socketserver.ThreadingTCPServer):
    """Listens, with a thread for each connection, and knows the connections so as to end them."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], standin: "Standin") -> None:
        self.standin = standin
        self.connections: set[socket.socket] = set()
        self.closed = threading.Condition()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.closed:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.closed:
            self.connections.discard(request)
            super().shutdown_request(request)
            self.closed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is nothing to report."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self, timeout: float) -> None:
        """Close all connections and wait until their threads have noticed."""
        with self.closed:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # closed a moment ago
            self.closed.wait_for(lambda: not self.connections, timeout)


class Handler(BaseHTTPRequestHandler):
    """Reads the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self.dispatch()

    def do_POST(self) -> None:
        self.dispatch()

    def dispatch(self) -> None:
        at = Moment(time.monotonic(), datetime.now(UTC))
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path.startswith("/_"):
            answer = self.answer_control(path, body)
            self.connection.sendall(answer.head() + answer.body)
            return
        form = query.encode("latin-1") if self.command == "GET" else body
        parameters, problems = decode_form(form)
        if self.headers.get("Transfer-Encoding"):
            problems.append("body in chunks, not read")
            self.close_connection = True
        if len(body) < int(self.headers.get("Content-Length", 0)):
            problems.append("body cut short")
        self.answer_call(Call(self.command, path, parameters, self.headers, at, problems))

    def answer_call(self, call: Call) -> None:
        standin = self.server.standin
        wire = Wire(self, call)
        try:
            fault, answer = standin.receive(wire, self.path)
            deliver(fault, answer, wire)
        except ConnectionError:
            call.abandoned = True
            raise
        finally:
            standin.over(call)
            if standin.watch:
                standin.watch(call)

    def answer_control(self, path: str, body: bytes) -> Answer:
        standin = self.server.standin
        if path == "/_log":
            return as_json([call.as_json() for call in standin.calls])
        if path != "/_control":
            return as_json({"error": "there are /_control and /_log"}, status=404)
        if self.command == "POST":
            try:
                standin.control(json.loads(body))
            except (ValueError, TypeError) as error:
                return as_json({"error": str(error)}, status=400)
        return as_json(standin.state())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr: the log of calls says more."""


class Wire:
    """The line a call came in on, as faults play on it."""

    def __init__(self, handler: Handler, call: Call) -> None:
        self.handler = handler
        self.connection = handler.connection
        self.call = call
        self.released = threading.Event()
        self._given_up = False

    def pause(self, seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while not self._given_up:
            left = GLANCE if end is None else min(GLANCE, end - time.monotonic())
            if left <= 0 or self.released.wait(left):
                return not self._given_up
            if self.is_dead():
                self.call.abandoned = True
                self._given_up = True
        return False

    def give_up(self) -> None:
        """End the call without an answer: the stand-in stops, or the client has gone."""
        self._given_up = True
        self.released.set()

    def is_dead(self) -> bool:
        """Whether the client has closed the connection; what it sent meanwhile stays unread."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def record(self, answer: Answer) -> None:
        self.call.answer = answer.body.decode("utf-8", "replace")
        self.call.status = answer.status
        self.call.answer_headers = dict(answer.headers)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def finish(self, data: bytes = b"") -> None:
        self.handler.server.standin.over(self.call)
        self.send(data)

    def hang_up(self, *, reset: bool = False) -> None:
        self.handler.close_connection = True
        if reset:
            no_linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
            self.handler.rfile.close()
            self.connection.close()
