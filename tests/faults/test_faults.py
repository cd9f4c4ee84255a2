"""Readers post while Akismet, a process of ours or the database fails: see trial.py."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.processes import GUNICORN, MANAGE, Site, linux_only, own_database, until
from tests.standin import Standin

from .cluster import Cluster
from .conftest import installed
from .trial import Row, Trial

pytestmark = linux_only
type Prove = Callable[[Trial], Row]

FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Akismet never answers": ("hang", {}),
    "Akismet drips its answer": ("drip", {"seconds": 0.5}),
    "Akismet drips its headers too": ("drip_headers", {}),
    "Akismet resets the connection": ("reset", {}),
    "Akismet answers nothing": ("empty", {}),
    "Akismet answers garbage": ("garbage", {}),
    "Akismet answers 429": ("429", {"retry_after": 1}),
    "Akismet answers 500": ("500", {}),
    "Akismet answers 503": ("503", {"retry_after": 1}),
    "Akismet answers invalid": ("invalid", {}),
    "the account is suspended": ("suspended", {}),
    "the account is throttled": ("throttled", {}),
}
TROUBLE = "SELECT trouble_since FROM comments_account WHERE trouble <> ''"
RUNNING_TASKS = "SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING'"
TASK_WORKERS = "SELECT DISTINCT CAST(worker_ids AS TEXT) FROM django_tasks_database_dbtaskresult"
LEASE = 10  # seconds; a worker's claim on a comment lasts longer than this
OUTAGE = 3  # seconds


@pytest.mark.parametrize("fault", FAULTS)
def test_akismet_fails(fault: str, running: Site, akismet: Standin, prove: Prove) -> None:
    trial = Trial(fault, running, akismet)
    name, details = FAULTS[fault]
    akismet.behave(name, **details)
    trial.post(12)
    trouble = until(lambda: running.rows(TROUBLE))
    # More than all hands at once can have asked: what has failed is tried again.
    akismet.wait_for_calls(6, timeout=30)
    trial.look_at_the_page()
    assert running.rows(TROUBLE) == trouble, "one outage is one trouble, of which the owner is told"
    assert {one.status for one in trial.stored().values()} == {"unchecked"}
    trial.recover()
    row = prove(trial)
    assert row.calls_in_vain < row.posted, "an outage costs a probe now and then, not a call each"


def test_web_is_killed_mid_post(site: Site, akismet: Standin, prove: Prove) -> None:
    trial = Trial("the site is killed mid-post", site, akismet)
    serve = site.serve()
    with trial.crowd():
        until(lambda: len(trial.posted) >= 30)
        serve.kill()
        until(lambda: not site.processes())
        until(lambda: trial.refused)
    serve.wait()
    trial.recover()
    site.serve()
    prove(trial)


def test_worker_is_killed_mid_check(site: Site, akismet: Standin, prove: Prove) -> None:
    """It leaves claims and a task that seems to run; both are overcome when the lease is over."""
    trial = Trial("the worker is killed mid-check", site, akismet)
    site.environment["AKISMET_TIMEOUT"] = "3"  # enough to be killed in
    site.serve(*GUNICORN)
    worker = site.start(*MANAGE, "worker")
    akismet.behave("hang")
    trial.post(8)
    # The hands of the sweep and the one that runs tasks: every one of them is asking.
    held = akismet.wait_for_calls(5, timeout=30, only="comment-check")
    worker.kill()
    worker.wait()
    assert site.rows(RUNNING_TASKS)
    trial.recover()
    site.start(*MANAGE, "worker")
    prove(trial)
    begun = {call.get("comment_content"): call.at.monotonic for call in held}
    again = [call for call in akismet.checks[len(held) :] if call.get("comment_content") in begun]
    pauses = [call.at.monotonic - begun[call.get("comment_content")] for call in again]
    assert len(pauses) == len(held)
    assert min(pauses) >= LEASE


def test_two_workers_share_one_queue(site: Site, akismet: Standin, prove: Prove) -> None:
    trial = Trial("two workers share one queue", site, akismet)
    site.serve(*GUNICORN)
    for _ in range(2):
        site.start(*MANAGE, "worker")
    trial.recover()  # Nothing is wrong from the start.
    akismet.behave("slow", seconds=0.1)
    trial.post(60, at_once=8)
    row = prove(trial)
    assert row.calls_in_vain == 0
    assert len(akismet.checks) == row.posted
    assert len(site.rows(TASK_WORKERS)) >= 2


def test_many_post_at_once(site: Site, akismet: Standin, prove: Prove) -> None:
    """More readers than there are threads, while the worker checks what has come already."""
    trial = Trial("64 readers post at once", site, akismet)
    site.serve()
    trial.recover()  # Nothing is wrong from the start.
    trial.post(500, at_once=64)
    row = prove(trial)
    assert (row.posted, row.stored, trial.refused) == (500, 500, 0)


@pytest.mark.postgresql
@pytest.mark.redis
def test_machine_dies(tmp_path: Path, akismet: Standin, prove: Prove) -> None:
    """Two machines, each with a folder of its own, share a database and a cache. One goes, with
    all that its web server and its worker had in hand, and does not come back.
    """
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    with (
        own_database() as database,
        installed(folders[0], database, akismet) as one,
        installed(folders[1], database, akismet) as other,
    ):
        trial = Trial("one of two machines dies", one, akismet, other)
        for machine in (one, other):
            machine.serve(*GUNICORN)
            machine.start(*MANAGE, "worker")
        before = set(one.processes())
        akismet.behave("slow", seconds=0.5)
        with trial.crowd():
            until(lambda: len(one.rows(TASK_WORKERS)) >= 2)
            until(lambda: len(trial.posted) >= 40)
            assert trial.refused == 0
            other.kill()
            until(lambda: not other.processes())
            until(lambda: trial.refused)
            trial.recover()
            enough = len(trial.posted) + 20
            until(lambda: len(trial.posted) >= enough)
        prove(trial)
        assert set(one.processes()) == before, "the machine that is left lives through it"


def test_database_restarts(tmp_path: Path, akismet: Standin, prove: Prove) -> None:
    """PostgreSQL goes as in a crash, while readers post and answers of Akismet are on their way."""
    with Cluster() as cluster, installed(tmp_path, cluster.url, akismet) as site:
        trial = Trial("PostgreSQL restarts", site, akismet)
        serve = site.serve()
        akismet.behave("slow", seconds=0.3)
        with trial.crowd():
            akismet.wait_for_calls(10, timeout=30)
            cluster.stop()
            time.sleep(OUTAGE)
            cluster.start()
            trial.recover()
            enough = len(trial.posted) + 20
            until(lambda: len(trial.posted) >= enough)
        prove(trial)
        assert serve.poll() is None, "web and worker live through it"


def test_sqlite_is_locked(tmp_path: Path, akismet: Standin, prove: Prove) -> None:
    """Another program holds the file: readers and workers wait, and nobody is turned away."""
    with installed(tmp_path, None, akismet) as site:
        trial = Trial("SQLite is locked by others", site, akismet)
        serve = site.serve()
        akismet.behave("slow", seconds=0.3)
        with trial.crowd(), closing(lock_of(site)) as lock:
            akismet.wait_for_calls(5, timeout=30)
            lock.execute("BEGIN EXCLUSIVE")
            before = len(trial.stored())
            time.sleep(OUTAGE)
            assert len(trial.stored()) == before
            trial.recover()
            lock.execute("ROLLBACK")
            until(lambda: len(trial.posted) >= before + 20)
        prove(trial)
        assert trial.refused == 0
        assert serve.poll() is None


def lock_of(site: Site) -> sqlite3.Connection:
    return sqlite3.connect(site.folder / "sgwrs.sqlite3", timeout=20, isolation_level=None)
