"""What search engines are told. (blog/sitemaps.py, templates/robots.txt, templates/security.txt)"""

from datetime import datetime, timedelta
from typing import Any
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from blog.models import Picture
from blog.sitemaps import PART
from tests.cast import make_article, make_category

pytestmark = pytest.mark.django_db

SITE = "https://blog.example"
NAMES = {
    "": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "xhtml": "http://www.w3.org/1999/xhtml",
    "image": "http://www.google.com/schemas/sitemap-image/1.1",
}


@pytest.fixture(autouse=True)
def name_of_the_site(settings: Any) -> None:
    settings.SITE_URL = SITE


def read(reader: Client, url: str) -> ElementTree.Element:
    answer = reader.get(url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    return ElementTree.fromstring(answer.content)  # noqa: S314 - of our own making


def texts(element: ElementTree.Element, path: str) -> list[str | None]:
    return [found.text for found in element.findall(path, NAMES)]


def alternates(url: ElementTree.Element) -> dict[str | None, str | None]:
    links = url.findall("xhtml:link[@rel='alternate']", NAMES)
    return {link.get("hreflang"): link.get("href") for link in links}


def entries(reader: Client) -> dict[str | None, ElementTree.Element]:
    """All that the index leads to, by address; each is named once."""
    found = []
    for address in texts(read(reader, "/sitemap.xml"), "sitemap/loc"):
        assert address
        found += read(reader, address.removeprefix(SITE)).findall("url", NAMES)
    by_address = {one.findtext(f"{{{NAMES['']}}}loc"): one for one in found}
    assert len(by_address) == len(found)
    return by_address


def test_every_public_page_is_named_and_is_there(reader: Client) -> None:
    make_article(category=make_category(), picture=None)
    make_article(title="Cudd", published_at=None)
    make_article(title="I ddod", published_at=timezone.now() + timedelta(days=1))
    named = entries(reader)
    assert set(named) == {
        f"{SITE}{path}"
        for path in (
            *("/cy/", "/en/", "/cy/archive/", "/en/archive/"),
            *("/cy/category/busnes/", "/cy/author/elin/", "/cy/ty-bach-twt/"),
        )
    }
    for address in named:
        assert reader.get((address or "").removeprefix(SITE)).status_code == 200


def test_translations_name_each_other(reader: Client) -> None:
    welsh = make_article()
    english = make_article(
        language="en", title="A small house", translation_key=welsh.translation_key
    )
    alone = make_article(title="Unig")
    named = entries(reader)
    both = {"cy": welsh.address, "en": english.address, "x-default": welsh.address}
    assert alternates(named[welsh.address]) == alternates(named[english.address]) == both
    assert alternates(named[alone.address]) == {}
    front = {"cy": f"{SITE}/cy/", "en": f"{SITE}/en/", "x-default": f"{SITE}/"}
    assert alternates(named[f"{SITE}/en/"]) == front
    english.published_at = None
    english.save()
    assert alternates(entries(reader)[welsh.address]) == {}


def test_article_has_its_picture_and_its_last_change(reader: Client) -> None:
    picture = Picture.objects.create(file="pictures/x & y.png", width=1, height=1, alt_cy="Llun")
    article = make_article(picture=picture)
    url = entries(reader)[article.address]
    assert texts(url, "image:image/image:loc") == [f"{SITE}/media/pictures/x%20%26%20y.png"]
    assert datetime.fromisoformat(texts(url, "lastmod")[0] or "") == article.modified_at


def test_parts_are_bounded(reader: Client) -> None:
    first = make_article(title="Cyntaf", pk=PART - 1)
    second = make_article(title="Ail", pk=PART)
    parts = texts(read(reader, "/sitemap.xml"), "sitemap/loc")
    assert parts == [f"{SITE}/sitemap-{name}.xml" for name in ("lists", 0, 1)]
    for number, article in ((0, first), (1, second)):
        assert texts(read(reader, f"/sitemap-{number}.xml"), "url/loc") == [article.address]


def test_no_part_is_named_that_has_nothing_in_it(reader: Client) -> None:
    for number in (PART * 3, 10**12):
        make_article(title=f"n{number}", pk=number)
    make_article(title="Cudd", pk=PART, published_at=None)
    assert len(entries(reader)) == 2 + len(texts(read(reader, "/sitemap-lists.xml"), "url/loc"))
    parts = texts(read(reader, "/sitemap.xml"), "sitemap/loc")
    assert parts == [f"{SITE}/sitemap-{name}.xml" for name in ("lists", 3, 10**9)]


def test_index_of_an_empty_site_names_no_part(reader: Client) -> None:
    parts = texts(read(reader, "/sitemap.xml"), "sitemap/loc")
    assert parts == [f"{SITE}/sitemap-lists.xml"]


@pytest.mark.parametrize("number", ["5", "9" * 30, "x"])
def test_part_of_nothing_is_not_found(reader: Client, number: str) -> None:
    make_article(pk=PART)
    assert reader.get(f"/sitemap-{number}.xml").status_code == 404


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(
    ("url", "queries"), [("/sitemap.xml", 1), ("/sitemap-0.xml", 2), ("/sitemap-lists.xml", 4)]
)
def test_the_same_queries_for_any_number_of_articles(
    reader: Client, django_assert_num_queries: Any, url: str, queries: int, number: int
) -> None:
    for n in range(number):
        make_article(title=f"n{n}", category=make_category(), pk=n + 1)
    with django_assert_num_queries(queries):
        assert reader.get(url).status_code == 200


@pytest.mark.parametrize("url", ["/sitemap.xml", "/sitemap-0.xml", "/sitemap-lists.xml"])
def test_who_has_it_is_told_so(reader: Client, url: str) -> None:
    article = make_article(pk=1)
    etag = reader.get(url).headers["ETag"]
    assert reader.get(url, headers={"If-None-Match": etag}).status_code == 304
    article.slug = "newydd"
    article.category = make_category()
    article.save()
    make_article(title="Ail", pk=PART)
    assert reader.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_crawlers_are_led_to_pages_and_to_nothing_else(reader: Client) -> None:
    answer = reader.get("/robots.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    robots = RobotFileParser()
    robots.parse(answer.text.splitlines())
    assert robots.site_maps() == [f"{SITE}/sitemap.xml"]
    for path, allowed in {
        "/cy/": True,
        "/cy/ty-bach-twt/": True,
        "/cy/?page=2": True,
        "/admin/": False,
        "/admin/login/?next=/": False,
    }.items():
        assert robots.can_fetch("*", SITE + path) == allowed, path
    # Python's parser knows no asterisks within a path.
    for path in ("/*?*reply=", "/*?*section="):
        assert f"Disallow: {path}\n" in answer.text


def test_whom_to_tell_of_a_weakness(reader: Client, settings: Any) -> None:
    settings.SECURITY_CONTACT = ""
    assert reader.get("/.well-known/security.txt").status_code == 404
    settings.SECURITY_CONTACT = "mailto:owain@blog.example"
    answer = reader.get("/.well-known/security.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    told = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert told["Contact"] == "mailto:owain@blog.example"
    assert told["Canonical"] == f"{SITE}/.well-known/security.txt"
    left = datetime.fromisoformat(told["Expires"]) - timezone.now()
    assert timedelta(days=30) < left < timedelta(days=365)
