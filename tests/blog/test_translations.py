"""Which version a translation was made from, and what readers are told of it.

(blog/translations.py, templates/blog/_translations.html)
"""

import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from blog.models import Article, Picture, Section, SourceVersion
from blog.translations import Version, changes
from tests.cast import make_article, make_category, make_translation

FOLLOWS = "It follows the original as it was on"
CHANGED = "The original</a> has been changed since then"


def notices(reader: Client, article: Article) -> tuple[bool, bool]:
    """Whether its page names a version, and says that the original has changed since."""
    text = reader.get(article.get_absolute_url()).text
    return FOLLOWS in text, CHANGED in text


CHANGES: dict[str, Callable[[Article], Any]] = {
    "title": lambda original: Article.objects.filter(pk=original.pk).update(title="Tŷ mawr"),
    "standfirst": lambda original: Article.objects.filter(pk=original.pk).update(standfirst="x"),
    "section label": lambda original: Article.objects.filter(pk=original.pk).update(
        section_label="Cam"
    ),
    "closing question": lambda original: Article.objects.filter(pk=original.pk).update(
        closing_question="Pam?"
    ),
    "heading": lambda original: original.sections.filter(position=2).update(heading="x"),
    "body": lambda original: original.sections.filter(position=2).update(body="x"),
    "section added": lambda original: Section.objects.create(
        article=original, position=4, heading="x", body="x"
    ),
    "section removed": lambda original: original.sections.filter(position=2).delete(),
    "sections reordered": lambda original: original.arrange(list(original.sections.all())[::-1]),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES)
def test_translation_is_stale_when_the_words_of_its_original_change(
    reader: Client, change: str
) -> None:
    original = make_article(sections=3)
    translation = make_translation(original)
    assert notices(reader, translation) == (True, False)
    CHANGES[change](original)
    assert notices(reader, translation) == (True, True)
    assert list(Article.objects.stale()) == [translation]
    assert not Article.objects.up_to_date().exists()


def with_ends_of_lines_of_a_browser(original: Article) -> None:
    original.standfirst = "Un.\r\n\r\nDau."
    original.save()


OTHERS: dict[str, Callable[[Article], Any]] = {
    "nothing": lambda original: original.save(),
    "category": lambda original: Article.objects.update(category=make_category()),
    "picture": lambda original: Article.objects.update(
        picture=Picture.objects.create(file="x.png", width=1, height=1, alt_cy="x")
    ),
    "tags": lambda original: original.tags.set(["tai"]),
    "comments": lambda original: Article.objects.update(comments_open=False),
    "date": lambda original: Article.objects.update(published_at=timezone.now()),
    "same order": lambda original: original.arrange(list(original.sections.all())),
    "ends of lines": with_ends_of_lines_of_a_browser,
    "another article": lambda original: make_article(sections=2, title="Arall"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", OTHERS)
def test_what_no_translator_translates_makes_no_translation_stale(change: str) -> None:
    original = make_article(sections=3, standfirst="Un.\n\nDau.")
    translation = make_translation(original)
    OTHERS[change](original)
    assert not Article.objects.stale().exists()
    assert list(Article.objects.up_to_date()) == [translation]


@pytest.mark.django_db
def test_change_that_is_taken_back_leaves_the_translation_as_it_was() -> None:
    original = make_article(sections=2)
    make_translation(original)
    for heading, stale in (("Arall", 1), ("Pennawd 1", 0)):
        original.sections.filter(position=1).update(heading=heading)
        assert Article.objects.stale().count() == stale


@pytest.mark.django_db
def test_page_says_from_which_version_and_when_the_original_changed(reader: Client) -> None:
    day = datetime(2026, 3, 1, 12, tzinfo=UTC)
    original = make_article(published_at=day)
    Article.objects.update(modified_at=day)
    translation = make_translation(original)
    assert f"{FOLLOWS} 1 March 2026." in reader.get(translation.get_absolute_url()).text
    Article.objects.filter(pk=original.pk).update(
        title="Tŷ mawr", modified_at=day + timedelta(days=2)
    )
    text = reader.get(translation.get_absolute_url()).text
    assert f"{FOLLOWS} 1 March 2026." in text
    assert '<a href="/cy/ty-bach-twt/" hreflang="cy">The original</a>' in text
    assert "last on 3 March 2026" in text
    assert "gwreiddiol" not in reader.get(original.get_absolute_url()).text


@pytest.mark.django_db
def test_change_on_the_day_of_the_version_is_told_by_the_hour(reader: Client) -> None:
    morning = datetime(2026, 3, 1, 9, tzinfo=UTC)
    original = make_article(published_at=morning)
    Article.objects.update(modified_at=morning)
    translation = make_translation(original)
    evening = morning.replace(hour=18)
    Article.objects.filter(pk=original.pk).update(title="Tŷ mawr", modified_at=evening)
    assert "last on 1 March 2026, 6 p.m." in reader.get(translation.get_absolute_url()).text


@pytest.mark.django_db
@pytest.mark.parametrize("published_at", [None, timezone.now() + timedelta(days=3)])
def test_readers_hear_nothing_of_an_original_they_cannot_read(
    reader: Client, published_at: Any
) -> None:
    original = make_article(published_at=published_at)
    translation = make_translation(original)
    with override("en"):
        today = date_format(timezone.localtime(), "j F Y")
    assert f"{FOLLOWS} {today}." in reader.get(translation.get_absolute_url()).text
    CHANGES["title"](original)
    assert notices(reader, translation) == (True, False)
    assert list(Article.objects.stale()) == [translation]  # the desk does


@pytest.mark.django_db
def test_nothing_is_stale_whose_original_was_deleted(reader: Client) -> None:
    original = make_article(sections=1)
    translation = make_translation(original)
    original.delete()
    assert notices(reader, translation) == (True, False)
    assert not Article.objects.stale().exists()
    assert not Article.objects.up_to_date().exists()


@pytest.mark.django_db
def test_of_two_originals_the_one_counts_that_was_translated(reader: Client, settings: Any) -> None:
    settings.LANGUAGES = [*settings.LANGUAGES, ("br", "Brezhoneg")]
    welsh = make_article()
    english = make_article(
        language="en", title="A house", translation_key=welsh.translation_key, slug="a-house"
    )
    breton = make_article(
        language="br", title="Un ti", translation_key=welsh.translation_key, origin="person"
    )
    breton.follow(english.version())
    CHANGES["title"](welsh)
    assert not Article.objects.stale().exists()
    CHANGES["title"](english)
    assert list(Article.objects.stale()) == [breton]
    assert Article.objects.get(pk=breton.pk).original == english
    for one in (welsh, english):
        assert notices(reader, one) == (False, False)


@pytest.mark.django_db
def test_who_wrote_it_anew_follows_nothing(reader: Client) -> None:
    original = make_article()
    translation = make_translation(original)
    CHANGES["title"](original)
    Article.objects.filter(pk=translation.pk).update(origin="original")
    assert notices(reader, translation) == (False, False)
    assert not Article.objects.stale().exists()


@pytest.mark.django_db
def test_stale_translation_takes_no_more_queries(
    reader: Client, django_assert_num_queries: Any
) -> None:
    original = make_article(sections=4, category=make_category(), tags=["tai"])
    translation = make_translation(original, category=make_category(), tags=["tai"])
    CHANGES["body"](original)
    with django_assert_num_queries(6):
        assert notices(reader, translation) == (True, True)


@pytest.mark.django_db
def test_refused_comment_leaves_the_notice_there(reader: Client) -> None:
    original = make_article()
    translation = make_translation(original)
    CHANGES["title"](original)
    answer = reader.post(f"{translation.get_absolute_url()}comments/", {"name": ""})
    assert CHANGED in answer.text


@pytest.mark.django_db
def test_what_lacks_a_translation_is_what_nobody_has_begun_one_of() -> None:
    alone, begun = make_article(title="Un"), make_article(title="Dau")
    make_translation(begun, published_at=None)
    assert list(Article.objects.lacking("en")) == [alone]
    assert not Article.objects.lacking("cy").exists()


@pytest.mark.django_db
def test_version_that_a_form_carries_is_only_opened_if_we_sealed_it() -> None:
    version = make_article(sections=1).version()
    assert Version.opened(version.sealed()) == version
    for forged in ("", "x", "a:b:c", version.sealed()[:-1] + "_", "\x00"):
        assert Version.opened(forged) is None


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        ("Un.\n\nDau.", "Un.\n\nDau.", []),
        ("Un.\n\nHen dŷ bach.", "Un.\n\nHen gi bach.", ["Hen [-dŷ-][+gi+] bach."]),
        ("Un.\n\nDau.", "Un.\n\nTri.\n\nDau.", ["[+Tri.+]"]),
        ("Un.\n\nDau.", "Dau.", ["[-Un.-]"]),
        ("Un dau.\n\nX\n\nTri.", "Un.\n\nX\n\nTri pedwar.", None),
        ("", "Un.", ["[+Un.+]"]),
    ],
)
def test_what_changed_is_told_by_paragraph_and_word(
    then: str, now: str, found: list[str] | None
) -> None:
    marks = {"same": "{}", "gone": "[-{}-]", "new": "[+{}+]"}
    told = ["".join(marks[kind].format(text) for kind, text in one) for one in changes(then, now)]
    if found is None:
        assert len(told) == 2
    else:
        assert told == found


@pytest.mark.django_db
def test_what_was_translated_before_is_taken_to_follow_todays_original() -> None:
    original = make_article(
        sections=3, section_label="Cam", closing_question="Pam?", standfirst="Un.\r\n\r\nDau."
    )
    translation = make_translation(original)
    lone = make_article(title="Alone", language="en", origin="machine")
    SourceVersion.objects.all().delete()
    migration = importlib.import_module("blog.migrations.0005_translation_versions")
    migration.take_todays(apps, None)
    assert list(Article.objects.up_to_date()) == [translation]
    (version,) = SourceVersion.objects.all()
    assert (version.translation, version.original) == (translation, original)
    assert version.dated == original.updated_at
    assert not hasattr(lone, "source")


@pytest.mark.django_db(transaction=True)  # its last step closes the connection
def test_sample_site_shows_one_stale_translation() -> None:
    call_command("prepare")
    assert [one.origin for one in Article.objects.stale()] == ["machine"]
    assert Article.objects.up_to_date().count() == Article.objects.translated().count() - 1


@pytest.mark.django_db(transaction=True)
def test_kept_page_of_the_translation_says_so_at_once(reader: Client) -> None:
    original = make_article(sections=1)
    translation = make_translation(original)
    for _ in range(2):
        assert notices(reader, translation) == (True, False)
    original.sections.update(body="Arall.")
    assert notices(reader, translation) == (True, True)
    translation.follow(original.version())
    assert notices(reader, translation) == (True, False)
