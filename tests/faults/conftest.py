"""Running sites to do harm to, each with a stand-in of its own for Akismet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.processes import Site, own_database
from tests.standin import Standin

from . import PROPERTY
from .trial import LET_KNOWN_PASS, Row, Trial

SETTINGS = {
    "SECRET_KEY": "the same on every machine of a site",
    "COMMENT_RATE": "",
    "AKISMET_TIMEOUT": "1",
    "AKISMET_RETRY_FIRST": "0.3",
    "AKISMET_RETRY_MAX": "1",
}


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.faults.table")


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def akismet(standin: Standin) -> Iterator[Standin]:
    """Akismet as it is documented; at the end nobody has called it wrongly or twice at once."""
    standin.reset()
    yield standin
    standin.behave()
    assert standin.problems == []
    assert standin.asked_twice_at_once == []


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, standin: Standin) -> Iterator[Site]:
    """One site, web and worker, for all trials that leave it as they found it."""
    folder = tmp_path_factory.mktemp("running")
    with own_database() as database, installed(folder, database, standin) as site:
        site.serve()
        yield site


@pytest.fixture
def site(tmp_path: Path, akismet: Standin) -> Iterator[Site]:
    """A site of the test's own, in which nothing runs yet."""
    with own_database() as database, installed(tmp_path, database, akismet) as site:
        yield site


@contextmanager
def installed(folder: Path, database: str | None, standin: Standin) -> Iterator[Site]:
    akismet = {"AKISMET_API_URL": standin.url, "AKISMET_API_KEY": standin.key}
    site = Site(folder, database, **SETTINGS, **akismet)
    done = site.manage("prepare")
    assert done.returncode == 0, done.stderr
    site.shell(LET_KNOWN_PASS)
    try:
        yield site
    finally:
        site.kill()


@pytest.fixture
def prove(record_property: Callable[[str, object], None]) -> Callable[[Trial], Row]:
    """Have a trial end well, and its row in the table whether it does or not."""

    def end(trial: Trial) -> Row:
        row = trial.end()
        record_property(PROPERTY, asdict(row))
        assert row.is_sound, f"{row}\n{trial.site.output()[-3000:]}"
        return row

    return end
