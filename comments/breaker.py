"""Whether Akismet may be called now: one breaker for each key, shared by all workers.

An outage costs one call each time its growing pause is over, not one for each comment. What is
wrong with the key ends only when Akismet calls it valid again, and what is wrong with the account
when it also gives a verdict.
"""

import random
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from . import akismet, notifications
from .models import Account, Comment, Policy, Report, Trouble

type Call = Literal["check", "verify", "report"]


def lease() -> float:
    """For how many seconds one worker may hold on to what it asks about.

    A probe verifies the key before it asks, so that is two calls, and some time to write.
    """
    return 2 * settings.AKISMET_TIMEOUT + 20


def is_closed() -> bool:
    """Whether calls are allowed: there is a key and no pause. Asks nobody."""
    account = Account.objects.in_use()
    return account is not None and account.may_be_asked


def admits() -> bool:
    """Whether the caller may call now. After a pause only one is let through, as the probe."""
    account = Account.objects.in_use()
    if account is None or not account.may_be_asked:
        return False
    if account.paused_until is None:
        return True
    if not Account.objects.claim_probe(account.pk, lease()):
        return False
    return may_be_probed(account) if account.needs_verifying else True


def may_be_probed(account: Account) -> bool:
    """Whether Akismet calls the key valid, so that one comment may try what that is worth.

    It calls the key of a throttled account valid too: that trouble is over when a comment gets
    its verdict, and until then the pauses go on growing.
    """
    asked_at = timezone.now()
    answer = akismet.verify()
    if answer.trouble or account.trouble == Trouble.INVALID:
        note(answer, asked_at, call="verify")
    return not answer.trouble


def look_in() -> None:
    """End trouble that nothing else would: with nothing to ask about, nobody would find out."""
    account = Account.objects.in_use()
    if account is None or not account.trouble or not account.may_be_asked or Policy.is_off():
        return
    if Comment.objects.due().exists() or Report.objects.due().exists():
        return
    if Account.objects.claim_probe(account.pk, lease()):
        verify()


def verify() -> bool:
    """Ask Akismet whether the key is good; if it is, calls go on at once."""
    asked_at = timezone.now()
    answer = akismet.verify()
    note(answer, asked_at, call="verify")
    return not answer.trouble


def note(answer: akismet.Answer, asked_at: datetime, call: Call = "check") -> None:
    """Learn from an answer: open, stay open a little longer, or close.

    A key that verifies does not prove that questions get answers: only an answered one lets the
    next pause begin small again. Alerts come with checks and verifications, not with reports.
    """
    in_use = Account.objects.in_use()
    if in_use is None or answer.trouble == Trouble.NO_ADDRESS:
        return
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=in_use.pk)
        if account.trouble and account.changed_at and asked_at < account.changed_at:
            # Under way when the trouble was found: it says nothing that is not known since.
            return
        now = timezone.now()
        account.last_call_at = now
        account.http_status = answer.http_status
        if call != "report":
            account.alert_code = answer.alert_code
            account.alert_message = answer.alert_message
        if answer.trouble:
            account.failures += 1
            account.trouble_since = account.trouble_since or now
            account.changed_at = now
            account.paused_until = now + growing(account.failures, answer.retry_after)
        elif call == "verify" and account.trouble == Trouble.ACCOUNT and answer.alert_code:
            # The key of a throttled account verifies too; but somebody may well try what it does.
            account.last_answer_at, account.paused_until = now, None
        else:
            account.last_answer_at = now
            if call != "verify":
                account.proven_at, account.failures = now, 0
            account.trouble_since = account.changed_at = account.paused_until = None
            account.trouble = ""
        account.trouble = answer.trouble or account.trouble
        account.save()
        notifications.heed(account)


def answered_since(moment: datetime | None) -> bool:
    """Whether Akismet has answered a question or taken a report since then, and is in order."""
    account = Account.objects.in_use()
    if account is None or account.trouble or not moment:
        return False
    return account.proven_at is not None and account.proven_at > moment


def growing(failures: int, at_least: float | None = None) -> timedelta:
    """The pause after so many failures in a row: doubling, capped, jittered by a quarter.

    `at_least` (seconds) is what Akismet itself asked for; it counts even beyond our cap.
    """
    doubled = settings.AKISMET_RETRY_FIRST * 2 ** min(max(failures, 1) - 1, 30)
    jittered = min(doubled, settings.AKISMET_RETRY_MAX) * random.uniform(0.75, 1.0)
    return timedelta(seconds=max(jittered, at_least or 0))
