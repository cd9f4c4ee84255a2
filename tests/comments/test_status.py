"""How it stands with Akismet. (comments/status.py, accuracy.py, the admin page, /readyz)"""

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import product
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from comments import moderation, status
from comments.accuracy import accuracy
from comments.management.commands.worker import keep_beating
from comments.models import Account, Comment, Heartbeat, Policy, SpamCheck
from tests.cast import SPAMMER, make_article, make_comment, make_moderator, make_owner, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db

PAGE = "/admin/comments/akismet/"
FAULTS = ["hang", "reset", "500", "garbage", "invalid", "suspended", "throttled"]


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_moderator())
    client.cookies["django_language"] = "en"
    return client


def told(desk: Client) -> dict[str, status.Fact]:
    return {fact.name: fact for fact in desk.get(PAGE).context["facts"]}


def make_decided(verdict: str, decision: str, times: int = 1, **fields: Any) -> None:
    """Comments on which Akismet and then Mared said so."""
    mared = User.objects.filter(username="mared").first() or make_moderator()
    article = make_article(title="Cyfri", slug=f"cyfri-{timezone.now().timestamp()}")
    decide = {
        "approved": moderation.approve,
        "spam": moderation.mark_as_spam,
        "rejected": moderation.reject,
    }[decision]
    for _number in range(times):
        comment = make_comment(article, **fields, status="pending")
        if verdict:
            SpamCheck.objects.create(comment=comment, outcome=verdict)
        decide(comment, mared)


# The page


@pytest.mark.parametrize(("fault", "language"), list(product(FAULTS, ["cy", "en"])))
def test_page_says_what_to_do_about_every_trouble(
    desk: Client, akismet: Standin, settings: Any, fault: str, language: str
) -> None:
    settings.AKISMET_TIMEOUT = 0.3 if fault == "hang" else 2.0
    desk.cookies["django_language"] = language
    akismet.behave(fault)
    make_comment()
    work()
    page = desk.get(PAGE)
    assert page.status_code == 200
    account = Account.objects.get()
    assert account.trouble
    assert len(page.context["facts"]) == 11
    fact = page.context["facts"][1]
    assert fact.advice
    assert account.alert_message in fact.text
    assert akismet.key not in page.text


@pytest.mark.parametrize("code", [*status.ALERTS, "12345", "<b>", "' or"])
def test_every_alert_has_its_sentence(desk: Client, akismet: Standin, code: str) -> None:
    account = Account.objects.in_use()
    assert account
    Account.objects.update(trouble="account", trouble_since=timezone.now(), alert_code=code)
    page = desk.get(PAGE)
    assert page.context["facts"][1].advice
    assert "<b>" not in page.text.split('<div class="akismet">')[1]


def test_alert_without_trouble_is_shown_too(desk: Client, akismet: Standin) -> None:
    akismet.behave("alert", code=10501, message="You are over your limit.")
    make_comment()
    work()
    fact = told(desk)["trouble"]
    assert fact.text == "Akismet says: You are over your limit. (10501)"
    assert "choose a larger plan" in fact.advice
    assert "You are over your limit." in desk.get("/admin/").text


def test_page_without_a_key(desk: Client, akismet: Standin, settings: Any) -> None:
    settings.AKISMET_API_KEY = ""
    make_comment()
    facts = told(desk)
    assert facts["key"].text == "not set"
    assert facts["not checked yet"].text.startswith("one, since ")
    assert "There is no key" in desk.post(PAGE, follow=True).text
    assert akismet.calls == []


def test_page_when_all_is_well(desk: Client, akismet: Standin) -> None:
    assert told(desk)["key"].text == "not tried yet"
    make_comment()
    work()
    make_owner()
    User.objects.filter(username="owain").update(email="owain@example.com")
    Heartbeat.beat()
    facts = told(desk)
    assert [facts[name].tone for name in ("key", "trouble", "calls", "worker")] == ["good"] * 4
    assert facts["not checked yet"].text == "none"
    assert facts["waiting for a person"].text.startswith("one, since")
    assert facts["mail about trouble"].text == "goes to one superuser"


def test_opening_the_page_asks_akismet_nothing(desk: Client, akismet: Standin) -> None:
    desk.get(PAGE)
    assert akismet.calls == []


def test_button_verifies_the_key_and_asks_for_the_plan(desk: Client, akismet: Standin) -> None:
    akismet.service.limit = 1000
    akismet.service.usage = 213
    assert "The key is good." in desk.post(PAGE, follow=True).text
    assert [(call.method, call.endpoint) for call in akismet.calls] == [
        ("POST", "verify-key"),
        ("POST", "usage-limit"),
    ]
    assert told(desk)["plan"].text.startswith("213 of 1,000 checks this month")


def test_button_says_when_the_key_is_bad(desk: Client, akismet: Standin, settings: Any) -> None:
    settings.AKISMET_API_KEY = "wrong"
    assert "Akismet does not accept the key" in desk.post(PAGE, follow=True).text
    assert [call.endpoint for call in akismet.calls] == ["verify-key"]
    assert told(desk)["key"].tone == "bad"


def test_only_moderators_see_the_page(client: Client, reader: Client) -> None:
    assert reader.get(PAGE).status_code == 302
    client.force_login(User.objects.create_user("elin", is_staff=True))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/").text


def test_button_needs_the_token_of_the_page(akismet: Standin) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_moderator())
    assert strict.post(PAGE).status_code == 403
    assert akismet.calls == []


def test_index_and_banner_lead_to_the_page(desk: Client) -> None:
    assert desk.get("/admin/").text.count(f'href="{PAGE}"') == 2
    assert desk.get("/admin/comments/comment/").text.count(f'href="{PAGE}"') == 1


@pytest.mark.parametrize("times", [1, 3])
def test_number_of_queries_is_constant(
    desk: Client, akismet: Standin, django_assert_num_queries: Any, times: int
) -> None:
    for verdict, decision in product(["ham", "spam"], ["approved", "spam", "rejected"]):
        make_decided(verdict, decision, times)
    make_comment()
    Account.objects.in_use()
    # Session and user, 2 on permissions; the account (banner, page), mode, 3 queues, worker,
    # owners, accuracy, mode again.
    with django_assert_num_queries(15):
        desk.get(PAGE)


# The plan


def test_plan_is_asked_for_at_most_once_an_hour(akismet: Standin) -> None:
    with time_machine.travel(datetime(2026, 11, 1, 12, tzinfo=UTC), tick=False) as clock:
        status.refresh_usage()
        status.refresh_usage()
        clock.shift(timedelta(minutes=61))
        akismet.behave("throttled")
        status.refresh_usage()
    assert [call.endpoint for call in akismet.calls] == ["usage-limit"] * 2
    assert Account.objects.get().is_throttled
    assert not Account.objects.get().trouble


@pytest.mark.parametrize("fault", ["garbage", "html", "500", "invalid", "empty", "newline"])
def test_plan_that_is_not_told_leaves_what_was_known(akismet: Standin, fault: str) -> None:
    status.refresh_usage()
    known = Account.objects.get()
    akismet.behave(fault)
    status.refresh_usage(every=timedelta(0))
    account = Account.objects.get()
    assert len(akismet.calls) == 2
    assert account.checks_used == known.checks_used == 0
    assert account.paused_until is None
    assert (account.usage_at == known.usage_at) is (fault != "newline")


@pytest.mark.parametrize("why", ["trouble", "off", "no key"])
def test_plan_is_not_asked_for_when_calls_are_not_wanted(
    akismet: Standin, settings: Any, why: str
) -> None:
    Account.objects.in_use()
    if why == "trouble":
        Account.objects.update(trouble="timeout", trouble_since=timezone.now())
    elif why == "off":
        Policy(pk=1, mode=Policy.Mode.OFF).save()
    else:
        settings.AKISMET_API_KEY = ""
    status.refresh_usage()
    assert akismet.calls == []


# The command


def test_command_says_the_same_in_words(desk: Client, akismet: Standin) -> None:
    akismet.behave("suspended")
    make_comment()
    work()
    out = StringIO()
    with override("en"):
        call_command("akismet", "status", stdout=out)
    for fact in told(desk).values():
        assert f"{fact.name}: {fact.text}" in out.getvalue()
        assert fact.advice in out.getvalue()


def test_command_tells_without_a_key() -> None:
    out = StringIO()
    with override("en"):
        call_command("akismet", "status", stdout=out)
    assert out.getvalue().startswith("key: not set")


# /readyz


def ready(reader: Client) -> tuple[int, dict[str, Any]]:
    answer = reader.get("/readyz")
    return answer.status_code, answer.json()


FINE = {"database": True, "cache": True, "worker": True}


def test_ready_without_a_key(reader: Client) -> None:
    Heartbeat.beat()
    assert ready(reader) == (200, FINE | {"akismet": "none"})


@pytest.mark.parametrize(
    ("fault", "state"),
    [(None, "ok"), ("invalid", "invalid"), ("suspended", "account"), ("500", "status")],
)
def test_ready_whatever_akismet_is_up_to(
    reader: Client, akismet: Standin, fault: str | None, state: str
) -> None:
    Heartbeat.beat()
    assert ready(reader) == (200, FINE | {"akismet": "untried"})
    akismet.behave(fault)
    make_comment()
    work()
    assert ready(reader) == (200, FINE | {"akismet": state})


def test_not_ready_without_a_worker(reader: Client) -> None:
    assert ready(reader) == (503, FINE | {"worker": False, "akismet": "none"})
    with time_machine.travel(timezone.now() - timedelta(seconds=31)):
        Heartbeat.beat()
    assert ready(reader)[0] == 503
    Heartbeat.beat()
    assert Heartbeat.objects.count() == 1
    assert ready(reader)[0] == 200


@pytest.mark.django_db(transaction=True)  # the worker lets go of connections
def test_worker_gives_signs_of_life(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(over, "wait", lambda _seconds: over.set())
    keep_beating(over)
    assert ready(reader)[0] == 200


def test_not_ready_without_a_database(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
    nothing = {"database": False, "worker": False, "akismet": "none"}
    assert ready(reader) == (503, FINE | nothing)


# Accuracy


@override("en")
def test_accuracy_by_verdict_language_and_month() -> None:
    autumn, winter = datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 12, 5, tzinfo=UTC)
    make_decided("ham", "approved", 19, submitted_at=autumn, language="en")
    make_decided("spam", "approved", 1, submitted_at=autumn, language="en")
    make_decided("provisional", "spam", 2, submitted_at=winter)
    make_decided("spam", "spam", 3, submitted_at=winter)
    make_decided("ham", "rejected", 4, submitted_at=winter)
    make_decided("", "approved", 5, submitted_at=winter)
    found = accuracy()
    assert [tally.row for tally in found.by_verdict] == [[19, 2, 4], [1, 3, 0], [5, 0, 0]]
    figures = [
        (tally.name, tally.decided, tally.missed_spam, tally.wrong_spam)
        for tally in [found.total, *found.by_language, *found.by_month]
    ]
    assert [row[1:] for row in figures] == [
        (34, "2 of 5", "1 of 20 (5%)"),
        (14, "2 of 5", "0 of 0"),
        (20, "0 of 0", "1 of 20 (5%)"),
        (14, "2 of 5", "0 of 0"),
        (20, "0 of 0", "1 of 20 (5%)"),
    ]
    assert [row[0] for row in figures[1:3]] == ["Cymraeg", "English"]


def test_accuracy_counts_the_last_word_on_readers_and_the_verdict_before_it(
    akismet: Standin,
) -> None:
    mared = make_moderator()
    undone, changed, later = (make_comment(body=f"Ble? {n}") for n in range(3))
    machine_only = make_comment(**SPAMMER)
    work()
    moderation.mark_as_spam(undone, mared)
    moderation.undo(undone, mared)
    moderation.approve(changed, mared)
    moderation.mark_as_spam(changed, mared)
    moderation.approve(later, mared)
    SpamCheck.objects.create(comment=later, outcome="spam")
    make_decided("ham", "approved", user=mared)
    assert Comment.objects.get(pk=machine_only.pk).status == "spam"
    assert [tally.row for tally in accuracy().by_verdict] == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_page_shows_the_tables(desk: Client) -> None:
    make_decided("spam", "approved", 20)
    text = desk.get(PAGE).text
    assert "20 of 20 (100%)" in text
    assert "unless somebody looks into the spam folder" in text
