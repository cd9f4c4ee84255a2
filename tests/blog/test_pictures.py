"""Pictures: what comes in is made harmless, what goes out fits. (blog/pictures.py)"""

import os
import re
import struct
import threading
import zlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import ExifTags, Image, ImageCms, PngImagePlugin
from playwright.sync_api import Page

from blog import pictures
from blog.models import Article, Picture
from blog.sitemaps import PART
from tests.cast import make_article, make_owner

pytestmark = pytest.mark.django_db

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)
SECRET = b"53 deg 12 N, camera of Rhys"


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_owner())
    client.cookies["django_language"] = "en"
    return client


def drawn(format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **how: Any) -> bytes:
    """A picture with something to see in it, so that its file has some length."""
    stream = BytesIO()
    image = Image.effect_noise(size, 90).convert(mode)
    image.save(stream, format, **how)
    return stream.getvalue()


def upload(desk: Client, content: bytes, name: str = "llun.jpg", **fields: Any) -> Any:
    file = SimpleUploadedFile(name, content, "image/jpeg")
    return desk.post("/admin/blog/picture/add/", {"file": file, "alt_cy": "Llun", **fields})


def taken(desk: Client, content: bytes, name: str = "llun.jpg") -> Picture:
    answer = upload(desk, content, name)
    assert answer.status_code == 302, errors(answer)
    return Picture.objects.get()


def errors(answer: Any) -> list[str]:
    return [str(error) for error in answer.context["errors"]]


def refusal(desk: Client, content: bytes, name: str = "llun.jpg") -> str:
    """What is said beside the field; and nothing was kept."""
    answer = upload(desk, content, name)
    assert answer.status_code == 200
    assert not Picture.objects.exists()
    assert stored() == []
    (told,) = answer.context["adminform"].form.errors["file"]
    assert told.replace("’", "&#x27;") in answer.text or told in answer.text
    return str(told)


def stored() -> list[Path]:
    return sorted(path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())


def opened(picture: Picture) -> Image.Image:
    with picture.file.open() as file, Image.open(file) as image:
        image.load()
        return image


def make_picture(width: int = 1600, height: int = 900, **fields: Any) -> Picture:
    file = ContentFile(drawn("JPEG", (width, height)), "llun.jpg")
    return Picture.objects.create(file=file, **{"alt_cy": "Llun", **fields})


def make_all() -> None:
    """As the worker does."""
    while picture := Picture.objects.claim_one():
        picture.make_renditions()


# --- coming in ---------------------------------------------------------------------------------


def png_that_claims(width: int, height: int) -> bytes:
    """No more than the beginning of a PNG: what it would be is known before it is decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def black(side: int) -> bytes:
    """A PNG of a few kilobytes that would be a few hundred megabytes when decoded."""
    stream = BytesIO()
    Image.new("1", (side, side)).save(stream, "PNG", compress_level=9)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [png_that_claims(50_000, 50_000), png_that_claims(4_001, 4_000), black(12_000)],
    ids=["claims 2.5 billion pixels", "claims 16.004 million", "a real one of 144 million"],
)
def test_bomb_is_not_set_off(desk: Client, content: bytes) -> None:
    assert len(content) < 50_000
    told = refusal(desk, content, "llun.png")
    assert told == "The picture has more than 16 million pixels. Make it smaller."


def test_photograph_may_be_larger_as_it_is_never_decoded_whole(desk: Client) -> None:
    Image.new("L", (8_100, 8_100)).save(stream := BytesIO(), "JPEG")
    told = refusal(desk, stream.getvalue())
    assert told == "The picture has more than 64 million pixels. Make it smaller."
    Image.new("L", (8_160, 6_144)).save(stream := BytesIO(), "JPEG")
    assert taken(desk, stream.getvalue()).width == pictures.LONGEST


def test_words_stay_that_an_article_needs(desk: Client) -> None:
    picture = make_picture(alt_en="A picture")
    make_article(picture=picture, language="en", title="A house")
    answer = desk.post(f"/admin/blog/picture/{picture.pk}/change/", {"alt_cy": "Llun"})
    assert "An article in this language shows this picture." in str(errors(answer))
    picture.refresh_from_db()
    assert picture.alt_en == "A picture"


def test_file_beyond_the_limit_is_refused(desk: Client) -> None:
    told = refusal(desk, drawn("JPEG") + bytes(pictures.MAX_BYTES))
    assert told == "The file is larger than 16.0\xa0MB. Make the picture smaller."


@pytest.mark.parametrize("name", ["llun.jpg", "llun.png", "llun.webp", "llun.gif", "llun.avif"])
@pytest.mark.parametrize(
    "content",
    [
        b"<?php system($_GET['c']); ?>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a<?php ?>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        drawn("TIFF"),
        drawn("ICO"),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBP",
        bytes(100),
    ],
)
def test_what_is_no_picture_is_told_so_whatever_its_name(
    desk: Client, content: bytes, name: str
) -> None:
    assert refusal(desk, content, name) in {
        "This is no JPEG, PNG, WebP, AVIF or GIF picture, whatever its name says.",
        "The file is damaged or not complete: it cannot be read to its end.",
    }


@pytest.mark.parametrize("name", ["a.php", "a.svg", "a.html", "a.jpg.php", "a", "a.jpg.", "a.tiff"])
def test_picture_under_another_kind_of_name_is_refused(desk: Client, name: str) -> None:
    told = refusal(desk, drawn("JPEG"), name)
    assert told == "The file’s name must end in .jpg, .png, .webp, .avif or .gif."


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_truncated_file_is_told_so(desk: Client, format: str, share: float) -> None:
    whole = drawn(format, (300, 200))
    told = refusal(desk, whole[: int(len(whole) * share)])
    assert "picture, whatever its name" in told or "not complete" in told


def test_error_is_told_in_welsh_to_those_who_work_in_welsh(desk: Client) -> None:
    desk.cookies["django_language"] = "cy"
    told = refusal(desk, b"<svg/>", "llun.svg")
    assert told == "Rhaid i enw’r ffeil orffen yn .jpg, .png, .webp, .avif neu .gif."


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_name_is_made_of_what_is_in_it(desk: Client, format: str) -> None:
    picture = taken(desk, drawn(format), "../../Fy Llun 100% gorau" + "!" * 200 + ".JPG")
    kept = opened(picture)
    assert kept.format == ("PNG" if format in {"PNG", "GIF"} else "JPEG")
    suffix = {"PNG": "png", "JPEG": "jpg"}[kept.format or ""]
    assert re.fullmatch(rf"pictures/[0-9a-f]{{12}}\.{suffix}", str(picture.file))


def test_same_picture_twice_is_two_files_and_each_goes_alone(
    desk: Client, django_capture_on_commit_callbacks: Any
) -> None:
    content = drawn("JPEG", (400, 300))
    for _ in range(2):
        upload(desk, content)
    make_all()
    one, other = Picture.objects.all()
    assert one.names & other.names == set()
    with django_capture_on_commit_callbacks(execute=True):
        one.delete()
    assert all(other.file.storage.exists(name) for name in other.names)


def a_polyglot() -> bytes:
    archive = BytesIO(drawn("JPEG"))
    with ZipFile(archive, "a") as file:
        file.writestr("x.html", "<script>alert(1)</script>")
    return archive.getvalue() + b"<?php system('id'); ?><html><script>alert(1)</script>"


def test_nothing_is_left_of_what_hangs_on_a_picture(desk: Client) -> None:
    content = a_polyglot()
    assert ZipFile(BytesIO(content)).namelist() == ["x.html"]
    taken(desk, content)
    make_all()
    assert len(stored()) == 4
    for path in stored():
        for tail in (b"PK\x03\x04", b"<?php", b"script", b"x.html"):
            assert tail not in path.read_bytes()


def with_metadata(format: str) -> bytes:
    """Where it was taken, and with what, in every way the format knows."""
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = SECRET.decode()
    exif[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (53.0, 12.0, 0.0),
    }
    how: dict[str, Any] = {"exif": exif}
    if format == "PNG":
        how["pnginfo"] = PngImagePlugin.PngInfo()
        how["pnginfo"].add_text("Comment", SECRET.decode())
        how["pnginfo"].add_itxt("XML:com.adobe.xmp", SECRET.decode())
    elif format in {"JPEG", "GIF"}:
        how["comment"] = SECRET
    if format in {"JPEG", "WEBP", "AVIF"}:
        how["xmp"] = b"<x:xmpmeta>" + SECRET
    return drawn(format, (700, 500), **how)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_place_and_camera_are_in_no_file(desk: Client, format: str) -> None:
    content = with_metadata(format)
    assert SECRET in content
    taken(desk, content)
    make_all()
    assert len(stored()) == 1 + 3 * 2  # its own, and three formats in two widths
    for path in stored():
        data = path.read_bytes()
        assert SECRET not in data
        assert b"xmpmeta" not in data
        with Image.open(path) as image:
            assert dict(image.getexif()) == {}
            assert not {"exif", "xmp", "comment", "icc_profile"} & set(image.info)


def halves(orientation: int) -> bytes:
    """Red on the left and green on the right, to be turned."""
    image = Image.new("RGB", (80, 40), GREEN)
    image.paste(RED, (0, 0, 40, 40))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stream = BytesIO()
    image.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        (1, (80, 40), (5, 20)),
        (3, (80, 40), (75, 20)),
        (6, (40, 80), (20, 5)),
        (8, (40, 80), (20, 75)),
    ],
)
def test_picture_stands_upright(
    desk: Client, orientation: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    picture = taken(desk, halves(orientation))
    assert (picture.width, picture.height) == size
    assert is_near(opened(picture).getpixel(red), RED)
    make_all()
    for path in stored():
        with Image.open(path) as image:
            assert image.size == size
            assert is_near(image.convert("RGB").getpixel(red), RED)


def is_near(colour: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 24 for one, other in zip(colour, wanted, strict=True))


def test_colours_are_those_the_profile_means(desk: Client) -> None:
    """In this profile red and green have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")
    stream = BytesIO()
    Image.new("RGB", (40, 40), RED).save(stream, "PNG", icc_profile=swapped)
    assert is_near(opened(taken(desk, stream.getvalue(), "llun.png")).getpixel((9, 9)), GREEN)


def test_profile_that_is_of_no_use_does_no_harm(desk: Client) -> None:
    stream = BytesIO()
    Image.new("RGB", (40, 40), RED).save(stream, "PNG", icc_profile=b"nonsense" * 99)
    assert is_near(opened(taken(desk, stream.getvalue(), "llun.png")).getpixel((9, 9)), RED)


def test_picture_for_the_press_is_made_one_for_screens(desk: Client) -> None:
    stream = BytesIO()
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(stream, "JPEG")
    kept = opened(taken(desk, stream.getvalue()))
    assert kept.mode == "RGB"
    assert is_near(kept.getpixel((9, 9)), RED)


def test_transparent_becomes_white(desk: Client) -> None:
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, *RED])
    image.paste(0, (20, 0, 40, 40))
    stream = BytesIO()
    image.save(stream, "PNG", transparency=0)
    kept = opened(taken(desk, stream.getvalue(), "llun.png"))
    assert (kept.getpixel((5, 5)), kept.getpixel((30, 5))) == (RED, WHITE)


def test_grey_of_16_bits_keeps_its_tone(desk: Client) -> None:
    stream = BytesIO()
    Image.new("I;16", (40, 40), 40_000).save(stream, "PNG")
    kept = opened(taken(desk, stream.getvalue(), "llun.png"))
    assert is_near(kept.convert("RGB").getpixel((5, 5)), (156, 156, 156))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_first_picture_of_an_animation_stays(desk: Client, format: str) -> None:
    first, second = (Image.new("RGB", (40, 40), colour) for colour in (RED, GREEN))
    stream = BytesIO()
    first.save(stream, format, save_all=True, append_images=[second], duration=100)
    kept = opened(taken(desk, stream.getvalue()))
    assert getattr(kept, "n_frames", 1) == 1
    assert is_near(kept.convert("RGB").getpixel((5, 5)), RED)


def test_very_large_picture_is_made_smaller(desk: Client) -> None:
    picture = taken(desk, drawn("JPEG", (6000, 3000), "L"))
    assert (picture.width, picture.height) == (2560, 1280)


def test_bad_file_leaves_the_picture_that_was_there(desk: Client) -> None:
    picture = taken(desk, drawn("JPEG"))
    before = stored()
    for content in (b"nonsense", png_that_claims(9000, 9000)):
        answer = desk.post(
            f"/admin/blog/picture/{picture.pk}/change/",
            {"file": SimpleUploadedFile("x.jpg", content), "alt_cy": "Arall"},
        )
        assert answer.status_code == 200
    assert stored() == before
    assert Picture.objects.get().alt_cy == "Llun"


# --- going out ---------------------------------------------------------------------------------


def sources(text: str) -> dict[str, list[tuple[str, int]]]:
    """What a page offers of its first picture: by type, addresses and widths."""
    (picture,) = re.findall(r"<picture>.*?</picture>", text, re.S)[:1]
    found = re.findall(r'<source type="([^"]+)" srcset="([^"]+)" sizes="[^"]+">', picture)
    return {
        kind: [
            (url, int(width[:-1])) for url, width in (one.split(" ") for one in srcset.split(", "))
        ]
        for kind, srcset in found
    }


@pytest.mark.parametrize("path", ["/cy/", "/cy/ty-bach-twt/", "/cy/author/elin/"])
def test_page_shows_what_there_is_before_and_after_the_worker(reader: Client, path: str) -> None:
    picture = make_picture()
    make_article(picture=picture)
    before = reader.get(path).text
    assert sources(before) == {}
    assert f'src="{picture.file.url}" width="1600" height="900"' in before
    make_all()
    after = reader.get(path).text
    offered = sources(after)
    assert list(offered) == ["image/avif", "image/webp", "image/jpeg"]
    for kind, files in offered.items():
        assert [width for _url, width in files] == [1600, 1280, 840, 420]
        for url, width in files:
            answer = reader.get(url)
            assert answer.status_code == 200
            assert answer["Content-Type"] == kind
            assert "immutable" in answer["Cache-Control"]
            with Image.open(BytesIO(answer.getvalue())) as image:
                assert (image.width, f"image/{(image.format or '').lower()}") == (width, kind)
                assert abs(image.height - width * 900 / 1600) <= 1
    assert 'width="1600" height="900"' in after


@pytest.mark.parametrize(
    ("width", "made"),
    [
        (200, [200]),
        (420, [420]),
        (430, [430]),
        (1280, [1280, 840, 420]),
        (1400, [1400, 840, 420]),
        (1600, [1600, 1280, 840, 420]),
        (5000, [1920, 1280, 840, 420]),
    ],
)
def test_no_file_is_wider_than_the_picture(width: int, made: list[int]) -> None:
    assert pictures.widths(width) == made


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 2000)])
def test_odd_picture_is_made_too(size: tuple[int, int]) -> None:
    picture = make_picture(*size)
    assert picture.make_renditions()
    assert {one.format for one in picture.files} == {"avif", "webp", "jpeg"}


def test_first_picture_is_hurried_and_others_wait_until_they_are_seen(reader: Client) -> None:
    picture = make_picture(40, 30)
    for _ in range(3):
        article = make_article(picture=picture)
    hurried, lazy = 'fetchpriority="high"', 'loading="lazy" decoding="async"'
    tags = re.findall(r"<img[^>]+>", reader.get("/cy/").text)
    assert [(hurried in tag, lazy in tag) for tag in tags] == [(True, False)] + [(False, True)] * 2
    (tag,) = re.findall(r"<img[^>]+>", reader.get(article.get_absolute_url()).text)
    assert hurried in tag


def test_page_takes_no_query_for_all_the_sizes(reader: Client) -> None:
    article = make_article(sections=2, picture=make_picture())
    make_all()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert "image/avif" in reader.get(article.get_absolute_url()).text
    assert len(asked) <= 6


def test_those_who_take_no_choice_get_a_jpeg_of_some_width(reader: Client) -> None:
    picture = make_picture()
    assert picture.best(640) == ("", 1600, 900, str(picture.file), 0)
    article = make_article(picture=picture)
    make_all()
    picture.refresh_from_db()
    assert [picture.best(width).width for width in (1, 420, 421, 1280, 9999)] == [
        *(420, 420, 840, 1280, 1600)
    ]
    assert picture.best(640, "webp").name.endswith(".webp")
    assert picture.single.width == 1280
    for path in ("/cy/feed/", "/cy/feed/json/", f"/sitemap-{article.pk // PART}.xml"):
        assert picture.single.url in reader.get(path).text


@pytest.mark.django_db(transaction=True)
def test_browser_takes_one_that_fits_and_crops_where_it_was_told(
    page: Page, live_server: Any
) -> None:
    make_article(title="Cyntaf", picture=make_picture(900, 1600, focus_x=25, focus_y=0))
    make_article(title="Ail", picture=make_picture(900, 1600, focus_y=100))
    make_all()
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(f"{live_server.url}/cy/", wait_until="networkidle")
    place = "img => getComputedStyle(img).objectPosition"
    first, other = page.locator(".teaser-picture img").all()
    assert (first.evaluate(place), other.evaluate(place)) == ("50% 100%", "25% 0%")
    other.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(img => img.complete && img.naturalWidth)")
    chosen = "img => img.currentSrc.match(/-(\\d+)\\.[0-9a-f]{12}\\.(\\w+)$/).slice(1)"
    assert first.evaluate(chosen) == ["900", "avif"]
    assert other.evaluate(chosen) == ["420", "avif"]


def test_stylesheet_knows_every_place_the_desk_offers() -> None:
    css = Path("static/css/sgwrs.css").read_text()
    for axis, places in (("x", Picture.Across), ("y", Picture.Down)):
        for place in places:
            if place != 50:
                assert f".focus-{axis}-{place} {{ --focus-{axis}: {place}%; }}" in css


def test_desk_shows_the_picture_and_what_was_made_of_it(desk: Client) -> None:
    picture = make_picture()
    change = f"/admin/blog/picture/{picture.pk}/change/"
    assert "still to be made" in desk.get("/admin/blog/picture/").text
    assert "still to be made" in desk.get(change).text
    make_all()
    picture.refresh_from_db()
    assert "420, 840, 1280, 1600" in desk.get("/admin/blog/picture/").text
    text = desk.get(change).text
    assert f'src="{picture.best(1).url}"' in text
    assert "1280 × 720: AVIF " in text


def test_words_can_be_changed_while_a_worker_makes_the_sizes(desk: Client) -> None:
    picture = make_picture()
    make_all()
    picture.alt_cy = "Geiriau newydd"
    picture.save()
    picture.refresh_from_db()
    assert picture.alt_cy == "Geiriau newydd"
    assert len(picture.files) == 12
    assert picture.renditions_due_at is None


# --- whose files they are ----------------------------------------------------------------------


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Callable[[], Any]:
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.mark.parametrize(
    "delete", [lambda one: one.delete(), lambda _: Picture.objects.all().delete()]
)
def test_files_go_with_the_picture(
    committed: Callable[[], Any], delete: Callable[[Picture], Any]
) -> None:
    picture = make_picture()
    make_all()  # `picture` itself has not heard of it
    assert len(stored()) == 13
    with committed():
        delete(picture)
    assert stored() == []


def test_file_that_a_text_shows_by_itself_stays(committed: Callable[[], Any]) -> None:
    picture = make_picture()
    make_all()
    shown = picture.file.url
    make_article(standfirst=f"![Llun]({shown})")
    with committed():
        picture.delete()
    assert [Path(shown).name] == [path.name for path in stored()]
    os.utime(stored()[0], (0, 0))  # old enough to be nobody's
    call_command("renditions", stdout=StringIO())
    assert len(stored()) == 1
    Article.objects.update(standfirst="Testun.")
    call_command("renditions", stdout=StringIO())
    assert stored() == []


def test_files_stay_when_the_picture_does() -> None:
    picture = make_picture()
    make_all()
    with transaction.atomic():
        picture.delete()
        transaction.set_rollback(True)
    assert len(stored()) == 13


def test_another_file_takes_the_place_of_the_old_ones(
    desk: Client, committed: Callable[[], Any], reader: Client
) -> None:
    picture = make_picture()
    article = make_article(picture=picture)
    make_all()
    old = stored()
    with committed():
        desk.post(
            f"/admin/blog/picture/{picture.pk}/change/",
            {"file": SimpleUploadedFile("b.jpg", drawn("JPEG", (800, 600))), "alt_cy": "Arall"},
        )
    assert not set(old) & set(stored())
    picture.refresh_from_db()
    assert (picture.width, picture.height, picture.files) == (800, 600, [])
    assert reader.get(picture.file.url).status_code == 200
    assert sources(reader.get(article.get_absolute_url()).text) == {}
    make_all()
    assert len(sources(reader.get(article.get_absolute_url()).text)) == 3


def test_same_file_again_is_no_loss(desk: Client, committed: Callable[[], Any]) -> None:
    content = drawn("JPEG")
    picture = taken(desk, content)
    with committed():
        desk.post(
            f"/admin/blog/picture/{picture.pk}/change/",
            {"file": SimpleUploadedFile("b.jpg", content), "alt_cy": "Llun"},
        )
    assert [str(path) for path in stored()] == [Picture.objects.get().file.path]


@pytest.mark.parametrize("meanwhile", ["deleted", "replaced"])
def test_worker_that_comes_too_late_leaves_nothing(
    committed: Callable[[], Any], meanwhile: str
) -> None:
    make_picture()
    late = Picture.objects.claim_one()
    assert late
    content = late.file.read()
    with committed():
        if meanwhile == "deleted":
            Picture.objects.all().delete()
        else:
            picture = Picture.objects.get()
            picture.file = ContentFile(drawn("JPEG"), "arall.jpg")
            picture.save()
    expected = stored()
    # It had read the file before.
    late.file.storage.save(str(late.file), ContentFile(content))
    late.make_renditions()
    late.file.storage.delete(str(late.file))
    assert stored() == expected
    assert all(one.renditions_due_at for one in Picture.objects.all())


@pytest.mark.django_db(transaction=True)
def test_many_workers_make_each_picture_once() -> None:
    for _ in range(3):
        make_picture(40, 30)
    claimed: list[int] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        while picture := Picture.objects.claim_one():
            claimed.append(picture.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(Picture.objects.values_list("pk", flat=True))


def test_picture_is_due_again_when_its_worker_died() -> None:
    make_picture(40, 30)
    assert Picture.objects.claim_one()
    assert not Picture.objects.claim_one()
    Picture.objects.update(renditions_due_at=timezone.now())
    assert Picture.objects.claim_one()


def test_file_that_cannot_be_read_is_shown_as_it_is_and_not_tried_for_ever() -> None:
    Path(make_picture(40, 30).file.path).write_bytes(b"nonsense")
    make_all()
    picture = Picture.objects.get()
    assert (picture.files, picture.renditions_due_at) == ([], None)


def test_file_that_is_not_there_just_now_is_tried_again() -> None:
    picture = make_picture(40, 30)
    os.rename(picture.file.path, f"{picture.file.path}.away")
    make_all()
    os.rename(f"{picture.file.path}.away", picture.file.path)
    Picture.objects.update(renditions_due_at=timezone.now())
    make_all()
    picture.refresh_from_db()
    assert len(picture.files) == 3


@pytest.fixture
def old_files() -> Callable[[], None]:
    def age() -> None:
        then = (timezone.now() - timedelta(days=2)).timestamp()
        for path in stored():
            os.utime(path, (then, then))

    return age


def test_command_makes_what_is_missing_and_removes_what_nobody_refers_to(
    old_files: Callable[[], None],
) -> None:
    picture, other = make_picture(), make_picture(400, 300)
    make_all()
    complete = stored()
    picture.refresh_from_db()
    storage = picture.file.storage
    storage.delete(picture.files[5].name)
    (cut,) = (path for path in stored() if str(path).endswith(picture.files[3].name))
    cut.write_bytes(cut.read_bytes()[:10])
    storage.save("pictures/old.jpg", ContentFile(b"x"))
    old_files()
    storage.save("pictures/young.jpg", ContentFile(b"x"))
    told = StringIO()
    call_command("renditions", stdout=told)
    assert f"Picture {picture.pk}: made in 12 files." in told.getvalue()
    assert f"Picture {other.pk}" not in told.getvalue()
    assert "pictures/old.jpg: removed" in told.getvalue()
    assert stored() == sorted([*complete, Path(storage.path("pictures/young.jpg"))])
    assert len(cut.read_bytes()) > 10
