"""The moderator's desk. (comments/admin.py)"""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from comments.models import Comment, Decision
from tests.cast import SPAMMER, make_article, make_comment, make_moderator, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db

LIST = "/admin/comments/comment/"


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_moderator())
    client.cookies["django_language"] = "en"
    return client


def act(desk: Client, action: str, *comments: Comment) -> Any:
    picked = [comment.pk for comment in comments]
    return desk.post(LIST, {"action": action, "_selected_action": picked, "index": 0}, follow=True)


@pytest.mark.parametrize(
    ("action", "status"),
    [("approve", "approved"), ("mark_as_spam", "spam"), ("reject", "rejected")],
)
def test_action_moves_the_picked_comments_and_leaves_decisions(
    desk: Client, action: str, status: str
) -> None:
    one, two, _other = (make_comment(status="pending") for _ in range(3))
    answer = act(desk, action, one, two)
    assert list(Comment.objects.order_by("pk").values_list("status", flat=True)) == [
        status,
        status,
        "pending",
    ]
    assert set(Decision.objects.values_list("user__username", flat=True)) == {"mared"}
    assert Decision.objects.count() == 2
    assert "2 comments are" in answer.text


def test_action_on_the_comments_own_page(desk: Client) -> None:
    comment = make_comment(status="pending")
    desk.post(
        f"{LIST}{comment.pk}/change/",
        {"CHANGE_FORM-action": "approve", "_selected_action": comment.pk},
    )
    comment.refresh_from_db()
    assert comment.status == "approved"


def test_approved_comment_is_on_the_page_on_the_next_request(desk: Client, reader: Client) -> None:
    comment = make_comment(body="Dyma fy marn i.")
    url = comment.article.get_absolute_url()
    assert "Dyma fy marn i." not in reader.get(url).text
    act(desk, "approve", comment)
    assert "Dyma fy marn i." in reader.get(url).text
    act(desk, "undo", comment)
    assert "Dyma fy marn i." not in reader.get(url).text


def test_approving_spam_tells_akismet(desk: Client, akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    act(desk, "approve", comment)
    work()
    assert [(call.endpoint, call.identical) for call in akismet.reports] == [("submit-ham", True)]


def test_recheck_asks_akismet_again(desk: Client, akismet: Standin) -> None:
    comment = make_comment()
    work()
    act(desk, "recheck", comment)
    work()
    assert len(akismet.checks) == 2


def test_what_was_left_alone_is_said(desk: Client) -> None:
    comment = make_comment(status="approved")
    assert "One comment was left as it is." in act(desk, "approve", comment).text


def test_status_filter_and_search(desk: Client) -> None:
    article = make_article()
    make_comment(article, status="pending", body="Y cyntaf")
    make_comment(article, status="spam", body="Yr ail")
    assert "Yr ail" not in desk.get(LIST, {"status__exact": "pending"}).text
    assert "Y cyntaf" not in desk.get(LIST, {"q": "ail"}).text


def test_verdict_is_shown_in_words(desk: Client, akismet: Standin, settings: Any) -> None:
    spam = make_comment(**SPAMMER)
    work()
    akismet.behave("503")
    make_comment()
    work()
    text = desk.get(LIST).text
    assert "not checked: Akismet answered with an error status" in text
    story = desk.get(f"{LIST}{spam.pk}/change/").text
    assert "Akismet was asked (attempt 1) and answered: spam. It gives no reasons." in story
    assert "comment_author" in story
    assert akismet.key not in story


def test_banner_says_that_nothing_is_checked(desk: Client, akismet: Standin, settings: Any) -> None:
    assert "Akismet is not in use" not in desk.get("/admin/").text
    akismet.behave("suspended")
    make_comment()
    work()
    assert "Akismet reports trouble with the account" in desk.get("/admin/").text
    settings.AKISMET_API_KEY = ""
    assert "Akismet is not in use" in desk.get("/admin/").text


def test_moderator_has_just_the_moderators_rights(desk: Client) -> None:
    comment = make_comment()
    refused = [
        reverse("admin:blog_article_add"),
        reverse("admin:auth_user_changelist"),
        reverse("admin:comments_comment_add"),
        reverse("admin:comments_comment_delete", args=[comment.pk]),
    ]
    assert [desk.get(url).status_code for url in refused] == [403] * 4
    assert desk.post(f"{LIST}{comment.pk}/change/", {"status": "approved"}).status_code == 403


def test_who_may_only_look_cannot_decide(client: Client) -> None:
    looker = make_moderator("looker")
    looker.groups.get().permissions.filter(codename="moderate_comment").delete()
    client.force_login(looker)
    comment = make_comment(status="pending")
    act(client, "approve", comment)
    comment.refresh_from_db()
    assert comment.status == "pending"


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_queries_for_any_number_of_comments(
    desk: Client, akismet: Standin, django_assert_num_queries: Any, rows: int
) -> None:
    for _ in range(rows):
        make_comment()
    work()
    desk.get(LIST)  # fills what is kept for the process
    with django_assert_num_queries(16):
        desk.get(LIST)
