"""Articles and their ordered sections. (blog/models.py)"""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from blog.models import RESERVED_SLUGS, Article, Picture, Section
from tests.cast import make_article

pytestmark = pytest.mark.django_db


def headings(article: Article) -> list[str]:
    return [section.title for section in article.sections.all()]


def test_sections_change_places() -> None:
    article = make_article(sections=3)
    one, two, three = article.sections.all()
    article.arrange([three, one, two])
    assert headings(article) == ["#1: Pennawd 3", "#2: Pennawd 1", "#3: Pennawd 2"]


def test_two_sections_cannot_have_one_position() -> None:
    article = make_article(sections=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Section.objects.create(article=article, position=1, heading="Dau", body="x")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Tŷ’r Ŵyl: dŵr & thân", "tyr-wyl-dwr-than"),
        ("???", "article"),
        ("Archive", "archive-2"),
        ("Y" * 200, "y" * 90),
    ],
)
def test_slug_comes_from_the_title(title: str, slug: str) -> None:
    assert make_article(title=title).slug == slug


def test_slugs_do_not_collide_within_a_language() -> None:
    slugs = [make_article().slug, make_article().slug, make_article(language="en").slug]
    assert slugs == ["ty-bach-twt", "ty-bach-twt-2", "ty-bach-twt"]


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_slug_of_one_of_our_own_pages_is_an_error(slug: str) -> None:
    with pytest.raises(ValidationError) as error:
        make_article(slug=slug).full_clean()
    assert list(error.value.message_dict) == ["slug"]


def test_reserved_slugs_are_the_addresses_we_have() -> None:
    from blog import urls as blog_urls
    from comments import urls as comments_urls

    first = {
        str(route.pattern).split("/")[0]
        for route in [*blog_urls.urlpatterns, *comments_urls.urlpatterns]
    }
    assert {word for word in first if word and "<" not in word} <= RESERVED_SLUGS


def test_piece_stands_once_in_a_language() -> None:
    article = make_article()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_article(title="Arall", translation_key=article.translation_key)


def test_picture_without_words_for_it_is_refused() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Picture.objects.create(file="x.png", width=1, height=1)


def test_picture_needs_words_in_the_articles_language() -> None:
    picture = Picture(file="x.png", width=1, height=1, alt_en="A house")
    article = make_article()
    article.picture = picture
    with pytest.raises(ValidationError) as error:
        article.clean()
    assert list(error.value.message_dict) == ["picture"]
