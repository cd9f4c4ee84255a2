"""Akismet is asked, and its answer acted upon. (comments/moderation.py, akismet.py, breaker.py)"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from comments import akismet as client
from comments import breaker, moderation, notifications
from comments.models import Account, Comment, Decision, Outcome, Policy, SpamCheck, Trouble
from tests.cast import (
    SPAMMER,
    make_article,
    make_category,
    make_comment,
    make_moderator,
    make_owner,
    work,
)
from tests.standin import Standin

pytestmark = pytest.mark.django_db

UNKNOWN = ["hang", "drip", "reset", "close", "empty", "garbage", "html", "redirect", "429", "500"]
UNKNOWN += ["503", "invalid", "suspended", "throttled", "newline"]


def status(comment: Comment) -> str:
    comment.refresh_from_db()
    return comment.status


def test_ham_waits_for_a_person(akismet: Standin) -> None:
    comment = make_comment()
    work()
    assert status(comment) == "pending"
    assert len(akismet.checks) == 1
    decision = Decision.objects.get()
    assert (decision.by, decision.from_status, decision.to_status) == (
        "akismet",
        "unchecked",
        "pending",
    )
    assert decision.spam_check == SpamCheck.objects.get()


def test_spam_is_spam(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    assert status(comment) == "spam"


def test_discard_is_kept_as_blatant_spam(akismet: Standin) -> None:
    akismet.behave("discard")
    comment = make_comment()
    work()
    assert status(comment) == "spam"
    assert SpamCheck.objects.get().is_blatant


def test_without_a_key_nothing_is_sent_and_the_comment_waits(
    akismet: Standin, settings: Any
) -> None:
    settings.AKISMET_API_KEY = ""
    comment = make_comment()
    work()
    moderation.sweep()
    assert (akismet.calls, status(comment)) == ([], "unchecked")
    settings.AKISMET_API_KEY = akismet.key
    moderation.sweep()
    assert status(comment) == "pending"


def test_everything_we_can_truthfully_say_is_sent(akismet: Standin, settings: Any) -> None:
    settings.SITE_URL = "https://sgwrs.example"
    article = make_article(category=make_category(), tags=["tai", "tref"])
    parent = make_comment(article, status="approved")
    comment = make_comment(
        article,
        parent=parent,
        website="https://rhys.example",
        user_agent="Firefox",
        referrer="https://search.example/",
        honeypot="bot",
        user=make_moderator(),
        submitted_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
    )
    work()
    sent = akismet.checks[-1].parameters
    assert dict(sent) | {"comment_context[]": ""} == {
        "api_key": akismet.key,
        "blog": "https://sgwrs.example/",
        "user_ip": "192.0.2.7",
        "user_agent": "Firefox",
        "referrer": "https://search.example/",
        "permalink": "https://sgwrs.example/cy/ty-bach-twt/",
        "comment_type": "comment",
        "comment_author": "Rhys",
        "comment_author_email": "rhys@example.com",
        "comment_author_url": "https://rhys.example",
        "comment_content": comment.body,
        "comment_date_gmt": "2026-11-01T12:00:00+00:00",
        "comment_post_modified_gmt": article.modified_at.astimezone(UTC).isoformat(
            timespec="seconds"
        ),
        "comment_parent": str(parent.pk),
        "comment_context[]": "",
        "honeypot_field_name": "homepage",
        "homepage": "bot",
        "blog_lang": "cy, en",
        "blog_charset": "UTF-8",
        "user_role": "administrator",
    }
    context = [value for name, value in sent if name == "comment_context[]"]
    assert context == ["Busnes", "tai", "tref"]
    assert akismet.checks[-1].headers["User-Agent"].startswith("Sgwrs/")


def test_evidence_is_what_was_sent_without_the_key(akismet: Standin) -> None:
    make_comment()
    work()
    made = SpamCheck.objects.get()
    wire = {(name, value) for name, value in akismet.checks[0].parameters}
    assert wire - {tuple(pair) for pair in made.sent} == {
        ("api_key", akismet.key),
    }
    assert (made.outcome, made.attempt, made.http_status) == ("ham", 1, 200)
    assert made.guid == akismet.checks[0].guid
    assert 0 < made.duration < 2


@pytest.mark.parametrize("fault", UNKNOWN)
def test_no_clear_answer_holds_the_comment_and_is_tried_again(
    akismet: Standin, settings: Any, fault: str
) -> None:
    settings.AKISMET_TIMEOUT = 0.3
    akismet.behave(fault, seconds=0.1 if fault == "drip" else None)
    comment = make_comment()
    work()
    made = SpamCheck.objects.get()
    assert (status(comment), made.outcome) == ("unchecked", "unknown")
    assert made.trouble
    assert made.duration < 1
    assert paused_until() > timezone.now() + timedelta(seconds=40)
    akismet.behave(None)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        moderation.sweep()
        assert status(comment) == "pending"
    assert akismet.checks[-1].get("recheck_reason") == "retry"


def test_reset_before_the_headers_is_no_verdict_either(akismet: Standin, settings: Any) -> None:
    settings.AKISMET_API_URL = "http://127.0.0.1:1"
    comment = make_comment()
    work()
    assert status(comment) == "unchecked"
    assert SpamCheck.objects.get().trouble == "unreachable"


def test_an_outage_costs_one_call_for_each_pause_not_for_each_comment(akismet: Standin) -> None:
    akismet.behave("500")
    comments = [make_comment() for _ in range(5)]
    work()
    moderation.sweep()
    assert len(akismet.checks) == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        moderation.sweep()
        assert len(akismet.checks) == 2
    akismet.behave(None)
    with time_machine.travel(timezone.now() + timedelta(seconds=200)):
        moderation.sweep()
    assert [status(comment) for comment in comments] == ["pending"] * 5
    assert len(akismet.checks) == 2 + 5


def paused_until() -> datetime:
    moment = Account.objects.get().paused_until
    assert moment
    return moment


def test_pauses_grow_to_the_longest_and_honour_retry_after(akismet: Standin, settings: Any) -> None:
    settings.AKISMET_RETRY_FIRST, settings.AKISMET_RETRY_MAX = 10.0, 30.0
    akismet.behave("503")
    make_comment()
    moment = timezone.now()
    pauses = []
    for _ in range(4):
        with time_machine.travel(moment, tick=False):
            moderation.sweep()
            moment = paused_until()
            pauses.append((moment - timezone.now()).total_seconds())
        moment += timedelta(milliseconds=1)
    for pause, longest in zip(pauses, [10, 20, 30, 30], strict=True):
        assert longest * 0.75 <= pause <= longest
    akismet.behave("429", retry_after=3600)
    with time_machine.travel(moment, tick=False):
        moderation.sweep()
        assert paused_until() >= moment + timedelta(seconds=3600)


def test_invalid_key_asks_about_no_comment_until_it_is_verified(akismet: Standin) -> None:
    akismet.key, good = "other-key", akismet.key
    comment = make_comment()
    work()
    akismet.key = good
    assert Account.objects.get().trouble == "invalid"
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        moderation.sweep()
    assert [call.endpoint for call in akismet.calls[1:]] == ["verify-key", "comment-check"]
    assert status(comment) == "pending"


def test_provisional_ham_is_asked_about_a_second_time(akismet: Standin) -> None:
    akismet.behave("recheck_after", seconds=120)
    comment = make_comment()
    work()
    assert (status(comment), SpamCheck.objects.get().outcome) == ("pending", "provisional")
    moderation.sweep()
    assert len(akismet.checks) == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=121)):
        moderation.sweep()
    assert akismet.checks[-1].get("recheck_reason") == "recheck"
    assert SpamCheck.objects.latest("pk").outcome == "ham"


def test_late_verdict_never_overrides_a_person(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    moderation.approve(comment, make_moderator())
    work()
    moderation.sweep()
    assert (status(comment), akismet.checks) == ("approved", [])


def test_verdict_that_arrives_after_a_decision_is_kept_and_changes_nothing(
    akismet: Standin,
) -> None:
    comment = make_comment(**SPAMMER)
    answer = client.check(comment)
    moderation.approve(comment, make_moderator())
    moderation.take_down(comment, timezone.now(), answer)
    assert (status(comment), SpamCheck.objects.get().outcome) == ("approved", "spam")
    assert comment.check_due_at is None
    work()
    assert [(call.endpoint, call.identical) for call in akismet.reports] == [("submit-ham", True)]


def test_pictures_are_made_when_no_comment_waits_that_could_be_checked(
    akismet: Standin, settings: Any
) -> None:
    make_comment()
    assert moderation.is_busy()
    settings.AKISMET_API_KEY = ""  # nobody can be asked, perhaps for days
    assert not moderation.is_busy()
    settings.AKISMET_API_KEY = akismet.key
    moderation.sweep()
    assert not moderation.is_busy()


def test_comment_in_one_workers_hands_is_asked_about_by_no_other(akismet: Standin) -> None:
    comment = make_comment()
    assert Comment.objects.claim(comment.pk, seconds=60)
    assert not Comment.objects.claim(comment.pk, seconds=60)
    work()
    moderation.sweep()
    assert akismet.checks == []
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        moderation.sweep()
    assert status(comment) == "pending"


def test_neither_key_nor_person_is_in_any_error(
    akismet: Standin, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AKISMET_TIMEOUT = 0.3
    for fault in UNKNOWN:
        akismet.behave(fault)
        make_comment(email=f"{fault}@rhys.example", body="Cyfrinach fawr")
        with time_machine.travel(timezone.now() + timedelta(days=1)):
            work()
            moderation.sweep()
        Account.objects.all().delete()
    said = caplog.text + str(list(SpamCheck.objects.values_list("debug_help", "alert_message")))
    assert SpamCheck.objects.count() >= len(UNKNOWN)
    for secret in (akismet.key, "rhys.example", "Cyfrinach"):
        assert secret not in said


def test_suspended_alert_without_the_error_header_is_no_verdict(akismet: Standin) -> None:
    akismet.behave("alert", code=10402)
    comment = make_comment()
    work()
    assert (status(comment), SpamCheck.objects.get().trouble) == ("unchecked", "account")


def test_pause_of_a_suspended_account_grows_although_its_key_verifies(akismet: Standin) -> None:
    akismet.behave("suspended", only="comment-check")
    make_comment()
    moment = timezone.now()
    for _ in range(4):
        with time_machine.travel(moment, tick=False):
            moderation.sweep()
            moment = paused_until() + timedelta(milliseconds=1)
    assert Account.objects.get().failures == 4


def test_calls_under_way_when_trouble_begins_count_as_one_failure(akismet: Standin) -> None:
    make_comment()
    answer = client.Answer(trouble=Trouble.TIMEOUT)
    asked_at = timezone.now()
    for _ in range(10):
        breaker.note(answer, asked_at)
    assert Account.objects.get().failures == 1


def test_comment_that_fails_alone_holds_up_nobody(akismet: Standin) -> None:
    akismet.behave("413", calls=1)
    stubborn = make_comment()
    work()
    fine = make_comment()
    moment = timezone.now() + timedelta(seconds=61)
    with time_machine.travel(moment):
        Comment.objects.filter(pk=stubborn.pk).update(check_due_at=moment + timedelta(seconds=1))
        moderation.sweep()
        assert status(fine) == "pending"
    akismet.behave("413", calls=1)
    with time_machine.travel(moment + timedelta(seconds=2)):
        moderation.sweep()
        assert Account.objects.get().trouble == ""
        other = make_comment()
        work()
        assert status(other) == "pending"
    assert status(stubborn) == "unchecked"
    assert stubborn.check_due_at
    assert stubborn.check_due_at > moment + timedelta(seconds=60)


def test_an_outage_ends_no_comment_however_old(akismet: Standin) -> None:
    akismet.behave("500")
    comment = make_comment(submitted_at=timezone.now() - timedelta(days=16))
    moment = timezone.now()
    for _ in range(6):
        with time_machine.travel(moment, tick=False):
            moderation.sweep()
            moment = paused_until() + timedelta(milliseconds=1)
    akismet.behave(None)
    with time_machine.travel(moment):
        moderation.sweep()
    assert status(comment) == "pending"


def test_what_fails_alone_for_days_is_asked_about_no_more_and_stays_in_sight(
    akismet: Standin,
) -> None:
    comment = make_comment(submitted_at=timezone.now() - timedelta(days=16))
    answer = client.Answer(trouble=Trouble.NONSENSE)
    for _ in range(5):
        Comment.objects.update(check_due_at=timezone.now())
        moderation.take_down(comment, timezone.now(), answer, fails_alone=True)
    assert (status(comment), comment.check_due_at) == ("unchecked", None)


def test_key_that_verifies_while_questions_are_refused_is_mailed_about_once(
    akismet: Standin,
) -> None:
    make_owner().email = "owner@example.com"
    akismet.behave("invalid", only="comment-check")
    make_comment()
    moment = timezone.now()
    for _ in range(5):
        with time_machine.travel(moment, tick=False):
            work()
            moderation.sweep()
            work()
            moment = paused_until() + timedelta(milliseconds=1)
    account = Account.objects.get()
    assert account.failures == 5
    assert notifications.news(account) != "over"


def test_trouble_ends_although_nothing_is_left_to_ask_about(akismet: Standin) -> None:
    akismet.behave("500")
    comment = make_comment()
    work()
    moderation.approve(comment, make_moderator())
    akismet.behave(None)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        breaker.look_in()
    assert Account.objects.get().trouble == ""


def test_switched_off_not_even_trouble_is_looked_into(akismet: Standin) -> None:
    akismet.behave("500")
    moderation.approve(make_comment(), make_moderator())
    make_comment()
    work()
    asked = len(akismet.calls)
    Comment.objects.update(check_due_at=None)
    Policy.objects.create(pk=1, mode="off")
    akismet.behave(None)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        breaker.look_in()
    assert len(akismet.calls) == asked > 0


def test_one_comment_that_always_fails_does_not_hold_up_reports(akismet: Standin) -> None:
    spam = make_comment(**SPAMMER)
    work()
    akismet.behave("413", only="comment-check")
    make_comment()
    work()
    moderation.approve(spam, make_moderator())
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        moderation.sweep()
    assert len(akismet.reports) == 1


def test_nothing_at_all_is_sent_when_it_is_off(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    Policy.objects.create(pk=1, mode="off")
    moderation.approve(comment, make_moderator())
    work()
    moderation.sweep()
    assert akismet.reports == []


def test_provisional_twice_is_not_asked_a_third_time(akismet: Standin) -> None:
    comment = make_comment()
    answer = client.Answer(outcome=Outcome.PROVISIONAL, recheck_after=1)
    for _ in range(2):
        moderation.take_down(comment, timezone.now(), answer)
        status(comment)
        Comment.objects.exclude(check_due_at=None).update(
            check_due_at=timezone.now() - timedelta(days=1)
        )
    status(comment)
    assert comment.check_due_at is None


def test_recheck_asked_for_while_a_call_is_under_way_is_not_lost(akismet: Standin) -> None:
    comment = make_comment()
    asked_at = timezone.now()
    answer = client.check(comment)
    assert moderation.recheck(comment)
    moderation.take_down(comment, asked_at, answer)
    status(comment)
    assert comment.check_due_at is not None


def test_published_or_refused_is_never_moved_by_a_verdict(akismet: Standin) -> None:
    for said in ("approved", "rejected"):
        comment = make_comment(status=said, **SPAMMER)
        assert not moderation.recheck(comment)
        moderation.take_down(comment, timezone.now(), client.check(comment))
        assert status(comment) == said


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("9999999", 86_400.0),
        ("9" * 400, None),
        ("-1", None),
        ("x", None),
        ("Fri, 01 Jan 9999 00:00:00 GMT", 86_400.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("²", None),
    ],
)
def test_silly_retry_after_is_survived(header: str, seconds: float | None) -> None:
    assert client.pause(header) == seconds


def test_a_call_that_cannot_even_begin_is_trouble_like_any_other(
    akismet: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    comment = make_comment()
    work()
    assert (status(comment), SpamCheck.objects.get().outcome) == ("unchecked", "unknown")
    assert Account.objects.get().trouble


def test_key_is_blotted_out_where_akismet_repeats_it(akismet: Standin) -> None:
    akismet.behave("alert", code=10001, message=f"The key {akismet.key} is not welcome")
    make_comment()
    work()
    assert SpamCheck.objects.get().alert_message == "The key … is not welcome"


def test_former_member_of_the_team_gets_no_special_treatment(akismet: Standin) -> None:
    mared = make_moderator()
    comment = make_comment(user=mared)
    mared.is_active = False
    mared.save()
    work()
    assert akismet.checks[0].get("user_role") == ""
    assert status(comment) == "pending"


@pytest.mark.parametrize("action", ["verify", "drain", "status", "recheck"])
def test_command_says_so_where_there_is_no_key(action: str) -> None:
    if action != "status":
        with pytest.raises(CommandError, match="AKISMET_API_KEY"):
            call_command("akismet", action)


def test_command_verifies_and_calls_go_on_at_once(akismet: Standin) -> None:
    akismet.key, good = "other-key", akismet.key
    comment = make_comment()
    work()
    with pytest.raises(CommandError):
        call_command("akismet", "verify")
    akismet.key = good
    call_command("akismet", "verify")
    call_command("akismet", "drain")
    assert status(comment) == "pending"


def test_command_asks_again_about_what_nobody_decided(akismet: Standin) -> None:
    make_comment()
    decided = make_comment()
    work()
    moderation.approve(decided, make_moderator())
    call_command("akismet", "recheck")
    work()
    assert len(akismet.checks) == 3


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_comment_and_one_the_probe(akismet: Standin) -> None:
    comment = make_comment()
    account = Account.objects.in_use()
    assert account
    Account.objects.update(paused_until=timezone.now() - timedelta(seconds=1))

    def take(_number: int) -> tuple[bool, bool]:
        try:
            return Comment.objects.claim(comment.pk, 60), Account.objects.claim_probe(
                account.pk, 60
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(take, range(16)))
    assert [sum(row) for row in zip(*got, strict=True)] == [1, 1]


@pytest.mark.parametrize("fault", ["drip", "drip_headers"])
def test_call_that_is_given_up_is_over_for_akismet_too(
    akismet: Standin, settings: Any, fault: str
) -> None:
    settings.AKISMET_TIMEOUT = 0.3
    akismet.behave(fault, seconds=0.25)
    make_comment()
    work()
    akismet.behave(None)
    Account.objects.update(paused_until=None)
    moderation.sweep()
    assert len(akismet.checks) == 2
    assert akismet.asked_twice_at_once == []
