"""`manage.py worker`: runs the tasks, and every moment looks for what was left behind."""

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, close_old_connections
from django_tasks_db.management.commands.db_worker import Command as TaskWorker

from blog import index
from blog.models import Picture
from comments import breaker, moderation, notifications, privacy, status
from comments.models import Account, Heartbeat, Policy

logger = logging.getLogger(__name__)
PAUSE = 1.0  # seconds
BEAT = 5.0  # seconds between two signs of life
SETTLED = 20.0  # seconds from the start, in which there is more urgent work than pictures
# A backlog is worked off by so many calls at a time: well above ten a second at Akismet's usual
# pace, and never a flood.
HANDS = 4


class Command(TaskWorker):
    help = "Run the background tasks and check what is waiting for Akismet"

    def handle(self, **options: Any) -> None:
        over = threading.Event()
        hands = [threading.Thread(target=keep_sweeping, args=[over]) for _ in range(HANDS)]
        for thread in (*hands, threading.Thread(target=keep_house, args=[over], daemon=True)):
            thread.start()
        threading.Thread(target=keep_search, args=[over], daemon=True).start()
        threading.Thread(target=keep_pictures, args=[over], daemon=True).start()
        threading.Thread(target=keep_beating, args=[over], daemon=True).start()
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
    """Ask and report what is due, until it is over."""

    def sweep() -> None:
        while not over.is_set() and moderation.sweep_one():
            pass

    again_and_again(sweep, over)


def keep_house(over: threading.Event) -> None:
    """What wants a look now and then: a new key, mails to the owner, usage, the daily tidying."""

    def look() -> None:
        account = Account.objects.in_use()
        if account and account.last_call_at is None and not Policy.is_off():
            breaker.verify()  # a new key: better known bad now than with the first comment
        breaker.look_in()
        notifications.sweep()
        status.refresh_usage()
        privacy.daily()

    again_and_again(look, over)


def keep_search(over: threading.Event) -> None:
    """Have search know what changed, also while nobody searches."""

    def take_in() -> None:
        while not over.is_set() and index.catch_up():
            pass

    again_and_again(take_in, over)


def keep_pictures(over: threading.Event) -> None:
    """Make pictures in several sizes, one at a time and when there is nothing better to do."""

    def make_one() -> None:
        if not moderation.is_busy() and (picture := Picture.objects.claim_one()):
            picture.make_renditions()
            give_back_memory()

    with suppress(OSError):  # not everywhere may one say that
        if sys.platform == "linux":  # where threads have a priority of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    over.wait(SETTLED)
    again_and_again(make_one, over)


def give_back_memory() -> None:
    """Pictures take much of it, and the C library would keep it for more of the same."""
    with suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def again_and_again(do: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(PAUSE):
        try:
            do()
        except DatabaseError:
            logger.warning("The database does not answer; trying again later.")
        except Exception:
            logger.exception("The worker stumbled; going on.")
        finally:
            close_old_connections()


def keep_beating(over: threading.Event) -> None:
    """Give signs of life, apart from the sweeps: one that takes long is not dead."""
    while not over.is_set():
        with suppress(Exception):  # The sweeps say what is wrong with the database.
            Heartbeat.beat()
        close_old_connections()
        over.wait(BEAT)
