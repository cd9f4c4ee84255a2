"""What the tests stand on: a real HTTP stand-in for Akismet, a real browser, the real database."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client

from tests.standin import Standin

# Playwright keeps an event loop in the thread that also asks the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# The programs that some tests stand on, by the marker of those tests, with what to install.
FRONT_SERVERS = {"nginx": "nginx-light and libnginx-mod-http-brotli-static", "caddy": "caddy"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.faults.table")
    config.addinivalue_line("markers", "browser: needs Chromium")
    config.addinivalue_line("markers", "postgresql: needs DATABASE_URL to name a PostgreSQL server")
    config.addinivalue_line("markers", "redis: needs CACHE_URL to name a Redis server")
    for program in FRONT_SERVERS:
        config.addinivalue_line("markers", f"{program}: needs {program}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if item.get_closest_marker("browser") and not CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="no Chromium found"))
        if item.get_closest_marker("postgresql") and not on_postgresql():
            item.add_marker(pytest.mark.skip(reason="no PostgreSQL in DATABASE_URL"))
        if item.get_closest_marker("redis") and not on_redis():
            item.add_marker(pytest.mark.skip(reason="no Redis in CACHE_URL"))
        for program in FRONT_SERVERS:
            if item.get_closest_marker(program) and not is_installed(program):
                item.add_marker(pytest.mark.skip(reason=f"no {program} found"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What could not be run, in the last lines, so that nobody takes silence for success."""
    missing = []
    if not CHROMIUM:
        missing.append("the browser tests (install Chromium)")
    if not on_postgresql():
        missing.append("the tests on PostgreSQL (set DATABASE_URL=postgresql://…)")
    if not on_redis():
        missing.append("the tests with Redis (set CACHE_URL=redis://…)")
    missing += [
        f"the tests with {program} (install {packages})"
        for program, packages in FRONT_SERVERS.items()
        if not is_installed(program)
    ]
    for what in missing:
        terminalreporter.write_line(f"Not run: {what}.")


def on_postgresql() -> bool:
    return "postgresql" in django_settings.DATABASES["default"]["ENGINE"]


def on_redis() -> bool:
    return "Redis" in django_settings.CACHES["default"]["BACKEND"]


def is_installed(program: str) -> bool:
    """A front server; of nginx, with the module for what is packed by Brotli."""
    modules = Path("/etc/nginx/modules-enabled").glob("*brotli-static*")
    return bool(shutil.which(program)) and (program != "nginx" or any(modules))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """A database of its own for each process: on SQLite a file, as it will be, not in memory.

    All that is open in memory shares one cache, in which whoever reads locks the schema.
    """
    database = django_settings.DATABASES["default"]
    if on_postgresql():
        name = f"test_{database['NAME']}_{worker_id}"
    else:
        name = str(tmp_path_factory.mktemp("database") / "sgwrs.sqlite3")
    database.setdefault("TEST", {})["NAME"] = name


@pytest.fixture(autouse=True)
def quick_and_apart(settings: Any, tmp_path: Path, worker_id: str) -> None:
    """Each test has its own folder and cache, a cheap password hash, and no Akismet."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    # Tests at once share one Redis, so none clears it: each has names of its own instead.
    apart = {"KEY_PREFIX": f"{worker_id}-{tmp_path.name}"}
    settings.CACHES = {"default": settings.CACHES["default"] | apart}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.AXES_ENABLED = False
    settings.COMMENT_RATE = None
    settings.AKISMET_API_KEY = ""
    settings.AKISMET_TIMEOUT = 2.0
    settings.AKISMET_RETRY_FIRST = 60.0
    settings.AKISMET_RETRY_MAX = 21600.0


@pytest.fixture(autouse=True, scope="session")
def static_files_as_served() -> Iterator[None]:
    """The live server must not serve static files by itself: WhiteNoise does, as it will."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "_should_handle", lambda *_: False)
        yield


@pytest.fixture(scope="session")
def standin_server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def akismet(standin_server: Standin, settings: Any) -> Iterator[Standin]:
    """Akismet as it is documented, on this machine; at the end of a test it has seen no fault."""
    standin_server.reset()
    settings.AKISMET_API_KEY = standin_server.key
    settings.AKISMET_API_URL = standin_server.url
    yield standin_server
    assert standin_server.problems == []


@pytest.fixture
def reader() -> Client:
    """Whoever reads: no cookie, no account; a program rather than a browser."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }
