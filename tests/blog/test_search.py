"""What a reader finds, and how it is shown. (blog/search.py, blog/index.py, comments/search.py)"""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from taggit.models import Tag

from blog import index, views
from blog.models import Article, SearchEntry, SearchMark, Section
from blog.search import MAX_TOKEN, Query, folded, tokens_of
from comments import moderation, privacy
from comments.models import Comment
from config import triggers
from tests.cast import make_article, make_comment, make_owner

pytestmark = pytest.mark.django_db


def search(reader: Client, words: str, language: str = "cy", **more: Any) -> str:
    answer = reader.get(f"/{language}/search/", {"q": words, **more})
    assert answer.status_code == 200
    return answer.text


def found(reader: Client, words: str, language: str = "cy") -> list[str]:
    """Where the hits lead to."""
    return re.findall(r'<h3><a href="([^"]+)"', search(reader, words, language))


def say(text: str, language: str = "cy") -> Article:
    """An article that says this, and nothing else that the tests look for."""
    return make_article(language=language, title="Teitl", standfirst=text)


@pytest.mark.parametrize(
    ("language", "asked", "text"),
    [
        ("cy", "ty", "Mae’r tŷ yn wag."),
        ("cy", "TŶ", "Mae’r ty yn wag."),
        ("cy", "tŷ", "Mae’r ty\u0302 yn wag."),
        ("cy", "Cymru", "Croeso i Gymru."),
        ("cy", "Cymru", "Rwy’n byw yng Nghymru."),
        ("cy", "Cymru", "Lloegr a Chymru."),
        ("cy", "Gymru", "Dyma Cymru."),
        ("cy", "Nghymru", "Lloegr a Chymru."),
        ("cy", "tŷ", "Dyna dy dŷ di."),
        ("cy", "pont", "Dros y bont, yn ei phont, fy mhont."),
        ("cy", "gardd", "Yr ardd a’r wal."),
        ("cy", "mam", "Dy fam a’th dad."),
        ("cy", "bara", "Fy mara i."),
        ("cy", "llyfr", "Dau lyfr."),
        ("cy", "rhaff", "Y raff hir."),
        ("cy", "afal", "Ei hafal hi."),
        ("cy", "diwrnod", "Am ddiwrnod!"),
        ("cy", "busnesau credu", "Mae busnesau’n dal i’w credu."),
        ("cy", "credu’n", "Mae busnesau’n dal i’w credu."),
        ("en", "run", "Running shops and runners."),
        ("en", "measured channels", "A channel that nobody measures."),
        ("en", "CAFE", "A café in town."),
        ("en", "don't", "They don’t answer."),
        ("cy", "2026", "Ym mis Mai 2026."),
        ("cy", "5", "Y 5 camsyniad."),
        ("en", "東京", "Letters from 東京."),
    ],
)
def test_word_is_found_in_any_of_its_forms(
    reader: Client, language: str, asked: str, text: str
) -> None:
    article = say(text, language)
    assert found(reader, asked, language) == [article.get_absolute_url()]


@pytest.mark.parametrize(
    ("language", "asked", "text"),
    [
        ("cy", "tŷ", "Ble mae dy gar?"),  # "your", and in every other sentence
        ("cy", "mêl", "Fel arfer."),
        ("cy", "cath", "Dwy gôt."),
        ("en", "Cymru", "Croeso i Gymru."),  # English does not mutate
        ("cy", "tŷ gwyn", "Mae’r tŷ yn wag."),  # all words, not any
        ("cy", "gardd", "Cardden."),
    ],
)
def test_other_words_are_not_found(reader: Client, language: str, asked: str, text: str) -> None:
    say(text, language)
    assert found(reader, asked, language) == []


def test_each_language_finds_its_own(reader: Client) -> None:
    welsh, english = say("Sgwrs am radio."), say("A talk about radio.", "en")
    assert found(reader, "radio") == [welsh.get_absolute_url()]
    assert found(reader, "radio", "en") == [english.get_absolute_url()]


def test_title_standfirst_question_and_tags_lead_to_the_article(reader: Client) -> None:
    article = make_article(
        title="Camsyniad", standfirst="Rhagair", closing_question="Cytuno?", tags=["marchnata"]
    )
    for word in ("camsyniad", "rhagair", "cytuno", "marchnata"):
        assert found(reader, word) == [article.get_absolute_url()], word


def test_section_leads_to_that_section(reader: Client) -> None:
    article = make_article(sections=3)
    Section.objects.filter(position=2).update(heading="Sianel", body="Desg **gymorth** yw hi.")
    for word in ("sianel", "cymorth", "sianel cymorth"):
        assert found(reader, word) == [f"{article.get_absolute_url()}#section-2"], word
    assert "#2: <mark>Sianel</mark>" in search(reader, "sianel")


def test_words_of_one_article_may_stand_apart(reader: Client) -> None:
    article = make_article(sections=2, standfirst="Rhagair")
    Section.objects.filter(position=2).update(body="Desg gymorth")
    assert found(reader, "rhagair desg cymorth") == [f"{article.get_absolute_url()}#section-2"]


def test_comment_leads_to_that_comment(reader: Client) -> None:
    article = make_article(title="Llongau")
    make_comment(article, body="Rhywbeth arall.", status="approved")
    comment = make_comment(article, body="Mae’r goleudy’n *hardd*.", status="approved")
    assert found(reader, "goleudy hardd") == [comment.get_absolute_url()]
    text = search(reader, "goleudy")
    assert "Sylw ar “Llongau”" in text
    assert "Mae’r <mark>goleudy</mark>’n hardd." in text
    assert found(reader, "Rhys") == [], "who said something is not what was said"


def test_newest_comes_first(reader: Client) -> None:
    now = timezone.now()
    for days in (3, 1, 2):
        make_article(
            title="Pont", slug=f"n{days}", published_at=now - timedelta(days=days), standfirst="x"
        )
    comment = make_comment(Article.objects.get(slug="n3"), body="Pont", status="approved")
    comment_before = make_comment(Article.objects.get(slug="n3"), body="Y bont", status="approved")
    Comment.objects.filter(pk=comment_before.pk).update(submitted_at=now - timedelta(days=1.5))
    assert found(reader, "pont") == [
        comment.get_absolute_url(),
        "/cy/n1/",
        comment_before.get_absolute_url(),
        "/cy/n2/",
        "/cy/n3/",
    ]


def test_what_is_shown_is_escaped(reader: Client) -> None:
    article = make_article(title="<b>Pont</b> & co", standfirst="`<script>pont</script>` a *phont*")
    make_comment(article, body="`<img src=x>` pont &amp;", status="approved")
    text = search(reader, 'pont "><script>')
    assert "<script>" not in text
    assert "<img" not in text
    assert found(reader, "pont") != []
    text = search(reader, "pont")
    assert "&lt;b&gt;<mark>Pont</mark>&lt;/b&gt; &amp; co" in text
    assert "&lt;script&gt;<mark>pont</mark>&lt;/script&gt; a <mark>phont</mark>" in text
    assert "&lt;img src=x&gt; <mark>pont</mark> &amp;" in text


def test_excerpt_shows_where_the_most_words_are(reader: Client) -> None:
    say("Pont. " + "Llenwi ychydig. " * 60 + "Yr hen bont goch. " + "Llenwi rhagor. " * 60)
    text = search(reader, "pont coch")
    assert "Yr hen <mark>bont</mark> <mark>goch</mark>." in text
    words = re.search(r'<p class="hit-words">(.+)</p>', text)
    assert words
    assert len(words[1]) < 350
    assert words[1].startswith("… ")
    assert words[1].endswith(" …")


@pytest.mark.parametrize("size", [3, 10_000])
def test_excerpt_of_a_text_without_spaces_is_short(size: int) -> None:
    query = Query.of("pont", "cy")
    assert len(query.excerpt("x" * size + "/pont/" + "x" * size)) < 400


def test_pages_show_each_hit_once(reader: Client) -> None:
    moment = timezone.now() - timedelta(days=1)
    for n in range(25):
        make_article(title="Pont", slug=f"n{n}", published_at=moment)
    seen: list[str] = []
    for number in (1, 2, 3):
        text = search(reader, "pont", page=number)
        seen += re.findall(r'<h3><a href="([^"]+)"', text)
        assert ('rel="next"' in text) == (number < 3)
        assert f"q=pont&amp;page={number + 1}" in text or number == 3
    assert seen == [f"/cy/n{n}/" for n in range(24, -1, -1)]
    assert reader.get("/cy/search/?q=pont&page=4").status_code == 404


@pytest.mark.parametrize("hits", [1, 3, 25])
def test_takes_three_queries_and_counts_nothing(
    reader: Client, django_assert_num_queries: Any, hits: int
) -> None:
    for n in range(hits):
        make_article(title="Pont", slug=f"n{n}", sections=2, tags=["tai"])
    search(reader, "pont")
    with django_assert_num_queries(3) as asked:
        search(reader, "pont")
    assert "COUNT(" not in str(asked.captured_queries)


def test_nobody_is_led_on_for_ever(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "LAST_FOUND", 2)
    for n in range(30):
        make_article(title="Pont", slug=f"n{n}")
    assert 'rel="next"' in search(reader, "pont")
    assert 'rel="next"' not in search(reader, "pont", page=2)
    assert reader.get("/cy/search/?q=pont&page=3").status_code == 404


def test_for_search_engines_all_results_are_the_one_page(reader: Client) -> None:
    for n in range(11):
        make_article(title="Pont", slug=f"n{n}")
    for page in (search(reader, ""), search(reader, "pont"), search(reader, "pont", page=2)):
        assert re.findall(r'<link rel="canonical" href="[^"]*?(/cy[^"]*)"', page) == ["/cy/search/"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "Chwiliwch drwy’r holl erthyglau"),
        ("  ", "Chwiliwch drwy’r holl erthyglau"),
        ("pont", "Ni chafwyd hyd i ddim"),
        ("!?", "Does dim gair yma"),
        ("a", "Does dim gair yma"),
    ],
)
def test_finding_nothing_is_said_kindly(reader: Client, asked: str, said: str) -> None:
    assert said in search(reader, asked)


def test_long_query_is_cut(reader: Client) -> None:
    article = say("un dau tri")
    assert found(reader, "tri " * 100) == [article.get_absolute_url()]
    twelve = " ".join(f"gair{n}" for n in range(12))
    assert len(Query.of(f"{twelve} arall", "cy").words) == 12
    assert len(Query.of("x" * 1000, "cy").text) == 200
    long = "x" * 300
    say(long)
    assert len(tokens_of(long, "cy")[0]) == MAX_TOKEN
    assert len(found(reader, long)) == 1


def test_form_finds_its_page_from_everywhere(reader: Client) -> None:
    make_article()
    for url in ("/cy/", "/cy/ty-bach-twt/", "/cy/archive/", "/cy/dim-byd/"):
        text = reader.get(url).text
        assert '<a href="/cy/search/">Chwilio</a>' in text, url
    assert 'name="q"' in reader.get("/cy/search/").text


@pytest.mark.parametrize("language", ["cy", "en"])
def test_browsers_are_told_how_to_search(reader: Client, settings: Any, language: str) -> None:
    link = re.search(r'<link rel="search"[^>]+href="([^"]+)"', reader.get(f"/{language}/").text)
    assert link
    answer = reader.get(link[1])
    assert answer.headers["Content-Type"] == "application/opensearchdescription+xml"
    names = {"o": "http://a9.com/-/spec/opensearch/1.1/"}
    tree = ElementTree.fromstring(answer.content)  # noqa: S314 - our own
    url = tree.find("o:Url", names)
    assert url is not None
    assert url.get("template") == f"{settings.SITE_URL}/{language}/search/?q={{searchTerms}}"
    assert len(tree.findtext("o:ShortName", "", names)) <= 16


# --- what nobody may find ------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [None, timedelta(hours=1), timedelta(seconds=2)])
def test_draft_and_scheduled_article_are_not_found_nor_what_is_said_there(
    reader: Client, moment: timedelta | None
) -> None:
    article = make_article(title="Cudd", sections=1, tags=["cudd"])
    Section.objects.update(body="Cudd")
    make_comment(article, body="Cudd", status="approved")
    assert len(found(reader, "cudd")) == 2
    Article.objects.update(published_at=moment and timezone.now() + moment)
    assert "Cudd" not in search(reader, "cudd")
    if moment:
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            assert len(found(reader, "cudd")) == 2


@pytest.mark.parametrize("status", ["unchecked", "pending", "spam", "rejected"])
def test_comment_that_is_not_approved_is_not_found(reader: Client, status: str) -> None:
    make_comment(body="Cudd", status=status)
    assert found(reader, "cudd") == []
    call_command("reindex", verbosity=0)
    assert found(reader, "cudd") == []


def by_hand(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def comment() -> Comment:
    return Comment.objects.get()


def restored_from_rejection() -> None:
    moderation.reject(comment(), make_owner())
    moderation.undo(comment(), make_owner("arall"))


SITE = {"hen", "hendag", "henadran", "hensylw"}
# What is done, the words that are found no more, and those that are found from then on.
CHANGES: dict[str, tuple[Callable[[], Any], set[str], set[str]]] = {
    "title updated": (lambda: Article.objects.update(title="Newydd"), {"hen"}, {"newydd"}),
    "article withdrawn": (lambda: Article.objects.update(published_at=None), SITE, set()),
    "language changed": (lambda: Article.objects.update(language="en"), SITE, set()),
    "section updated": (
        lambda: Section.objects.update(body="newydd"),
        {"henadran"},
        {"newydd"},
    ),
    "section added in bulk": (
        lambda: Section.objects.bulk_create(
            [Section(article=Article.objects.get(), position=9, heading="newydd", body="x")]
        ),
        set(),
        {"newydd"},
    ),
    "section deleted": (lambda: Section.objects.all().delete(), {"henadran"}, set()),
    "tags set": (lambda: Article.objects.get().tags.set(["newydd"]), {"hendag"}, {"newydd"}),
    "tags cleared": (lambda: Article.objects.get().tags.clear(), {"hendag"}, set()),
    "tag renamed": (lambda: Tag.objects.update(name="newydd"), {"hendag"}, {"newydd"}),
    "tag deleted": (lambda: Tag.objects.all().delete(), {"hendag"}, set()),
    "comment rejected": (
        lambda: moderation.reject(comment(), make_owner()),
        {"hensylw"},
        set(),
    ),
    "rejection taken back": (restored_from_rejection, set(), {"hensylw"}),
    "comment marked as spam": (
        lambda: moderation.mark_as_spam(comment(), make_owner()),
        {"hensylw"},
        set(),
    ),
    "comment edited": (lambda: Comment.objects.update(body="newydd"), {"hensylw"}, {"newydd"}),
    "comment withdrawn at once": (
        lambda: Comment.objects.update(status="pending"),
        {"hensylw"},
        set(),
    ),
    "comment deleted": (lambda: Comment.objects.all().delete(), {"hensylw"}, set()),
    "person erased": (lambda: privacy.erase("rhys@example.com"), {"hensylw"}, set()),
    "SQL by hand": (
        lambda: by_hand("UPDATE blog_section SET heading = 'newydd', body = 'x'"),
        {"henadran"},
        {"newydd"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_shows_on_the_next_search(reader: Client, change: str) -> None:
    article = make_article(title="Hen", standfirst="x", tags=["hendag"])
    Section.objects.create(article=article, position=1, heading="x", body="henadran")
    make_comment(article, body="hensylw", status="approved")
    assert {word for word in SITE if found(reader, word)} == SITE
    do, gone, new = CHANGES[change]
    do()
    words = SITE | {"newydd"}
    assert {word for word in words if found(reader, word)} == (SITE - gone) | new
    assert not SearchMark.objects.exists()


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_withdrawn_is_gone_although_search_has_not_caught_up(
    reader: Client, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    article = make_article(title="Hen", standfirst="x", tags=["hendag"])
    Section.objects.create(article=article, position=1, heading="x", body="henadran")
    make_comment(article, body="hensylw", status="approved")
    found(reader, "hen")
    do, gone, _new = CHANGES[change]
    do()
    monkeypatch.setattr(index, "BATCH", 0)
    assert not [word for word in gone if found(reader, word)]


def test_approved_comment_is_found_on_the_next_search(reader: Client) -> None:
    pending = make_comment(body="Goleudy", status="pending")
    assert found(reader, "goleudy") == []
    moderation.approve(pending, make_owner())
    assert found(reader, "goleudy") == [pending.get_absolute_url()]


def test_change_that_is_rolled_back_changes_nothing(reader: Client) -> None:
    say("Pont")
    with transaction.atomic():
        Article.objects.update(standfirst="Arall")
        transaction.set_rollback(True)
    assert len(found(reader, "pont")) == 1
    assert found(reader, "arall") == []


def test_nothing_of_an_erased_person_is_kept(reader: Client) -> None:
    make_comment(body="Cyfrinach", status="approved")
    assert found(reader, "cyfrinach")
    privacy.erase("rhys@example.com")
    assert not SearchEntry.objects.filter(words__contains="cyfrinach").exists()


def test_comments_move_with_their_article(reader: Client) -> None:
    article = make_article(sections=2)
    Section.objects.filter(position=1).update(body="Pont")
    make_comment(article, body="Radio", status="approved")
    article.arrange(list(article.sections.all())[::-1])
    assert found(reader, "pont") == [f"{article.get_absolute_url()}#section-2"]
    Article.objects.update(language="en")
    assert found(reader, "radio", "en") == [comment().get_absolute_url()]
    Article.objects.update(slug="arall")
    assert found(reader, "radio", "en") == [comment().get_absolute_url()]


def test_sample_site_is_found(reader: Client) -> None:
    call_command("loaddata", "sample_site", "sample_articles", "sample_comments", verbosity=0)
    with time_machine.travel("2027-01-01"):
        assert "/cy/5-camsyniad-cyfryngau-cymdeithasol/" in found(reader, "camsyniad")
        assert "/en/5-social-media-misconceptions/" in found(reader, "misconception", "en")


def test_index_made_anew_is_the_same(reader: Client) -> None:
    make_comment(make_article(sections=2, tags=["tai"]), status="approved")
    make_article(title="Drafft", published_at=None)
    found(reader, "x")
    before = list(SearchEntry.objects.order_by("pk").values())
    assert len(before) == 2
    call_command("reindex", verbosity=0)
    assert list(SearchEntry.objects.order_by("pk").values()) == before
    by_hand("DELETE FROM blog_searchentry")
    assert found(reader, "tŷ") == []
    call_command("reindex", verbosity=0)
    assert found(reader, "tŷ")


@pytest.mark.django_db(transaction=True)
def test_migration_fills_the_index_and_changes_are_noticed_again(reader: Client) -> None:
    article = make_article(title="Pont")
    comment = make_comment(article, body="Pont", status="approved")
    both = [comment.get_absolute_url(), article.get_absolute_url()]
    assert found(reader, "pont") == both
    complete = triggers.installed(connection, index.PREFIX)
    call_command("migrate", "blog", "0002", verbosity=0)
    try:
        assert triggers.installed(connection, index.PREFIX) == []
        Article.objects.update(title="Y bont")
    finally:
        call_command("migrate", verbosity=0)
    assert triggers.installed(connection, index.PREFIX) == complete
    assert found(reader, "pont") == both
    Article.objects.update(title="Arall")
    assert found(reader, "pont") == both[:1]


@pytest.mark.postgresql  # SQLite lets one write at a time anyway
@pytest.mark.django_db(transaction=True)
def test_those_who_catch_up_at_once_take_everything_in_once() -> None:
    """They all begin at the same marks, and none may stumble over what another took in."""
    for n in range(3):
        make_comment(make_article(title=f"Pont {n}"), status="approved")
    failed: list[Exception] = []
    begin = threading.Barrier(4)

    def take_in() -> None:
        try:
            begin.wait(10)
            while index.catch_up():
                pass
        except Exception as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=take_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert SearchEntry.objects.count() == 6


# --- words ---------------------------------------------------------------------------------------


@given(st.text())
def test_any_text_is_searched_and_shown(text: str) -> None:
    for language in ("cy", "en"):
        query = Query.of(text, language)
        html = query.marked(text)
        assert not re.search(r"<(?!/?mark>)", html)
        assert query.excerpt(text).strip("… ") in text
        for tokens in query.words:
            assert all(token[2:].isalnum() and len(token) <= MAX_TOKEN for token in tokens)
        if query.words:
            assert query.count_in(query.text) == len(query.words)


@given(st.text(min_size=1))
def test_folding_twice_is_folding_once(word: str) -> None:
    assert folded(folded(word)) == folded(word)
