"""What a friend sees who is sent a link. (blog/cards.py, blog/drawing.py)"""

import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.robotparser import RobotFileParser

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.files.base import ContentFile, File
from django.db import connection
from django.test import Client
from django.utils import timezone
from PIL import Image, ImageChops

from blog.cards import AT_ONCE, Card
from blog.drawing import NO_BREAK, PAPER, SANS, SERIF, SHAPES, Words, draw, drawable, fit, letters
from blog.models import Article, Author, Picture, Section
from tests.blog.test_structured import meta
from tests.cast import make_article, make_moderator, make_owner

SIZES = {"wide": (1200, 630), "tall": (1000, 1500)}
PLACE = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
WELSH = (
    "Ydych chi’n gwybod pam mae’r cwmnïau gorau yn gwrando cyn siarad, a sut y gall eich tŷ bwyta"
    " ddysgu’r un wers â nhw?"
)
TITLES = {
    "short": "Tŷ ŵyn",
    "welsh": WELSH,
    "letters": "W" * 200,
    "words": ("Gwrandewch " * 20)[:200].strip(),
    "single letters": "y " * 99 + "y",
    "place": f"{PLACE} {PLACE} Ŷ",
    "nothing to draw": "😀",
}


def make_picture(colour: str = "#ff0000", size: tuple[int, int] = (160, 90)) -> Picture:
    file = ContentFile(b"", name="llun.png")
    Image.new("RGB", size, colour).save(file, "PNG")
    return Picture.objects.create(file=file, alt_cy="Llun", alt_en="Picture")


def make_shared(**fields: Any) -> Article:
    return make_article(sections=2, section_label="Camsyniad", picture=make_picture(), **fields)


def get(reader: Client, card: Card | str) -> Any:
    return reader.get(card.path if isinstance(card, Card) else card)


def image(answer: Any) -> Image.Image:
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    return Image.open(BytesIO(answer.content)).convert("RGB")


def files() -> list[Path]:
    return sorted(Path(django_settings.DATA_DIR, "cards").rglob("*.jpg"))


def is_red(colour: Any) -> bool:
    red, green, blue = colour
    return red > 200 and green < 60 and blue < 60


# How it is drawn


@pytest.mark.parametrize("face", [SERIF, SANS])
@pytest.mark.parametrize(("letter", "base"), ["ŵw", "ŷy", "ŴW", "ŶY", "âa", "ôo", "îi", "ïi", "Âa"])
def test_welsh_letters_are_letters(face: str, letter: str, base: str) -> None:
    font = letters(face, 40)
    drawn, *others = (bytes(font.getmask(one)) for one in (letter, base, "\uffff"))
    assert drawn not in others
    assert drawable(letter, face) == letter


def test_letter_and_mark_are_one_and_what_no_face_has_is_left_out() -> None:
    assert drawable("Tw\u0302r 😀 y\u0302d", SERIF) == "Tŵr  ŷd"


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize("form", SHAPES)
@pytest.mark.parametrize("is_section", [True, False])
def test_nothing_is_drawn_in_the_margins(form: str, title: str, is_section: bool) -> None:
    shape = SHAPES[form]
    words = Words(title, "Gwenllian " * 10, "Sgwrs")
    if is_section:
        words = words._replace(label="Camsyniad hir iawn " * 5 + "#100", number="100")
    card = draw(shape, words)
    assert card.size == SIZES[form]
    card.paste(PAPER, shape.sheet)
    box = ImageChops.difference(card, Image.new("RGB", card.size, PAPER)).getbbox()
    assert box
    left, top, right, bottom = shape.text
    assert box[0] >= left - 1  # a letter may lean out by a pixel
    assert box[1] >= top
    assert box[2] <= right + 1
    assert box[3] <= bottom


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize("height", [190, 380])
def test_titles_are_whole_and_have_room(title: str, height: int) -> None:
    block = fit(title, SERIF, SHAPES["wide"].title, 578, height)
    together = "".join(block.lines).replace(" ", "").replace(NO_BREAK, "")
    assert together == drawable(title, SERIF).replace(" ", "")
    assert block.height <= height
    assert max(block.font.getlength(line) for line in block.lines) <= 578


def test_lines_are_even_and_no_word_ends_alone() -> None:
    title = "Pum peth y mae pob busnes bach yn ei ofyn i mi cyn y Nadolig"
    for width in range(400, 900, 20):
        block = fit(title, SERIF, (60, 30), width, 400)
        found = [line.replace(NO_BREAK, " ").split() for line in block.lines]
        assert len(found[-1]) > 1, found
        assert all(len(line[-1]) > 1 for line in found), found
        lengths = [block.font.getlength(line) for line in block.lines]
        assert min(lengths) > max(lengths) * 0.6, block.lines


def test_long_words_are_broken_only_where_smaller_letters_do_not_help() -> None:
    assert fit("Cyfryngau cymdeithasol", SERIF, (96, 30), 400, 400).lines == [
        *("Cyfryngau", "cymdeithasol")
    ]
    assert len(fit(PLACE, SERIF, (96, 30), 400, 400).lines) > 1


def test_picture_is_cut_around_what_must_be_seen() -> None:
    picture = Image.new("RGB", (1000, 100), "#00ff00")
    picture.paste("#ff0000", (800, 0, 1000, 100))
    words, middle = Words("Tŷ", "Elin", "Sgwrs"), (945, 315)
    assert draw(SHAPES["wide"], words, picture).getpixel(middle) == (0, 255, 0)
    assert draw(SHAPES["wide"], words, picture, (1, 0.5)).getpixel(middle) == (255, 0, 0)


# How it is asked for


@pytest.mark.django_db
@pytest.mark.parametrize("form", SIZES)
def test_card_has_its_size_and_may_be_kept_for_ever(reader: Client, form: str) -> None:
    article = make_shared(title=WELSH)
    for shared in (article, article.sections.all()[1]):
        answer = get(reader, Card.of(shared, form))
        assert image(answer).size == SIZES[form]
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        left, top, right, bottom = SHAPES[form].sheet
        assert is_red(image(answer).getpixel(((left + right) // 2, (top + bottom) // 2)))
        assert get(reader, Card.of(shared, form)).content == answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("form", SIZES)
def test_card_is_light_enough_for_a_telephone(reader: Client, form: str) -> None:
    with (django_settings.BASE_DIR / "fixtures/pictures/stall.jpg").open("rb") as file:
        picture = Picture.objects.create(file=File(file, name="stondin.jpg"), alt_cy="Stondin")
    article = make_article(title=WELSH, picture=picture)
    assert len(get(reader, Card.of(article, form)).content) < 150_000


def rename(article: Article) -> None:
    Article.objects.filter(pk=article.pk).update(title="Tŷ mawr")


def rename_author(article: Article) -> None:
    Author.objects.filter(pk=article.author_id).update(name="Elin Fychan")


def change_picture(article: Article) -> None:
    Article.objects.filter(pk=article.pk).update(picture=make_picture("#0000ff"))


def take_picture_away(article: Article) -> None:
    Article.objects.filter(pk=article.pk).update(picture=None)


def change_heading(article: Article) -> None:
    Section.objects.filter(article=article, position=1).update(heading="Pennawd arall")


def change_label(article: Article) -> None:
    Article.objects.filter(pk=article.pk).update(section_label="Cyngor")


def change_order(article: Article) -> None:
    article.arrange(list(article.sections.all())[::-1])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "of_section"),
    [
        *((rename, False), (rename_author, False), (rename_author, True)),
        *((change_picture, False), (change_picture, True), (take_picture_away, True)),
        *((change_heading, True), (change_label, True), (change_order, True)),
    ],
)
def test_card_is_drawn_anew_with_each_change(
    reader: Client, change: Callable[[Article], None], of_section: bool
) -> None:
    def cards() -> list[Card]:
        article = Article.objects.get()
        shared = article.sections.all()[0] if of_section else article
        return [Card.of(shared, form) for form in SIZES]

    make_shared()
    before = cards()
    old = [get(reader, card).content for card in before]
    change(Article.objects.get())
    after = cards()
    for was, now, content in zip(before, after, old, strict=True):
        moved = get(reader, was)
        assert (moved.status_code, moved.headers["Location"]) == (302, now.path)
        assert "immutable" not in moved.headers.get("Cache-Control", "")
        assert get(reader, now).content != content
    assert files() == sorted(card.file for card in after)


@pytest.mark.django_db
def test_card_follows_what_must_be_seen_of_its_picture() -> None:
    before = Card.of(make_shared(), "wide")
    Picture.objects.update(focus_x=Picture.Across.LEFT)
    assert Card.of(Article.objects.get(), "wide").digest != before.digest


@pytest.mark.django_db
def test_other_changes_leave_the_card_as_it_is() -> None:
    article = make_shared()
    before = Card.of(article, "wide")
    Article.objects.update(standfirst="Newydd.", comments_open=False, slug="arall")
    assert Card.of(Article.objects.get(), "wide") == before


@pytest.mark.django_db
def test_card_appears_with_its_article(reader: Client, client: Client) -> None:
    hour = timezone.now() + timedelta(hours=1)
    for article in (make_shared(published_at=hour), make_shared(title="Drafft", published_at=None)):
        cards = [Card.of(article, "wide"), Card.of(article.sections.all()[0], "tall")]
        client.force_login(make_moderator(f"mared-{article.pk}"))
        for card in cards:
            for address in (card.path, card.path.replace(card.digest, "0")):
                assert get(reader, address).status_code == 404
                assert get(client, address).status_code == 404
        assert files() == []
        client.force_login(make_owner(f"owain-{article.pk}"))
        for card in cards:
            answer = get(client, card)
            assert image(answer).size == SIZES[card.form]
            assert "no-store" in answer.headers["Cache-Control"]
            assert get(reader, card).status_code == 404  # though it lies there
            card.file.unlink()
    with time_machine.travel(hour + timedelta(seconds=1)):
        scheduled = Article.objects.exclude(published_at=None).get()
        assert image(get(reader, Card.of(scheduled, "wide")))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        *("/cards/{pk}/square-0.jpg", "/cards/{pk}/0/wide-0.jpg", "/cards/{pk}/3/wide-0.jpg"),
        *("/cards/0/wide-0.jpg", "/cards/{pk}/wide.jpg", "/cards/{pk}/wide-0.png"),
        "/cards/{pk}/%2e%2e/wide-0.jpg",
    ],
)
def test_what_is_no_card_is_not_found(reader: Client, wrong: str) -> None:
    article = make_shared()
    assert get(reader, wrong.format(pk=article.pk)).status_code == 404
    assert files() == []


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/cards/{0}/wide-0.jpg", "/cards/1/{0}/tall-0.jpg"])
def test_no_number_breaks_a_card(reader: Client, address: str) -> None:
    make_shared()
    assert get(reader, address.format("9" * 30)).status_code in {400, 404}


@pytest.mark.django_db
def test_only_what_is_current_is_ever_drawn(reader: Client) -> None:
    article = make_shared()
    for digest in range(20):
        assert get(reader, f"/cards/{article.pk}/wide-{digest}.jpg").status_code == 302
    assert files() == []


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_have_it_drawn_once() -> None:
    card = Card.of(make_shared(title=WELSH), "tall")
    together = threading.Barrier(6)
    seen: set[tuple[bytes, int]] = set()

    def ask() -> None:
        together.wait()
        while (answer := get(Client(), card)).status_code == 503:
            pass
        seen.add((answer.content, card.file.stat().st_ino))  # another drawing: another file
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1
    assert [one.name for one in card.file.parent.iterdir()] == [card.file.name]


@pytest.mark.django_db
def test_cards_go_with_their_article(
    reader: Client, django_capture_on_commit_callbacks: Any
) -> None:
    article = make_shared()
    for shared in (article, article.sections.all()[0]):
        get(reader, Card.of(shared, "wide"))
    assert len(files()) == 2
    with django_capture_on_commit_callbacks(execute=True):
        article.delete()
    assert files() == []


@pytest.mark.django_db
def test_some_threads_stay_free_for_pages_whoever_wants_cards_drawn(reader: Client) -> None:
    article = make_shared()
    wide, tall = Card.of(article, "wide"), Card.of(article, "tall")
    assert get(reader, wide).status_code == 200
    with ExitStack() as others:
        while AT_ONCE.acquire(blocking=False):  # others draw, as many as may
            others.callback(AT_ONCE.release)
        busy = get(reader, tall)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        assert get(reader, wide).status_code == 200
    assert get(reader, tall).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("content", [None, b"", b"no picture", b"cut short"])
def test_card_without_its_picture_until_that_is_there(
    reader: Client, content: bytes | None
) -> None:
    article = make_shared()
    assert article.picture
    file = Path(article.picture.file.path)
    whole = file.read_bytes()
    file.unlink()
    if content is not None:
        file.write_bytes(whole[:-40] if content == b"cut short" else content)
    card = Card.of(article, "wide")
    bare = [get(reader, card), get(reader, card)]
    assert image(bare[0]).size == SIZES["wide"]
    assert bare[0].content == bare[1].content
    assert not is_red(image(bare[0]).getpixel((1000, 100)))
    assert bare[0].headers["Cache-Control"] == "public, max-age=60"
    assert len(files()) == 1  # drawn once, too
    file.write_bytes(whole)
    healed = get(reader, card)
    assert is_red(image(healed).getpixel((1000, 100)))
    assert "immutable" in healed.headers["Cache-Control"]
    assert files() == [card.file]


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["cards", "cards/{pk}"])
def test_card_is_sent_where_none_can_be_kept(reader: Client, settings: Any, folder: str) -> None:
    article = make_shared()
    card = Card.of(article, "wide")
    in_the_way = Path(settings.DATA_DIR, folder.format(pk=article.pk))
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.touch()
    assert image(get(reader, card)).size == SIZES["wide"]


@pytest.mark.django_db
def test_crawlers_may_ask_for_cards_and_sections(reader: Client) -> None:
    section = make_shared().sections.all()[0]
    rules = RobotFileParser()
    rules.parse(reader.get("/robots.txt").text.splitlines())
    assert not rules.can_fetch("facebookexternalhit", "/admin/")
    assert rules.can_fetch("facebookexternalhit", urlsplit(section.page).path)
    assert rules.can_fetch("facebookexternalhit", Card.of(section, "wide").path)


# Where it is named


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["cy", "en"])
def test_pages_name_their_cards(reader: Client, settings: Any, language: str) -> None:
    settings.SITE_URL = "https://blog.example"
    article = make_shared(language=language)
    section = article.sections.all()[1]
    for shared, path, title in (
        (article, article.get_absolute_url(), "Tŷ bach twt"),
        (section, f"/{language}/{article.slug}/section/2/", "Camsyniad #2: Pennawd 2"),
    ):
        text = reader.get(path).text
        told = meta(text)
        assert told["og:title"] == title
        assert told["og:url"] == f"https://blog.example{path}"
        assert told["og:image"] == f"https://blog.example{Card.of(shared, 'wide').path}"
        assert (told["og:image:width"], told["og:image:height"]) == ("1200", "630")
        assert told["og:image:type"] == "image/jpeg"
        assert told["og:image:alt"].endswith(" · Elin · Sgwrs")
        assert told["twitter:card"] == "summary_large_image"
        assert image(get(reader, urlsplit(told["og:image"]).path)).size == SIZES["wide"]
        (canonical,) = re.findall(r'<link rel="canonical" href="([^"]+)">', text)
        assert canonical == article.address
        assert "noindex" not in text
    assert told["og:description"] == "Testun."


@pytest.mark.django_db
def test_pinterest_is_told_of_the_tall_card(reader: Client) -> None:
    article = make_shared()
    text = reader.get(article.get_absolute_url()).text
    links = re.findall(r'href="(https://www\.pinterest\.com[^"]+)"', text)
    media = [parse_qs(urlsplit(link.replace("&amp;", "&")).query)["media"][0] for link in links]
    shared: list[Article | Section] = [*article.sections.all(), article]
    assert media == [Card.of(one, "tall").address for one in shared]
    assert [image(get(reader, urlsplit(one).path)).size for one in media] == [(1000, 1500)] * 3


@pytest.mark.django_db
@pytest.mark.parametrize("position", ["0", "3", "02", "x", "9" * 30])
def test_section_that_is_not_there_has_no_page(reader: Client, position: str) -> None:
    article = make_shared()
    answer = reader.get(f"{article.get_absolute_url()}section/{position}/")
    assert answer.status_code == 404


@pytest.mark.django_db
def test_section_of_a_draft_has_no_page(reader: Client) -> None:
    article = make_article(sections=1, published_at=None)
    assert reader.get(f"{article.get_absolute_url()}section/1/").status_code == 404


@pytest.mark.django_db
def test_page_of_a_section_takes_no_more_queries(
    reader: Client, django_assert_num_queries: Any
) -> None:
    article = make_article(sections=12, picture=make_picture())
    for path in ("", "section/7/"):
        with django_assert_num_queries(6):
            reader.get(f"{article.get_absolute_url()}{path}")
