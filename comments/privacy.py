"""How long things are kept, and what goes when a person asks to be forgotten.

Retention is done once a day by whichever worker comes first, in short transactions, and may be
run at any time and any number of times. Erasure is one transaction.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.tasks import TaskResultStatus
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks_db.models import DBTaskResult

from blog import index

from . import accuracy, rules, tasks
from .models import Chore, Comment, Decision, Outcome, Policy, PostCount, Report, SpamCheck, Status

BATCH = 500
RETENTION = "retention"
DAY = timedelta(days=1)
TASKS_KEPT = timedelta(days=7)
# How long it may take before another worker is sent to finish it.
LEASE = timedelta(hours=1)

type LetGo = Callable[[QuerySet[Any]], None]


# --- once a day --------------------------------------------------------------------------------


def daily() -> None:
    """Queue the day's retention if it is due. However many workers ask, one of them does it.

    A day on which nobody asked is made up, and so is work whose worker died. A new site has a day
    before anything goes.
    """
    now = timezone.now()
    chore, _new = Chore.objects.get_or_create(name=RETENTION, defaults={"due_at": now + DAY})
    if chore.due_at > now:
        return
    with transaction.atomic():
        ours = Chore.objects.filter(pk=chore.pk, due_at=chore.due_at).update(due_at=now + LEASE)
        if ours:
            tasks.retain.enqueue()


# --- retention ---------------------------------------------------------------------------------


def retain() -> dict[str, int]:
    """Let go of all that was kept long enough; how much of each kind that was."""
    now = timezone.now()
    done = {kind: in_batches(rows, let_go) for kind, rows, let_go in outlived(now)}
    Chore.objects.update_or_create(name=RETENTION, defaults={"due_at": now + DAY})
    return done


def outlived(now: datetime) -> list[tuple[str, QuerySet[Any], LetGo]]:
    """What was kept long enough by now: its name, its rows, and how they are let go."""
    policy = Policy.objects.current()
    return [
        (_("spam"), old_spam(policy, now), delete_spam),
        (_("comments with evidence"), old_evidence(policy, now), forget),
        (_("finished tasks"), old_tasks(now), delete),
    ]


def in_batches(rows: QuerySet[Any], let_go: LetGo) -> int:
    """Let all rows go, so many in a transaction. What somebody has in hand waits for tomorrow."""
    done = 0
    while True:
        with transaction.atomic():
            free = rows.order_by("pk").select_for_update(skip_locked=True)
            pks = list(free.values_list("pk", flat=True)[:BATCH])
            if not pks:
                return done
            let_go(rows.model._default_manager.filter(pk__in=pks))
        done += len(pks)


def old_spam(policy: Policy, now: datetime) -> QuerySet[Comment]:
    """What has lain in the spam folder for its time, counted from when it was last put there.

    What nobody put there (it has no decision) stays, as does what Akismet is yet to be asked or
    told about.
    """
    days = timedelta(days=policy.spam_days)
    blatant_days = timedelta(days=policy.blatant_days or policy.spam_days)
    blatant = Q(by=Decision.By.AKISMET, spam_check__pro_tip="discard")
    over = Q(blatant, decided_at__lt=now - blatant_days) | Q(~blatant, decided_at__lt=now - days)
    later = Decision.objects.filter(comment=OuterRef("comment"), pk__gt=OuterRef("pk"))
    marked = Decision.objects.filter(
        over, ~Exists(later), comment=OuterRef("pk"), to_status=Status.SPAM
    )
    return Comment.objects.filter(
        Exists(marked), ~Exists(open_reports()), status=Status.SPAM, check_due_at=None
    )


def old_evidence(policy: Policy, now: datetime) -> QuerySet[Comment]:
    """Comments that are done with, of which there is still more than verdicts and decisions."""
    since = now - timedelta(days=policy.evidence_days)
    checks = SpamCheck.objects.filter(comment=OuterRef("pk"))
    decisions = Decision.objects.filter(comment=OuterRef("pk"))
    reports = Report.objects.filter(comment=OuterRef("pk"))
    checked_long_ago = (
        (Exists(checks.exclude(outcome=Outcome.UNKNOWN)) | Exists(decisions))
        & Exists(checks)
        & ~Exists(checks.filter(asked_at__gte=since))
        & ~Exists(decisions.filter(decided_at__gte=since))
    )
    never_checked = ~Exists(checks) & Exists(decisions) & Q(submitted_at__lt=since)
    left = (
        ~Q(user_ip=None, user_agent="", referrer="", honeypot="")
        | Exists(checks.exclude(sent=[]))
        | Exists(reports.exclude(sent=[]))
    )
    return Comment.objects.filter(
        left, checked_long_ago | never_checked, ~Exists(open_reports()), check_due_at=None
    )


def old_tasks(now: datetime) -> QuerySet[Any]:
    return DBTaskResult.objects.finished().filter(finished_at__lt=now - TASKS_KEPT)


def open_reports() -> QuerySet[Report]:
    """Reports on the comment at hand that are neither delivered nor withdrawn for good."""
    in_hand = Q(claimed_until__gt=timezone.now())
    return Report.objects.filter(~Q(due_at=None) | in_hand, comment=OuterRef("pk"))


def delete(rows: QuerySet[Any]) -> None:
    rows.delete()


def delete_spam(comments: QuerySet[Comment]) -> None:
    """The comments go; how often Akismet was right about such stays known."""
    accuracy.remember(comments)
    comments.delete()


def forget(comments: QuerySet[Comment]) -> None:
    """Keep verdicts and decisions, and of the visitor's address only the network."""
    for comment in comments.exclude(user_ip=None):
        comments.filter(pk=comment.pk).update(network=shortened(str(comment.user_ip)))
    comments.update(user_ip=None, user_agent="", referrer="", honeypot="")
    SpamCheck.objects.filter(comment__in=comments).exclude(sent=[]).update(sent=[])
    Report.objects.filter(comment__in=comments).exclude(sent=[]).update(sent=[])


def shortened(address: str) -> str:
    """The network of an address: the first 24 bits of IPv4, the first 48 of IPv6."""
    width = 48 if ipaddress.ip_address(address).version == 6 else 24
    return str(ipaddress.ip_network(f"{address}/{width}", strict=False))


# --- erasure -----------------------------------------------------------------------------------


class TeamMemberError(Exception):
    """Whose comments these are has an account here; that is another matter."""


def written_by(email: str) -> QuerySet[Comment]:
    """What a person has said here. Those who left no address are not one person."""
    return Comment.objects.written_by(email).exclude(email="")


@transaction.atomic
def erase(email: str) -> Counter[str]:
    """Delete all that a person has said here and all that is known of it; how many rows of what.

    What others answered stays and begins a conversation of its own. Raises TeamMemberError, and
    leaves everything, where a member of the team wrote under this address.
    """
    comments = written_by(email).select_for_update().order_by("pk")
    found = list(comments)
    if any(comment.is_from_team for comment in found):
        raise TeamMemberError
    hide_in_log(found)
    index.forget("comment", [comment.pk for comment in found])
    traces: tuple[QuerySet[Any], ...] = (
        queued_for(found),
        counted_for(email, found),
        written_by(email),
    )
    gone: Counter[str] = Counter()
    for rows in traces:
        gone.update(rows.delete()[1])
    return gone


def queued_for(comments: list[Comment]) -> QuerySet[Any]:
    """Tasks about these comments. They hold numbers only, so one that runs may be left."""
    pks = [comment.pk for comment in comments]
    reports = list(Report.objects.filter(comment__in=pks).values_list("pk", flat=True))
    about = Q(task_path=tasks.check.module_path, args_kwargs__args__0__in=pks) | Q(
        task_path=tasks.report.module_path, args_kwargs__args__0__in=reports
    )
    return DBTaskResult.objects.filter(about).exclude(status=TaskResultStatus.RUNNING)


def counted_for(email: str, comments: list[Comment]) -> QuerySet[PostCount]:
    keys = {rules.email_key(Comment(email=email.strip()))}
    keys |= {rules.address_key(comment) for comment in comments}
    return PostCount.objects.filter(key__in=keys)


def hide_in_log(comments: list[Comment]) -> None:
    """In the admin's history a comment goes by name and text; leave its number only."""
    about = Q(object_id__in=[str(comment.pk) for comment in comments])
    for name in {comment.name for comment in comments}:
        about |= Q(object_repr__startswith=f"{name}: ")
    theirs = LogEntry.objects.filter(
        about, content_type=ContentType.objects.get_for_model(Comment), object_id__isnull=False
    )
    theirs.update(object_repr=F("object_id"))
