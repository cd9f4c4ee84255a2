"""Pages for a front server to send by itself (PAGE_EXPORT): it finds them behind `current`.

A front server asks nobody whether a file is still good, so the way to it is closed first: in the
process that changed something, before anybody is told that it is done; for all else (SQL by hand,
another machine) a moment later, by a thread of the web server; and ahead of time for an article
that is about to appear by itself.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from . import editions, store

logger = logging.getLogger(__name__)
PAUSE = 0.1  # seconds between two looks
# So long before an article's hour, and until it has come, only Sgwrs itself answers.
BEFORE_THE_HOUR = timedelta(seconds=2)


def refresh() -> None:
    """Have `current` lead to the edition that is out, or nowhere just before that changes."""
    with store.lock(store.CURRENT):
        # Asked for inside the lock: whoever comes last sees the newest.
        edition = editions.current()
        if edition is None or is_about_to_end(edition):
            with suppress(FileNotFoundError):
                os.unlink(store.root() / store.CURRENT)
            return
        store.stamp(edition.name)
        point_to(f"{edition.name}/{store.FRONT}")


def is_about_to_end(edition: editions.Edition) -> bool:
    return edition.until is not None and edition.until - timezone.now() < BEFORE_THE_HOUR


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
    """As soon as the change at hand is committed."""
    transaction.on_commit(refresh, using=using, robust=True)


def keep_fresh() -> None:
    """Look all the time, in a thread of the web server."""

    def look() -> None:
        while True:
            try:
                refresh()
            except DatabaseError:
                connection.close()  # and nothing can change while it does not answer
            except Exception:
                logger.exception("What a front server may send could not be looked after.")
            time.sleep(PAUSE)

    threading.Thread(target=look, daemon=True).start()
