"""What search searches, kept up to date.

Triggers of the database mark what changed, in the transaction of the change, by whatever way that
is made. What is marked is not found (querysets.py) until it is taken in anew, which is done before
the next search, or by a worker. So nothing can be forgotten, and what is withdrawn is gone at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from config import triggers

from . import markup, search
from .models import Article, SearchEntry, SearchMark

BATCH = 100
LOCK = 7_394_726  # any number that nothing else on the same database uses
PREFIX = "search_"
MARK = "INSERT INTO blog_searchmark (source, number)"


@dataclass(frozen=True)
class Watched:
    """A table whose changes concern search.

    `numbers` is an SQL query for what is to be taken in anew, `{row}` the changed row; `shown` a
    condition on rows of which only some are searched; `fields`, the columns that matter.
    """

    table: str
    numbers: str
    fields: tuple[str, ...] = ()
    shown: str = ""
    events: tuple[str, ...] = ("insert", "update", "delete")


@dataclass(frozen=True)
class Source:
    """One kind of thing that is searched.

    `everything` is an SQL query for the numbers of all there is, `entries` makes what search knows
    of those with given numbers, as far as it may know them.
    """

    name: str
    everything: str
    watched: tuple[Watched, ...]
    entries: Callable[[Sequence[int]], Iterable[SearchEntry]]


SOURCES: dict[str, Source] = {}


def add(source: Source) -> None:
    SOURCES[source.name] = source


# --- entries -----------------------------------------------------------------------------------


def entry(
    source: str, number: int, article: Article, moment: datetime, parts: list[list[str]]
) -> SearchEntry:
    return SearchEntry(
        id=place_of(source, number, moment),
        article=article,
        source=source,
        number=number,
        parts=parts,
        words=search.tokens_in((text for part in parts for text in part[1:]), article.language),
    )


def place_of(source: str, number: int, moment: datetime) -> int:
    """A number that grows with time (33 bits of seconds), and is another for everything.

    Both databases walk an index of numbers backwards, which makes the newest first cost nothing.
    """
    seconds = min(max(int(moment.timestamp()), 0), 2**33 - 1)
    return seconds << 30 | (source == "article") << 29 | number % 2**29


def articles(numbers: Sequence[int]) -> Iterator[SearchEntry]:
    for article in Article.objects.filter(pk__in=numbers).for_reading():
        if article.published_at is None:
            continue
        tags = " ".join(f"#{tag.name}" for tag in article.tags.all())
        opening = [markup.plain(article.standfirst_html), article.closing_question, tags]
        parts = [["", article.title, "\n".join(filter(None, opening))]]
        for section in article.sections.all():
            section.article = article
            parts.append([f"#{section.anchor}", section.title, markup.plain(section.html)])
        yield entry("article", article.pk, article, article.published_at, parts)


add(
    Source(
        "article",
        everything="SELECT id FROM blog_article",
        watched=(
            Watched(
                "blog_article",
                "SELECT {row}.id",
                fields=(
                    *("language", "title", "standfirst", "section_label", "closing_question"),
                    "published_at",
                ),
            ),
            Watched("blog_section", "SELECT {row}.article_id"),
            Watched("blog_taggedarticle", "SELECT {row}.content_object_id"),
            Watched(
                "taggit_tag",
                "SELECT content_object_id FROM blog_taggedarticle WHERE tag_id = {row}.id",
                fields=("name",),
                events=("update",),
            ),
        ),
        entries=articles,
    )
)


# --- taking in ---------------------------------------------------------------------------------


def catch_up() -> bool:
    """Take in a part of what changed, the newest first. False: nothing is left to take in."""
    if not SearchMark.objects.exists():
        return False
    with transaction.atomic():
        alone(connections[DEFAULT_DB_ALIAS])
        marks = list(SearchMark.objects.order_by("-pk")[:BATCH])
        for source in SOURCES.values():
            numbers = {mark.number for mark in marks if mark.source == source.name}
            theirs = {"source": source.name, "number__in": numbers}
            # All marks of a thing at once, and before it is read: what comes later is marked anew.
            SearchMark.objects.filter(**theirs).delete()
            SearchEntry.objects.filter(**theirs).delete()
            SearchEntry.objects.bulk_create(source.entries(sorted(numbers)))
    return True


def alone(connection: BaseDatabaseWrapper) -> None:
    """Until the end of the transaction, keep others that take in waiting. SQLite does anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def forget(source: str, numbers: Iterable[int]) -> None:
    """Leave nothing of some things, and do not wait for the next to catch up."""
    with transaction.atomic():
        alone(connections[DEFAULT_DB_ALIAS])
        SearchEntry.objects.filter(source=source, number__in=numbers).delete()


def mark_everything(using: str = DEFAULT_DB_ALIAS) -> None:
    """Forget everything, and have all there is taken in anew."""
    there = connections[using].introspection.table_names()
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("DELETE FROM blog_searchmark")
        cursor.execute("DELETE FROM blog_searchentry")
        for source in SOURCES.values():
            if source.watched[0].table in there:
                every = f"SELECT '{source.name}', them.id FROM ({source.everything}) AS them"  # noqa: S608 - all ours
                cursor.execute(f"{MARK} {every}")


# --- triggers ----------------------------------------------------------------------------------


def install(using: str, plan: Sequence[tuple[Migration, bool]] = (), **_: Any) -> None:
    """Put the triggers in place, and have taken in anew what migrations may have changed."""
    connection = connections[using]
    remove(using)
    if SearchMark._meta.db_table not in connection.introspection.table_names():
        return
    triggers.create(connection, definitions())
    if connection.vendor == "sqlite":
        triggers.create(connection, FOLLOW_ENTRIES)
    if {migration.app_label for migration, _backwards in plan} & {"blog", "comments", "taggit"}:
        mark_everything(using)


def remove(using: str, **_: Any) -> None:
    triggers.drop(connections[using], PREFIX)


def definitions() -> Iterator[triggers.Trigger]:
    for source in SOURCES.values():
        for number, watched in enumerate(source.watched):
            for event in watched.events:
                rows = triggers.ROWS[event]
                numbers = " UNION ".join(watched.numbers.format(row=row) for row in rows)
                yield triggers.Trigger(
                    name=f"{PREFIX}{source.name}_{number}_{event}",
                    table=watched.table,
                    event=event,
                    action=f"{MARK} SELECT '{source.name}', them.* FROM ({numbers}) AS them",  # noqa: S608 - all ours
                    columns=watched.fields,
                    shown=watched.shown,
                )


# The table that SQLite searches (migration 0003) holds no words of its own, and must be told.
FOLLOW_ENTRIES = (
    triggers.Trigger(
        name=f"{PREFIX}entry_insert",
        table="blog_searchentry",
        event="insert",
        action="INSERT INTO blog_search (rowid, words) VALUES (NEW.id, NEW.words)",
    ),
    triggers.Trigger(
        name=f"{PREFIX}entry_delete",
        table="blog_searchentry",
        event="delete",
        action=(
            "INSERT INTO blog_search (blog_search, rowid, words)"
            " VALUES ('delete', OLD.id, OLD.words)"
        ),
    ),
)
