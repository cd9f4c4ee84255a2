"""A read replica for pages that anybody may see (DATABASE_REPLICA_URL).

A replica is always a little behind. Its copy of the edition says how far: a page is made from it
only if it shows the very edition that is out, else from the primary.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from . import editions

REPLICA = "replica"
REST = 30  # seconds in which one that did not answer is not tried again
_reading_from = ContextVar("reading_from", default=DEFAULT_DB_ALIAS)
_last_read_from = ContextVar("last_read_from", default=DEFAULT_DB_ALIAS)
_rest_until = 0.0


class Router:
    """Reads go where `reading` says, everything else to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return _reading_from.get()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS


@contextmanager
def reading(wanted: str) -> Iterator[str]:
    """Read inside as of one moment; gives the name of the edition one sees there.

    From the replica if there is one that shows the edition `wanted`, else from the primary. Raises
    DatabaseError when not even that answers.
    """
    with ExitStack() as stack:
        as_of = None
        if REPLICA in connections.settings and _rest_until < time.monotonic():
            as_of = enter(stack, REPLICA, wanted)
        if as_of is None:
            as_of = enter(stack, DEFAULT_DB_ALIAS)
        if as_of is None:
            raise DatabaseError
        yield as_of


def enter(stack: ExitStack, alias: str, wanted: str | None = None) -> str | None:
    """Begin to read from `alias`. None: it cannot be had, or shows another edition."""
    with ExitStack() as attempt:
        try:
            attempt.enter_context(editions.snapshot(alias))
            seen = editions.current(alias)
        except DatabaseError:
            if alias == DEFAULT_DB_ALIAS:
                raise
            rest()
            return None
        if seen is None or (wanted and seen.name != wanted):
            return None
        token = _reading_from.set(alias)
        _last_read_from.set(alias)
        attempt.callback(_reading_from.reset, token)
        stack.enter_context(attempt.pop_all())
        return seen.name


def was_to_blame() -> bool:
    """Whether what went wrong was read from the replica, which may cancel a query at any time.

    It then gets a rest, so that asking again asks the primary.
    """
    if _last_read_from.get() != REPLICA:
        return False
    rest()
    return True


def rest() -> None:
    global _rest_until
    connections[REPLICA].close()
    _rest_until = time.monotonic() + REST
