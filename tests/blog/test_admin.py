"""Where articles are written. (blog/admin.py)"""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from blog.models import Article, Picture
from tests.cast import make_article, make_comment, make_owner

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
    desk.post(f"/admin/blog/article/{article.pk}/delete/", {"post": "yes"})
    assert Article.objects.filter(pk=article.pk).exists()


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
