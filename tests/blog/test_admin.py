"""Where articles are written. (blog/admin/)"""

import re
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from blog.models import Article, Picture, Section, SourceVersion
from tests.cast import (
    make_article,
    make_category,
    make_comment,
    make_moderator,
    make_owner,
    make_translation,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_owner())
    client.cookies["django_language"] = "en"
    return client


def form(article: Article, sections: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """The article's form as a browser sends it, sections included."""
    data: dict[str, Any] = {
        "title": article.title,
        "slug": article.slug,
        "language": article.language,
        "origin": article.origin,
        "standfirst": article.standfirst,
        "author": article.author_id,
        "tags": "",
        "published_at_0": "",
        "published_at_1": "",
        "comments_open": "on",
        "sections-TOTAL_FORMS": len(sections),
        "sections-INITIAL_FORMS": sum("id" in section for section in sections),
        **fields,
    }
    for number, section in enumerate(sections):
        for name, value in section.items():
            data[f"sections-{number}-{name}"] = value
        data[f"sections-{number}-article"] = article.pk or ""
    return data


def as_form(article: Article) -> list[dict[str, Any]]:
    return [
        {"id": s.pk, "position": s.position, "heading": s.heading, "body": s.body}
        for s in article.sections.all()
    ]


def save(desk: Client, article: Article, sections: list[dict[str, Any]], **fields: Any) -> Any:
    url = f"/admin/blog/article/{article.pk}/change/" if article.pk else "/admin/blog/article/add/"
    return desk.post(url, form(article, sections, **fields))


def numbered(article: Article) -> list[tuple[int, str]]:
    return list(article.sections.values_list("position", "heading"))


@pytest.mark.parametrize(
    ("positions", "order"),
    [
        (["2", "1", "3"], [2, 1, 3]),
        (["30", "20", "10"], [3, 2, 1]),
        (["1", "1", "1"], [1, 2, 3]),
        (["", "2", "1"], [3, 2, 1]),
        (["9", "", "1"], [3, 1, 2]),
    ],
)
def test_sections_are_reordered_by_their_numbers(
    desk: Client, positions: list[str], order: list[int]
) -> None:
    article = make_article(sections=3)
    sections = as_form(article)
    for section, position in zip(sections, positions, strict=True):
        section["position"] = position
    assert save(desk, article, sections).status_code == 302
    assert numbered(article) == [(n, f"Pennawd {of}") for n, of in enumerate(order, start=1)]


def test_section_is_removed_and_another_added_in_one_go(desk: Client) -> None:
    article = make_article(sections=3)
    sections = as_form(article)
    sections[0]["DELETE"] = "on"
    sections.append({"position": "2", "heading": "Newydd", "body": "x"})
    save(desk, article, sections)
    assert numbered(article) == [(1, "Pennawd 2"), (2, "Newydd"), (3, "Pennawd 3")]


def test_comments_stay_with_their_section_when_it_moves(desk: Client) -> None:
    article = make_article(sections=2)
    first, _second = article.sections.all()
    comment = make_comment(article, section=first)
    sections = as_form(article)
    sections[0]["position"], sections[1]["position"] = 2, 1
    save(desk, article, sections)
    comment.refresh_from_db()
    assert comment.section
    assert comment.section.heading == "Pennawd 1"


def test_new_article_gets_its_slug_from_the_title(desk: Client) -> None:
    sample = make_article()
    new = Article(title="Tŷ’r Ŵyl", language="cy", standfirst="x", author=sample.author)
    save(desk, new, [{"position": "", "heading": "Un", "body": "x"}])
    assert numbered(Article.objects.get(slug="tyr-wyl")) == [(1, "Un")]


def test_error_keeps_what_was_written(desk: Client) -> None:
    article = make_article(sections=1)
    sections = [*as_form(article), {"position": "2", "heading": "", "body": "Drafft hir"}]
    answer = save(desk, article, sections, title="")
    assert answer.status_code == 200
    assert "Drafft hir" in answer.text
    assert numbered(article) == [(1, "Pennawd 1")]


def test_translation_begins_with_what_is_common_and_is_linked(desk: Client) -> None:
    welsh = make_article()
    page = desk.get(f"/admin/blog/article/{welsh.pk}/change/").text
    assert f"/admin/blog/article/add/?translation_of={welsh.pk}&amp;language=en" in page
    begun = desk.get(f"/admin/blog/article/add/?translation_of={welsh.pk}&language=en").text
    assert 'value="Tŷ bach twt"' in begun
    english = Article(
        title="A small house", language="en", standfirst="x", author=welsh.author, origin="person"
    )
    save(desk, english, [], translation_of=welsh.pk)
    english = Article.objects.get(language="en")
    assert english.translation_key == welsh.translation_key
    again = save(
        desk, Article(title="B", language="en", author=welsh.author), [], translation_of=welsh.pk
    )
    assert "There is already a translation into this language." in again.text


def upload(desk: Client, content: bytes, **fields: str) -> Any:
    file = SimpleUploadedFile("llun.png", content, "image/png")
    return desk.post("/admin/blog/picture/add/", {"file": file, **fields})


def png() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (4, 3)).save(stream, "PNG")
    return stream.getvalue()


def test_picture_needs_alternative_text(desk: Client) -> None:
    answer = upload(desk, png())
    assert "Write the alternative text" in answer.text
    assert upload(desk, png(), alt_cy="Llun").status_code == 302
    assert (Picture.objects.get().width, Picture.objects.get().height) == (4, 3)


@pytest.mark.parametrize("content", [b"<script>", b"", png()[:40], b"GIF89a<?php ?>"])
def test_what_is_no_picture_is_refused(desk: Client, content: bytes) -> None:
    answer = upload(desk, content, alt_cy="Llun")
    assert answer.status_code == 200
    assert not Picture.objects.exists()


def test_article_with_comments_is_not_deleted_by_a_slip(desk: Client) -> None:
    article = make_comment().article
    page = f"/admin/blog/article/{article.pk}/delete/"
    desk.post(page, {"post": "yes"})
    assert Article.objects.filter(pk=article.pk).exists()
    assert "To withdraw the article" in desk.get(page).text


@pytest.mark.parametrize("tag", ["???", "👍", "/", ".."])
def test_tag_that_could_have_no_address_is_refused(desk: Client, tag: str) -> None:
    article = make_article()
    answer = save(desk, article, [], tags=f'"{tag}"')
    assert "A tag needs a letter or a digit" in answer.text


def test_language_of_its_own_translation_is_refused(desk: Client) -> None:
    welsh = make_article()
    make_article(language="en", title="A house", translation_key=welsh.translation_key)
    answer = save(desk, welsh, [], language="en")
    assert "There is already a translation into this language." in answer.text


def test_section_added_in_another_window_is_kept(desk: Client) -> None:
    article = make_article(sections=2)
    before = as_form(article)
    save(desk, article, [*before, {"position": "3", "heading": "Newydd", "body": "x"}])
    before[0]["heading"] = "Pennawd arall"
    save(desk, article, before)
    assert numbered(article) == [(1, "Pennawd arall"), (2, "Pennawd 2"), (3, "Newydd")]


def fields_of(text: str, *names: str) -> dict[str, str]:
    """What stands in hidden and single-line fields of a page."""
    found = {}
    for name in names:
        (tag,) = re.findall(rf'<input [^>]*name="{name}"[^>]*>', text)
        value = re.search(r'value="([^"]*)"', tag)
        found[name] = unescape(value[1]) if value else ""
    return found


def listed(desk: Client, **query: str) -> set[str]:
    """The articles that the list shows."""
    text = desk.get("/admin/blog/article/", query).text
    return set(re.findall(r'<th class="field-title"><a [^>]*>([^<]*)</a>', text))


def address(article: Article) -> str:
    return f"/admin/blog/article/{article.pk}/change/"


def state(desk: Client, article: Article) -> str:
    """How a translation stands, as its page says."""
    text = desk.get(address(article)).text
    return re.findall(r'field-translation">.*?<div class="readonly">([^<]*)<', text, re.S)[0]


def change(original: Article, body: str = "Testun arall.") -> None:
    original.sections.filter(position=1).update(body=body)


def test_list_tells_what_lacks_a_translation_and_what_is_stale(desk: Client) -> None:
    lone = make_article(title="Unig")
    fresh, moved = make_article(sections=1, title="Ffres"), make_article(sections=1, title="Symud")
    make_translation(fresh, title="Fresh")
    make_translation(moved, title="Moved")
    make_article(title="Foreign", language="en", origin="machine")
    change(moved)
    assert listed(desk, translation="en") == {"Unig"}
    assert listed(desk, translation="cy") == {"Foreign"}
    assert listed(desk, translation="stale") == {"Moved"}
    assert listed(desk, translation="current") == {"Fresh"}
    assert listed(desk, translation="original") == {"Unig", "Ffres", "Symud"}
    text = desk.get("/admin/blog/article/").text
    assert f'?translation_of={lone.pk}&amp;language=en">lacks: English</a>' in text
    assert text.count("?translation_of=") == 2
    index = desk.get("/admin/").text
    for said in (
        "One article lacks this language: English",
        "One article lacks this language: Cymraeg",
        "One translation is stale",
    ):
        assert said in index


@pytest.mark.parametrize("articles", [1, 3])
def test_list_takes_the_same_queries_for_any_number_of_translations(
    desk: Client, django_assert_max_num_queries: Any, articles: int
) -> None:
    for n in range(articles):
        make_translation(make_article(sections=1, category=make_category(), title=f"n{n}"))
    with django_assert_max_num_queries(14):
        desk.get("/admin/blog/article/")


def test_translation_begins_with_everything_of_its_original(desk: Client) -> None:
    welsh = make_article(
        sections=2,
        section_label="Cam",
        closing_question="Pam?",
        category=make_category(),
        tags=["tai", "hen dref"],
        comments_open=False,
    )
    add = f"/admin/blog/article/add/?translation_of={welsh.pk}&language=en"
    text = desk.get(add).text
    given = fields_of(
        text,
        *("title", "section_label", "closing_question", "tags", "version"),
        *("sections-TOTAL_FORMS", "sections-0-heading", "sections-1-heading"),
        *("sections-0-position", "sections-1-position"),
    )
    assert {**given, "version": ""} == {
        "title": "Tŷ bach twt",
        "section_label": "Cam",
        "closing_question": "Pam?",
        "tags": '"hen dref", tai',
        "version": "",
        "sections-TOTAL_FORMS": "2",
        "sections-0-heading": "Pennawd 1",
        "sections-1-heading": "Pennawd 2",
        "sections-0-position": "1",
        "sections-1-position": "2",
    }
    assert "checked" not in re.findall(r'<input [^>]*name="comments_open"[^>]*>', text)[0]
    # Sent as it is, sections that nobody has overwritten yet included.
    english = Article(title="x", slug="", language="en", standfirst="x", author=welsh.author)
    english.origin = "machine"
    sections = [{"position": str(n), "heading": f"Pennawd {n}", "body": "Testun."} for n in (1, 2)]
    data = form(english, sections, translation_of=welsh.pk, **given)
    assert desk.post(add, data).status_code == 302
    english = Article.objects.get(language="en")
    assert numbered(english) == [(1, "Pennawd 1"), (2, "Pennawd 2")]
    assert english.published_at is None
    assert state(desk, english) == "up to date"


def test_translation_is_of_the_version_its_translator_had_before_him(desk: Client) -> None:
    welsh = make_article(sections=1)
    add = f"/admin/blog/article/add/?translation_of={welsh.pk}&language=en"
    version = fields_of(desk.get(add).text, "version")
    change(welsh)
    english = Article(title="x", language="en", standfirst="x", author=welsh.author)
    english.origin = "person"
    save(desk, english, [], translation_of=welsh.pk, **version)
    english = Article.objects.get(language="en")
    assert state(desk, english) == "stale"
    text = desk.get(address(english)).text
    assert re.search(r"<del>Testun\.</del><ins>Testun arall\.</ins>", text)


def test_saving_a_translation_says_nothing_of_its_original(desk: Client) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    change(welsh)
    for extra in ({}, {"translation_of": welsh.pk}):
        shown = fields_of(desk.get(address(english)).text, "version")
        answer = save(desk, english, [], title="A big house", **shown, **extra)
        assert answer.status_code == 302
        assert state(desk, english) == "stale"
    shown = fields_of(desk.get(address(english)).text, "version")
    save(desk, english, [], is_brought_up_to_date="on", **shown)
    assert state(desk, english) == "up to date"


def test_translator_who_did_not_see_the_last_change_has_not_followed_it(desk: Client) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    change(welsh)
    shown = fields_of(desk.get(address(english)).text, "version")
    change(welsh, "Testun newydd sbon.")
    save(desk, english, [], is_brought_up_to_date="on", **shown)
    text = desk.get(address(english)).text
    assert state(desk, english) == "stale"
    assert re.search(r"Testun <del>arall\.</del><ins>newydd sbon\.</ins>", text)


def run(desk: Client, *articles: Article) -> str:
    """Say in the list that translations are up to date; what the desk answers."""
    data = {"action": "up_to_date", "_selected_action": [one.pk for one in articles], "index": 0}
    return str(desk.post("/admin/blog/article/", data, follow=True).text)


@pytest.mark.parametrize("of", ["original", "translation"])
def test_change_that_does_not_concern_the_translation_is_one_action(desk: Client, of: str) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    change(welsh)
    told = run(desk, welsh if of == "original" else english)
    assert "One translation is marked as up to date." in told
    assert state(desk, english) == "up to date"


@pytest.mark.parametrize("was", ["up to date", "stale", "of an unknown version"])
def test_slip_of_the_pen_is_mended_without_concerning_the_translation(
    desk: Client, was: str
) -> None:
    welsh = make_article(sections=1)
    assert "concerns_no_translation" not in desk.get(address(welsh)).text
    english = make_translation(welsh)
    if was == "stale":
        change(welsh)
    elif was == "of an unknown version":
        SourceVersion.objects.all().delete()
    assert "concerns_no_translation" in desk.get(address(welsh)).text
    sections = as_form(welsh)
    sections[0]["heading"] = "Penawd 1"
    save(desk, welsh, sections, concerns_no_translation="on")
    assert state(desk, english) == was
    sections[0]["heading"] = "Rhywbeth arall"
    save(desk, welsh, sections)
    assert state(desk, english) == ("stale" if was == "up to date" else was)


def test_list_asks_no_more_of_many_articles_than_of_one(
    desk: Client, django_assert_num_queries: Any
) -> None:
    make_translation(make_article())
    page = "/admin/blog/article/"
    with CaptureQueriesContext(connection) as of_one:
        desk.get(page)
    for number in range(5):
        make_translation(make_article(title=f"Tŷ {number}", slug=f"n{number}"), slug=f"m{number}")
    with django_assert_num_queries(len(of_one)):
        desk.get(page)


def test_action_tells_what_is_no_translation(desk: Client) -> None:
    lone, foreign = make_article(), make_article(language="en", title="A", origin="machine")
    assert "2 articles have no translation" in run(desk, lone, foreign)
    welsh = make_article(title="Arall")
    told = run(desk, lone, welsh, make_translation(welsh))
    assert "One translation is marked as up to date." in told
    assert "One article has no translation" in told


def test_page_of_a_translation_that_is_up_to_date_or_alone_says_so(desk: Client) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    assert "Nothing: it says what it said then." in desk.get(address(english)).text
    welsh.delete()
    assert state(desk, english) == "its original was deleted"
    lone = make_article(title="Foreign", language="en", origin="machine")
    assert state(desk, lone) == "of an unknown version"
    assert "There is no original to compare it with." in desk.get(address(lone)).text


def test_versions_of_a_piece_lead_to_each_other(desk: Client) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    change(welsh)
    assert address(welsh) in desk.get(address(english)).text
    text = desk.get(address(welsh)).text
    assert f'<a href="{address(english)}">A small house (stale)</a>' in text
    assert "is_brought_up_to_date" not in text


def test_what_was_written_anew_in_its_language_follows_nothing(desk: Client) -> None:
    welsh = make_article(sections=1)
    english = Article(title="x", language="en", standfirst="x", author=welsh.author)
    save(desk, english, [], translation_of=welsh.pk)
    english = Article.objects.get(language="en")
    assert english.translation_key == welsh.translation_key
    assert not hasattr(english, "source")


def test_article_is_no_translation_of_itself(desk: Client) -> None:
    welsh = make_article()
    answer = save(desk, welsh, [], translation_of=welsh.pk, origin="person")
    assert "An article is no translation of itself." in answer.text
    assert not hasattr(Article.objects.get(), "source")


@pytest.mark.parametrize("version", ["", "x", "eyJ4IjoxfQ:1:x", "\x00"])
def test_forged_version_counts_for_nothing(desk: Client, version: str) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    change(welsh)
    answer = save(desk, english, [], is_brought_up_to_date="on", version=version)
    assert answer.status_code in {200, 302}
    kept = Article.objects.get(pk=english.pk).source.words
    assert kept in {welsh.version().words, kept}
    assert ("Testun arall." in kept) == (answer.status_code == 302)


def test_who_only_looks_sees_how_a_translation_stands(client: Client) -> None:
    welsh = make_article(sections=1)
    english = make_translation(welsh)
    change(welsh)
    client.force_login(make_moderator())
    client.cookies["django_language"] = "en"
    assert state(client, english) == "stale"
    assert "brought_up_to_date" not in client.get(address(english)).text
    run(client, english)
    assert Article.objects.stale().exists()


def test_section_left_blank_in_a_new_translation_is_told(desk: Client) -> None:
    welsh = make_article(sections=1)
    english = Article(title="x", language="en", standfirst="x", author=welsh.author)
    sections = [{"position": "1", "heading": "Heading", "body": ""}]
    add = f"/admin/blog/article/add/?translation_of={welsh.pk}&language=en"
    answer = desk.post(add, form(english, sections, translation_of=welsh.pk, origin="person"))
    assert "This field is required." in answer.text
    assert not Section.objects.filter(article__language="en").exists()
