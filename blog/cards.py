"""The picture that goes with a link to an article or to one of its sections, in two formats.

A card's address has a digest of all that is drawn on it, so that one that is known may be kept for
ever and is never out of date. It is drawn when it is first asked for, and lies in DATA_DIR:

    cards/<article>/<shape>-<digest>.jpg
    cards/<article>/<section's position>/<shape>-<digest>.jpg
"""

import fcntl
import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from PIL import Image

from . import pictures
from .drawing import DESIGN, SHAPES, Shape, Words, draw
from .models import Article, Section

logger = logging.getLogger(__name__)


# So many of a process's threads draw cards, or wait for their turn; the others are there for pages.
AT_ONCE = threading.BoundedSemaphore(2)


class BusyError(Exception):
    """Others want cards drawn just now: it is to be had in a moment."""


class PictureError(Exception):
    """The picture that belongs on the card cannot be read."""


@dataclass(frozen=True)
class Card:
    """All that is drawn, and of what."""

    place: tuple[int, ...]  # the article's number, and the section's position
    form: str  # one of SHAPES
    words: Words
    picture: str = ""  # its name in the media storage
    focus: tuple[float, float] = (0.5, 0.5)  # what of it stays in sight

    @classmethod
    def of(cls, shared: Article | Section, form: str) -> Self:
        article = shared.article if isinstance(shared, Section) else shared
        with translation.override(article.language):
            words = Words(shared.title, article.author.name, _("Sgwrs"))
        place: tuple[int, ...] = (article.pk,)
        if isinstance(shared, Section):
            number = str(shared.position)
            words = words._replace(title=shared.heading, label=shared.label, number=number)
            place = (article.pk, shared.position)
        if picture := article.picture:
            return cls(place, form, words, str(picture.file), picture.focus)
        return cls(place, form, words)

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((DESIGN, astuple(self))).encode()).hexdigest()[:16]

    @property
    def path(self) -> str:
        name = "section_card" if len(self.place) > 1 else "card"
        return reverse(name, args=[*self.place, self.form, self.digest])

    @property
    def address(self) -> str:
        return settings.SITE_URL + self.path

    @property
    def shape(self) -> Shape:
        return SHAPES[self.form]

    @property
    def alt(self) -> str:
        """What is written on it."""
        words = self.words
        return " · ".join(filter(None, (words.label, words.title, words.author, words.site)))

    @property
    def file(self) -> Path:
        folder = Path(settings.DATA_DIR, "cards", *map(str, self.place))
        return folder / f"{self.form}-{self.digest}.jpg"

    def content(self) -> bytes:
        """It as a JPEG, drawn unless it was before. Raises PictureError and BusyError."""
        with suppress(OSError):
            return self.file.read_bytes()
        with one_at_a_time():
            with suppress(OSError):
                return self.file.read_bytes()
            content = self.drawn()
            try:
                self.keep(content)
            except OSError as error:
                logger.warning("A card cannot be kept on disk (%s).", error.strerror)
            return content

    def without_picture(self) -> Self:
        return replace(self, picture="")

    def drawn(self) -> bytes:
        picture = self.pixels() if self.picture else None
        card = draw(self.shape, self.words, picture, self.focus)
        content = BytesIO()
        # All colours at full size: letters would have coloured edges otherwise.
        card.save(content, "JPEG", quality=80, subsampling=0, optimize=True, progressive=True)
        return content.getvalue()

    def pixels(self) -> Image.Image:
        try:
            with default_storage.open(self.picture) as file:
                return pictures.read(file)[0]
        except (OSError, ValidationError) as error:
            logger.warning("%s cannot be drawn on cards: %r", self.picture, error)
            raise PictureError from error

    def keep(self, content: bytes) -> None:
        """On disk, whole or not at all, in the place of those that came before."""
        file = self.file
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{os.getpid()}-{threading.get_ident()}")
        with draft.open("wb") as new:
            new.write(content)
            os.fsync(new.fileno())  # nobody looks at it again, so not even a power cut may cut it
        draft.replace(file)
        for other in file.parent.glob(f"{self.form}-*.jpg"):
            if other != file:
                other.unlink(missing_ok=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until nobody else on this machine, process or thread, draws. Raises BusyError.

    So each card is drawn once, and all of them together take no more than one processor.
    """
    if not AT_ONCE.acquire(blocking=False):
        raise BusyError
    path = Path(settings.DATA_DIR, "cards", "lock")
    with ExitStack() as stack:
        stack.callback(AT_ONCE.release)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("ab"))
        except OSError as error:
            logger.warning("Cards may be drawn more than once (%s).", error.strerror)
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def forget(instance: Article, using: str, **_: Any) -> None:
    """Nothing of an article stays when it goes."""
    folder = Path(settings.DATA_DIR, "cards", str(instance.pk))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    transaction.on_commit(remove, using=using, robust=True)
