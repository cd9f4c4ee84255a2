"""What a reader sees of the blog. (blog/views.py, blog/querysets.py, templates/blog/)"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone
from PIL import Image
from taggit.models import Tag

from blog.models import Article, Author, Picture, Section, TaggedArticle
from blog.querysets import COMMON
from tests.cast import make_article, make_category, make_moderator, make_owner

pytestmark = pytest.mark.django_db


def get(reader: Client, url: str, **headers: str) -> Any:
    return reader.get(url, headers=headers)


@pytest.mark.parametrize(
    ("asked", "language"),
    [("en-GB,en;q=0.9", "en"), ("cy", "cy"), ("fr", "cy"), ("", "cy"), ("en;q=0.5,cy;q=0.9", "cy")],
)
def test_front_door_leads_to_the_language_the_browser_asks_for(
    reader: Client, asked: str, language: str
) -> None:
    answer = reader.get("/", headers={"Accept-Language": asked})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/{language}/")
    assert "Accept-Language" in answer.headers["Vary"]


def test_article_has_every_part_in_order(reader: Client) -> None:
    article = make_article(
        sections=3,
        section_label="Camsyniad",
        closing_question="Cytuno neu anghytuno?",
        category=make_category(),
        tags=["tai"],
    )
    text = reader.get(article.get_absolute_url()).text
    assert '<html lang="cy">' in text
    parts = [
        ">Busnes</a>",
        "<h1",
        'rel="author">Elin</a>',
        "Sgwrs am dŷ.",
        'href="#section-1"',
        '<section id="section-1"',
        '<section id="section-3"',
        "Cytuno neu anghytuno?",
        'rel="tag">tai</a>',
        '<section id="comments"',
        "<textarea",
    ]
    places = [text.find(part, text.find("<main")) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert text.count("<h1") == 1
    first = text.split('<section id="section-1"')[1].split("</section>")[0]
    assert "Camsyniad #1: Pennawd 1" in re.sub(r"<[^>]+>", "", first)


def test_picture_has_its_size_and_words_in_the_articles_language(reader: Client) -> None:
    file = ContentFile(b"", name="tŷ.png")
    Image.new("RGB", (16, 9)).save(file, "PNG")
    picture = Picture.objects.create(file=file, alt_cy="Tŷ gwyn", alt_en="A white house")
    english = make_article(language="en", picture=picture)
    tag = re.search(r"<img[^>]+>", reader.get(english.get_absolute_url()).text)
    assert tag
    assert 'width="16" height="9" alt="A white house"' in tag[0]
    src = re.search(r'src="([^"]+)"', tag[0])
    assert src
    assert reader.get(src[1]).status_code == 200


def test_words_in_the_other_language_say_so(reader: Client) -> None:
    picture = Picture.objects.create(
        file="x.png", width=16, height=9, alt_cy="Tŷ", alt_en="A house", caption_cy="Tŷ bach"
    )
    article = make_article(language="en", title="A house", picture=picture)
    text = reader.get(article.get_absolute_url()).text
    assert 'alt="A house" fetchpriority' in text
    assert '<span lang="cy">Tŷ bach</span>' in text
    Author.objects.update(about_cy="Awdur.")
    page = reader.get(f"/en/author/{article.author.slug}/").text
    assert '<p class="list-about" lang="cy">Awdur.</p>' in page
    assert (
        '<p class="list-about">Awdur.</p>' in reader.get(f"/cy/author/{article.author.slug}/").text
    )


def test_dates_are_said_in_welsh_form(reader: Client) -> None:
    when = datetime(2026, 10, 25, 12, tzinfo=ZoneInfo("Europe/London"))
    article = make_article(published_at=when)
    assert ">25 Hydref 2026</time>" in reader.get(article.get_absolute_url()).text


def test_other_language_is_one_link_away(reader: Client) -> None:
    welsh = make_article()
    english = make_article(
        language="en", title="A small house", translation_key=welsh.translation_key, origin="person"
    )
    text = reader.get(welsh.get_absolute_url()).text
    assert text.count('/en/a-small-house/"') >= 3  # head, switch, byline
    assert "/cy/ty-bach-twt/" in reader.get(english.get_absolute_url()).text
    english.published_at = None
    english.save()
    assert "/en/a-small-house/" not in reader.get(welsh.get_absolute_url()).text


def test_machine_translation_says_so(reader: Client) -> None:
    article = make_article(language="en", origin="machine")
    assert "Translated by a machine; nobody has checked it." in (
        reader.get(article.get_absolute_url()).text
    )


def test_scheduled_article_appears_when_its_hour_comes(reader: Client) -> None:
    article = make_article(published_at=timezone.now() + timedelta(hours=1))
    assert reader.get(article.get_absolute_url()).status_code == 404
    assert article.title not in reader.get("/cy/").text
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert reader.get(article.get_absolute_url()).status_code == 200
        assert article.title in reader.get("/cy/").text


def test_draft_is_previewed_by_those_who_edit_and_by_nobody_else(client: Client) -> None:
    draft = make_article(published_at=None)
    assert client.get(draft.get_absolute_url()).status_code == 404
    client.force_login(make_moderator())
    assert client.get(draft.get_absolute_url()).status_code == 404
    client.force_login(make_owner())
    answer = client.get(draft.get_absolute_url())
    assert answer.status_code == 200
    assert "preview-notice" in answer.text
    assert "no-store" in answer.headers["Cache-Control"]


def test_published_and_is_published_agree() -> None:
    now = timezone.now()
    moments = [None, now - timedelta(days=1), now + timedelta(days=1)]
    for number, moment in enumerate(moments):
        make_article(title=f"Erthygl {number}", published_at=moment)
    published = set(Article.objects.published())
    assert {article for article in Article.objects.all() if article.is_published} == published
    assert len(published) == 1


@pytest.mark.parametrize(
    "url",
    [
        "/cy/",
        "/cy/category/busnes/",
        "/cy/tag/tai/",
        "/cy/author/elin/",
        "/cy/archive/2026/",
        "/cy/archive/2026/10/",
    ],
)
def test_each_list_has_what_belongs_there_in_its_language(reader: Client, url: str) -> None:
    when = datetime(2026, 10, 5, tzinfo=ZoneInfo("Europe/London"))
    make_article(title="Yma", category=make_category(), tags=["tai"], published_at=when)
    later = timezone.now() + timedelta(days=1)
    for moment in (None, later):
        make_article(title="Cudd", category=make_category(), tags=["tai"], published_at=moment)
    make_article(title="Here", category=make_category(), language="en", published_at=when)
    text = reader.get(url).text
    assert "Yma" in text
    assert "Cudd" not in text
    assert "Here" not in text


def test_archive_names_the_months(reader: Client) -> None:
    for month in (9, 10, 10):
        when = datetime(2026, month, 30, 23, 30, tzinfo=ZoneInfo("Europe/London"))
        make_article(title=f"Erthygl {month}", published_at=when)
    text = reader.get("/cy/archive/").text
    assert re.findall(r'/cy/archive/2026/(\d+)/">(\w+)<', text) == [("10", "Hydref"), ("9", "Medi")]


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ("2026-06-30 22:59:59", "6"),  # in summer midnight comes an hour before that of UTC
        ("2026-06-30 23:00:00", "7"),
        ("2026-10-31 23:59:59", "10"),
        ("2026-11-01 00:00:00", "11"),
        ("2025-12-31 23:59:59", "12"),
        ("2026-01-01 00:00:00", "1"),
    ],
)
def test_month_ends_at_midnight_here(reader: Client, moment: str, month: str) -> None:
    when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC)):
        make_article(title="Ar y ffin", published_at=when)
        archive = reader.get("/cy/archive/").text
        assert re.findall(
            r'/cy/archive/(\d+)/(\d+)/">\w+</a> <span class="count">([^<]+)<', archive
        ) == [(str(when.year), month, "un erthygl")]
        for number in range(1, 13):
            listed = reader.get(f"/cy/archive/{when.year}/{number}/").text
            assert ("Ar y ffin" in listed) == (str(number) == month)
        assert "Ar y ffin" in reader.get(f"/cy/archive/{when.year}/").text
        assert "Ar y ffin" not in reader.get(f"/cy/archive/{when.year - 1}/").text
        assert "Ar y ffin" not in reader.get(f"/cy/archive/{when.year + 1}/").text


def test_archive_counts_what_is_published_in_the_language(reader: Client) -> None:
    when = datetime(1999, 5, 1, tzinfo=ZoneInfo("Europe/London"))
    for number in range(3):
        make_article(title=f"Erthygl {number}", published_at=when)
    make_article(title="Here", language="en", published_at=when)
    make_article(title="Heddiw", published_at=timezone.now())
    make_article(title="Cudd", published_at=timezone.now() + timedelta(hours=1))
    counts = re.findall(r'class="count">([^<]+)<', reader.get("/cy/archive/").text)
    assert counts == ["un erthygl", "tair erthygl"]


LISTS = ["/cy/", "/cy/category/busnes/", "/cy/tag/tai/", "/cy/author/elin/", "/cy/archive/2026/"]


def publish(number: int) -> list[str]:
    """So many articles that are on every one of LISTS; their titles, newest first."""
    titles = [f"Erthygl rhif {n}." for n in range(number)]
    for n, title in enumerate(titles):
        when = datetime(2026, 10, 5, tzinfo=UTC) - timedelta(days=n // 2)  # two at each moment
        make_article(
            title=title, slug=f"n{n}", category=make_category(), tags=["tai"], published_at=when
        )
    return sorted(titles, key=lambda title: (titles.index(title) // 2, -titles.index(title)))


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("number", [9, 10, 11, 25, 30])
def test_pages_of_a_list_show_each_article_once_newest_first(
    reader: Client, url: str, number: int
) -> None:
    titles, seen, query = publish(number), [], ""
    while True:
        text = reader.get(url + query).text
        found = re.findall(r"<h2><a[^>]+>(Erthygl rhif \d+\.)</a></h2>", text)
        assert len(found) <= 10
        seen.append(found)
        said = re.search(r"<li>Tudalen (\d+)</li>", text)
        assert (said[1] if said else "1") == str(len(seen))
        older = re.search(r'rel="next" href="([^"]+)">Cynharach<', text)
        newer = re.search(r'rel="prev" href="([^"]+)">Diweddarach<', text)
        assert bool(newer) == (len(seen) > 1)
        if not older:
            break
        query = older[1]
    assert [title for page in seen for title in page] == titles
    assert reader.get(f"{url}?page={len(seen) + 1}").status_code == 404


@pytest.mark.parametrize("number", [COMMON - 1, COMMON, COMMON + 1])
def test_tag_lists_the_same_however_common_it_is(reader: Client, number: int) -> None:
    author, tag = make_article(title="Heb dag").author, Tag.objects.create(name="tai", slug="tai")
    now = timezone.now()
    moments: list[datetime | None] = [now - timedelta(days=n) for n in range(number - 2)]
    moments += [None, now + timedelta(days=1)]
    articles = Article.objects.bulk_create(
        Article(language="cy", title=f"Erthygl {n}", slug=f"n{n}", author=author, published_at=when)
        for n, when in enumerate(moments)
    )
    TaggedArticle.objects.bulk_create(
        TaggedArticle(tag=tag, content_object=article) for article in articles
    )
    first, last = (reader.get(f"/cy/tag/tai/?page={n}").text for n in (1, (number - 2 + 9) // 10))
    shown = re.findall(r"<h2><a[^>]+>(Erthygl \d+)</a></h2>", first)
    assert shown == [f"Erthygl {n}" for n in range(10)]
    assert re.findall(r"<h2><a[^>]+>(Erthygl \d+)</a></h2>", last)[-1] == f"Erthygl {number - 3}"
    assert 'rel="next"' not in last


@pytest.mark.parametrize(
    "url",
    [
        "/cy/?page=0",
        "/cy/?page=x",
        "/cy/?page=2",
        "/cy/?page=٢",
        "/cy/?page=last",
        "/cy/?page=999999999",
        "/cy/?page=99999999999999999999",
        "/cy/archive/0/",
        "/cy/archive/2026/13/",
        "/cy/archive/9999/",
        "/cy/archive/9999/12/",
        "/cy/archive/99999/",
        "/cy/category/dim/",
        "/cy/dim-byd/",
        "/fr/",
        "/media/nothing.png",
    ],
)
def test_what_is_not_there_is_not_found_in_the_readers_language(reader: Client, url: str) -> None:
    answer = reader.get(url, headers={"Accept-Language": "en"}, follow=True)
    assert answer.status_code == 404
    assert f'<html lang="{"cy" if url.startswith("/cy/") else "en"}">' in answer.text


def test_address_without_language_finds_the_page(reader: Client) -> None:
    make_article()
    answer = reader.get("/ty-bach-twt/", headers={"Accept-Language": "cy"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/cy/ty-bach-twt/")


@pytest.mark.parametrize("articles", [1, 3, 25])
@pytest.mark.parametrize(
    ("url", "queries"), [*zip(LISTS, [2, 3, 4, 3, 2], strict=True), ("/cy/archive/", 3)]
)
def test_lists_take_the_same_queries_and_count_nothing(
    reader: Client, django_assert_num_queries: Any, url: str, queries: int, articles: int
) -> None:
    publish(articles)
    with django_assert_num_queries(queries) as asked:
        reader.get(url)
    counting = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
    assert len(counting) == (1 if url == "/cy/archive/" else 0)


@pytest.mark.parametrize("number", [1, 12])
def test_article_takes_the_same_queries_for_any_number_of_sections(
    reader: Client, django_assert_num_queries: Any, number: int
) -> None:
    article = make_article(sections=number, tags=[f"tag {n}" for n in range(number)])
    with django_assert_num_queries(6):
        reader.get(article.get_absolute_url())


def related(text: str) -> list[str]:
    found = re.findall(r'<nav class="related".*?</nav>', text, re.S)
    return re.findall(r"<li><a[^>]+>([^<]+)</a>", found[0]) if found else []


def test_article_ends_with_the_newest_others_of_its_category(reader: Client) -> None:
    category, now = make_category(), timezone.now()
    articles = [
        make_article(title=f"n{n}", category=category, published_at=now - timedelta(days=n))
        for n in range(5)
    ]
    make_article(title="Cudd", category=category, published_at=None)
    make_article(title="I ddod", category=category, published_at=now + timedelta(days=1))
    english = make_article(
        title="Here",
        category=category,
        language="en",
        translation_key=articles[0].translation_key,
    )
    alone = make_article(title="Heb gategori")
    assert related(reader.get(articles[0].get_absolute_url()).text) == ["n1", "n2", "n3"]
    assert related(reader.get(articles[4].get_absolute_url()).text) == ["n0", "n1", "n2"]
    assert related(reader.get(english.get_absolute_url()).text) == []
    assert related(reader.get(alone.get_absolute_url()).text) == []
    assert [one.title for one in articles[0].translations] == ["Here"]


def test_related_articles_take_no_query_of_their_own(
    reader: Client, django_assert_num_queries: Any
) -> None:
    articles = [make_article(title=f"n{n}", category=make_category()) for n in range(5)]
    with django_assert_num_queries(6):
        assert len(related(reader.get(articles[0].get_absolute_url()).text)) == 3


def test_what_an_author_writes_is_cleaned(reader: Client) -> None:
    article = make_article()
    Section.objects.create(
        article=article,
        position=1,
        heading="<i>Pennawd</i>",
        body="# Is-bennawd\n\n<script>x</script>\n\n[a](javascript:x) *pwyslais*",
    )
    section = reader.get(article.get_absolute_url()).text.split('<section id="section-1"')[1]
    body = section.split("</section>")[0]
    assert "<script" not in body
    assert 'href="javascript' not in body
    assert "<h3>Is-bennawd</h3>" in body
    assert "<em>pwyslais</em>" in body
    assert "&lt;i&gt;Pennawd" in body


def test_footnotes_of_two_sections_do_not_meet(reader: Client) -> None:
    article = make_article()
    for position in (1, 2):
        Section.objects.create(
            article=article, position=position, heading="x", body="Testun[^1]\n\n[^1]: Nodyn."
        )
    text = reader.get(article.get_absolute_url()).text
    anchors = re.findall(r'id="(fn[^"]*)"', text)
    assert len(anchors) == len(set(anchors)) > 1
