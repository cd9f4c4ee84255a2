"""The database gives the edition a new name with each change that readers could see.

It does so by triggers, hence in the transaction of the change, by whatever way that is made: a
form, a task, `QuerySet.update()`, a command, SQL by hand. Nothing can be forgotten, and there is
no moment between the change and the new name. (SQLite tells no trigger of a row that INSERT OR
REPLACE throws out. Nothing of ours says that.)

On PostgreSQL they wait for the end of the transaction: two that change something public queue up
for the edition's row only when they have all other locks, and so never wait for each other in a
ring.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction

from config import triggers

from .models import Edition


@dataclass(frozen=True)
class Watched:
    """A model whose rows are on public pages.

    `shown` is an SQL condition on a row, written `{row}`, for models of which only some rows are
    public. `fields`: what of it is public; empty: everything.
    """

    label: str
    shown: str = ""
    fields: tuple[str, ...] = ()

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def columns(self) -> list[str]:
        return [self.model._meta.get_field(name).column for name in self.fields]  # type: ignore[misc, union-attr]


WATCHED = (
    Watched("blog.Article", shown="{row}.published_at IS NOT NULL"),
    Watched("blog.Section"),
    Watched("blog.SourceVersion"),
    Watched(
        "blog.Picture",
        fields=(  # not when a worker is to look at it
            *("file", "width", "height", "alt_cy", "alt_en", "caption_cy", "caption_en", "credit"),
            *("focus_x", "focus_y", "renditions"),
        ),
    ),
    Watched("blog.Author"),
    Watched("blog.Category"),
    Watched("blog.TaggedArticle"),
    Watched("taggit.Tag"),
    Watched(
        "comments.Comment",
        shown="{row}.status = 'approved'",
        fields=(
            *("article", "section", "parent", "thread", "user", "status", "submitted_at"),
            *("name", "website", "body", "language"),
        ),
    ),
    Watched("comments.Policy"),  # how long things are kept is told on the page about privacy
)
PREFIX = "edition_"

RENAME = """
    INSERT INTO pagecache_edition (id, name) VALUES (1, {random})
    ON CONFLICT (id) DO UPDATE SET name = excluded.name
"""
RANDOM = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
}
ACTION = {
    "sqlite": RENAME.format(random=RANDOM["sqlite"]),
    # Once in a transaction is enough: a thousand changed rows are one change.
    "postgresql": f"""
        IF coalesce(current_setting('pagecache.renamed', true), '') <> pg_current_xact_id()::text
        THEN
            {RENAME.format(random=RANDOM["postgresql"])};
            PERFORM set_config('pagecache.renamed', pg_current_xact_id()::text, true);
        END IF
    """,
}


def install(using: str, **_: Any) -> None:
    """Put the triggers in place on all watched tables that are there, and begin a new edition."""
    connection = connections[using]
    remove(using)
    if Edition._meta.db_table not in connection.introspection.table_names():
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        triggers.create(connection, definitions(connection.vendor))
        cursor.execute(RENAME.format(random=RANDOM[connection.vendor]))


def remove(using: str, **_: Any) -> None:
    """Take them away, and the edition with them: while nobody watches, nothing may be kept."""
    connection = connections[using]
    there = Edition._meta.db_table in connection.introspection.table_names()
    with transaction.atomic(using):
        triggers.drop(connection, PREFIX)
        if there:
            Edition.objects.using(using).all().delete()


def definitions(vendor: str) -> Iterator[triggers.Trigger]:
    for watched in WATCHED:
        for event in triggers.ROWS:
            if event == "truncate" and vendor == "sqlite":
                continue
            yield triggers.Trigger(
                name=f"{PREFIX}{watched.table}_{event}",
                table=watched.table,
                event=event,
                action=ACTION[vendor],
                columns=tuple(watched.columns),
                shown=watched.shown,
                at_commit=True,
            )
