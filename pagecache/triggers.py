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
from django.db.backends.base.base import BaseDatabaseWrapper

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
FUNCTION = "pagecache_new_edition"

RENAME = """
    INSERT INTO pagecache_edition (id, name) VALUES (1, {random})
    ON CONFLICT (id) DO UPDATE SET name = excluded.name
"""
RANDOM = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
}
# Once in a transaction is enough: a thousand changed rows are one change.
DEFINE_FUNCTION = f"""
    CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF coalesce(current_setting('{FUNCTION}.done', true), '')
            <> pg_current_xact_id()::text
        THEN
            {RENAME.format(random=RANDOM["postgresql"])};
            PERFORM set_config('{FUNCTION}.done', pg_current_xact_id()::text, true);
        END IF;
        RETURN NULL;
    END $$
"""


def install(using: str, **_: Any) -> None:
    """Put the triggers in place on all watched tables that are there, and begin a new edition."""
    connection = connections[using]
    remove(using)
    if Edition._meta.db_table not in connection.introspection.table_names():
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(DEFINE_FUNCTION)
        for statement in definitions(connection):
            cursor.execute(statement)
        cursor.execute(RENAME.format(random=RANDOM[connection.vendor]))


def remove(using: str, **_: Any) -> None:
    """Take them away, and the edition with them: while nobody watches, nothing may be kept."""
    connection = connections[using]
    there = Edition._meta.db_table in connection.introspection.table_names()
    with transaction.atomic(using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {FUNCTION} CASCADE")  # and what calls it
        else:
            for name in installed(connection):
                cursor.execute(f'DROP TRIGGER "{name}"')
        if there:
            Edition.objects.using(using).all().delete()


def installed(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of our triggers that are in place."""
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with connection.cursor() as cursor:
        cursor.execute(catalogue[connection.vendor])
        return sorted(name for (name,) in cursor.fetchall() if name.startswith(PREFIX))


def definitions(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """The statements that make the triggers, for tables and columns that are there.

    After going back to an earlier migration some are not.
    """
    quote = connection.ops.quote_name
    tables = connection.introspection.table_names()
    for watched in WATCHED:
        if watched.table not in tables:
            continue
        with connection.cursor() as cursor:
            described: list[Any] = connection.introspection.get_table_description(
                cursor, watched.table
            )
        there = {column.name for column in described}
        of = ", ".join(quote(column) for column in watched.columns if column in there)
        for event, rows in {"insert": ["NEW"], "update": ["OLD", "NEW"], "delete": ["OLD"]}.items():
            when = " OR ".join(watched.shown.format(row=row) for row in rows if watched.shown)
            action = f"{event} OF {of}" if of and event == "update" else event
            yield definition(
                connection.vendor,
                name=quote(f"{PREFIX}{watched.table}_{event}"),
                action=f"AFTER {action} ON {quote(watched.table)}",
                when=f"WHEN ({when})" if when else "",
            )
        if connection.vendor == "postgresql":
            yield (
                f"CREATE TRIGGER {quote(f'{PREFIX}{watched.table}_truncate')} AFTER TRUNCATE"
                f" ON {quote(watched.table)} EXECUTE FUNCTION {FUNCTION}()"
            )


def definition(vendor: str, name: str, action: str, when: str) -> str:
    if vendor == "postgresql":
        return (
            f"CREATE CONSTRAINT TRIGGER {name} {action} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW {when} EXECUTE FUNCTION {FUNCTION}()"
        )
    rename = RENAME.format(random=RANDOM["sqlite"])
    return f"CREATE TRIGGER {name} {action} FOR EACH ROW {when} BEGIN {rename}; END"
