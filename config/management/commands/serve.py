"""The web server and the task worker as one command: they start, stop and fail together."""

import gc
import http.client
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.base import CommandParser
from gunicorn.app.base import Application

from config.environment import HOST, PORT, SITE_URL

from ..lifeline import end_with_parent

# The children are forks of this process: they start at once, and share what it has loaded. For
# that it must have no thread and no connection of its own.
forks = multiprocessing.get_context("fork")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GRACE = 25  # seconds to finish what was begun: a little longer than gunicorn gives its workers


class Command(BaseCommand):
    help = "Serve the site on HOST:PORT: the web server and the task worker under one command."
    requires_system_checks = ()  # `prepare` does that

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="Run `prepare` first.")
        parser.add_argument(
            "--with-parent",
            type=int,
            metavar="PID",
            help="Stop when this process, which must be the parent of ours, is gone.",
        )

    def handle(self, *, prepare: bool, with_parent: int | None, **options: Any) -> None:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, lambda *_: sys.exit(0))
        if with_parent:
            end_with_parent(with_parent, by=signal.SIGTERM)

        children: list[ForkProcess] = []
        with claim_address() as listener:
            if prepare:
                call_command("prepare")
            address = listener.getsockname()
            # What is loaded by now stays: the collector need not look through it, and by looking
            # end the sharing.
            gc.freeze()
            try:
                children.append(start("web server", WebServer(listener).run))
                listener.close()
                children.append(start("task worker", lambda: call_command("worker")))
                self.watch(children, address)
            finally:
                stop(children)

    def watch(self, children: list[ForkProcess], address: Any) -> None:
        """Say when the site answers; come back only by an exception."""
        said = False
        while True:
            for child in children:
                if child.exitcode is not None:
                    raise CommandError(
                        f"The {child.name} ended by itself (status {child.exitcode}),"
                        " so Sgwrs stopped."
                    )
            if not said and answers(address):
                said = True
                self.stdout.write(f"Sgwrs is at {SITE_URL}")
                self.stdout.flush()
            time.sleep(0.1)


class WebServer(Application):
    """gunicorn with our settings, at a socket that is bound already."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        super().__init__()

    def load_config(self) -> None:
        self.load_config_from_module_name_or_filename("python:config.management.gunicorn")
        self.cfg.set("bind", f"fd://{self.listener.fileno()}")

    def load(self) -> Any:
        return import_module("config.wsgi").application


def claim_address() -> socket.socket:
    """A socket bound to HOST:PORT. It listens once gunicorn has loaded the site, not before."""
    try:
        found = socket.getaddrinfo(HOST, PORT, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _type, _protocol, _name, address = min(found)  # IPv4 before IPv6
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CommandError(
            f"HOST and PORT: cannot listen on {HOST}, port {PORT} ({error.strerror})."
        ) from None
    return listener


def start(name: str, work: Callable[[], Any]) -> ForkProcess:
    child = forks.Process(name=name, target=become, args=[name, work, os.getpid()])
    child.start()
    return child


def become(name: str, work: Callable[[], Any], parent: int) -> None:
    """Do this work in a process group of our own, so that Ctrl-C is our parent's to pass on."""
    os.setpgid(0, 0)
    end_with_parent(parent)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    with suppress(OSError):  # only Linux has it: how `ps -e` and `top` call us
        Path("/proc/self/comm").write_text(name)
    work()


def stop(children: list[ForkProcess]) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # once is enough
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE
    for child in children:
        child.join(max(0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(cast(int, child.pid), signal.SIGKILL)
        child.join()


def answers(address: Any) -> bool:
    """Whether anything at all is said to a request for /healthz."""
    connection = http.client.HTTPConnection(address[0], address[1], timeout=1)
    try:
        connection.request("GET", "/healthz", headers={"Host": urlsplit(SITE_URL).netloc})
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
