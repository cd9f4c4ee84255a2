"""What a feed reader gets. (blog/feeds.py, templates/blog/feed.xml)"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from blog.feeds import NEWEST
from blog.models import Picture, Section
from tests.cast import make_article, make_category, make_comment

pytestmark = pytest.mark.django_db

ATOM = {"": "http://www.w3.org/2005/Atom", "thr": "http://purl.org/syndication/thread/1.0"}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
SITE = "https://blog.example"


@pytest.fixture(autouse=True)
def name_of_the_site(settings: Any) -> None:
    settings.SITE_URL = SITE


def atom(reader: Client, url: str) -> ElementTree.Element:
    """A feed in which all is there that RFC 4287 requires."""
    answer = reader.get(url)
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    feed = ElementTree.fromstring(answer.content)  # noqa: S314 - of our own making
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    for element in (feed, *feed.findall("entry", ATOM)):
        for required in ("id", "title", "updated"):
            assert len(element.findall(required, ATOM)) == 1, required
            assert said(element, required)
        assert datetime.fromisoformat(said(element, "updated")).tzinfo
        assert link(element, "alternate", "text/html").startswith(f"{SITE}/")
    for entry in feed.findall("entry", ATOM):
        assert said(entry, "author/name")
        assert entry.get(XML_LANG)
    assert link(feed, "self", "application/atom+xml") == SITE + url
    ids = [said(entry, "id") for entry in feed.findall("entry", ATOM)]
    assert len(ids) == len(set(ids))
    return feed


def said(element: ElementTree.Element, path: str) -> str:
    return element.findtext("/".join(f"{{{ATOM['']}}}{name}" for name in path.split("/"))) or ""


def link(element: ElementTree.Element, rel: str, kind: str) -> str:
    found = [
        one.get("href") or ""
        for one in element.findall("link", ATOM)
        if (one.get("rel"), one.get("type")) == (rel, kind)
    ]
    assert len(found) == 1, (rel, kind)
    return found[0]


def titles(feed: ElementTree.Element) -> list[str]:
    return [said(entry, "title") for entry in feed.findall("entry", ATOM)]


def make_full_article() -> Any:
    file = ContentFile(b"", name="llun.png")
    Image.new("RGB", (16, 9)).save(file, "PNG")
    article = make_article(
        sections=2,
        section_label="Camsyniad",
        closing_question="Cytuno neu anghytuno?",
        standfirst="Sgwrs am *dŷ* & gardd.",
        category=make_category(),
        tags=["tai"],
        picture=Picture.objects.create(file=file, alt_cy="Tŷ gwyn"),
    )
    Section.objects.create(
        article=article,
        position=3,
        heading="a < b",
        body="[Dolen](/cy/archive/) i’r archif[^1]\n\n[^1]: N.",
    )
    return article


def test_entry_is_the_whole_article(reader: Client) -> None:
    article = make_full_article()
    feed = atom(reader, "/cy/feed/")
    assert feed.get(XML_LANG) == "cy"
    (entry,) = feed.findall("entry", ATOM)
    assert said(entry, "title") == article.title
    assert said(entry, "summary") == "Sgwrs am dŷ & gardd."
    assert said(entry, "author/uri") == f"{SITE}/cy/author/elin/"
    assert link(entry, "alternate", "text/html") == f"{SITE}/cy/ty-bach-twt/"
    assert link(entry, "replies", "text/html") == f"{SITE}/cy/ty-bach-twt/#comments"
    assert [one.get("term") for one in entry.findall("category", ATOM)] == ["busnes", "tai"]
    assert [one.get("label") for one in entry.findall("category", ATOM)] == ["Busnes", "tai"]
    content = said(entry, "content")
    parts = [
        f'<img src="{SITE}/media/pictures/',
        'width="16" height="9" alt="Tŷ gwyn"',
        "<p>Sgwrs am <em>dŷ</em> &amp; gardd.</p>",
        '<h2 id="section-1">Camsyniad #1: Pennawd 1</h2>',
        "Camsyniad #3: a &lt; b",
        f'<a href="{SITE}/cy/archive/">Dolen</a>',
        f'href="{SITE}/cy/ty-bach-twt/#fn',
        "Cytuno neu anghytuno?",
    ]
    places = [content.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert 'href="/' not in content
    assert 'src="/' not in content


def test_comments_are_one_link_away(reader: Client) -> None:
    article = make_article()
    make_comment(article, status="approved")
    (entry,) = atom(reader, "/cy/feed/").findall("entry", ATOM)
    url = link(entry, "replies", "application/atom+xml").removeprefix(SITE)
    assert len(atom(reader, url).findall("entry", ATOM)) == 1


def test_entry_keeps_its_name_when_its_address_changes(reader: Client) -> None:
    article = make_article()
    before = said(atom(reader, "/cy/feed/"), "entry/id")
    article.slug = "ty-mawr"
    article.published_at = timezone.now() - timedelta(days=500)
    article.save()
    feed = atom(reader, "/cy/feed/")
    assert said(feed, "entry/id") == before == f"tag:blog.example,2026:article-{article.pk}"


def test_dates_are_those_of_publishing_and_of_the_last_change(reader: Client) -> None:
    soon = timezone.now() - timedelta(days=3)
    article = make_article(published_at=soon)
    (entry,) = (feed := atom(reader, "/cy/feed/")).findall("entry", ATOM)
    assert datetime.fromisoformat(said(entry, "published")) == soon
    assert datetime.fromisoformat(said(entry, "updated")) == article.modified_at
    assert said(feed, "updated") == said(entry, "updated")
    # Written long ago, it came out only now: that is its last change.
    type(article).objects.update(modified_at=soon - timedelta(days=9))
    entry = atom(reader, "/cy/feed/").findall("entry", ATOM)[0]
    assert datetime.fromisoformat(said(entry, "updated")) == soon


@pytest.mark.parametrize(
    "url", ["/cy/feed/", "/cy/category/busnes/feed/", "/cy/tag/tai/feed/", "/cy/author/elin/feed/"]
)
def test_each_feed_has_what_its_list_has(reader: Client, url: str) -> None:
    make_article(title="Yma", category=make_category(), tags=["tai"])
    for moment in (None, timezone.now() + timedelta(days=1)):
        make_article(title="Cudd", category=make_category(), tags=["tai"], published_at=moment)
    make_article(title="Here", category=make_category(), language="en", slug="here")
    feed = atom(reader, url)
    page = url.removesuffix("feed/")
    assert titles(feed) == ["Yma"]
    assert said(feed, "id") == link(feed, "alternate", "text/html") == SITE + page
    assert f'type="application/atom+xml" title="{said(feed, "title")}" href="{url}"' in (
        reader.get(page).text
    )


@pytest.mark.parametrize("kind", ["category", "tag", "author"])
def test_feed_of_nothing_is_not_found(reader: Client, kind: str) -> None:
    assert reader.get(f"/cy/{kind}/dim/feed/").status_code == 404


def test_empty_feed_is_whole(reader: Client) -> None:
    assert titles(atom(reader, "/en/feed/")) == []
    assert reader.get("/en/feed/json/").json()["items"] == []


def test_feed_ends_after_the_newest(reader: Client) -> None:
    for number in range(NEWEST + 2):
        make_article(title=f"n{number}", published_at=timezone.now() - timedelta(days=number))
    newest = [f"n{number}" for number in range(NEWEST)]
    assert titles(atom(reader, "/cy/feed/")) == newest
    assert [item["title"] for item in reader.get("/cy/feed/json/").json()["items"]] == newest


def test_what_xml_cannot_say_is_left_out(reader: Client) -> None:
    make_article(title="Gloch\x07 <b>&amp;</b> ]]>", standfirst="a\x0b\x1fb\ufffe")
    (entry,) = atom(reader, "/cy/feed/").findall("entry", ATOM)
    assert said(entry, "title") == "Gloch <b>&amp;</b> ]]>"
    assert said(entry, "summary") == "a b"


def test_feed_has_its_own_look_in_a_browser(reader: Client) -> None:
    start = reader.get("/cy/feed/").text.split("<feed")[0]
    assert '<?xml-stylesheet type="text/css" href="/static/css/feed' in start


@pytest.mark.parametrize("number", [1, 3, NEWEST + 5])
@pytest.mark.parametrize(
    ("url", "queries"),
    [
        ("/cy/feed/", 3),
        ("/cy/feed/json/", 3),
        ("/cy/category/busnes/feed/", 4),
        ("/cy/tag/tai/feed/", 5),
        ("/cy/author/elin/feed/", 4),
    ],
)
def test_feeds_take_the_same_queries_for_any_number_of_articles(
    reader: Client, django_assert_num_queries: Any, url: str, queries: int, number: int
) -> None:
    for n in range(number):
        make_article(sections=2, title=f"n{n}", category=make_category(), tags=["tai", f"t{n}"])
    with django_assert_num_queries(queries):
        reader.get(url)


def test_json_feed_has_what_version_1_1_asks_for(reader: Client) -> None:
    article = make_full_article()
    answer = reader.get("/cy/feed/json/")
    assert answer.headers["Content-Type"] == "application/feed+json; charset=utf-8"
    feed = json.loads(answer.content)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] == "Sgwrs"
    assert (feed["home_page_url"], feed["feed_url"]) == (f"{SITE}/cy/", f"{SITE}/cy/feed/json/")
    assert feed["language"] == "cy"
    (item,) = feed["items"]
    assert item["id"] == f"tag:blog.example,2026:article-{article.pk}"
    assert item["url"] == f"{SITE}/cy/ty-bach-twt/"
    assert item["authors"] == [{"name": "Elin", "url": f"{SITE}/cy/author/elin/"}]
    assert item["tags"] == ["Busnes", "tai"]
    assert item["image"].startswith(f"{SITE}/media/pictures/")
    assert f'<a href="{SITE}/cy/archive/">' in item["content_html"]
    for date in ("date_published", "date_modified"):
        assert datetime.fromisoformat(item[date]) <= datetime.now(UTC)
    assert 'type="application/feed+json"' in reader.get("/cy/").text
