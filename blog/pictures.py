"""What becomes of a picture: harmless when it comes in, in several sizes for those who look.

What is uploaded is made anew from its pixels, so that nothing else of the file is left: neither
where it was taken nor what somebody hid in it. Only pixels and files here, no rows: those are
models.Picture's.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

FOLDER = "pictures"
MAX_BYTES = 16 * 2**20  # what the front servers let through is a little more (deploy/)
# A photograph, as telephones take it, is decoded no larger than it is kept; of all else each pixel
# is, some of it several times over, for which a small server must have the memory (400 MB).
MAX_PIXELS = 16_000_000
MAX_PIXELS_OF_JPEG = 64_000_000
LONGEST = 2560  # pixels of the longer side that are kept

SUFFIXES = frozenset({".avif", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".webp"})
TAKEN = ("AVIF", "GIF", "JPEG", "PNG", "WEBP")
LOSSLESS = frozenset({"GIF", "PNG"})  # drawings, mostly: they are kept to the pixel

WIDTHS = (420, 840, 1280, 1920)  # of a list and a telephone, and of a page, to twice its width
# How each format is made: good to look at, and quick, as a small machine has other things to do.
RENDITIONS: dict[str, dict[str, Any]] = {
    "avif": {"quality": 60, "speed": 8, "max_threads": 1},
    "webp": {"quality": 78, "method": 4},
    "jpeg": {"quality": 78, "optimize": True, "progressive": True},
}
KEPT: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 90, "optimize": True, "progressive": True},
    "png": {},
}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
YOUNG = timedelta(days=1)  # a file of this age may belong to what is not committed yet


class Rendition(NamedTuple):
    """One file of a picture; `bytes` is 0 where nobody asked how long it is."""

    format: str
    width: int
    height: int
    name: str
    bytes: int = 0

    @property
    def url(self) -> str:
        return default_storage.url(self.name)


# --- coming in ---------------------------------------------------------------------------------


class UploadField(forms.FileField):
    """A picture from somebody's computer, made harmless."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"max_length": None})  # whatever its name is, we give another

    def to_python(self, data: Any) -> File[bytes] | None:
        upload = super().to_python(data)
        return harmless(upload) if upload else None

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        kinds = ",".join(f"image/{kind.lower()}" for kind in TAKEN)
        return super().widget_attrs(widget) | {"accept": kinds}


def harmless(upload: File[bytes]) -> File[bytes]:
    """The picture in a file and nothing else of it, named by what is in it.

    Raises ValidationError where there is none, or more than we take.
    """
    if upload.size > MAX_BYTES:
        raise ValidationError(
            _("The file is larger than %(limit)s. Make the picture smaller."),
            code="too_long",
            params={"limit": filesizeformat(MAX_BYTES)},
        )
    if PurePosixPath(upload.name or "").suffix.lower() not in SUFFIXES:
        raise ValidationError(
            _("The file’s name must end in .jpg, .png, .webp, .avif or .gif."), code="wrong_name"
        )
    image, format = read(BytesIO(upload.read()))
    kept_as = "png" if format in LOSSLESS else "jpeg"
    data = encoded(image, kept_as, KEPT)
    return ContentFile(data, f"{fingerprint(data)}.{suffix(kept_as)}")


def read(file: IO[bytes] | File[bytes]) -> tuple[Image.Image, str]:
    """The pixels of a picture as a screen shows them, and the format of its file.

    That is upright, on white, in the colours of sRGB, and no side longer than LONGEST. Of an
    animation it is the first picture. Raises ValidationError where there is no picture or too much
    of it, and OSError where the file cannot be got at.
    """
    limit = MAX_PIXELS
    try:
        with Image.open(file, formats=TAKEN) as image:
            limit = MAX_PIXELS_OF_JPEG if image.format == "JPEG" else MAX_PIXELS
            if image.width * image.height > limit:  # nothing is decoded yet
                raise Image.DecompressionBombError
            image.draft(None, (LONGEST, LONGEST))  # of a large JPEG, no more than is kept
            image.load()
            return on_screen(image), str(image.format)
    except UnidentifiedImageError:
        raise ValidationError(
            _("This is no JPEG, PNG, WebP, AVIF or GIF picture, whatever its name says."),
            code="no_picture",
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValidationError(
            _("The picture has more than %(limit)s million pixels. Make it smaller."),
            code="too_large",
            params={"limit": limit // 10**6},
        ) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # the disk's, and not the picture's
            raise
        raise ValidationError(
            _("The file is damaged or not complete: it cannot be read to its end."), code="broken"
        ) from None


def on_screen(image: Image.Image) -> Image.Image:
    profile, turn = image.info.get("icc_profile"), turn_of(image)
    if image.mode.startswith("I;16"):  # greys of 16 bits, of which Pillow would keep the lower 8
        image = image.point(lambda grey: grey * (1 / 256)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    elif image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("RGB")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    if profile:
        with suppress(ImageCms.PyCMSError):  # one that is of no use: as if there were none
            srgb = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, BytesIO(profile), srgb, outputMode="RGB")  # type: ignore[assignment]
    image = image.convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
    image.info.clear()  # some of it would be written with the pixels
    return image


def turn_of(image: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - whatever else a camera wrote, the pixels are good
        return None


# --- several sizes -----------------------------------------------------------------------------


def widths(width: int) -> list[int]:
    """The widths a picture is made in, the widest first: its own, or WIDTHS' last, and smaller ones
    that are worth it.
    """
    widest = min(width, WIDTHS[-1])
    return [widest, *(one for one in reversed(WIDTHS) if one * 1.2 < widest)]


def is_complete(made: list[Rendition]) -> bool:
    """Whether each format is there in each width, up to the widest there is, and its file whole."""
    if not made:
        return False
    widest = max(one.width for one in made)
    wanted = {(format, width) for format in RENDITIONS for width in widths(widest)}
    return {(one.format, one.width) for one in made} == wanted and all(
        default_storage.exists(one.name) and default_storage.size(one.name) == one.bytes
        for one in made
    )


def make(file: File[bytes]) -> list[Rendition]:
    """Make the files of a picture from its own file, next to which they are kept.

    Raises ValidationError where it cannot be read, OSError where a file is not to be had.
    """
    with file.open() as stream:
        image, _format = read(stream)
    stem = PurePosixPath(file.name or "").with_suffix("")
    width, height = image.size
    made = []
    for one in widths(width):
        # Each from the next larger: that is quick, and not to be seen.
        image = image.resize((one, max(1, round(height * one / width))), Image.Resampling.LANCZOS)
        for format in RENDITIONS:
            data = encoded(image, format, RENDITIONS)
            name = f"{stem}-{one}.{fingerprint(data)}.{suffix(format)}"
            keep(name, data)
            made.append(Rendition(format, *image.size, name, len(data)))
    return made


def encoded(image: Image.Image, format: str, how: dict[str, dict[str, Any]]) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **how[format])
    return stream.getvalue()


def fingerprint(data: bytes) -> str:
    """What stands in the name: other bytes have another, so a file never changes under its name."""
    return hashlib.sha256(data).hexdigest()[:12]


def suffix(format: str) -> str:
    return "jpg" if format == "jpeg" else format


# --- files -------------------------------------------------------------------------------------


def keep(name: str, data: bytes) -> None:
    """Have a file with these bytes there, also where somebody was cut off while he wrote it."""
    if default_storage.exists(name):
        if default_storage.size(name) == len(data):
            return
        default_storage.delete(name)
    default_storage.save(name, ContentFile(data))


def remove(names: Iterable[str]) -> None:
    for name in names:
        default_storage.delete(name)


def left_over(in_use: Callable[[], set[str]]) -> Iterator[str]:
    """Files of pictures that nobody refers to. What is young may belong to what is just being made.

    Who refers to what is asked after it is known which files there are.
    """
    with suppress(FileNotFoundError):
        names = [f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]]
        for name in sorted(set(names) - in_use()):
            if default_storage.get_modified_time(name) < timezone.now() - YOUNG:
                yield name
