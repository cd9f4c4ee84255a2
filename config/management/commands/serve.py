"""The web server and the task worker as one command: they start, stop and fail together."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.base import CommandParser

from config.environment import HOST, PORT, SITE_URL

from ..lifeline import end_with_parent

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
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, lambda *_: sys.exit(0))
        if with_parent:
            end_with_parent(with_parent, by=signal.SIGTERM)

        children: dict[str, subprocess.Popen[bytes]] = {}
        with claim_address() as listener:
            if prepare:
                call_command("prepare")
            try:
                web = ["-m", "gunicorn", "-c", "python:config.management.gunicorn"]
                children["web server"] = start(
                    *web, "--bind", f"fd://{listener.fileno()}", keep=listener.fileno()
                )
                children["task worker"] = start("manage.py", "worker")
                address = listener.getsockname()
                listener.close()
                self.watch(children, address)
            finally:
                stop(children)

    def watch(self, children: dict[str, subprocess.Popen[bytes]], address: Any) -> None:
        """Say when the site answers; come back only by an exception."""
        said = False
        while True:
            for name, child in children.items():
                if child.poll() is not None:
                    raise CommandError(
                        f"The {name} ended by itself (status {child.returncode}), so Sgwrs stopped."
                    )
            if not said and answers(address):
                said = True
                self.stdout.write(f"Sgwrs is at {SITE_URL}")
                self.stdout.flush()
            time.sleep(0.1)


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


def start(*arguments: str, keep: int | None = None) -> subprocess.Popen[bytes]:
    """Python with these arguments, in a process group of its own so that Ctrl-C is ours to pass."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        pass_fds=[] if keep is None else [keep],
        process_group=0,
        preexec_fn=partial(end_with_parent, os.getpid()),
    )


def stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # once is enough
    for child in children.values():
        child.terminate()
    deadline = time.monotonic() + GRACE
    for child in children.values():
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


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
