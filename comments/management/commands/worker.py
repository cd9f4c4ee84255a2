"""`manage.py worker`: runs the tasks, and every moment looks for what was left behind."""

import logging
import threading
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, close_old_connections
from django_tasks_db.management.commands.db_worker import Command as TaskWorker

from comments import moderation, notifications, privacy, status
from comments.models import Heartbeat

logger = logging.getLogger(__name__)
PAUSE = 1.0  # seconds
BEAT = 5.0  # seconds between two signs of life
# A backlog is worked off by so many calls at a time: well above ten a second at Akismet's usual
# pace, and never a flood.
HANDS = 4


class Command(TaskWorker):
    help = "Run the background tasks and check what is waiting for Akismet"

    def handle(self, **options: Any) -> None:
        over = threading.Event()
        threading.Thread(target=keep_beating, args=[over], daemon=True, name="beat").start()
        for _number in range(HANDS):
            threading.Thread(target=keep_sweeping, args=[over], daemon=True, name="sweep").start()
        options |= {"verbosity": 0, "interval": 0.3, "startup_delay": False, "reload": False}
        while True:
            try:
                super().handle(**options)
            except DatabaseError:
                # A database that restarts is no reason to stop: everything to do is kept there.
                logger.warning("The database does not answer; trying again.")
                over.wait(PAUSE)
            else:
                break
        over.set()


def keep_sweeping(over: threading.Event) -> None:
    while not over.wait(PAUSE):
        try:
            moderation.sweep()
            notifications.sweep()
            status.refresh_usage()
            privacy.daily()
        except DatabaseError:
            logger.warning("The database does not answer; sweeping again later.")
        except Exception:
            logger.exception("The sweep stumbled; going on.")
        finally:
            close_old_connections()


def keep_beating(over: threading.Event) -> None:
    """Give signs of life, apart from the sweeps: one that takes long is not dead."""
    while not over.is_set():
        with suppress(Exception):  # The sweeps say what is wrong with the database.
            Heartbeat.beat()
        close_old_connections()
        over.wait(BEAT)
