"""Django's SQLite, except that those who want to write wait for each other at a file beside it.

SQLite lets one write at a time and has the others look again after growing pauses, of a tenth of a
second in the end, in which whoever comes by just then goes first: where many write, some wait for
a second while the file is free most of the time. At a lock of the kernel's they look again every
two milliseconds, which costs next to nothing there. SQLite's own lock stays what keeps the data
whole: a program that does not know of the file, or a single statement outside a transaction, does
no harm.
"""

import fcntl
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    transaction_mode: str | None
    queue: IO[bytes] | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if not self.is_in_memory_db():
            with suppress(OSError):  # then SQLite's own way has to do
                self.queue = Path(f"{conn_params['database']}-queue").open("ab")  # noqa: SIM115
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        # A deferred transaction is one that only reads, and waits for nobody.
        if self.queue and self.transaction_mode != "DEFERRED":
            self.wait_for_turn(self.queue)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc] # not in the stubs
        except BaseException:
            self.let_next_in()
            raise

    def wait_for_turn(self, queue: IO[bytes]) -> None:
        """Not for ever: after `timeout` SQLite has its own say, which is that it is locked."""
        deadline = time.monotonic() + self.settings_dict["OPTIONS"]["timeout"]
        while time.monotonic() < deadline:
            try:
                return fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.002)

    def commit(self) -> None:
        try:
            super().commit()
        finally:
            self.let_next_in()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self.let_next_in()

    def close(self) -> None:
        super().close()
        if self.queue:
            self.queue.close()
            self.queue = None

    def let_next_in(self) -> None:
        if self.queue:
            fcntl.flock(self.queue, fcntl.LOCK_UN)
