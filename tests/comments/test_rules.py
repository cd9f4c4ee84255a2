"""Local rules and what the owner settled. (comments/rules.py, comments/moderation.py)"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from comments import moderation, rules
from comments.models import Comment, Decision, Policy
from tests.cast import RHYS, SPAMMER, make_article, make_comment, make_moderator, make_owner, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db


def settle(**fields: Any) -> Policy:
    return Policy.objects.update_or_create(pk=1, defaults=fields)[0]


def status(comment: Comment) -> str:
    comment.refresh_from_db()
    return comment.status


@pytest.mark.parametrize(
    ("links", "held_by"), [(3, ""), (4, "links")], ids=["as many as may be", "one too many"]
)
def test_too_many_links_hold_and_say_so(links: int, held_by: str) -> None:
    settle(max_links=3)
    comment = make_comment(body="https://a.example " * links)
    assert comment.held_by == held_by
    assert comment.held_because == ("4 > 3" if held_by else "")


@pytest.mark.parametrize(
    ("text", "struck"),
    [("Gweler WordPress", False), ("the Press!", True), ("press", True), ("pressed", False)],
)
def test_words_hold_as_whole_words_in_either_case(text: str, struck: bool) -> None:
    settle(hold_words="press\n\n  ")
    assert bool(make_comment(body=text).held_by) is struck


@pytest.mark.parametrize("word", ["tŷ", "a.b", "(", "\\d+", "C++"])
def test_words_are_words_and_no_patterns(word: str) -> None:
    settle(hold_words=word)
    assert make_comment(body=f"Dyma {word} i chi").held_because == f"“{word}”"
    assert not make_comment(body="Dyma 55 aXb C i chi").held_by


def test_words_that_reject_spare_akismet_the_question(akismet: Standin) -> None:
    settle(reject_words="casino")
    comment = make_comment(name="Casino")
    work()
    moderation.sweep()
    assert (status(comment), akismet.calls) == ("rejected", [])
    decision = Decision.objects.get()
    assert (decision.by, decision.rule, decision.reason) == ("rule", "reject_words", "“Casino”")


def test_decoy_holds_but_loses_nobody(akismet: Standin) -> None:
    comment = make_comment(honeypot="https://bot.example")
    work()
    assert (status(comment), comment.held_by) == ("pending", "honeypot")


def test_known_commenter_passes_only_if_the_owner_says_so(akismet: Standin) -> None:
    article = make_article()
    make_comment(article, status="approved")
    stranger = make_comment(article, email="arall@example.com")
    known = make_comment(article)
    work()
    assert (status(stranger), status(known)) == ("pending", "pending")
    settle(known_commenter=True)
    again = make_comment(article, email="RHYS@example.com")
    spam = make_comment(article, name=SPAMMER["name"])
    held = make_comment(article, body="https://a.example " * 9)
    work()
    assert [status(one) for one in (again, spam, held)] == ["approved", "spam", "pending"]
    assert again.decisions.get(to_status="approved").rule == "known_commenter"


@pytest.mark.parametrize(
    ("mode", "spam_becomes", "asked"),
    [
        ("off", "unchecked", 0),
        ("observe", "pending", 1),
        ("hold", "pending", 1),
        ("enforce", "spam", 1),
    ],
)
def test_mode_says_what_a_spam_verdict_does(
    akismet: Standin, mode: str, spam_becomes: str, asked: int
) -> None:
    settle(mode=mode)
    comment = make_comment(**SPAMMER)
    work()
    moderation.sweep()
    assert (status(comment), len(akismet.checks)) == (spam_becomes, asked)


def test_spam_in_a_held_language_waits_for_a_person(akismet: Standin) -> None:
    settle(held_languages=["cy"])
    welsh, english = make_comment(**SPAMMER), make_comment(**SPAMMER, language="en")
    work()
    assert (status(welsh), status(english)) == ("pending", "spam")


def test_same_text_is_answered_as_the_first_time_and_stored_once(reader: Client) -> None:
    article = make_article()
    url = f"{article.get_absolute_url()}comments/"
    answers = [
        reader.post(url, RHYS | {"email": email}) for email in ("a@x.example", "A@x.example")
    ]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert Comment.objects.count() == 1


def test_whoever_lies_in_the_spam_folder_may_try_again(reader: Client) -> None:
    article = make_article()
    make_comment(article, **RHYS, status="spam")
    reader.post(f"{article.get_absolute_url()}comments/", RHYS)
    assert Comment.objects.count() == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_same_text_sent_at_once_is_stored_once() -> None:
    article = make_article()

    def send(_number: int) -> None:
        comment = Comment(article=article, language="cy", **RHYS)
        try:
            moderation.receive(comment)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    assert Comment.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_flood_limit_is_exact_whatever_happens_at_once(settings: Any) -> None:
    settings.COMMENT_RATE = (5, 86400)
    article = make_article()

    def send(number: int) -> bool:
        comment = Comment(article=article, language="cy", **RHYS, user_ip="192.0.2.7")
        try:
            return rules.posts_too_often(comment) is None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(40))) == 5


def test_words_are_tried_before_they_are_saved(client: Client) -> None:
    client.force_login(make_owner())
    client.cookies["django_language"] = "en"
    for number in range(3):
        make_comment(status="approved", body=f"Mae WordPress rhif {number} yn y press")
    make_comment(status="approved", body="Dim byd")
    url = client.get("/admin/comments/policy/").headers["Location"]
    form = {"mode": "enforce", "give_up_days": 15, "spam_days": 15, "evidence_days": 15}
    tried = client.post(url, form | {"hold_words": "press"})
    assert "This would have struck 3 of 4 approved comments" in tried.text
    assert "Rhys: Mae WordPress rhif 0" in tried.text
    assert Policy.objects.current().hold_words == ""
    client.post(url, form | {"hold_words": "press", "confirmed": "on"})
    assert Policy.objects.current().hold_words == "press"
    assert client.post(url, form | {"hold_words": "press\nnewydd"}).status_code == 302


def test_moderators_do_not_make_the_rules(client: Client) -> None:
    client.force_login(make_moderator())
    assert client.get("/admin/comments/policy/").status_code == 403


def test_same_words_to_two_people_are_two_comments(reader: Client) -> None:
    article = make_article()
    one, two = (make_comment(article, status="approved") for _ in range(2))
    for parent in (one, two):
        reader.post(f"{article.get_absolute_url()}comments/", RHYS | {"parent": parent.pk})
    assert Comment.objects.filter(body=RHYS["body"]).count() == 2
