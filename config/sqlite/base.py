"""Django's SQLite, except that those who want to write queue up.

SQLite lets one write at a time and has the others look again after growing pauses, of a tenth of a
second in the end, in which whoever comes by just then goes first: where many write, some wait for
a second while the file is free most of the time. The kernel keeps a queue instead, at a file beside
the database, and wakes the next at once. SQLite's own lock stays what keeps the data whole: a
program that does not know of the queue, or a single statement outside a transaction, does no harm.
"""

import fcntl
from pathlib import Path
from typing import IO, Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    transaction_mode: str | None
    queue: IO[bytes] | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if not self.is_in_memory_db():
            self.queue = Path(f"{conn_params['database']}-queue").open("ab")  # noqa: SIM115
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        # A deferred transaction is one that only reads, and waits for nobody.
        if self.queue and self.transaction_mode != "DEFERRED":
            fcntl.flock(self.queue, fcntl.LOCK_EX)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc] # not in the stubs
        except BaseException:
            self.let_next_in()
            raise

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
