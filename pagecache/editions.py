"""Which edition of the public site is out now, asked of the database each time.

Two pages made in the same edition are of one piece, and a page made in an earlier one may be out
of date. That is all the cache knows about freshness: nobody tells it what to throw away.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.db.models import Max, Min
from django.utils import timezone
from psycopg.pq import ExecStatus

from blog.models import Article

NAME = "SELECT name FROM pagecache_edition WHERE id = 1"
# What makes a page besides the database: it, too, may differ between two processes for a while.
CODE = ("blog/**/*.py", "comments/**/*.py", "config/**/*.py", "pagecache/**/*.py")
WORDS = ("templates/**/*", "locale/**/*.mo", "requirements.txt", "staticfiles/staticfiles.json")


class Edition(NamedTuple):
    name: str
    until: datetime | None  # the hour of the next scheduled article, when it ends by itself


class Hours(NamedTuple):
    """When articles appear by themselves, as of the database's edition `name`."""

    name: str
    last: datetime | None
    next: datetime | None

    def holds(self, now: datetime) -> bool:
        """Also where the clock was put back."""
        return (not self.last or self.last <= now) and (not self.next or now < self.next)


_hours: dict[str, Hours] = {}


def current(using: str = DEFAULT_DB_ALIAS) -> Edition | None:
    """What is out now; None where nothing was ever set up.

    Raises DatabaseError when the database does not answer: then nobody knows.
    """
    name = name_in_database(using)
    if name is None:
        return None
    now = timezone.now()
    hours = _hours.get(using)
    if hours is None or hours.name != name or not hours.holds(now):
        hours = _hours[using] = hours_of(name, now, using)
    last = f"{hours.last.timestamp():.6f}" if hours.last else "0"
    return Edition(f"{hours.name}-{last}-{build()}", hours.next)


def name_in_database(using: str) -> str | None:
    """The one query of a page that is kept, put to the driver itself.

    Django's cursor would cost more than all the rest of the answer.
    """
    connection: Any = connections[using]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            result = connection.connection.pgconn.exec_(NAME.encode())
            if result.status != ExecStatus.TUPLES_OK:
                raise OperationalError("The edition cannot be asked for.")
            return result.get_value(0, 0).decode() if result.ntuples else None
        # All rows, of which there is one: a query not read to its end goes on seeing its moment.
        rows = connection.connection.execute(NAME).fetchall()
        return rows[0][0] if rows else None


def hours_of(name: str, now: datetime, using: str) -> Hours:
    articles = Article.objects.using(using)
    return Hours(
        name,
        articles.filter(published_at__lte=now).aggregate(last=Max("published_at"))["last"],
        articles.filter(published_at__gt=now).aggregate(next=Min("published_at"))["next"],
    )


@contextmanager
def snapshot(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """All that is read inside is of one moment; nothing is locked, and nothing may be written."""
    connection: Any = connections[using]
    if connection.vendor == "postgresql":
        with transaction.atomic(using):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    connection.ensure_connection()
    # Our other transactions ask for the right to write first (config.environment); this one must
    # neither wait for a writer nor keep one waiting.
    usual = connection.transaction_mode
    connection.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic(using):
            connection.transaction_mode = usual
            yield
    finally:
        connection.transaction_mode = usual


@cache
def build() -> str:
    """A short name for code, templates, translations and settings: other pages if it differs."""
    digest = hashlib.sha256()
    for pattern in (*CODE, *WORDS):
        for path in sorted(settings.BASE_DIR.glob(pattern)):
            if path.is_file():
                digest.update(str(path).encode() + b"\0" + path.read_bytes())
    digest.update(f"{settings.SITE_URL} {bool(settings.AKISMET_API_KEY)}".encode())
    return digest.hexdigest()[:12]
