"""`make bench`: what readers wait for, as ratios within one run.

Only ratios are worth keeping: they stay about the same on another machine, seconds do not.
"""

import argparse
import http.client
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

from tests.processes import GUNICORN, Site, until
from tests.standin import Standin

ARTICLE = "/cy/5-camsyniad-cyfryngau-cymdeithasol/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WAITING = "SELECT 1 FROM comments_comment WHERE check_due_at IS NOT NULL"
CLIENTS = 4

type Request = Callable[[http.client.HTTPConnection], int]


@dataclass
class Case:
    """One kind of request to one site, and the seconds that each took."""

    name: str
    site: Site
    request: Request
    expected: int
    is_worked_off: bool = False
    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0

    def round(self, requests: int) -> None:
        """So many requests by each client, all clients at once."""
        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            for one in [clients.submit(self.client, requests) for _ in range(CLIENTS)]:
                self.seconds += one.result()
        self.lasted += time.monotonic() - began

    def warm_up(self) -> None:
        """What is loaded by the first request is not what readers wait for."""
        self.round(5)
        self.settle()
        self.seconds, self.lasted = [], 0.0

    def client(self, requests: int) -> list[float]:
        took = []
        for _ in range(requests):
            # A connection each: whoever posts a comment does so once.
            with closing(http.client.HTTPConnection("127.0.0.1", self.site.port, 60)) as connection:
                began = time.monotonic()
                status = self.request(connection)
                took.append(time.monotonic() - began)
            if status != self.expected:
                raise SystemExit(f"{self.name}: status {status}")
        return took

    def settle(self) -> None:
        """Let the worker finish, so that the next case does not pay for this one."""
        if self.is_worked_off:
            until(lambda: not self.site.rows(WAITING))

    @property
    def p50(self) -> float:
        return quantiles(self.seconds, n=100)[49]

    @property
    def p99(self) -> float:
        return quantiles(self.seconds, n=100)[98]

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.lasted


def post(connection: http.client.HTTPConnection) -> int:
    fields = {
        "name": "Rhys",
        "email": "rhys@example.com",
        "body": f"Cytuno’n llwyr. {uuid.uuid4().hex}",
    }
    return ask(connection, "POST", f"{ARTICLE}comments/", urlencode(fields))


def get(connection: http.client.HTTPConnection) -> int:
    return ask(connection, "GET", ARTICLE)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: str = "") -> int:
    connection.request(method, path, body or None, FORM if body else {})
    response = connection.getresponse()
    response.read()
    return response.status


@contextmanager
def running(folder: Path, fault: str | None) -> Iterator[Site]:
    """A new site as `make run` serves it, with an Akismet of its own."""
    folder.mkdir()
    with Standin() as akismet:
        akismet.behave(fault)
        site = Site(
            folder,
            None,
            COMMENT_RATE="",
            AKISMET_API_URL=akismet.url,
            AKISMET_API_KEY=akismet.key,
        )
        try:
            site.serve()
            yield site
        finally:
            site.kill()


@contextmanager
def bare(folder: Path) -> Iterator[Site]:
    folder.mkdir()
    site = Site(folder, None)
    try:
        site.serve(*GUNICORN, "tests.benchmarks.bare:application")
        yield site
    finally:
        site.kill()


def measure(cases: list[Case], rounds: int, requests: int) -> None:
    """In turns, so that whatever else the machine does meets all of them alike."""
    for case in cases:
        case.warm_up()
    for number in range(rounds):
        for case in cases if number % 2 else reversed(cases):
            case.round(requests)
            case.settle()


def report(cases: list[Case], ratios: list[tuple[str, Case, Case]]) -> Iterator[str]:
    yield "| request | p50 | p99 | a second |"
    yield "| --- | ---: | ---: | ---: |"
    for case in cases:
        yield (
            f"| {case.name} | {case.p50 * 1000:.1f} ms | {case.p99 * 1000:.1f} ms"
            f" | {case.rate:.0f} |"
        )
    yield ""
    yield "| ratio | p50 | p99 | a second |"
    yield "| --- | ---: | ---: | ---: |"
    for name, over, under in ratios:
        yield (
            f"| {name} | {over.p50 / under.p50:.2f} | {over.p99 / under.p99:.2f}"
            f" | {over.rate / under.rate:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look in half a minute")
    rounds, requests = (2, 25) if parser.parse_args().quick else (8, 50)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sgwrs-bench-")))
        answers = stack.enter_context(running(folder / "answers", None))
        hangs = stack.enter_context(running(folder / "hangs", "hang"))
        nothing = stack.enter_context(bare(folder / "bare"))
        cases = [
            while_answers := Case(
                "post while Akismet answers", answers, post, 303, is_worked_off=True
            ),
            while_hangs := Case("post while Akismet hangs", hangs, post, 303),
            bare_post := Case("post to a view that does nothing", nothing, post, 200),
            article := Case("get an article", hangs, get, 200),
            bare_get := Case("get a view that does nothing", nothing, get, 200),
        ]
        measure(cases, rounds, requests)
    said = report(
        cases,
        [
            ("post: Akismet hangs / answers", while_hangs, while_answers),
            ("post / nothing", while_answers, bare_post),
            ("get an article / nothing", article, bare_get),
        ],
    )
    sys.stdout.write("\n".join(said) + "\n\n")
    sys.stdout.write(
        f"Each case: {rounds} rounds of {CLIENTS} clients with {requests} requests each, a new"
        " connection for\nevery request, in turns with the others; gunicorn as `make run` starts"
        " it, SQLite, and\nAkismet's stand-in on the same machine, default time-out and pauses."
        " The worker checks\nwhile readers post; a round begins when it has nothing left to do.\n"
    )


if __name__ == "__main__":
    main()
