"""`manage.py worker`: runs the tasks, and every moment looks for what was left behind."""

import logging
import threading
from typing import Any

from django.db import DatabaseError, close_old_connections
from django_tasks_db.management.commands.db_worker import Command as TaskWorker

from comments import moderation

logger = logging.getLogger(__name__)
PAUSE = 1.0  # seconds
# A backlog is worked off by so many calls at a time: well above ten a second at Akismet's usual
# pace, and never a flood.
HANDS = 4


class Command(TaskWorker):
    help = "Run the background tasks and check what is waiting for Akismet"

    def handle(self, **options: Any) -> None:
        over = threading.Event()
        hands = [threading.Thread(target=keep_sweeping, args=[over]) for _ in range(HANDS)]
        for hand in hands:
            hand.start()
        options |= {"verbosity": 0, "interval": 0.3, "startup_delay": False, "reload": False}
        try:
            self.keep_working(over, **options)
        finally:
            # A call that is under way is finished, so that nothing need be asked twice.
            over.set()
            for hand in hands:
                hand.join()

    def keep_working(self, over: threading.Event, **options: Any) -> None:
        while True:
            try:
                return super().handle(**options)
            except DatabaseError:
                # A database that restarts is no reason to stop: everything to do is kept there.
                logger.warning("The database does not answer; trying again.")
                over.wait(PAUSE)


def keep_sweeping(over: threading.Event) -> None:
    while not over.wait(PAUSE):
        try:
            while not over.is_set() and moderation.sweep_one():
                pass
        except DatabaseError:
            logger.warning("The database does not answer; sweeping again later.")
        except Exception:
            logger.exception("The sweep stumbled; going on.")
        finally:
            close_old_connections()
