"""Whether Akismet may be called now: one breaker for each key, shared by all workers.

An outage costs one call each time its growing pause is over, not one for each comment. What is
wrong with the key ends only when Akismet calls it valid again, and what is wrong with the account
when it also gives a verdict.
"""

import random
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from . import akismet, notifications
from .models import Account, Comment, Report, Trouble


def lease() -> float:
    """For how many seconds one worker may hold on to what it asks about: it may verify first."""
    return 2 * settings.AKISMET_TIMEOUT + 10


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
    answer = akismet.verify()
    if answer.trouble or account.trouble == Trouble.INVALID:
        note(answer)
    return not answer.trouble


def verify() -> bool:
    """Ask Akismet whether the key is good; if it is, calls go on at once."""
    answer = akismet.verify()
    note(answer)
    return not answer.trouble


def note(answer: akismet.Answer) -> datetime | None:
    """Learn from an answer: open, stay open a little longer, or close.

    When calls may go on after trouble, so that what failed is tried again then; else None.
    """
    in_use = Account.objects.in_use()
    if in_use is None or answer.trouble == Trouble.NO_ADDRESS:
        return None
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=in_use.pk)
        now = timezone.now()
        begun = now - timedelta(seconds=answer.duration)
        # Calls that were under way together fail together, which is one failure.
        is_news = not account.trouble or not account.last_call_at or begun > account.last_call_at
        account.last_call_at = now
        account.http_status = answer.http_status
        account.alert_code = answer.alert_code
        account.alert_message = answer.alert_message
        was_in_trouble = bool(account.trouble)
        account.trouble = answer.trouble
        if answer.trouble:
            account.failures += is_news
            account.trouble_since = account.trouble_since or now
            account.paused_until = now + growing(account.failures, answer.retry_after)
        else:
            account.last_answer_at = now
            account.failures = 0
            account.trouble_since = account.paused_until = None
        account.save()
        notifications.heed(account)
        if was_in_trouble and not answer.trouble:
            let_go()
    return account.paused_until


def let_go() -> None:
    """What waits for a later try need not wait any longer."""
    now = timezone.now()
    Comment.objects.filter(check_due_at__gt=now, check_reason="retry").update(check_due_at=now)
    Report.objects.filter(due_at__gt=now).update(due_at=now)


def growing(failures: int, at_least: float | None = None) -> timedelta:
    """The pause after so many failures in a row: doubling, capped, jittered by a quarter.

    `at_least` (seconds) is what Akismet itself asked for; it counts even beyond our cap.
    """
    doubled = settings.AKISMET_RETRY_FIRST * 2 ** min(max(failures, 1) - 1, 30)
    jittered = min(doubled, settings.AKISMET_RETRY_MAX) * random.uniform(0.75, 1.0)
    return timedelta(seconds=max(jittered, at_least or 0))
