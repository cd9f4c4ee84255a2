"""The shelf: finished pages as files, shared by all processes of a machine.

    pagecache/locks/…                 who is making which page now, and the last edition's stamp
    pagecache/<edition>/pages/…       one file a page: its headers and its bodies, encoded or not
    pagecache/<edition>/front/…       the same as plain files, if a front server is to send them
    pagecache/current                 leads to the front of the edition that is out (export.py)

Each edition has a folder of its own, so that nothing need be thrown away at the right moment: a new
edition begins with an empty one, and the old one goes when somebody finds the time. Files appear
whole or not at all. The operating system keeps in memory what is asked for often.
"""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import brotli
from django.conf import settings
from django.db import DatabaseError, connection

from . import editions

LOCKS, PAGES, FRONT, CURRENT, STAMP = "locks", "pages", "front", "current", "stamp"
SUFFIXES = {"": "", "gzip": ".gz", "br": ".br"}
IN_MEMORY = 64  # pages that a process has at hand
# So much of the disk stays free, whatever there is to keep.
SPARE = 512 * 1024 * 1024  # bytes


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
    try:
        return read(edition, address)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=IN_MEMORY)
def read(edition: str, address: str) -> Page:
    """Raises OSError when it is not there, ValueError when it is not whole."""
    return Page.from_bytes((root() / edition / PAGES / name_of(address)).read_bytes())


def making(edition: str, address: str) -> AbstractContextManager[None]:
    """The lock of whoever makes this page. There are so many files for it and no more."""
    return lock(name_of(f"{edition}{address}")[:2])


def keep(edition: str, address: str, page: Page) -> None:
    """Put a page on the shelf. What cannot be written is not kept, and nobody minds."""
    with suppress(OSError):
        folder = root() / edition
        (folder / PAGES).mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < SPARE:
            return
        if settings.PAGE_EXPORT and (place := front_place(folder / FRONT, address, page)):
            place.parent.mkdir(parents=True, exist_ok=True)
            # The plain one last: a front server looks for it first.
            for encoding in reversed(SUFFIXES):
                file = place.with_name(place.name + SUFFIXES[encoding])
                write(file, page.bodies[encoding], stamp(edition))
        write(folder / PAGES / name_of(address), page.to_bytes())


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

    It is one after the edition was first seen on this machine, later than any edition's before, and
    even. HTTP's dates know nothing smaller, and front servers make their entity tags of them: no
    two editions may have the same. Raises OSError where no folder can be made.
    """
    file, last = root() / edition / STAMP, root() / LOCKS / "last"
    with lock(STAMP):
        if not file.exists():
            (root() / edition / FRONT).mkdir(parents=True, exist_ok=True)
            if not last.exists():
                last.touch()
            second = (max(int(time.time()), int(last.stat().st_mtime)) // 2 + 1) * 2
            for path in (last, file):
                path.touch()
                os.utime(path, (second, second))
            if others(edition):
                threading.Thread(target=tidy, daemon=True).start()
        return int(file.stat().st_mtime)


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
    with suppress(FileNotFoundError):
        os.unlink(root() / CURRENT)
    discard(others(""))


def discard(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def others(edition: str) -> list[Path]:
    with suppress(OSError):
        return [p for p in root().iterdir() if p.name not in {edition, LOCKS, CURRENT}]
    return []


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Wait until nobody else on this machine, process or thread, holds this lock.

    The system takes it back from a process that dies.
    """
    path = root() / LOCKS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
