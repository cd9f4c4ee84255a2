"""Several processes, readers that never rest, and a moderator who decides: nothing is stale."""

import gzip
import http.client
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest

from tests.processes import GUNICORN, ROOT, Site, linux_only, own_database, until

from .moderator import ARTICLE, COMMENT

pytestmark = linux_only
PATH = "/cy/5-camsyniad-cyfryngau-cymdeithasol/"
STEPS = 120
SCHEDULE = "UPDATE blog_article SET published_at = '{moment}' WHERE slug = 'i-ddod'"
DECODE = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with own_database() as database:
        (tmp_path / "one").mkdir()
        site = Site(tmp_path / "one", database, PAGE_EXPORT="yes")
        done = site.manage("prepare")
        assert done.returncode == 0, done.stderr
        try:
            yield site
        finally:
            site.kill()


@pytest.fixture
def other(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A second web server for the same site: with PostgreSQL on a machine of its own."""
    folder = site.folder
    if site.database:
        folder = tmp_path / "other"
        folder.mkdir()
    address = f"http://127.0.0.1:{site.port}"  # of the site, whoever serves it
    other = Site(folder, site.database, PAGE_EXPORT="yes", SITE_URL=address)
    try:
        yield other
    finally:
        other.kill()


@dataclass
class Reading:
    """One look at a page: when it began, and the steps of the moderator that it shows."""

    what: str
    began: float
    text: str
    status: int = 200

    @property
    def steps(self) -> set[int]:
        found = {int(number) for number in re.findall(rf"{ARTICLE} (\d+)", self.text)}
        return found or {-1}

    @property
    def is_whole(self) -> bool:
        """All parts are of one step, and the comment is there if it belongs to that step."""
        if not self.text.rstrip().endswith("</html>") or len(self.steps) != 1:
            return False
        if "front page" in self.what:
            return True
        (step,) = self.steps
        return (COMMENT in self.text) == (step >= 0 and step % 2 == 0)


@dataclass
class Readers:
    """Who reads all the time, each in a thread of their own, until `over`."""

    readings: list[Reading] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def reading(self, *habits: Any) -> Iterator[None]:
        threads = [threading.Thread(target=self.go_on, args=[habit]) for habit in habits]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def go_on(self, habit: Any) -> None:
        try:
            for reading in habit:
                if reading:
                    self.readings.append(reading)
                if self.over.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - told to the test
            self.failures.append(repr(error))


def browser(site: Site, path: str = PATH, what: str = "article", **headers: str) -> Iterator[Any]:
    """Somebody whose browser asks each time whether what it has is still good."""
    had: Reading | None = None
    etag = ""
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, 60)) as connection:
        while True:
            began = time.monotonic()
            connection.request(
                "GET", path, headers=headers | ({"If-None-Match": etag} if etag else {})
            )
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 304:
                assert had
                yield Reading(f"{what}, unchanged", began, had.text)
                continue
            assert int(answer.headers["Content-Length"]) == len(body)
            text = DECODE[answer.headers["Content-Encoding"]](body).decode()
            etag = answer.headers["ETag"] or ""
            had = Reading(what, began, text, answer.status)
            yield had


def front_server(site: Site, path: str = PATH, what: str = "file") -> Iterator[Any]:
    """A front server that sends the file if there is one, and else would ask Sgwrs."""
    file = site.folder / "pagecache" / "current" / path.strip("/") / "index.html"
    while True:
        began = time.monotonic()
        try:
            yield Reading(what, began, file.read_text())
        except FileNotFoundError:
            yield None
            time.sleep(0.001)  # not to take the processor from those who make the page


def test_no_stale_byte_and_no_half_page_while_a_moderator_decides(site: Site, other: Site) -> None:
    site.serve()
    other.serve(*GUNICORN)
    crowd = Readers()
    with crowd.reading(
        browser(site),
        browser(site, **{"Accept-Encoding": "gzip"}),
        browser(other),
        browser(other, **{"Accept-Encoding": "br"}),
        browser(site, "/cy/", "front page"),
        browser(other, "/cy/", "front page"),
        front_server(site),
        front_server(site, "/cy/", "file of the front page"),
    ):
        moderator = subprocess.run(
            [sys.executable, "-m", "tests.pagecache.moderator", str(STEPS)],
            cwd=ROOT,
            env=site.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert moderator.returncode == 0, moderator.stderr
    assert crowd.failures == []
    said = [line.split() for line in moderator.stdout.splitlines()]
    committed = [(int(step), float(moment)) for step, moment in said]
    assert len(committed) == STEPS

    broken = [one for one in crowd.readings if not one.is_whole]
    assert broken == []
    stale = [
        (one.what, one.steps, committed_by(one.began, committed))
        for one in crowd.readings
        if min(one.steps) < committed_by(one.began, committed)
    ]
    assert stale == []
    # It was worth the trouble: pages were kept, sent again, and read as files in between.
    kinds = {one.what for one in crowd.readings}
    assert kinds == {
        *("article", "article, unchanged", "front page", "front page, unchanged"),
        *("file", "file of the front page"),
    }
    assert len({step for one in crowd.readings for step in one.steps}) > STEPS / 2


def committed_by(moment: float, committed: list[tuple[int, float]]) -> int:
    """The last step that was committed before that moment."""
    return max((step for step, when in committed if when <= moment), default=-1)


def test_article_appears_everywhere_in_its_hour(site: Site, other: Site) -> None:
    site.serve()
    other.serve(*GUNICORN)
    site.page("/cy/")
    site.shell(
        "from uuid import uuid4; from blog.models import Article;"
        "first = Article.objects.in_language('cy').published().first();"
        "first.pk, first.slug, first.title, first.published_at, first.translation_key ="
        " None, 'i-ddod', 'I ddod', None, uuid4();"
        "first.save(force_insert=True)"
    )
    hour = time.time() + 7
    moment = f"{datetime.fromtimestamp(hour, UTC):%Y-%m-%d %H:%M:%S.%f}"
    zone = "+00" if site.database else ""
    site.execute(SCHEDULE.format(moment=f"{moment}{zone}"))
    crowd = Readers()
    apart = time.time() - time.monotonic()
    with crowd.reading(
        browser(site, "/cy/", "site"),
        browser(other, "/cy/", "other"),
        front_server(site, "/cy/", "file"),
    ):
        until(lambda: time.time() > hour + 1)
    assert crowd.failures == []
    wrong = [
        (one.what, one.began + apart - hour)
        for one in crowd.readings
        if one.began + apart >= hour and "I ddod" not in one.text
    ]
    assert wrong == []
    too_early = [one.what for one in crowd.readings if one.began + apart < hour - 1]
    assert {"site", "other", "file"} <= set(too_early)
    assert not any("I ddod" in one.text for one in crowd.readings if one.began + apart < hour - 1)
    in_time = [one.what for one in crowd.readings if one.began + apart >= hour]
    assert {what.partition(",")[0] for what in in_time} >= {"site", "other"}


def test_stampede_makes_a_page_once(site: Site) -> None:
    go = site.folder / "go"
    stampedes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.pagecache.stampede", PATH, str(go)],
            cwd=ROOT,
            env=site.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for one in stampedes:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    go.touch()
    counts = [one.communicate(timeout=60)[0].split() for one in stampedes]
    assert [answers for _made, answers in counts] == ["1", "1", "1"]
    assert sum(int(made) for made, _answers in counts) == 1


# --- files for a front server ------------------------------------------------------------------


def test_page_is_a_file_in_each_encoding_until_something_changes(site: Site) -> None:
    site.serve()
    folder = site.folder / "pagecache" / "current" / PATH.strip("/")
    page = site.page(PATH)
    files = until(lambda: sorted(path.name for path in folder.glob("*")))
    assert files == ["index.html", "index.html.br", "index.html.gz"]
    assert (folder / "index.html").read_text() == page
    assert gzip.decompress((folder / "index.html.gz").read_bytes()).decode() == page
    assert brotli.decompress((folder / "index.html.br").read_bytes()).decode() == page
    # Another process changes something: when its command is done, the file is gone.
    site.shell("from blog.models import Author; Author.objects.first().save()")
    assert not folder.exists()


def test_change_that_bypasses_django_takes_the_file_away_a_moment_later(site: Site) -> None:
    site.serve()
    file = site.folder / "pagecache" / "current" / PATH.strip("/") / "index.html"
    site.page(PATH)
    assert until(file.exists)
    site.execute("UPDATE blog_section SET heading = 'Pennawd arall' WHERE position = 1")
    assert until(lambda: not file.exists())
    assert "Pennawd arall" in site.page(PATH)


def test_only_what_is_a_page_of_its_own_becomes_a_file(site: Site) -> None:
    site.serve()
    for path in ("/cy/", "/cy/?page=1", f"{PATH}?reply=1", "/cy/archive/", "/healthz"):
        site.status(path)
    for path in ("/cy/dim-byd/", "/cy/..%2f..%2fescape/", "/cy/.hidden/"):
        site.status(path)
    (front,) = site.folder.glob("pagecache/*/front")
    files = {str(path.relative_to(front)) for path in front.rglob("*.html")}
    assert files == {"cy/index.html", "cy/archive/index.html"}


def test_without_export_nothing_is_left_for_a_front_server(tmp_path: Path) -> None:
    with own_database() as database:
        site = Site(tmp_path, database)
        try:
            site.serve()
            site.page(PATH)
            assert list((tmp_path / "pagecache").glob("*/pages/*"))
            assert not list((tmp_path / "pagecache").rglob("*.html"))
            assert not (tmp_path / "pagecache" / "current").exists()
        finally:
            site.kill()
