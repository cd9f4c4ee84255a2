"""Reading and posting, each held against a bare Django view in the same run."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from tests.processes import GUNICORN, Site, until
from tests.standin import Standin

from . import load, memory
from .front import nginx
from .load import Measured
from .tables import say, table

ARTICLE = "/cy/5-camsyniad-cyfryngau-cymdeithasol/"
WAITING = "SELECT 1 FROM comments_comment WHERE check_due_at IS NOT NULL"
COMMENTS = 100  # on the article that is read
CLIENTS = 8
BURST = (500, 64)  # posts, clients
MOST_BYTES = 60_000  # of the article with its comments, over the wire
WRITE_COMMENTS = f"""
from blog.models import Article
from comments.models import Comment
article = Article.objects.get(slug="5-camsyniad-cyfryngau-cymdeithasol")
there = Comment.objects.filter(article=article, status="approved").count()
Comment.objects.bulk_create(
    Comment(
        article=article, name=f"Rhys {{n}}", email="rhys@example.com", language="cy",
        status="approved", body=f"Cytuno’n llwyr â’r {{n}} o’r pethau hyn. " * (1 + n % 9),
    )
    for n in range({COMMENTS} - there)
)
"""
HOW = f"""
Each request was measured in turns with all others, {{rounds}} rounds of {{requests}} each (fewer
where one takes long), by {CLIENTS} clients at once on the same machine; a reader keeps the
connection, whoever posts makes a new one. gunicorn as `make run` starts it, two processes of four
threads, on SQLite; Akismet's stand-in with default time-out and pauses. "A bare view" is a Django
view that returns the same bytes, without any middleware, in a gunicorn of the same kind. The worker
checks while readers post, and a round begins when it has nothing left to do. Of rates more is
better, of times less.
"""


@dataclass
class Case:
    """One kind of request to one port, and what it took."""

    name: str
    port: int
    request: Callable[[], bytes]
    bare: "Case | None" = None  # what it is held against
    status: int = 200
    keeps_alive: bool = True
    settle: Callable[[], object] = lambda: None
    share: float = 1.0  # of the usual number of requests
    measured: Measured = field(default_factory=Measured)

    def round(self, requests: int) -> Measured:
        """So many requests, all clients at once; then wait until nothing of it is left to do."""
        measured = load.run(
            self.port,
            self.request,
            number=int(requests * self.share),
            clients=CLIENTS,
            status=self.status,
            keeps_alive=self.keeps_alive,
        )
        self.settle()
        return measured

    def row(self) -> list[str]:
        mine = self.measured
        row = [f"{mine.rate:.0f}", f"{mine.p50 * 1000:.2f}", f"{mine.p99 * 1000:.2f}"]
        row.append(f"{len(body_of(mine.answer)):,}")
        if self.bare is None:
            return [self.name, *row, "", "", ""]
        other = self.bare.measured
        ratios = (mine.rate / other.rate, mine.p50 / other.p50, mine.p99 / other.p99)
        return [self.name, *row, *(f"{ratio:.2f}" for ratio in ratios)]


def measure(cases: list[Case], rounds: int, requests: int) -> None:
    """In turns, so that whatever else the machine does meets all of them alike."""
    for case in cases:
        case.round(100)  # What is loaded by the first request is not what readers wait for.
    for number in range(rounds):
        for case in cases if number % 2 else reversed(cases):
            case.measured.add(case.round(requests))


# --- what is asked, and what comes back --------------------------------------------------------


def get(path: str, **headers: str) -> Callable[[], bytes]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()
    return lambda: request


def post() -> bytes:
    fields = {
        "name": "Rhys",
        "email": "rhys@example.com",
        "body": f"Cytuno’n llwyr. {uuid.uuid4().hex}",
    }
    body = urlencode(fields).encode()
    head = (
        f"POST {ARTICLE}comments/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer(site: Site, **headers: str) -> bytes:
    return load.run(site.port, get(ARTICLE, **headers), number=1, clients=1).answer


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def etag_of(answer: bytes) -> str:
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    return next(line[6:] for line in head.splitlines() if line.startswith("ETag: "))


# --- what is running ---------------------------------------------------------------------------


@contextmanager
def running(folder: Path, fault: str | None) -> Iterator[Site]:
    """A new site as `make run` serves it, with an Akismet of its own."""
    folder.mkdir()
    with Standin() as akismet:
        akismet.behave(fault)
        akismet_is = {"AKISMET_API_URL": akismet.url, "AKISMET_API_KEY": akismet.key}
        site = Site(folder, None, COMMENT_RATE="", PAGE_EXPORT="yes", **akismet_is)
        try:
            site.serve()
            site.manage("renditions")  # or the worker would, and change pages meanwhile
            yield site
        finally:
            site.kill()


@contextmanager
def bare(folder: Path, body: bytes) -> Iterator[Site]:
    folder.mkdir()
    (folder / "body").write_bytes(body)
    site = Site(folder, None, BARE_BODY=str(folder / "body"))
    try:
        site.serve(*GUNICORN, "tests.benchmarks.bare:application")
        yield site
    finally:
        site.kill()


# --- all of it ---------------------------------------------------------------------------------


def run(folder: Path, rounds: int, requests: int) -> list[str]:
    """Measure and print; returns what is wrong with the counts, in sentences."""
    with ExitStack() as stack:
        answers = stack.enter_context(running(folder / "answers", None))
        at_rest = memory.used(answers)
        hangs = stack.enter_context(running(folder / "hangs", "hang"))
        for site in (answers, hangs):
            site.shell(WRITE_COMMENTS)
        page, packed = answer(answers), answer(answers, **{"Accept-Encoding": "br"})
        bares = {
            name: stack.enter_context(bare(folder / name, body)).port
            for name, body in {
                "same": body_of(page),
                "packed": body_of(packed),
                "nothing": b"nothing",
            }.items()
        }

        def worked_off() -> None:
            until(lambda: not answers.rows(WAITING))

        same = Case("a bare view of the same bytes", bares["same"], get("/"))
        fewer = Case("a bare view of the bytes by brotli", bares["packed"], get("/"))
        nothing = Case("a bare view that says nothing", bares["nothing"], get("/"))
        posted = Case("a bare view that is posted to", bares["nothing"], post, share=0.5)
        posted.keeps_alive = False
        read = [
            same,
            Case(f"article with {COMMENTS} comments", answers.port, get(ARTICLE), same),
            fewer,
            Case(
                "article by brotli",
                answers.port,
                get(ARTICLE, **{"Accept-Encoding": "gzip, br"}),
                fewer,
            ),
            nothing,
            Case(
                "article that the reader has",
                answers.port,
                get(ARTICLE, **{"If-None-Match": etag_of(page)}),
                nothing,
                304,
            ),
            Case(
                "article that is made each time",
                answers.port,
                get(f"{ARTICLE}?reply=0"),
                same,
                share=0.1,
            ),
        ]
        while_answers, while_hangs = (
            Case(name, site.port, post, posted, 303, keeps_alive=False, settle=settle, share=0.5)
            for name, site, settle in (
                ("post while Akismet answers", answers, worked_off),
                ("post while Akismet hangs", hangs, lambda: None),
            )
        )
        cases = [*read, posted, while_answers, while_hangs]
        if front := stack.enter_context(nginx(folder / "nginx", answers.folder / "pagecache")):
            (answers.folder / "pagecache" / "any.html").write_bytes(body_of(page))
            any_file = Case("nginx: any file of the same bytes", front, get("/any.html"))
            exported = get(f"/current{ARTICLE}")
            cases += [any_file, Case("nginx: the exported article", front, exported, any_file)]
        measure(cases, rounds, requests)
        head = ["request", "a second", "p50 ms", "p99 ms", "bytes", "rate ratio", "p50", "p99"]
        say(table(head, [case.row() for case in cases]))
        hung = while_hangs.measured.p99 / while_answers.measured.p99
        say([f"Post, p99 while Akismet hangs to p99 while it answers: {hung:.2f}", ""])
        say(burst(answers))
        worked_off()
        say(memory.table(at_rest, memory.used(answers)))
        say(starts(folder, answers))
    size = len(body_of(packed))
    if size > MOST_BYTES:
        return [f"The article with {COMMENTS} comments is {size} bytes, over {MOST_BYTES}."]
    return []


def burst(site: Site) -> Iterable[str]:
    number, clients = BURST
    took = load.run(site.port, post, number=number, clients=clients, status=303, keeps_alive=False)
    yield (
        f"{number} posts by {clients} clients at once, all of them taken:"
        f" p50 {took.p50 * 1000:.0f} ms, p99 {took.p99 * 1000:.0f} ms, {took.rate:.0f} a second"
    )
    yield ""


def starts(folder: Path, site: Site) -> Iterable[str]:
    """From the command to the first answer, against a server that has next to nothing to load."""
    site.kill()
    until(lambda: not site.processes())
    began = time.monotonic()
    site.serve()
    took = time.monotonic() - began
    began = time.monotonic()
    with bare(folder / "start", b"nothing"):
        least = time.monotonic() - began
    rows = [
        ["a bare view", f"{least:.1f}", ""],
        ["`make run`, not the first", f"{took:.1f}", f"{took / least:.1f}"],
    ]
    yield from table(["start to first answer", "seconds", "ratio"], rows)
