"""A PostgreSQL server of our own, which a test may stop without asking anybody."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes import free_port

PATIENCE = 60  # seconds


class Cluster:
    """Made in a new folder by __enter__, stopped and removed by __exit__."""

    def __init__(self) -> None:
        self.programs = programs()
        self.port = free_port()

    def __enter__(self) -> "Cluster":
        # Not below pytest's own folder, which the user postgres may not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="sgwrs-postgresql-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-U", "sgwrs", "--auth=trust", "--no-sync", "-E", "UTF8")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):  # stopped already, by a test that failed
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"postgresql://sgwrs@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        self.run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """As a crash does: nobody's transaction is waited for."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate")

    def run(self, program: str, *arguments: str) -> None:
        """PostgreSQL refuses to work for root, so root becomes somebody else."""
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        where = [] if program == "initdb" else ["-D", str(self.folder / "data")]
        subprocess.run(
            [*become, str(self.programs / program), *arguments, *where],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE,
        )


def programs() -> Path:
    """The folder of initdb and pg_ctl; Debian keeps them out of PATH. Skips where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path))
    if not found:
        pytest.skip("no initdb found: install PostgreSQL's server")
    return found[-1].parent
