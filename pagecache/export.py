"""Pages for a front server to send by itself (PAGE_EXPORT): it finds them behind `current`.

A front server asks nobody whether a file is still good, so the way to it is closed first: in the
process that saved or deleted something, before anybody is told that it is done; for all else
(`QuerySet.update()`, SQL by hand, another machine) a tenth of a second later, by a thread of the
web server; and ahead of time for an article that is about to appear by itself. When the web server
stops it is closed, since nobody would look any longer.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from . import editions, store

logger = logging.getLogger(__name__)
PAUSE = 0.1  # seconds between two looks
# So long before an article's hour, and until it has come, only Sgwrs itself answers.
BEFORE_THE_HOUR = timedelta(seconds=2)


def refresh() -> None:
    """Have `current` lead to the edition that is out.

    It leads nowhere just before that ends by itself, and in the first second of an edition, as its
    files have the date of the second to come (store.stamp).
    """
    with store.lock(store.CURRENT):
        try:
            # Asked for inside the lock: whoever comes last sees the newest.
            edition = editions.current()
            if edition is None or not is_settled(edition):
                return close()
            store.front(edition.name)
            point_to(f"{edition.name}/{store.FRONT}")
        except Exception:
            close()  # nobody knows what is out
            raise
    if store.others(edition.name):
        store.tidy()


def close() -> None:
    """Have only Sgwrs itself answer."""
    (store.root() / store.CURRENT).unlink(missing_ok=True)


def is_settled(edition: editions.Edition) -> bool:
    """Whether its second has come, and its end is not near."""
    now = timezone.now()
    if edition.until and edition.until - now < BEFORE_THE_HOUR:
        return False
    return store.stamp(edition.name) <= now.timestamp()


def point_to(target: str) -> None:
    link = store.root() / store.CURRENT
    with suppress(OSError):
        if os.readlink(link) == target:
            return
    draft = store.root() / store.LOCKS / "draft"
    with suppress(FileNotFoundError):
        draft.unlink()
    draft.symlink_to(target)
    draft.replace(link)


def refresh_after(using: str, **_: Any) -> None:
    """As soon as the change at hand is committed.

    Whoever made it need not have been told of the export: what counts is whether there is one,
    which the lock that it takes shows.
    """
    waiting = {entry[1] for entry in connections[using].run_on_commit}
    if refresh not in waiting and store.lock_file(store.CURRENT).exists():
        transaction.on_commit(refresh, using=using, robust=True)


def keep_fresh() -> None:
    """Look all the time, in a thread of the web server."""

    def look() -> None:
        while True:
            try:
                refresh()
            except DatabaseError:
                connection.close()
            except Exception:
                logger.exception("What a front server may send could not be looked after.")
            time.sleep(PAUSE)

    threading.Thread(target=look, daemon=True).start()
