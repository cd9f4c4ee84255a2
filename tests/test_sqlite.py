"""Writers on SQLite queue up. (config/sqlite)"""

from pathlib import Path

import pytest

from tests.processes import Site

WRITE_TWICE = """
import threading
from contextlib import suppress
from django.db import DatabaseError, connection, transaction
from comments.models import Heartbeat

def first():
    with transaction.atomic():
        Heartbeat.beat()
        {end}

def second():
    with transaction.atomic():
        Heartbeat.beat()
    print("written")
    connection.close()

with suppress(KeyError, DatabaseError):
    first()
another = threading.Thread(target=second, daemon=True)
another.start()
another.join(15)
"""


@pytest.mark.parametrize(
    "end",
    ["pass", "raise KeyError", "connection.close()", "connection.connection.close()"],
    ids=["commit", "rollback", "closed", "broken"],
)
def test_next_writer_gets_its_turn_however_the_one_before_ended(tmp_path: Path, end: str) -> None:
    site = Site(tmp_path, None)
    assert site.manage("migrate", "--verbosity=0").returncode == 0
    assert site.shell(WRITE_TWICE.format(end=end)) == "written"
