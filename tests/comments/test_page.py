"""The conversation under an article. (comments/templatetags/conversation.py)"""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from blog.models import Article
from comments.models import Comment, Status
from comments.templatetags.conversation import ON_A_PAGE
from tests.cast import RHYS, make_article, make_comment, make_moderator

pytestmark = pytest.mark.django_db


def page(reader: Client, article: Any) -> str:
    return reader.get(article.get_absolute_url()).text


def test_only_approved_comments_are_on_the_page(reader: Client) -> None:
    article = make_article()
    for status in Status:
        make_comment(article, status=status, body=f"Dyma {status}.")
    shown = re.findall(r"<p>Dyma (\w+)\.", page(reader, article))
    assert shown == ["approved"]


def test_comment_has_its_own_address_within_the_conversation(reader: Client) -> None:
    comment = make_comment(status="approved", website="https://rhys.example")
    text = page(reader, comment.article)
    conversation = text[text.index('<section id="comments"') :]
    assert f'<article id="comment-{comment.pk}"' in conversation
    assert f'href="?from={comment.pk}#comment-{comment.pk}"' in conversation
    assert '<a href="https://rhys.example" rel="nofollow ugc noopener">Rhys</a>' in conversation
    assert comment.email not in text


def test_replies_follow_what_they_answer_one_level_deep(reader: Client) -> None:
    article = make_article()
    first = make_comment(article, status="approved", name="Un")
    make_comment(article, status="approved", name="Dau")
    reply = make_comment(article, status="approved", name="Tri", parent=first)
    make_comment(article, status="approved", name="Pedwar", parent=reply)
    text = page(reader, article)
    assert re.findall(r'comment-who"><span>(\w+)', text) == ["Un", "Tri", "Pedwar", "Dau"]
    assert text.count('class="replies"') == 1


def test_reply_outlives_what_it_answered(reader: Client) -> None:
    article = make_article()
    first = make_comment(article, status="rejected", name="Un")
    make_comment(article, status="approved", name="Dau", parent=first)
    assert re.findall(r'comment-who"><span>(\w+)', page(reader, article)) == ["Dau"]


def test_team_is_marked(reader: Client) -> None:
    comment = make_comment(status="approved", user=make_moderator())
    assert "comment-team" in page(reader, comment.article)


def test_comment_in_another_language_says_so(reader: Client) -> None:
    article = make_article()
    comment = make_comment(article, status="approved", language="en")
    html = page(reader, article)
    assert f'<article id="comment-{comment.pk}" class="comment">' in html  # around it, our words
    assert '<div class="comment-body" lang="en">' in html


@pytest.mark.parametrize(
    ("number", "welsh"),
    [
        (0, "Dim sylwadau eto"),
        (1, "Un sylw"),
        (2, "Dau sylw"),
        (3, "Tri sylw"),
        (4, "4 sylw"),
        (6, "Chwe sylw"),
        (8, "8 sylw"),
        (11, "11 sylw"),
    ],
)
def test_number_of_comments_is_said_in_welsh(reader: Client, number: int, welsh: str) -> None:
    article = make_article()
    for _ in range(number):
        make_comment(article, status="approved")
    assert f'<h2 id="comments-heading">{welsh}</h2>' in page(reader, article)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://t.example/p.gif)",
        "<img src=x onerror=alert(1)>",
        "# Pennawd",
    ],
)
def test_what_a_reader_writes_stays_text(reader: Client, hostile: str) -> None:
    comment = make_comment(status="approved", body=hostile, name="<b>x</b>")
    text = page(reader, comment.article)
    body = text[text.index('class="comment-body"') :].split("</article>")[0]
    assert not re.search(r"<(script|img|h\d)|href=\"javascript", body)
    assert "<b>x</b>" not in text


def test_links_in_a_comment_carry_no_weight(reader: Client) -> None:
    comment = make_comment(status="approved", body="Gweler https://rhys.example/")
    assert 'rel="nofollow ugc noopener"' in page(reader, comment.article)


@pytest.mark.parametrize("comments", [1, 100, 300])
def test_article_takes_the_same_queries_for_any_number_of_comments(
    reader: Client, django_assert_max_num_queries: Any, comments: int
) -> None:
    article = make_article(sections=5, tags=["tai", "tref"])
    said = say(article, comments, mixed, section=article.sections.first())
    for query in ("", f"?from={said[-1].pk}", f"?reply={said[-1].pk}"):
        with django_assert_max_num_queries(6):
            reader.get(article.get_absolute_url() + query)


# --- a conversation of several pages ------------------------------------------------------------

type Shape = Callable[[list[Comment]], Comment | None]


def threads(before: list[Comment]) -> None:
    return None


def one_thread(before: list[Comment]) -> Comment | None:
    return before[0] if before else None


def mixed(before: list[Comment]) -> Comment | None:
    return random.Random(len(before)).choice([None, *before[:1], *before[-3:]])


def say(article: Article, number: int, shape: Shape, **fields: Any) -> list[Comment]:
    """So many approved comments, the shape telling what each answers; in order of writing."""
    said: list[Comment] = []
    fields = RHYS | {"language": "cy", "status": "approved"} | fields
    for _ in range(number):
        parent = shape(said)
        thread = (parent.thread or parent) if parent else None
        said.append(Comment.objects.create(article=article, parent=parent, thread=thread, **fields))
    return said


def in_reading_order(said: list[Comment]) -> list[int]:
    """Threads as they began, with all that was replied below each."""
    beginnings = list(dict.fromkeys(comment.thread_id or comment.pk for comment in said))
    return [
        comment.pk
        for beginning in beginnings
        for comment in said
        if beginning in {comment.pk, comment.thread_id}
    ]


def shown(text: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<article id="comment-(\d+)"', text)]


def walk(reader: Client, article: Article, start: str, link: str) -> list[list[int]]:
    """The comments on each page, from a page on along a link of that name."""
    pages, query = [], start
    while True:
        text = reader.get(article.get_absolute_url() + query).text
        pages.append(shown(text))
        found = re.search(rf'<a href="([^"]+)#comments">{link}</a>', text)
        if not found:
            return pages
        query = found[1]


SHAPES = pytest.mark.parametrize("shape", [threads, one_thread, mixed])
LENGTHS = pytest.mark.parametrize("number", [1, ON_A_PAGE, ON_A_PAGE + 1, 2 * ON_A_PAGE + 51])


@SHAPES
@LENGTHS
def test_pages_show_each_approved_comment_once_in_order(
    reader: Client, shape: Shape, number: int
) -> None:
    article = make_article()
    said = say(article, number, shape)
    say(article, 3, mixed, status="pending")
    say(make_article(title="Arall"), 3, mixed)
    whole = in_reading_order(said)
    backwards = walk(reader, article, "", "Sylwadau cynharach")
    forwards = walk(reader, article, f"?from={whole[0]}", "Sylwadau diweddarach")
    assert [pk for page in reversed(backwards) for pk in page] == whole
    assert [pk for page in forwards for pk in page] == whole
    assert {len(page) for page in forwards[:-1] + backwards[:-1]} <= {ON_A_PAGE}
    assert all(0 < len(page) <= ON_A_PAGE for page in forwards + backwards)


@SHAPES
def test_comments_taken_away_leave_no_hole(reader: Client, shape: Shape) -> None:
    article = make_article()
    said = say(article, ON_A_PAGE + 50, shape)
    gone = {comment.pk for comment in random.Random(1).sample(said, 40)} | {said[0].pk}
    Comment.objects.filter(pk__in=gone).update(status="spam")
    whole = [pk for pk in in_reading_order(said) if pk not in gone]
    backwards = walk(reader, article, "", "Sylwadau cynharach")
    assert [pk for page in reversed(backwards) for pk in page] == whole


@SHAPES
def test_address_of_a_comment_leads_to_it_wherever_it_is(reader: Client, shape: Shape) -> None:
    article = make_article()
    said = say(article, ON_A_PAGE + 20, shape)
    assert said[0].pk not in shown(page(reader, article))
    for comment in (said[0], said[1], said[60], said[-1]):
        address, anchor = comment.get_absolute_url().split("#")
        text = reader.get(address).text
        assert f'id="{anchor}"' in text
        assert shown(text)[0] == comment.pk
        assert ("Sylwadau cynharach" in text) == (comment != said[0])


def test_reply_apart_from_what_it_answers_leads_there(reader: Client) -> None:
    article = make_article()
    first, *others = say(article, ON_A_PAGE + 20, one_thread, name="Un")
    text = page(reader, article)
    link = f'<a href="?from={first.pk}#comment-{first.pk}">mewn ymateb i Un</a>'
    assert text.count(link) == ON_A_PAGE
    assert text.count('class="replies"') == 1
    Comment.objects.filter(pk=first.pk).update(status="rejected", name="Cudd")
    text = page(reader, article)
    assert shown(text) == [comment.pk for comment in others[-ON_A_PAGE:]]
    assert "Cudd" not in text


def test_reply_beside_what_it_answers_links_within_the_page(reader: Client) -> None:
    article = make_article()
    first = make_comment(article, status="approved", name="Un")
    second = make_comment(article, status="approved", name="Dau", parent=first)
    make_comment(article, status="approved", name="Tri", parent=second)
    text = page(reader, article)
    assert f'<a href="#comment-{second.pk}">mewn ymateb i Dau</a>' in text
    assert "ymateb i Un" not in text


def test_form_for_a_comment_on_another_page_is_prepared(reader: Client) -> None:
    article = make_article()
    said = say(article, ON_A_PAGE + 20, threads)
    text = reader.get(f"{article.get_absolute_url()}?reply={said[0].pk}").text
    assert said[0].pk not in shown(text)
    assert f'name="parent" value="{said[0].pk}"' in text
    assert "Rhys" in text.split('class="respond-to"')[1]


def test_reply_link_keeps_the_part_of_the_conversation(reader: Client) -> None:
    article = make_article()
    said = say(article, ON_A_PAGE + 20, threads)
    text = reader.get(f"{article.get_absolute_url()}?from={said[3].pk}").text
    link = f'href="?from={said[3].pk}&amp;reply={said[5].pk}#respond" rel="nofollow"'
    assert link in text
    prepared = reader.get(f"{article.get_absolute_url()}?from={said[3].pk}&reply={said[5].pk}").text
    assert shown(prepared) == shown(text)
    assert f'name="parent" value="{said[5].pk}"' in prepared


@pytest.mark.parametrize("name", ["from", "before"])
@pytest.mark.parametrize(
    "wrong", ["", "x", "0", "-1", "1.5", "٣", "\x00", "9" * 18, "9" * 30, "9" * 5000, "1 OR 1=1"]
)
def test_part_that_is_nowhere_is_the_newest(reader: Client, name: str, wrong: str) -> None:
    article = make_article()
    said = say(article, 3, mixed)
    answer = reader.get(article.get_absolute_url(), {name: wrong})
    assert (answer.status_code, shown(answer.text)) == (200, in_reading_order(said))


@pytest.mark.parametrize("name", ["from", "before", "reply"])
def test_comment_that_is_not_shown_is_no_place_to_begin(reader: Client, name: str) -> None:
    article = make_article()
    said = say(article, 3, mixed)
    elsewhere = say(make_article(title="Arall"), 1, mixed)
    for unseen in (*say(article, 1, mixed, status="pending", name="Cudd"), *elsewhere):
        text = reader.get(article.get_absolute_url(), {name: unseen.pk}).text
        assert shown(text) == in_reading_order(said)
        assert "Cudd" not in text
        assert f'value="{unseen.pk}"' not in text


def test_parts_of_a_conversation_name_the_articles_own_address(reader: Client) -> None:
    article = make_article()
    (comment,) = say(article, 1, threads)
    for query in ("", f"?from={comment.pk}", f"?reply={comment.pk}"):
        text = reader.get(article.get_absolute_url() + query).text
        assert re.findall(r'rel="canonical" href="([^"]+)"', text) == [
            f"http://127.0.0.1:8000{article.get_absolute_url()}"
        ]


@pytest.mark.parametrize(
    ("number", "welsh"), [(101, "101 sylw"), (1000, "1000 sylw"), (1001, "Mwy na mil o sylwadau")]
)
def test_number_of_comments_is_that_of_all_pages(reader: Client, number: int, welsh: str) -> None:
    article = make_article()
    Comment.objects.bulk_create(
        Comment(article=article, language="cy", status="approved", **RHYS) for _ in range(number)
    )
    last = article.comments.latest("pk")
    for query in ("", f"?from={last.pk}", f"?before={last.pk}"):
        text = reader.get(article.get_absolute_url() + query).text
        assert re.findall(r'id="comments-heading">([^<]+)<', text) == [welsh]
