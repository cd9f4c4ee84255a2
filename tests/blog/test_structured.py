"""What a page tells machines. (blog/structured.py, templates/_card.html)"""

import json
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from blog.cards import Card
from blog.models import Picture
from comments.templatetags.conversation import TOLD
from tests.cast import make_article, make_category, make_comment

SITE = "https://blog.example"
HOSTILE = "</script><script>alert(1)</script><!-- & <script> \u2028 '\""


@pytest.fixture(autouse=True)
def name_of_the_site(settings: Any) -> None:
    settings.SITE_URL = SITE


def meta(text: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', text)
    return {name: unescape(content) for name, content in found}


def canonical(text: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'<link rel="canonical" href="([^"]+)">', text)]


def alternates(text: str) -> dict[str, str]:
    return dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', text))


def graph(text: str) -> dict[str, Any]:
    """The page's JSON-LD, by type."""
    (data,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)
    found = json.loads(data)
    assert found["@context"] == "https://schema.org"
    return {node["@type"]: node for node in found["@graph"]}


def make_full_article(**fields: Any) -> Any:
    picture = Picture.objects.create(file="x.png", width=16, height=9, alt_cy="Tŷ gwyn")
    # A picture's size is read from its file, and this one has none.
    Picture.objects.update(width=16, height=9)
    return make_article(
        2,
        section_label="Camsyniad",
        category=make_category(),
        tags=["tai", "tref"],
        picture=picture,
        **fields,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("/cy/", "Sgwrs"),
        ("/cy/category/busnes/", "Busnes"),
        ("/cy/tag/tai/", "tai"),
        ("/cy/author/elin/", "Elin"),
        ("/cy/archive/", "Archif"),
        ("/cy/archive/2026/", "2026"),
        ("/cy/privacy/", "Sut y caiff data sylwadau ei brosesu"),
        ("/cy/ty-bach-twt/", "Tŷ bach twt"),
    ],
)
def test_every_page_has_one_address_and_a_card(reader: Client, url: str, title: str) -> None:
    make_full_article()
    text = reader.get(url).text
    assert canonical(text) == [SITE + url]
    card = meta(text)
    assert (card["og:title"], card["og:url"]) == (title, SITE + url)
    assert (card["og:locale"], card["og:site_name"]) == ("cy_GB", "Sgwrs")
    assert card["og:type"] == ("article" if "bach" in url else "website")
    assert card["description"] == card["og:description"] != ""
    assert text.count('name="description"') == 1


@pytest.mark.django_db
def test_later_page_of_a_list_is_a_page_of_its_own(reader: Client) -> None:
    for number in range(11):
        make_article(title=f"n{number}")
    text = reader.get("/cy/?page=2").text
    assert canonical(text) == [f"{SITE}/cy/?page=2"]
    assert alternates(text) == {}
    assert canonical(reader.get("/cy/?page=1&utm=x").text) == [f"{SITE}/cy/"]


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["?reply=1", "?section=1#respond", "?from=1", "?before=7"])
def test_part_of_an_article_is_the_article(reader: Client, query: str) -> None:
    article = make_article(sections=1)
    assert canonical(reader.get(article.get_absolute_url() + query).text) == [article.address]
    refused = reader.post(f"{article.get_absolute_url()}comments/", {})
    assert canonical(refused.text) == [article.address]


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/cy/dim-byd/", "/cy/ty-bach-twt/comments/received/"])
def test_what_is_no_page_of_its_own_has_no_card(reader: Client, url: str) -> None:
    make_article()
    text = reader.get(url).text
    assert canonical(text) == []
    assert meta(text)["robots"] == "noindex"
    assert "og:title" not in text


@pytest.mark.django_db
def test_languages_name_each_other(reader: Client) -> None:
    welsh = make_article(tags=["tai"], category=make_category())
    alone = make_article(title="Unig")
    english = make_article(
        language="en", title="A small house", translation_key=welsh.translation_key, origin="person"
    )
    both = {"cy": welsh.address, "en": english.address, "x-default": welsh.address}
    for article in (welsh, english):
        assert alternates(reader.get(article.get_absolute_url()).text) == both
    assert alternates(reader.get(alone.get_absolute_url()).text) == {}
    assert alternates(reader.get("/cy/tag/tai/").text) == {}
    front = {"cy": f"{SITE}/cy/", "en": f"{SITE}/en/", "x-default": f"{SITE}/"}
    assert alternates(reader.get("/en/").text) == front
    listed = alternates(reader.get("/en/category/busnes/").text)
    assert listed["x-default"] == listed["cy"] == f"{SITE}/cy/category/busnes/"
    assert meta(reader.get("/cy/ty-bach-twt/").text)["og:locale:alternate"] == "en_GB"


@pytest.mark.django_db
def test_article_has_a_card(reader: Client) -> None:
    article = make_full_article(title='"Tŷ" <b>&', standfirst="Sgwrs am *dŷ* & gardd.")
    card = meta(reader.get(article.get_absolute_url()).text)
    assert card["og:title"] == '"Tŷ" <b>&'
    assert card["og:description"] == "Sgwrs am dŷ & gardd."
    assert card["article:author"] == f"{SITE}/cy/author/elin/"
    assert card["article:section"] == "Busnes"
    assert card["article:tag"] == "tref"  # the last of two
    assert datetime.fromisoformat(card["article:published_time"]) == article.published_at
    assert datetime.fromisoformat(card["article:modified_time"]) == article.modified_at


@pytest.mark.django_db
def test_article_is_a_posting_with_parts(reader: Client) -> None:
    article = make_full_article()
    found = graph(reader.get(article.get_absolute_url()).text)
    posting = found["BlogPosting"]
    assert posting["@id"] == posting["url"] == article.address
    assert posting["headline"] == "Tŷ bach twt"
    assert posting["inLanguage"] == "cy"
    assert posting["author"] == {
        "@type": "Person",
        "name": "Elin",
        "url": f"{SITE}/cy/author/elin/",
    }
    assert datetime.fromisoformat(posting["datePublished"]) < timezone.now()
    assert datetime.fromisoformat(posting["dateModified"]) < timezone.now()
    picture, card = posting["image"]
    assert picture["url"] == f"{SITE}/media/x.png"
    assert card["url"] == Card.of(article, "wide").address
    assert posting["isPartOf"]["@id"] == f"{SITE}/cy/"
    assert [part["name"] for part in posting["hasPart"]] == [
        *("Camsyniad #1: Pennawd 1", "Camsyniad #2: Pennawd 2")
    ]
    assert posting["hasPart"][1]["url"] == f"{article.address}#section-2"
    steps = found["BreadcrumbList"]["itemListElement"]
    assert [(step["position"], step["item"]) for step in steps] == [
        (1, f"{SITE}/cy/"),
        (2, f"{SITE}/cy/category/busnes/"),
        (3, article.address),
    ]


@pytest.mark.django_db
def test_comments_that_are_shown_are_told(reader: Client) -> None:
    article = make_article()
    moment = timezone.now() - timedelta(hours=1)
    comment = make_comment(article, body="Gair i gall.", submitted_at=moment, status="approved")
    make_comment(article, body="Cudd.", status="pending")
    make_comment(article, body="gair " * 1000, status="approved")
    posting = graph(reader.get(article.get_absolute_url()).text)["BlogPosting"]
    assert posting["commentCount"] == 2
    first, long = posting["comment"]
    assert first["text"] == "Gair i gall."
    assert first["author"]["name"] == "Rhys"
    assert first["url"] == f"{SITE}{comment.get_absolute_url()}"
    assert abs(datetime.fromisoformat(first["dateCreated"]) - moment) < timedelta(milliseconds=1)
    assert len(long["text"]) <= TOLD
    assert long["text"].endswith("…")


@pytest.mark.django_db
def test_translation_names_what_it_was_made_from(reader: Client) -> None:
    welsh = make_article()
    english = make_article(
        language="en", title="A small house", translation_key=welsh.translation_key, origin="person"
    )
    from_welsh = graph(reader.get(welsh.get_absolute_url()).text)["BlogPosting"]
    from_english = graph(reader.get(english.get_absolute_url()).text)["BlogPosting"]
    assert [one["@id"] for one in from_welsh["workTranslation"]] == [english.address]
    assert from_english["translationOfWork"]["@id"] == welsh.address


@pytest.mark.django_db
def test_no_text_breaks_out(reader: Client) -> None:
    article = make_article(title=HOSTILE, sections=1, section_label=HOSTILE, tags=[HOSTILE[:90]])
    comment = make_comment(article, name=HOSTILE[:90], body=HOSTILE, status="approved")
    text = reader.get(article.get_absolute_url()).text
    posting = graph(text)["BlogPosting"]
    assert posting["headline"] == HOSTILE
    assert posting["comment"][0]["author"]["name"] == comment.name
    assert "<script>" not in text
    assert text.count("</script") == text.count("<script")


@pytest.mark.django_db(transaction=True)
def test_browser_runs_none_of_it_and_reports_nothing(
    page: Page, live_server: Any, settings: Any
) -> None:
    settings.SITE_URL = live_server.url
    article = make_article(title=HOSTILE, sections=1)
    make_comment(article, name=HOSTILE[:90], body=HOSTILE, status="approved")
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.log(e.violatedDirective))"
    )
    page.goto(live_server.url + article.get_absolute_url())
    data = page.locator('script[type="application/ld+json"]').text_content() or ""
    assert json.loads(data)["@graph"][0]["headline"] == HOSTILE
    assert faults == []
