"""A copy taken while readers write, and what is made of it when the site is lost."""

import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.faults.trial import ARTICLE, KNOWN
from tests.processes import GUNICORN, PATIENCE, ROOT, Site, linux_only, until

RESTORE = re.compile(r"systemctl stop sgwrs.target\n(.+?)    chown", re.DOTALL)


def run(script: str, site: Site, backup: Path) -> None:
    """A script for an owner's server, with this site's folders."""
    settings = site.folder.parent / "env"
    settings.write_text(f"DATA_DIR='{site.folder}'\n")
    for old, new in (
        ("/etc/sgwrs/env", str(settings)),
        ("/var/lib/sgwrs", str(site.folder)),
        ("/var/backups/sgwrs", str(backup)),
    ):
        script = script.replace(old, new)
    subprocess.run(["sh", "-s", str(backup)], input=script, text=True, check=True, timeout=PATIENCE)


@linux_only
@pytest.mark.skipif(not shutil.which("sqlite3"), reason="no sqlite3 found")
def test_site_comes_back_from_a_copy_taken_while_it_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    site = Site(folder, None, COMMENT_RATE="")
    assert site.manage("prepare").returncode == 0
    server = site.serve(*GUNICORN)
    over = threading.Event()
    posted: list[str] = []

    def write() -> None:
        while not over.is_set():
            body = f"Sylw {len(posted)}."
            assert site.post(f"{ARTICLE}comments/", body=body, **KNOWN) == 303
            posted.append(body)

    def written(enough: int) -> None:
        until(lambda: len(posted) >= enough)

    writer = threading.Thread(target=write)
    writer.start()
    backup = tmp_path / "backup"
    script = (ROOT / "deploy" / "backup").read_text()
    try:
        for enough in (5, 15):  # The second copy takes the place of the first.
            written(enough)
            before = len(posted)
            run(script, site, backup)
        written(before + 1)
    finally:
        over.set()
        writer.join()
        server.terminate()
        server.wait(PATIENCE)
        site.kill()
    secret = (folder / "secret_key").read_bytes()
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "sgwrs.sqlite3-wal").write_bytes(b"left behind")
    [restore] = RESTORE.findall((ROOT / "docs" / "deployment.md").read_text())
    run(restore, site, backup)

    assert site.rows("PRAGMA integrity_check") == [("ok",)]
    stored = {body for (body,) in site.rows("SELECT body FROM comments_comment")}
    assert set(posted[:before]) <= stored
    assert (folder / "secret_key").read_bytes() == secret
    server = site.serve(*GUNICORN)
    try:
        assert site.status(ARTICLE) == 200
        assert site.status("/media/pictures/bridge.jpg") == 200
    finally:
        server.terminate()
        server.wait(PATIENCE)
        site.kill()
