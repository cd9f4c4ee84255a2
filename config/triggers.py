"""Triggers: what the database does by itself, in the transaction of a change, whoever makes it.

Said once for SQLite and PostgreSQL. A migration may make a table anew, and what hung on the old one
goes with it: so whoever has triggers drops them before each migration and creates them after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

# How an action may call the changed row: as it was, as it is.
ROWS = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",), "truncate": ()}


@dataclass(frozen=True)
class Trigger:
    """One statement (`action`) that is carried out after each change of a kind (`event`).

    `columns`: those that matter to an update; none: all. `shown`: a condition on the row, written
    `{row}`, that must hold before the change or after it. `at_commit`: on PostgreSQL not at once,
    but at the end of the transaction. Of these, "truncate", which only PostgreSQL has, knows none.
    """

    name: str
    table: str
    event: str
    action: str
    columns: tuple[str, ...] = ()
    shown: str = ""
    at_commit: bool = False

    def statements(self, vendor: str) -> list[str]:
        rows = ROWS[self.event]
        deferred = self.at_commit and rows and vendor == "postgresql"
        columns = ", ".join(f'"{column}"' for column in self.columns if self.event == "update")
        when = " OR ".join(self.shown.format(row=row) for row in rows if self.shown)
        head = " ".join(
            part
            for part in (
                "CREATE CONSTRAINT TRIGGER" if deferred else "CREATE TRIGGER",
                f'"{self.name}" AFTER {self.event}',
                f"OF {columns}" if columns else "",
                f'ON "{self.table}"',
                "DEFERRABLE INITIALLY DEFERRED" if deferred else "",
                "FOR EACH ROW" if rows else "",
                f"WHEN ({when})" if when else "",
            )
            if part
        )
        if vendor == "sqlite":
            return [f"{head} BEGIN {self.action}; END"]
        return [
            f'CREATE FUNCTION "{self.name}"() RETURNS trigger LANGUAGE plpgsql AS'
            f" $$ BEGIN {self.action}; RETURN NULL; END $$",
            f'{head} EXECUTE FUNCTION "{self.name}"()',
        ]


def create(connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]) -> None:
    """On tables and columns that are there: after going back to a migration some are not."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for trigger in triggers:
            if trigger.table not in tables:
                continue
            described: list[Any] = connection.introspection.get_table_description(
                cursor, trigger.table
            )
            there = {column.name for column in described}
            columns = tuple(column for column in trigger.columns if column in there)
            for statement in replace(trigger, columns=columns).statements(connection.vendor):
                cursor.execute(statement)


def drop(connection: BaseDatabaseWrapper, prefix: str) -> None:
    """All of ours whose names begin so."""
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for name, table in found(connection, prefix):
            cursor.execute(f'DROP TRIGGER "{name}"' + (f' ON "{table}"' if postgresql else ""))
            if postgresql:
                cursor.execute(f'DROP FUNCTION IF EXISTS "{name}"()')


def installed(connection: BaseDatabaseWrapper, prefix: str) -> list[str]:
    """The names of those of ours that are in place and begin so."""
    return [name for name, _table in found(connection, prefix)]


def found(connection: BaseDatabaseWrapper, prefix: str) -> list[tuple[str, str]]:
    """The triggers on our tables, each with its table: others share the database, and may use the
    same names.
    """
    catalogue = {
        "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": (
            "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE NOT tgisinternal AND pg_table_is_visible(tgrelid)"
        ),
    }
    ours = set(connection.introspection.django_table_names())
    with connection.cursor() as cursor:
        cursor.execute(catalogue[connection.vendor])
        return sorted(
            (name, table)
            for name, table in cursor.fetchall()
            if name.startswith(prefix) and table in ours
        )
