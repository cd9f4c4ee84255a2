"""Sgwrs as an owner runs it: real processes, a free port, a folder and a database of its own."""

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import psycopg
import pytest

from config import environment

ROOT = environment.BASE_DIR
MANAGE = [sys.executable, "manage.py"]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:config.management.gunicorn"]
PATIENCE = 60  # seconds; a busy machine is no failure
FIRST_PORT = 12_000 + 1000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = cycle(range(FIRST_PORT, FIRST_PORT + 1000))
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends orphans for us")


class Site:
    """One installation: its environment, its folder and whatever runs in it."""

    def __init__(self, folder: Path, database: str | None, **environment: str) -> None:
        self.folder = folder
        self.database = database
        self.port = free_port()
        kept = {
            name: os.environ[name] for name in ("HOME", "PATH", "CACHE_URL") if name in os.environ
        }
        self.environment = kept | {"DATA_DIR": str(folder), "PORT": str(self.port)} | environment
        if database:
            self.environment["DATABASE_URL"] = database

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MANAGE, *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def shell(self, code: str) -> str:
        done = self.manage("shell", "--no-imports", "--command", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database holds, asked without Django and without waiting for its start."""
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as server:
                return server.execute(query.encode()).fetchall()
        file = f"file:{self.folder / 'sgwrs.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        """Change something behind Django's back, as an owner might with SQL of their own."""
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as server:
                server.execute(statement.encode())
            return
        file = self.folder / "sgwrs.sqlite3"
        with closing(sqlite3.connect(file, timeout=PATIENCE)) as connection, connection:
            connection.execute(statement)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                command or [*MANAGE, "serve", "--prepare"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def serve(self, *command: str) -> subprocess.Popen[bytes]:
        """Start the web server, with all that belongs to it, and wait until it answers."""
        process = self.start(*command)
        until(lambda: self.status("/healthz") == 200 or process.poll() is not None)
        assert process.poll() is None, self.output()
        return process

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def status(self, path: str, patience: float = 5) -> int | None:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        try:
            with urllib.request.urlopen(request, timeout=patience) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def page(self, path: str) -> str:
        address = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(address, timeout=PATIENCE) as page:
            return str(page.read().decode())

    def post(self, path: str, **fields: str) -> int | None:
        """The status of the answer to a form, redirects not followed; None when there is none."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE)) as connection:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            try:
                connection.request("POST", path, urlencode(fields), form)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return None

    def processes(self) -> dict[int, str]:
        """What runs with our DATA_DIR: process number, and its name as `top` shows it."""
        found = {}
        mark = f"DATA_DIR={self.folder}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "comm").read_text().strip()
            except OSError:  # It has ended, or is not ours to look into.
                continue
        return found

    def named(self, name: str) -> list[int]:
        return sorted(pid for pid, called in self.processes().items() if called == name)

    def kill(self) -> None:
        """End all of it the hard way."""
        for pid in self.processes() if sys.platform == "linux" else {}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # It went with its parent.
                continue


def variables() -> set[str]:
    """The environment variables that Sgwrs reads."""
    told = {
        "config/environment.py": r'env\.\w+\(\s*"(\w+)"',
        "config/management/commands/prepare.py": r'environ\.get\("(\w+)"',
    }
    return {
        name for file, call in told.items() for name in re.findall(call, (ROOT / file).read_text())
    }


def free_port() -> int:
    """One that is free now, and that nobody is given by chance before we use it.

    Below those the system hands out, and each process of the test run has a thousand of its own.
    """
    for port in PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def until[T](question: Callable[[], T], patience: float = PATIENCE) -> T:
    """The first answer that is true."""
    deadline = time.monotonic() + patience
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return answer


@contextmanager
def own_database() -> Iterator[str | None]:
    """A database of our own where the suite runs on PostgreSQL; None is SQLite in DATA_DIR."""
    if environment.DATABASE["ENGINE"] != "django.db.backends.postgresql":
        yield None
        return
    url = urlsplit(os.environ["DATABASE_URL"])
    name = f"run_{uuid.uuid4().hex}"
    with psycopg.connect(urlunsplit(url._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(url._replace(path=f"/{name}"))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
