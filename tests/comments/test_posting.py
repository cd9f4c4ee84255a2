"""A reader sends a comment. (comments/views.py, comments/forms.py)"""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from django_tasks_db.models import DBTaskResult

from comments.models import Comment
from tests.cast import RHYS, make_article, make_comment, make_moderator
from tests.standin import Standin

pytestmark = pytest.mark.django_db


def send(reader: Client, article: Any, headers: Any = None, **data: Any) -> Any:
    return reader.post(f"{article.get_absolute_url()}comments/", RHYS | data, headers=headers or {})


def test_comment_is_stored_unchecked_with_the_job_to_check_it(reader: Client) -> None:
    answer = send(reader, make_article(), website="rhys.example")
    comment = Comment.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/cy/ty-bach-twt/comments/received/#content",
    )
    assert (comment.name, comment.email, comment.body) == tuple(RHYS.values())
    assert (comment.website, comment.language) == ("https://rhys.example", "cy")
    assert (comment.status, comment.user_ip) == ("unchecked", "127.0.0.1")
    assert comment.check_due_at is not None
    assert DBTaskResult.objects.ready().get().args_kwargs["args"] == [comment.pk]


def test_reader_is_told_it_arrived_in_their_language(reader: Client) -> None:
    article = make_article(language="en", title="A small house")
    answer = reader.get(send(reader, article).headers["Location"])
    assert "Thank you: your comment has arrived" in answer.text
    assert answer.status_code == 200


def test_nobody_gets_a_cookie_for_reading_or_commenting(reader: Client) -> None:
    article = make_article()
    pages = ["/", "/cy/", article.get_absolute_url(), "/cy/privacy/", "/cy/archive/"]
    answers = [reader.get(page) for page in pages] + [send(reader, article)]
    assert [answer.cookies.output() for answer in answers] == [""] * len(answers)
    assert "cookie" not in reader.get(article.get_absolute_url()).headers.get("Vary", "").lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Referer": "https://elsewhere.example/page"},
    ],
    ids=lambda headers: "-".join(headers.values()) if isinstance(headers, dict) else "",
)
def test_post_from_another_site_is_refused_with_the_text_given_back(
    reader: Client, headers: dict[str, str]
) -> None:
    answer = send(reader, make_article(), headers)
    assert answer.status_code == 403
    assert RHYS["body"] in answer.text
    assert not Comment.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
        {"Origin": "http://testserver"},
        {"Referer": "http://testserver/cy/ty-bach-twt/"},
    ],
    ids=["fetch-metadata", "origin", "referer"],
)
def test_post_from_our_own_page_is_taken(reader: Client, headers: dict[str, str]) -> None:
    assert send(reader, make_article(), headers).status_code == 303


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "\u202e"),
        ("name", "\u200b\u00ad"),
        ("body", "\u200d\u2060"),
        ("email", "rhys"),
        ("email", ""),
        ("website", "javascript:alert(1)"),
        ("body", ""),
        ("body", " \n "),
        ("body", "x" * 10_001),
        ("body", "a\x00b"),
    ],
)
def test_error_stands_beside_its_field_and_the_text_is_kept(
    reader: Client, field: str, value: str
) -> None:
    answer = send(reader, make_article(), **{field: value})
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 1
    assert f'id="id_{field}_error"' in answer.text
    assert all(text in answer.text for key, text in RHYS.items() if key != field)
    assert not Comment.objects.exists()


def test_longest_comment_is_taken(reader: Client) -> None:
    assert send(reader, make_article(), body="x" * 10_000).status_code == 303


def test_closed_article_gives_the_text_back(reader: Client) -> None:
    answer = send(reader, make_article(comments_open=False))
    assert answer.status_code == 403
    assert RHYS["body"] in answer.text
    assert not Comment.objects.exists()


def test_nothing_to_comment_on_is_not_found(reader: Client) -> None:
    draft = make_article(published_at=None)
    assert send(reader, draft).status_code == 404


def test_address_of_a_refused_form_leads_back_to_the_form(reader: Client) -> None:
    answer = reader.get(f"{make_article().get_absolute_url()}comments/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/cy/ty-bach-twt/#respond")


def test_reply_belongs_to_the_conversation_it_answers(reader: Client) -> None:
    article = make_article()
    first = make_comment(article, status="approved")
    second = make_comment(article, status="approved", parent=first)
    send(reader, article, parent=second.pk)
    third = Comment.objects.get(status="unchecked")
    assert (third.parent, third.thread) == (second, first)


@pytest.mark.parametrize("wrong", ["999", "x", "-1", "9" * 30])
def test_wrong_section_or_parent_loses_no_comment(reader: Client, wrong: str) -> None:
    assert send(reader, make_article(), parent=wrong, section=wrong).status_code == 303
    assert (Comment.objects.get().parent, Comment.objects.get().section) == (None, None)


def test_parent_of_another_article_or_not_on_the_page_is_left_out(reader: Client) -> None:
    elsewhere = make_comment(make_article(title="Arall"), status="approved")
    article = make_article()
    unseen = make_comment(article, status="pending")
    for parent in (elsewhere, unseen):
        send(reader, article, parent=parent.pk, body=f"Ateb i {parent.pk}")
        assert Comment.objects.latest("pk").parent is None


def test_decoy_is_kept_and_turns_nobody_away(reader: Client) -> None:
    page = reader.get(make_article(title="Twt").get_absolute_url()).text
    assert page.count('tabindex="-1"') >= 1
    assert send(reader, make_article(), homepage="https://spam.example" * 60).status_code == 303
    assert Comment.objects.get().honeypot.startswith("https://spam.example")


def test_only_members_of_the_team_are_marked_as_such(client: Client) -> None:
    article = make_article()
    client.force_login(make_moderator())
    send(client, article)
    assert Comment.objects.get().is_from_team


def test_address_is_the_visitors_only_if_a_trusted_proxy_says_so(
    reader: Client, settings: Any
) -> None:
    article = make_article()
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.4"}
    send(reader, article, headers)
    assert Comment.objects.latest("pk").user_ip == "127.0.0.1"
    Comment.objects.all().delete()
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    send(reader, article, headers)
    assert Comment.objects.latest("pk").user_ip == "198.51.100.4"


def test_more_than_comment_rate_waits_with_the_text_kept(reader: Client, settings: Any) -> None:
    settings.COMMENT_RATE = (2, 86400)
    article = make_article()
    bodies = ["Un", "Dau", "Tri"]
    assert [send(reader, article, body=body).status_code for body in bodies] == [303, 303, 429]
    answer = send(reader, article)
    assert int(answer.headers["Retry-After"]) > 0
    assert RHYS["body"] in answer.text
    assert Comment.objects.count() == 2


def test_form_is_prepared_by_the_address(reader: Client) -> None:
    article = make_article(sections=2)
    comment = make_comment(article, status="approved")
    reply = reader.get(f"{article.get_absolute_url()}?reply={comment.pk}").text
    about = reader.get(f"{article.get_absolute_url()}?section=2").text
    assert f'name="parent" value="{comment.pk}"' in reply
    assert "Pennawd 2" in about.split('id="respond"')[1]
    assert reader.get(f"{article.get_absolute_url()}?reply=x&section=%00").status_code == 200


def test_akismet_is_named_only_when_it_is_used(
    reader: Client, akismet: Standin, settings: Any
) -> None:
    url = make_article().get_absolute_url()
    assert "Akismet" in reader.get(url).text
    settings.AKISMET_API_KEY = ""
    assert "Akismet" not in reader.get(url).text
