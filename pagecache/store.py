"""The shelf: finished pages as files, shared by all processes of a machine.

    pagecache/locks/…                 who is making which page now
    pagecache/<edition>/pages/…       one file a page: its headers and its bodies, encoded or not
    pagecache/<edition>/front/…       the same as plain files, if a front server is to send them
    pagecache/current                 leads to the front of the edition that is out (export.py)

Each edition has a folder of its own, so that nothing need be thrown away at the right moment: a new
edition begins with an empty one, and the old one goes when somebody finds the time. Files appear
whole or not at all, and each process has the pages it was last asked for at hand.
"""

import errno
import fcntl
import gzip
import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import IO

import brotli
from django.conf import settings
from django.db import DatabaseError, connection

from . import editions

LOCKS, PAGES, FRONT, CURRENT = "locks", "pages", "front", "current"
SUFFIXES = {"": "", "gzip": ".gz", "br": ".br"}
PATIENCE = 10  # seconds to wait for somebody else's page
SPARE = 0.05  # of the disk stays free, whatever there is to keep
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """What is sent for one address: headers, an entity tag, and the body in each encoding."""

    headers: list[tuple[str, str]]
    etag: str
    bodies: dict[str, bytes]

    @classmethod
    def of(cls, headers: list[tuple[str, str]], body: bytes) -> "Page":
        encoded = {
            "": body,
            "gzip": gzip.compress(body, 6, mtime=0),
            "br": brotli.compress(body, mode=brotli.MODE_TEXT, quality=5),
        }
        # Weak, because it stands for all encodings alike.
        return cls(headers, f'W/"{hashlib.sha256(body).hexdigest()[:24]}"', encoded)

    def to_bytes(self) -> bytes:
        sizes = [(encoding, len(body)) for encoding, body in self.bodies.items()]
        head = json.dumps({"headers": self.headers, "etag": self.etag, "sizes": sizes})
        return b"".join([head.encode(), b"\n", *self.bodies.values()])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Page":
        """Raises ValueError when something is missing, as after a power cut."""
        end = data.index(b"\n") + 1
        head, bodies = json.loads(data[:end]), {}
        for encoding, size in head["sizes"]:
            bodies[encoding] = data[end : (end := end + size)]
        if end != len(data):
            raise ValueError
        return cls([(name, value) for name, value in head["headers"]], head["etag"], bodies)


def root() -> Path:
    return Path(settings.DATA_DIR, "pagecache")


def name_of(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def find(edition: str, address: str) -> Page | None:
    """The page of this address in this edition, if somebody has made it."""
    if page := at_hand.get(edition, address):
        return page
    try:
        page = Page.from_bytes(file_of(edition, address).read_bytes())
    except (OSError, ValueError):
        return None
    at_hand.put(edition, address, page)
    return page


def keep(edition: str, address: str, page: Page) -> None:
    """Put a page on the shelf. Where the disk takes nothing, this process keeps it in memory."""
    at_hand.put(edition, address, page)
    file = file_of(edition, address)
    try:
        stamp(edition)
        if not file.parent.exists():  # an edition that is over and removed
            return
        disk = shutil.disk_usage(file.parent)
        if disk.free < disk.total * SPARE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, page.to_bytes())
        if settings.PAGE_EXPORT:
            export(edition, address, page)
    except OSError as error:
        say_once(f"Some pages cannot be kept on disk ({error.strerror}).")


def export(edition: str, address: str, page: Page) -> None:
    """The page as plain files too, if a front server may send it; the unpacked one last, which
    others look for first."""
    if place := front_place(root() / edition / FRONT, address, page):
        place.parent.mkdir(parents=True, exist_ok=True)
        for encoding in reversed(SUFFIXES):
            part = place.with_name(place.name + SUFFIXES[encoding])
            write(part, page.bodies[encoding], stamp(edition))


def file_of(edition: str, address: str) -> Path:
    return root() / edition / PAGES / name_of(address)


class AtHand:
    """The pages this process was last asked for, so many of them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.pages: OrderedDict[tuple[str, str], Page] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, edition: str, address: str) -> Page | None:
        with self.lock:
            if page := self.pages.get((edition, address)):
                self.pages.move_to_end((edition, address))
            return page

    def put(self, edition: str, address: str, page: Page) -> None:
        with self.lock:
            self.pages[edition, address] = page
            if len(self.pages) > self.most:
                self.pages.popitem(last=False)

    def clear(self) -> None:
        with self.lock:
            self.pages.clear()


at_hand = AtHand(64)


@cache
def say_once(what: str) -> None:
    logger.warning(what)


def front_place(front: Path, address: str, page: Page) -> Path | None:
    """Where a front server looks for this address; None if it is none for a front server."""
    parts = address.strip("/").split("/")
    is_html = any(
        name.lower() == "content-type" and value.startswith("text/html")
        for name, value in page.headers
    )
    if not is_html or "?" in address or any(part.startswith(".") or not part for part in parts):
        return None
    return front.joinpath(*parts, "index.html")


def write(path: Path, data: bytes, modified: int | None = None) -> None:
    """A file that is there whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    draft.write_bytes(data)
    if modified is not None:
        os.utime(draft, (modified, modified))
    draft.replace(path)


@lru_cache(maxsize=4)
def stamp(edition: str) -> int:
    """The second (since 1970) in which this edition counts as modified; makes its folder.

    It is the one after the edition was first seen on this machine. HTTP's dates know nothing
    smaller, and front servers make their entity tags of them. So an edition shows its stamp only
    once that second has come, when it is older than that of any edition to come: no two show the
    same. Raises OSError where no folder can be made.
    """
    begun = front(edition).with_name("begun")
    begun.with_name(PAGES).mkdir(exist_ok=True)
    with suppress(FileExistsError):
        begun.touch(exist_ok=False)
        now = time.time()
        os.utime(begun, (now, now))  # by our clock, which need not be the file system's
        if others(edition):
            threading.Thread(target=tidy, daemon=True).start()
    return int(begun.stat().st_mtime) + 1


def front(edition: str) -> Path:
    """The folder of what a front server may send; made if it is not there."""
    folder = root() / edition / FRONT
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tidy() -> None:
    """Remove all editions but the one that is out now. Who reads in them reads to the end."""
    try:
        if edition := editions.current():
            discard(others(edition.name))
    except DatabaseError:
        pass  # the next edition's will do it
    finally:
        connection.close()


def clear() -> None:
    """Begin with an empty shelf: what lay there may have been cut short by a power cut."""
    for path in (root() / CURRENT, lock_file(CURRENT)):
        path.unlink(missing_ok=True)
    discard(others("-"))


def discard(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def others(edition: str) -> list[Path]:
    """The folders of all other editions. One that differs only in the code that makes its pages is
    still out, for processes that run that code."""
    same = edition.rpartition("-")[0]
    with suppress(OSError):
        return [
            path
            for path in root().iterdir()
            if path.name not in {LOCKS, CURRENT} and path.name.rpartition("-")[0] != same
        ]
    return []


def lock_file(name: str) -> Path:
    return root() / LOCKS / name


@contextmanager
def making(edition: str, address: str) -> Iterator[bool]:
    """Be the one who makes this page, or wait for the one who does; whether we are.

    Nobody waits for ever, nor for their turn: who has waited once and finds nothing makes the page
    too. There are so many lock files for it and no more.
    """
    path = lock_file(name_of(f"{edition}{address}")[:2])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        deadline = time.monotonic() + PATIENCE
        is_ours = take(file)
        while not is_ours and time.monotonic() < deadline:
            time.sleep(0.002)
            if take(file):
                fcntl.flock(file, fcntl.LOCK_UN)
                break
        yield is_ours


def take(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Wait until nobody else on this machine, process or thread, holds this lock.

    The system takes it back from a process that dies.
    """
    path = lock_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
