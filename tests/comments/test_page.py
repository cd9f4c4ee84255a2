"""The conversation under an article. (comments/templatetags/conversation.py)"""

import re
from typing import Any

import pytest
from django.test import Client

from comments.models import Status
from tests.cast import make_article, make_comment, make_moderator

pytestmark = pytest.mark.django_db


def page(reader: Client, article: Any) -> str:
    return reader.get(article.get_absolute_url()).text


def test_only_approved_comments_are_on_the_page(reader: Client) -> None:
    article = make_article()
    for status in Status:
        make_comment(article, status=status, body=f"Dyma {status}.")
    shown = re.findall(r"Dyma (\w+)\.", page(reader, article))
    assert shown == ["approved"]


def test_comment_has_its_own_address_within_the_conversation(reader: Client) -> None:
    comment = make_comment(status="approved", website="https://rhys.example")
    text = page(reader, comment.article)
    conversation = text[text.index('<section id="comments"') :]
    assert f'<article id="comment-{comment.pk}"' in conversation
    assert f'href="#comment-{comment.pk}"' in conversation
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
    tag = re.search(rf'<article id="comment-{comment.pk}"[^>]*>', page(reader, article))
    assert tag
    assert 'lang="en"' in tag[0]


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


@pytest.mark.parametrize("comments", [1, 30])
def test_article_takes_the_same_queries_for_any_number_of_comments(
    reader: Client, django_assert_max_num_queries: Any, comments: int
) -> None:
    article = make_article(sections=5, tags=["tai", "tref"])
    first = make_comment(article, status="approved", section=article.sections.first())
    for _ in range(comments - 1):
        make_comment(article, status="approved", parent=first, user=None)
    with django_assert_max_num_queries(6):
        page(reader, article)
