"""Whether pages stay as quick when the site grows: each public page, rendered at growing sizes.

    python -m tests.benchmarks.growth --quick

It fills a database of its own, beside the one DATABASE_URL names (SQLite: a file in a folder of
its own), and takes it away again. Pages go through the whole of Django, but no network.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from blog.models import Article, Author
    from comments.models import Comment

COMMENTS = [100, 1_000, 10_000, 100_000]
ARTICLES = [50, 500, 5_000, 50_000]
BATCH = 500
REPEATS = 25
ENOUGH = 5.0  # seconds for one row of a table
YEARS = 2  # how far back the articles go, however many there are
RARE = 12  # articles that have the tag that few have


@dataclass
class Row:
    """What one page took at one size, as a median.

    `ratio` is to the same page at the smallest size, and of the fastest renderings, which other
    work on the machine disturbs least.
    """

    page: str
    size: int
    milliseconds: float
    queries: int
    size_in_bytes: int
    ratio: float = 1.0


@dataclass
class Table:
    title: str
    rows: list[Row]


def tables(quick: bool) -> list[Table]:
    """Both tables, pages by comments and pages by articles; `quick` leaves out the largest size."""
    sizes = slice(None, -1 if quick else None)
    with database() as name:
        return [
            Table(f"comments on one article ({name})", list(by_comments(COMMENTS[sizes]))),
            Table(f"articles ({name})", list(by_articles(ARTICLES[sizes]))),
        ]


@contextmanager
def database() -> Iterator[str]:
    """A new database with all tables and no rows; yields the name of its kind."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings
    from django.db import connection

    with tempfile.TemporaryDirectory(prefix="sgwrs-growth-") as folder:
        if connection.vendor == "sqlite":
            settings.DATABASES["default"]["TEST"]["NAME"] = str(Path(folder) / "growth.sqlite3")
        before = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield connection.display_name
        finally:
            connection.creation.destroy_test_db(str(before), verbosity=0)


# --- fill --------------------------------------------------------------------------------------


def author() -> "Author":
    from blog.models import Author

    return Author.objects.get_or_create(name="Elin", slug="elin")[0]


def write(title: str) -> "Article":
    """An article with five sections, as readers know it."""
    from django.utils import timezone

    from blog.models import Article, Section

    article = Article.objects.create(
        language="cy",
        title=title,
        standfirst="Sgwrs am dŷ.",
        author=author(),
        published_at=timezone.now(),
    )
    article.tags.set(["tai", "tref"])
    for position in range(1, 6):
        Section.objects.create(
            article=article, position=position, heading=f"Pennawd {position}", body="Testun. " * 60
        )
    return article


type Shape = Callable[[int, "Comment", "Comment"], "Comment | None"]

# What the comment of a number answers: of the first one and the newest yet, one or neither.
SHAPES: dict[str, Shape] = {
    "threads of one": lambda number, first, newest: None,
    "one thread": lambda number, first, newest: first,
    "mixed": lambda number, first, newest: (None, first, newest, newest)[number % 4],
}


def say(article: "Article", shape: Shape, numbers: range) -> None:
    """Approved comments on an article, those of the given numbers."""
    from comments.models import Comment, Status

    sections = list(article.sections.all())

    def comment(number: int, parent: Comment | None) -> Comment:
        return Comment(
            article=article,
            section=None if number % 5 else sections[number // 5 % len(sections)],
            parent=parent,
            thread=(parent.thread or parent) if parent else None,
            name=f"Rhys {number}",
            email="rhys@example.com",
            body=f"Cytuno’n llwyr â rhif {number}.\n\nOnd *pam* felly? " + "Dyma ragor. " * 15,
            language="cy",
            status=Status.APPROVED,
        )

    told = article.comments.order_by("pk")
    if not told.exists():
        comment(numbers[0], None).save()
        numbers = numbers[1:]
    first, newest = told[0], told.reverse()[0]
    for batch in batched(numbers, BATCH, strict=False):
        newest = Comment.objects.bulk_create(
            comment(number, shape(number, first, newest)) for number in batch
        )[-1]


def busy_month() -> datetime:
    """The beginning of the month in which every other article was published."""
    from django.utils import timezone

    now = timezone.localtime()
    return now.replace(year=now.year - 1, month=6, day=1, hour=0, minute=0, second=0)


def publish(numbers: range) -> None:
    """Articles of the given numbers: half in one month, half spread evenly over YEARS."""
    from django.utils import timezone
    from taggit.models import Tag

    from blog.models import Article, Category, TaggedArticle

    everywhere, rare = (
        Tag.objects.get_or_create(name=name, slug=name)[0] for name in ("pobman", "prin")
    )
    categories = [
        Category.objects.get_or_create(slug=slug, name_cy=slug, name_en=slug)[0]
        for slug in ("busnes", "byd", "bywyd")
    ]
    # Golden steps fill a time evenly, whatever the number.
    ways = [number * 0.6180339887 % 1 for number in numbers]
    now, busy = timezone.now(), busy_month()
    moments = {
        number: busy + timedelta(days=30 * way)
        if number % 2
        else now - timedelta(days=365 * YEARS * way)
        for number, way in zip(numbers, ways, strict=True)
    }
    for batch in batched(numbers, BATCH, strict=False):
        articles = Article.objects.bulk_create(
            Article(
                language="cy",
                title=f"Erthygl {number}",
                slug=f"erthygl-{number}",
                standfirst="Sgwrs am dŷ. " * 20 + said_by(number),
                author=author(),
                category=categories[number % len(categories)],
                published_at=moments[number],
            )
            for number in batch
        )
        TaggedArticle.objects.bulk_create(
            TaggedArticle(tag=tag, content_object=article)
            for number, article in zip(batch, articles, strict=True)
            for tag in ([everywhere, rare] if number < RARE else [everywhere])
        )


def said_by(number: int) -> str:
    """What an article says besides: words that many, few and next to none of the others have."""
    words = [f"gair{number % spread}x{spread}" for spread in (3, 50, 700)]
    return " ".join([*words, *(["goleudy"] if number < RARE else [])])


def take_in() -> None:
    """What the worker does behind everybody's back: have search know all there is."""
    from blog import index

    while index.catch_up():
        pass


def settle() -> None:
    """What PostgreSQL's own housekeeper does a minute after such growth. SQLite has none."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


# --- measure -----------------------------------------------------------------------------------


type Page = tuple[str, int, str]  # its name, the size and its address


def by_comments(sizes: list[int]) -> Iterator[Row]:
    """All sizes side by side, as articles of one site."""
    pages: list[Page] = []
    for size in sizes:
        for name, shape in SHAPES.items():
            article = write(f"{name} {size}")
            say(article, shape, range(size))
            middle = article.comments.order_by("pk")[size // 2].pk
            url = article.get_absolute_url()
            pages.append((f"article, {name}", size, url))
            pages.append((f"… {name}, its feed", size, f"{url}comments/feed/"))
            if size > sizes[0]:  # where there is a middle with a page full on either side
                pages.append((f"… {name}, from the middle", size, f"{url}?from={middle}"))
                pages.append((f"… {name}, before it", size, f"{url}?before={middle}"))
    settle()
    yield from measure(pages, {})


def by_articles(sizes: list[int]) -> Iterator[Row]:
    from blog.views import LAST_FOUND

    busy = busy_month()
    pages = {
        "index": "/cy/",
        "index, last page": "/cy/?page={last}",
        "category": "/cy/category/busnes/",
        "author": "/cy/author/elin/",
        "tag on every article": "/cy/tag/pobman/",
        "tag on few": "/cy/tag/prin/",
        "archive": "/cy/archive/",
        "year": f"/cy/archive/{busy.year}/",
        "month": f"/cy/archive/{busy.year}/{busy.month}/",
        "article, among others": "/cy/erthygl-0/",
        "sitemap, index": "/sitemap.xml",
        "sitemap, first part": "/sitemap-0.xml",
        "sitemap, lists": "/sitemap-lists.xml",
        "feed": "/cy/feed/",
        "feed, JSON": "/cy/feed/json/",
        "feed of a category": "/cy/category/busnes/feed/",
        "feed of an author": "/cy/author/elin/feed/",
        "feed of a tag on every article": "/cy/tag/pobman/feed/",
        "feed of a tag on few": "/cy/tag/prin/feed/",
        "search, word in every article": "/cy/search/?q=Sgwrs",
        "search, word in few": "/cy/search/?q=goleudy",
        "search, word in none": "/cy/search/?q=nunlle",
        "search, two common words": "/cy/search/?q=thŷ+gair1x3",
        "search, common and few": "/cy/search/?q=sgwrs+goleudy",
        "search, common words that never meet": "/cy/search/?q=gair1x3+gair2x3",
        "search, last page": "/cy/search/?q=sgwrs&page={last_found}",
    }
    smallest: dict[str, float] = {}
    for before, size in pairwise([0, *sizes]):
        publish(range(before, size))
        take_in()
        settle()
        last = size // 10
        ends = {"last": last, "last_found": min(last, LAST_FOUND)}
        yield from measure(
            [(name, size, url.format(**ends)) for name, url in pages.items()], smallest
        )


def measure(pages: list[Page], smallest: dict[str, float]) -> Iterator[Row]:
    """In turns, so that whatever else the machine does meets all of them alike.

    `smallest` keeps the time of each page at its smallest size, for the ratios.
    """
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(SERVER_NAME="127.0.0.1")
    queries, sizes = {}, {}
    for page in pages:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(page[2])
            queries[page] = len(asked)
        if answer.status_code != 200:
            raise SystemExit(f"{page[2]}: status {answer.status_code}")
        sizes[page] = len(answer.content)
    took: dict[Page, list[float]] = {page: [] for page in pages}
    for _ in range(REPEATS):
        for page in pages:
            if sum(took[page]) < ENOUGH:
                began = time.perf_counter()
                client.get(page[2])
                took[page].append(time.perf_counter() - began)
    for page in pages:
        name, size, _url = page
        best = min(took[page])
        ratio = best / smallest.setdefault(name, best)
        yield Row(name, size, median(took[page]) * 1000, queries[page], sizes[page], ratio)


# --- report ------------------------------------------------------------------------------------


def report(table: Table) -> Iterator[str]:
    yield f"| page | {table.title} | ms | queries | bytes | ratio |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for row in sorted(table.rows, key=lambda row: [one.page for one in table.rows].index(row.page)):
        yield (
            f"| {row.page} | {row.size:,} | {row.milliseconds:.1f} | {row.queries}"
            f" | {row.size_in_bytes:,} | {row.ratio:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("--quick", action="store_true", help="leave out the largest size")
    for table in tables(parser.parse_args().quick):
        sys.stdout.write("\n".join(report(table)) + "\n\n")


if __name__ == "__main__":
    main()
