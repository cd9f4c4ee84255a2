"""The units of systemd, as far as they can be tried where systemd itself does not run."""

import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.trial import ARTICLE, KNOWN
from tests.processes import MANAGE, PATIENCE, ROOT, Site, linux_only, own_database, until, variables

DEPLOY = ROOT / "deploy"
SERVICES = ["sgwrs-web.service", "sgwrs-worker.service"]
PYTHON = "/opt/sgwrs/.venv/bin/python"
# Take the socket the way systemd hands it over: as number 3, and named in the environment.
TAKE_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
with_systemd_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="no systemd-analyze found"
)


def commands(service: str, setting: str) -> list[list[str]]:
    found = re.findall(rf"^{setting}=-?(.+)$", (DEPLOY / service).read_text(), re.MULTILINE)
    return [shlex.split(command) for command in found]


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """All units in one folder, with a Python that is there."""
    for file in DEPLOY.glob("sgwrs*"):
        (tmp_path / file.name).write_text(file.read_text().replace(PYTHON, sys.executable))
    return tmp_path


@with_systemd_analyze
def test_systemd_understands_the_units(units: Path) -> None:
    files = sorted(map(str, units.iterdir()))
    assert len(files) == 4
    done = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False
    )
    # What it says about units that other packages bring is none of our business.
    said = [line for line in done.stderr.splitlines() if "sgwrs" in line]
    assert (done.returncode, said) == (0, [])


@with_systemd_analyze
@pytest.mark.parametrize("service", SERVICES)
def test_services_may_do_little(units: Path, service: str) -> None:
    """0.0 would be nothing at all, 9.6 is a unit that says nothing about it."""
    security = ["systemd-analyze", "security", "--offline=yes", "--threshold=15"]
    done = subprocess.run(
        [*security, str(units / service)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_services_run_what_there_is(service: str) -> None:
    for setting in ("ExecStartPre", "ExecStart"):
        for command in commands(service, setting):
            if command[0] == PYTHON:
                help_of_it = [sys.executable, *command[1:], "--help"]
                done = subprocess.run(help_of_it, cwd=ROOT, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr
            else:
                assert Path(command[0]).exists()


def test_example_of_the_environment_is_taken(tmp_path: Path) -> None:
    """By a shell, which reads it in deploy/manage, as by systemd."""
    example = (DEPLOY / "env.example").read_text()
    with_all = re.sub(r"^#(?=[A-Z])", "", example, flags=re.MULTILINE)
    names = re.findall(r"^(\w+)='.*'$", with_all, re.MULTILINE)
    assert set(names) <= variables()
    (tmp_path / "env").write_text(with_all.replace("/var/lib/sgwrs", str(tmp_path)))
    check = f"set -a; . {tmp_path}/env; exec {sys.executable} -c 'import config.environment'"
    done = subprocess.run(
        ["/bin/sh", "-c", check], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with own_database() as database:
        site = Site(tmp_path, database, COMMENT_RATE="")
        yield site
        site.kill()


@linux_only
def test_nobody_is_turned_away_while_the_web_server_restarts(site: Site) -> None:
    """The socket stays open, as by sgwrs-web.socket; readers and writers go on all the while."""
    assert site.manage("prepare").returncode == 0
    [[_python, *arguments]] = commands("sgwrs-web.service", "ExecStart")
    over = threading.Event()
    answers: list[int | None] = []

    def read_and_write(reader: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            answers.append(site.status("/cy/", PATIENCE))
            body = f"Sylw {reader}-{number}."
            answers.append(site.post(f"{ARTICLE}comments/", body=body, **KNOWN))

    def served(enough: int) -> None:
        aim = len(answers) + enough
        until(lambda: len(answers) >= aim)

    with (
        socket.create_server(("127.0.0.1", site.port), backlog=128) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        ThreadPoolExecutor(4) as pool,
    ):
        systemd.bind(str(site.folder / "notify"))
        systemd.settimeout(PATIENCE)
        site.environment["NOTIFY_SOCKET"] = str(site.folder / "notify")
        number = str(listener.fileno())

        def start() -> subprocess.Popen[bytes]:
            server = subprocess.Popen(
                [sys.executable, "-c", TAKE_OVER, number, sys.executable, *arguments],
                cwd=ROOT,
                env=site.environment,
                pass_fds=[listener.fileno()],
            )
            while b"READY=1" not in systemd.recv(4096):
                pass
            return server

        server = start()
        readers = [pool.submit(read_and_write, reader) for reader in range(4)]
        try:
            for _ in range(2):
                served(40)
                server.send_signal(signal.SIGTERM)
                assert server.wait(PATIENCE) == 0
                server = start()
            served(40)
        finally:
            over.set()
            for reader in readers:
                reader.result()
            server.terminate()
            server.wait(PATIENCE)
    assert set(answers) == {200, 303}
    [(stored,)] = site.rows("SELECT count(*) FROM comments_comment WHERE body LIKE 'Sylw %-%.'")
    assert stored == answers.count(303)


@linux_only
def test_worker_ends_when_it_is_told_to(site: Site) -> None:
    assert site.manage("prepare").returncode == 0
    [[_python, *arguments]] = commands("sgwrs-worker.service", "ExecStart")
    assert [sys.executable, *arguments] == [*MANAGE, "worker"]
    worker = site.start(sys.executable, *arguments)
    until(lambda: site.rows("SELECT 1 FROM comments_heartbeat") or worker.poll() is not None)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0, site.output()
