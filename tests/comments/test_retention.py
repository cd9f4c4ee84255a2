"""How long things are kept, and what goes when a person asks. (comments/privacy.py)"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.admin.models import DELETION, LogEntry
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from django_tasks_db.models import DBTaskResult

from comments import accuracy, moderation, privacy
from comments.models import (
    Chore,
    Comment,
    Decision,
    Policy,
    PostCount,
    Report,
    SpamCheck,
)
from tests.cast import (
    RHYS,
    SPAMMER,
    make_article,
    make_comment,
    make_moderator,
    make_owner,
    work,
)
from tests.standin import Standin

pytestmark = pytest.mark.django_db

LIST = "/admin/comments/comment/"
JUST_UNDER, JUST_OVER = timedelta(days=14, hours=23), timedelta(days=15, hours=1)


def after(time: timedelta) -> Any:
    return time_machine.travel(timezone.now() + time, tick=False)


def is_there(comment: Comment) -> bool:
    return Comment.objects.filter(pk=comment.pk).exists()


def retention(*options: str) -> str:
    out = StringIO()
    call_command("retention", *options, stdout=out)
    return out.getvalue()


def erase(email: str, *options: str) -> str:
    out = StringIO()
    call_command("erase", email, *options, stdout=out)
    return out.getvalue()


# --- spam --------------------------------------------------------------------------------------


def test_spam_goes_after_its_days_with_its_evidence(akismet: Standin) -> None:
    spam = make_comment(**SPAMMER)
    work()
    with after(JUST_UNDER):
        privacy.retain()
        assert is_there(spam)
    with after(JUST_OVER):
        privacy.retain()
    assert not is_there(spam)
    assert (SpamCheck.objects.count(), Decision.objects.count()) == (0, 0)


def test_days_are_counted_from_the_marking_not_from_the_post() -> None:
    old = make_comment(status="approved", submitted_at=timezone.now() - timedelta(days=100))
    moderation.mark_as_spam(old, make_moderator())
    with after(JUST_UNDER):
        privacy.retain()
        assert is_there(old)
    with after(JUST_OVER):
        privacy.retain()
    assert not is_there(old)


def test_days_begin_anew_when_it_is_marked_again() -> None:
    mared, comment = make_moderator(), make_comment(status="pending")
    moderation.mark_as_spam(comment, mared)
    with after(timedelta(days=10)):
        moderation.reject(comment, mared)
        moderation.mark_as_spam(comment, mared)
    with after(JUST_OVER):
        privacy.retain()
    assert is_there(comment)


def test_owner_settles_how_long() -> None:
    Policy.objects.create(pk=1, spam_days=3)
    comment = make_comment(status="pending")
    moderation.mark_as_spam(comment, make_moderator())
    with after(timedelta(days=3, hours=1)):
        privacy.retain()
    assert not is_there(comment)


def test_blatant_spam_goes_sooner_only_if_the_owner_says(akismet: Standin) -> None:
    plain = make_comment(**SPAMMER)
    work()
    akismet.behave("discard")
    blatant = make_comment()
    work()
    with after(timedelta(days=2, hours=1)):
        privacy.retain()
        assert is_there(blatant)
        Policy.objects.create(pk=1, blatant_days=2)
        privacy.retain()
        assert (is_there(blatant), is_there(plain)) == (False, True)


def test_blatant_spam_a_person_put_back_has_the_full_time(akismet: Standin) -> None:
    Policy.objects.create(pk=1, blatant_days=2)
    akismet.behave("discard")
    comment, mared = make_comment(), make_moderator()
    work()
    moderation.reject(comment, mared)
    moderation.undo(comment, mared)
    with after(JUST_UNDER):
        privacy.retain()
    assert is_there(comment)


@pytest.mark.parametrize("status", ["unchecked", "pending", "approved", "rejected"])
def test_nothing_but_spam_goes(status: str) -> None:
    comment = make_comment(status="spam")
    moderation.approve(comment, make_moderator())
    Comment.objects.update(status=status)
    with after(timedelta(days=1000)):
        privacy.retain()
    assert is_there(comment)


def test_spam_nobody_marked_stays() -> None:
    comment = make_comment(status="spam", submitted_at=timezone.now() - timedelta(days=1000))
    privacy.retain()
    assert is_there(comment)


def test_spam_that_is_to_be_asked_about_again_stays(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    moderation.recheck(comment)
    with after(JUST_OVER):
        privacy.retain()
    assert is_there(comment)


def test_spam_waits_until_its_report_is_delivered(akismet: Standin) -> None:
    comment = make_comment()
    work()
    akismet.behave("500")
    moderation.mark_as_spam(comment, make_moderator())
    work()
    with after(JUST_OVER):
        privacy.retain()
        assert is_there(comment)
        akismet.behave(None)
        moderation.sweep()
        assert Report.objects.get().delivered_at
        privacy.retain()
    assert not is_there(comment)


def test_replies_to_spam_stay() -> None:
    article = make_article()
    spam = make_comment(article, status="approved")
    reply = make_comment(article, parent=spam, status="approved")
    moderation.mark_as_spam(spam, make_moderator())
    with after(JUST_OVER):
        privacy.retain()
    reply.refresh_from_db()
    assert (reply.parent, reply.thread, reply.status) == (None, None, "approved")


def test_each_batch_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "BATCH", 2)
    mared, article = make_moderator(), make_article()
    for _number in range(5):
        moderation.mark_as_spam(make_comment(article, status="pending"), mared)
    with after(JUST_OVER):
        assert list(privacy.retain().values()) == [5, 0, 0]
        assert list(privacy.retain().values()) == [0, 0, 0]
    assert not Comment.objects.exists()


# --- evidence ----------------------------------------------------------------------------------

VISITOR: dict[str, Any] = {
    "user_agent": "Firefox",
    "referrer": "https://search.example/",
    "honeypot": "x",
}


def test_evidence_goes_and_the_verdict_stays(akismet: Standin, client: Client) -> None:
    comment, mared = make_comment(**VISITOR), make_moderator()
    work()
    moderation.mark_as_spam(comment, mared)
    moderation.approve(comment, mared)
    work()
    with after(JUST_UNDER):
        privacy.retain()
        comment.refresh_from_db()
        assert (comment.user_ip, comment.user_agent) == ("192.0.2.7", "Firefox")
        assert SpamCheck.objects.get().sent
    with after(JUST_OVER):
        privacy.retain()
        comment.refresh_from_db()
        assert (comment.user_ip, comment.network) == (None, "192.0.2.0/24")
        assert (comment.user_agent, comment.referrer, comment.honeypot) == ("", "", "")
        assert comment.status == "approved"
        check = SpamCheck.objects.get()
        assert (check.sent, check.outcome, bool(check.guid)) == ([], "ham", True)
        assert [report.sent for report in Report.objects.all()] == [[]]
        assert Decision.objects.count() == 3
        client.force_login(mared)
        client.cookies["django_language"] = "en"
        assert "Kept no longer." in client.get(f"{LIST}{comment.pk}/change/").text


def test_evidence_is_counted_from_the_last_decision(akismet: Standin) -> None:
    comment = make_comment()
    work()
    with after(timedelta(days=10)):
        moderation.approve(comment, make_moderator())
    with after(JUST_OVER):
        privacy.retain()
        assert SpamCheck.objects.get().sent
    with after(timedelta(days=10) + JUST_OVER):
        privacy.retain()
    assert SpamCheck.objects.get().sent == []


def test_evidence_stays_while_akismet_is_still_to_be_asked(akismet: Standin) -> None:
    akismet.behave("500")
    comment = make_comment()
    work()
    with after(JUST_OVER):
        privacy.retain()
    comment.refresh_from_db()
    assert (comment.user_ip, comment.network) == ("192.0.2.7", "")


def test_evidence_stays_while_a_report_is_to_be_delivered(akismet: Standin) -> None:
    comment = make_comment()
    work()
    akismet.behave("500")
    moderation.mark_as_spam(comment, make_moderator())
    work()
    with after(JUST_OVER):
        privacy.retain()
        akismet.behave(None)
        moderation.sweep()
    assert akismet.reports[-1].identical


def test_never_checked_counts_from_the_post_once_decided() -> None:
    comment = make_comment(user_ip="2001:db8:1:2:3::4")
    with after(JUST_OVER):
        privacy.retain()
        assert Comment.objects.exclude(user_ip=None).exists()
        moderation.approve(comment, make_moderator())
        privacy.retain()
    comment.refresh_from_db()
    assert (comment.user_ip, comment.network) == (None, "2001:db8:1::/48")


def test_neither_checked_nor_decided_keeps_all() -> None:
    make_comment(status="pending", submitted_at=timezone.now() - timedelta(days=100))
    privacy.retain()
    assert Comment.objects.get().user_ip


def test_decision_after_the_evidence_went_reports_nothing_and_says_so(
    akismet: Standin, client: Client
) -> None:
    comment, mared = make_comment(), make_moderator()
    work()
    with after(JUST_OVER):
        privacy.retain()
        moderation.mark_as_spam(comment, mared)
        moderation.sweep()
        client.force_login(mared)
        client.cookies["django_language"] = "en"
        page = client.get(f"{LIST}{comment.pk}/change/").text
    assert (akismet.reports, Report.objects.count()) == ([], 0)
    assert "could not be reported to Akismet: what it was sent is kept no longer" in page


def test_late_decision_that_agrees_says_nothing_of_reports(akismet: Standin) -> None:
    comment = make_comment()
    work()
    with after(JUST_OVER):
        privacy.retain()
        moderation.approve(comment, make_moderator())
    assert not Decision.objects.filter(came_too_late=True).exists()


def test_shortened_address_is_never_told_to_akismet(akismet: Standin) -> None:
    comment = make_comment()
    work()
    asked = len(akismet.checks)
    with after(JUST_OVER):
        privacy.retain()
        assert not moderation.recheck(comment)
        moderation.sweep()
    assert len(akismet.checks) == asked


# --- tasks, the command, once a day ------------------------------------------------------------


def test_finished_tasks_go_after_a_week(akismet: Standin) -> None:
    make_comment()
    work()
    make_comment()
    with after(timedelta(days=6, hours=23)):
        privacy.retain()
        assert DBTaskResult.objects.count() == 2
    with after(timedelta(days=7, hours=1)):
        privacy.retain()
    assert DBTaskResult.objects.get().status == "READY"


def test_command_counts_without_doing_and_then_does(akismet: Standin) -> None:
    make_comment(**SPAMMER)
    ham = make_comment()
    work()
    moderation.approve(ham, make_moderator())
    with after(JUST_OVER):
        counted = [line.rpartition(" ")[2] for line in retention("--dry-run").splitlines()]
        assert counted == ["1", "2", "2"]
        assert Comment.objects.count() == 2
        done = [line.rpartition(" ")[2] for line in retention().splitlines()]
    assert done == ["1", "1", "2"]  # deleted spam has no evidence left to lose
    assert Comment.objects.get() == ham


def queued() -> int:
    return DBTaskResult.objects.filter(task_path__endswith=".retain").count()


def test_worker_queues_it_once_a_day_and_makes_up_for_a_missed_one() -> None:
    comment = make_comment(status="pending")
    moderation.mark_as_spam(comment, make_moderator())
    privacy.daily()
    assert queued() == 0  # a new site has a day before anything goes
    with after(JUST_OVER):
        privacy.daily()
        privacy.daily()
        assert queued() == 1
        work()
        assert not is_there(comment)
        privacy.daily()
        assert queued() == 1
    with after(JUST_OVER + timedelta(days=1, minutes=1)):
        privacy.daily()
        assert queued() == 2


def test_work_whose_worker_died_is_queued_again() -> None:
    Chore.objects.create(name=privacy.RETENTION, due_at=timezone.now())
    privacy.daily()
    with after(timedelta(minutes=61)):
        privacy.daily()
    assert queued() == 2


def test_worker_that_looked_a_moment_too_early_queues_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Chore.objects.create(name=privacy.RETENTION, due_at=timezone.now())
    monkeypatch.setattr(Chore.objects, "get_or_create", lambda **_: (seen, False))
    privacy.daily()
    privacy.daily()
    assert queued() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_several_workers_at_once_one_queues_it() -> None:
    Chore.objects.create(name=privacy.RETENTION, due_at=timezone.now())
    together = threading.Barrier(4)

    def worker(_number: int) -> None:
        try:
            together.wait()
            privacy.daily()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))
    assert queued() == 1


def test_page_says_how_long_things_are_kept(reader: Client) -> None:
    Policy.objects.create(pk=1, spam_days=21, blatant_days=1, evidence_days=34)
    page = reader.get("/en/privacy/").text
    assert "marked as spam is deleted after 21 days. Where Akismet is certain, after one" in page
    assert "34 days after the last check or decision" in page


# --- erasure -----------------------------------------------------------------------------------

MARK = "rhysmark"
PERSON: dict[str, Any] = {"name": f"Rhys {MARK}", "email": f"{MARK}@example.com"}


def tables_that_mention(text: str) -> set[str]:
    """Every table in which any column of any row contains it."""
    return {
        model._meta.label
        for model in apps.get_models(include_auto_created=True)
        for row in model._default_manager.values_list()
        if text in str(row).lower()
    }


def test_erasure_takes_all_traces_and_leaves_the_others(
    akismet: Standin, settings: Any, reader: Client
) -> None:
    settings.COMMENT_RATE = (50, 3600)
    article = make_article()
    posted = PERSON | {"body": f"Myfi, {MARK}, biau hyn.", "website": f"https://{MARK}.example"}
    reader.post(f"/cy/{article.slug}/comments/", posted)
    first = Comment.objects.get()
    make_comment(article, **PERSON | {"email": f"{MARK.upper()}@example.com"})
    work()
    mared = make_moderator()
    moderation.mark_as_spam(first, mared)
    work()
    moderation.approve(first, mared, reason=f"{MARK} yw hwn")
    reply = make_comment(article, parent=first)
    LogEntry.objects.log_actions(make_owner().pk, [first], DELETION)
    LogEntry.objects.log_actions(mared.pk, [reply], DELETION)
    assert tables_that_mention(MARK) >= {
        "comments.Comment",
        "comments.SpamCheck",
        "comments.Decision",
        "comments.Report",
        "admin.LogEntry",
    }
    said = erase(PERSON["email"], "--yes")
    assert tables_that_mention(MARK) == set()
    assert Comment.objects.get().parent is None
    assert PostCount.objects.count() == 0
    assert [task.args_kwargs["args"] for task in DBTaskResult.objects.all()] == [[reply.pk]]
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == sorted(
        [str(first.pk), str(reply)]
    )
    assert ": 2\n" in said


def test_erasure_needs_the_address_typed_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    make_comment()
    monkeypatch.setattr("builtins.input", lambda: "y")
    with pytest.raises(CommandError):
        erase(RHYS["email"])
    assert Comment.objects.count() == 1
    monkeypatch.setattr("builtins.input", lambda: RHYS["email"])
    erase(RHYS["email"])
    assert Comment.objects.count() == 0


def test_team_is_not_erased() -> None:
    make_comment(user=make_moderator())
    make_comment()
    with pytest.raises(CommandError):
        erase(RHYS["email"], "--yes")
    assert Comment.objects.count() == 2


def test_those_without_an_address_are_not_one_person() -> None:
    make_comment(email="")
    make_comment(email="")
    LogEntry.objects.log_actions(make_owner().pk, Comment.objects.all(), DELETION)
    assert not privacy.erase(" ")
    assert Comment.objects.count() == 2
    assert not LogEntry.objects.filter(object_repr__regex=r"^\d+$").exists()


def test_task_that_runs_meanwhile_is_left_to_its_worker() -> None:
    make_comment()
    DBTaskResult.objects.update(status="RUNNING")
    privacy.erase(RHYS["email"])
    assert DBTaskResult.objects.count() == 1


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(make_owner())
    client.cookies["django_language"] = "en"
    return client


def test_desk_asks_before_it_erases(owner: Client) -> None:
    article = make_article()
    one, _two = make_comment(article), make_comment(article)
    other = make_comment(article, email="arall@example.com")
    page = owner.post(
        f"{LIST}{one.pk}/change/", {"CHANGE_FORM-action": "erase", "_selected_action": one.pk}
    )
    assert "rhys@example.com: 2 comments" in page.text
    assert Comment.objects.count() == 3
    answer = owner.post(
        LIST,
        {"action": "erase", "_selected_action": one.pk, "confirmed": "yes"},
        follow=True,
    )
    assert "2 comments were erased" in answer.text
    assert Comment.objects.get() == other


def test_desk_erases_nobody_if_one_is_of_the_team(owner: Client) -> None:
    article = make_article()
    picked = [
        make_comment(article, email="aled@example.com"),
        make_comment(article, user=make_moderator()),
    ]
    answer = owner.post(
        LIST,
        {
            "action": "erase",
            "_selected_action": [comment.pk for comment in picked],
            "confirmed": "yes",
        },
        follow=True,
    )
    assert "Nothing was erased" in answer.text
    assert Comment.objects.count() == 2


def test_moderator_cannot_erase(client: Client) -> None:
    client.force_login(make_moderator())
    comment = make_comment()
    client.post(LIST, {"action": "erase", "_selected_action": comment.pk, "confirmed": "yes"})
    assert is_there(comment)


def test_accuracy_does_not_forget_spam_that_is_gone(akismet: Standin) -> None:
    missed = make_comment()
    work()
    moderation.mark_as_spam(missed, make_moderator())
    work()
    with after(JUST_OVER), override("en"):
        before = accuracy.accuracy().total.missed_spam
        privacy.retain()
        assert not is_there(missed)
        assert accuracy.accuracy().total.missed_spam == before == "1 of 1"


def test_address_of_a_comment_never_judged_stays_for_the_question(akismet: Standin) -> None:
    akismet.behave("500")
    comment = make_comment()
    work()
    Comment.objects.update(check_due_at=None)
    with after(timedelta(days=40)):
        privacy.retain()
    comment.refresh_from_db()
    assert comment.user_ip


def test_days_have_a_limit() -> None:
    with pytest.raises(ValidationError):
        Policy(pk=1, spam_days=999_999).full_clean()
