"""The owner hears of trouble once, and once of its end. (comments/notifications.py)"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMessage

from comments import breaker, moderation, notifications
from comments.models import Account
from tests.cast import make_comment, make_moderator, make_owner, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def owner() -> None:
    """Owain has an e-mail address; nobody else who has one is an active superuser."""
    for user in (make_owner(), make_moderator(), make_owner("cynt")):
        user.email = f"{user.username}@example.com"
        user.is_active = user.username != "cynt"
        user.save()
    make_owner("heb-ebost")


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime(2026, 11, 1, 12, tzinfo=UTC), tick=False) as clock:
        yield clock


def turn() -> None:
    """What a worker does in one round."""
    work()
    moderation.sweep()
    notifications.sweep()


def later(clock: Any, **time: float) -> None:
    clock.shift(timedelta(**time))
    turn()


@pytest.mark.parametrize("fault", ["invalid", "suspended", "throttled"])
def test_one_mail_when_it_begins_and_one_when_it_ends(
    akismet: Standin, clock: Any, fault: str
) -> None:
    akismet.behave(fault)
    make_comment()
    turn()
    assert len(mail.outbox) == 1
    for _hour in range(30):
        later(clock, hours=1)
    assert len(mail.outbox) == 1
    akismet.behave(None)
    assert breaker.verify()
    turn()
    assert len(mail.outbox) == 2
    later(clock, hours=2)
    assert len(mail.outbox) == 2
    assert [one.to for one in mail.outbox] == [["owain@example.com"]] * 2
    account = Account.objects.get()
    assert (account.mailed_at, account.mailed_about, account.mail_paused_until) == (None, "", None)


@pytest.mark.parametrize("fault", ["reset", "500", "garbage", "429"])
def test_what_passes_is_mailed_only_when_it_lasts(akismet: Standin, clock: Any, fault: str) -> None:
    akismet.behave(fault)
    make_comment()
    turn()
    later(clock, minutes=59)
    assert mail.outbox == []
    later(clock, minutes=2)
    later(clock, hours=12)
    assert len(mail.outbox) == 1
    akismet.behave(None)
    later(clock, hours=7)
    assert len(mail.outbox) == 2


def test_what_was_over_within_the_hour_is_not_mailed(akismet: Standin, clock: Any) -> None:
    akismet.behave("503")
    make_comment()
    turn()
    akismet.behave(None)
    later(clock, minutes=30)
    later(clock, hours=2)
    assert mail.outbox == []


def test_outage_that_becomes_trouble_with_the_key_is_told_again(
    akismet: Standin, clock: Any
) -> None:
    akismet.behave("503")
    make_comment()
    turn()
    later(clock, minutes=61)
    akismet.behave("invalid")
    later(clock, hours=7)
    later(clock, hours=7)
    akismet.behave("503")
    later(clock, hours=7)
    assert len(mail.outbox) == 2


def test_another_key_ends_the_trouble_of_the_first(akismet: Standin, settings: Any) -> None:
    settings.AKISMET_API_KEY = "wrong"
    make_comment()
    turn()
    settings.AKISMET_API_KEY = akismet.key
    make_comment()
    turn()
    turn()
    assert len(mail.outbox) == 2
    assert "being checked again" in mail.outbox[1].subject


def test_both_languages_and_nothing_personal_in_it(akismet: Standin, settings: Any) -> None:
    akismet.behave("suspended", message=f"Dear owain@example.com, {akismet.key}")
    comment = make_comment(name="Rhys ap Siôn")
    turn()
    akismet.behave(None)
    breaker.verify()
    turn()
    for one in mail.outbox:
        text = f"{one.subject}\n{one.body}"
        assert "comments" in text.split("---")[1]
        assert f"{settings.SITE_URL}/admin/comments/akismet/" in text
        for secret in (akismet.key, "example.com", comment.name, comment.body, "192.0.2.7"):
            assert secret not in text
    assert "10402" in mail.outbox[0].body
    assert "&#" not in mail.outbox[0].body


def test_task_may_run_twice(akismet: Standin) -> None:
    akismet.behave("invalid")
    make_comment()
    work()
    account = Account.objects.get()
    notifications.tell.call(account.pk)
    notifications.tell.call(account.pk)
    assert len(mail.outbox) == 1


def test_of_two_at_once_one_sends_it(akismet: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second comes while the first is still talking to the mail server."""
    akismet.behave("invalid")
    send = EmailMessage.send
    seconds: list[bool] = []

    def slow(message: EmailMessage) -> int:
        seconds.append(notifications.deliver(Account.objects.get().pk))
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", slow)
    make_comment()
    turn()
    assert seconds == [False]
    assert len(mail.outbox) == 1


def test_trouble_that_ends_while_its_mail_is_sent_has_its_second_mail(
    akismet: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    akismet.behave("invalid")
    send = EmailMessage.send

    def slow(message: EmailMessage) -> int:
        akismet.behave(None)
        breaker.verify()
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", slow)
    make_comment()
    turn()
    turn()
    assert len(mail.outbox) == 2


def test_mail_that_cannot_be_sent_is_tried_again_and_logged_without_addresses(
    akismet: Standin,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries = []

    def fail(_message: EmailMessage) -> int:
        tries.append(1)
        raise SMTPServerDisconnected("owain@example.com is not known here")

    akismet.behave("invalid")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(EmailMessage, "send", fail)
        make_comment()
        turn()
        later(clock, minutes=1)
        assert len(tries) == 1
        later(clock, minutes=15)
        assert len(tries) == 2
    assert Account.objects.get().mailed_at is None
    ours = [one.getMessage() for one in caplog.records if one.name == "comments.notifications"]
    assert ours == ["The mail about Akismet could not be sent (SMTPServerDisconnected)."] * 2
    later(clock, minutes=16)
    assert len(mail.outbox) == 1


def test_without_an_address_somebody_may_still_be_told_later(
    akismet: Standin, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.update(is_active=False)
    akismet.behave("invalid")
    make_comment()
    turn()
    assert "no active superuser" in caplog.text
    User.objects.update(is_active=True)
    later(clock, minutes=16)
    assert len(mail.outbox) == 1
