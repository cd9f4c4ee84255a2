"""A comment's life, top to bottom: every change of its status happens here and nowhere else.

The page, the admin, the tasks and the commands call these functions. Each change is one short
transaction that leaves a Decision; no call to Akismet is ever made inside one.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.utils import timezone

from blog.models import Article

from . import akismet, breaker, rules, tasks
from .models import Comment, Decision, Outcome, Policy, Report, Rule, SpamCheck, Status, Trouble

# How often a comment is tried that fails alone, before its age may end it.
ENOUGH = 5

# --- receive ---------------------------------------------------------------------------------


def receive(comment: Comment) -> Comment:
    """Store a new comment together with the job to check it, before anything else can fail.

    What the same person has said here already is not stored again; that comment is returned.
    """
    policy = Policy.objects.current()
    if comment.parent:
        comment.thread = comment.parent.thread or comment.parent
    rejected = rules.strikes(rules.REJECT, comment, policy)
    if held := rejected or rules.strikes(rules.HOLD, comment, policy):
        comment.held_by, comment.held_because = held
    with transaction.atomic():
        # Of two that arrive at once, the second waits here and finds the first. Where there are no
        # locks on rows (SQLite), it has waited for the whole transaction.
        if connection.features.has_select_for_update:
            Article.objects.select_for_update(no_key=True).values("pk").get(pk=comment.article_id)
        if comment.parent:
            keep_hold_of_thread(comment)
        if already := rules.said_before(comment):
            return already
        if rejected:
            comment.save()
            rule, why = rejected
            move(comment, Status.REJECTED, by=Decision.By.RULE, rule=rule, reason=why)
        else:
            comment.check_due_at = timezone.now()
            comment.save()
            tasks.check.enqueue(comment.pk)
    return comment


def keep_hold_of_thread(comment: Comment) -> None:
    """What it answers may be erased at this very moment; it then begins a thread of its own."""
    wanted = [pk for pk in (comment.parent_id, comment.thread_id) if pk]
    there = Comment.objects.select_for_update(no_key=True).filter(pk__in=wanted).in_bulk()
    comment.parent = there.get(comment.parent_id) if comment.parent_id else None
    comment.thread = there.get(comment.thread_id) if comment.thread_id else None


def ask_again(comment: Comment, reason: str) -> None:
    """Have Akismet asked about it as soon as it may be."""
    comment.check_due_at, comment.check_attempts = timezone.now(), 0
    comment.check_reason = reason
    comment.save(update_fields=["check_due_at", "check_attempts", "check_reason"])
    tasks.check.enqueue(comment.pk)


# --- check -----------------------------------------------------------------------------------


def check(pk: int) -> SpamCheck | None:
    """Ask Akismet about one comment and act on the answer.

    None: nothing was asked, because there is no key, calls are paused, somebody else is asking,
    or nothing is left to ask. The comment itself says when it is due, so nothing is lost by it.
    """
    if not may_ask() or not Comment.objects.claim(pk, breaker.lease()):
        return None
    if not Comment.objects.exclude(user_ip=None).filter(pk=pk).exists():
        no_address = akismet.Answer(trouble=Trouble.NO_ADDRESS)
        return take_down(Comment.objects.get(pk=pk), timezone.now(), no_address)
    if not breaker.admits():
        Comment.objects.filter(pk=pk).update(claimed_until=None)
        return None
    comment = Comment.objects.select_related("article__category", "user").get(pk=pk)
    if comment.is_decided:  # while the key was being verified, say
        Comment.objects.filter(pk=pk).update(claimed_until=None, check_due_at=None)
        return None
    before = comment.checks.order_by("pk").last()
    asked_at = timezone.now()
    answer = akismet.check(comment)
    fails_alone = is_alone(answer, before.asked_at if before and before.trouble else None)
    if not fails_alone:
        breaker.note(answer, asked_at)
    return take_down(comment, asked_at, answer, fails_alone=fails_alone)


def may_ask() -> bool:
    """Whether the owner wants Akismet asked, and it is in a state to be."""
    return not Policy.is_off() and breaker.is_closed()


def is_alone(answer: akismet.Answer, failed_before: datetime | None) -> bool:
    """Whether the trouble is this row's own: it failed before, and others got answers since."""
    if not answer.trouble or answer.is_about_the_account:
        return False
    return breaker.answered_since(failed_before)


def take_down(
    comment: Comment, asked_at: datetime, answer: akismet.Answer, *, fails_alone: bool = False
) -> SpamCheck:
    """Keep the answer as evidence and move the comment, unless a person has decided meanwhile."""
    with transaction.atomic():
        comment = Comment.objects.select_for_update().get(pk=comment.pk)
        comment.claimed_until = None
        comment.check_attempts += 1
        made = SpamCheck.objects.create(
            comment=comment,
            asked_at=asked_at,
            attempt=comment.check_attempts,
            outcome=answer.outcome,
            recheck_after=answer.recheck_after,
            **answer.evidence(),
        )
        decision = comment.standing_decision
        if decision:
            comment.check_due_at = None
            if made.is_verdict:
                contradict(comment, decision)
        elif comment.check_due_at and comment.check_due_at > asked_at:
            pass  # somebody wants it asked about again, and meant after this
        else:
            comment.check_due_at, comment.check_reason = next_try(answer, comment, fails_alone)
        comment.save(
            update_fields=["claimed_until", "check_due_at", "check_reason", "check_attempts"]
        )
        if made.is_verdict and not decision:
            follow(comment, made)
    return made


def follow(comment: Comment, made: SpamCheck) -> None:
    """Do what the owner has settled for such a verdict. What is published or refused stays so."""
    if comment.status in {Status.APPROVED, Status.REJECTED}:
        return
    policy = Policy.objects.current()
    is_spam = made.outcome == Outcome.SPAM
    obeyed = policy.mode == Policy.Mode.ENFORCE and comment.language not in policy.held_languages
    to = Status.SPAM if is_spam and obeyed else Status.PENDING
    move(comment, to, by=Decision.By.AKISMET, spam_check=made)
    matters = policy.mode != Policy.Mode.OBSERVE
    if made.outcome == Outcome.PROVISIONAL or (is_spam and matters):
        return
    if rules.is_known(comment, policy):
        move(comment, Status.APPROVED, by=Decision.By.RULE, rule=Rule.KNOWN_COMMENTER)


def next_try(
    answer: akismet.Answer, comment: Comment, fails_alone: bool
) -> tuple[datetime | None, str]:
    """When to ask again after this answer (None: not at all), and the reason to give.

    The answer is among the comment's checks already.

    While Akismet is out of order the breaker makes everybody wait, so the comment itself is due
    at once; only one that fails alone waits by itself.
    """
    now = timezone.now()
    if answer.trouble and answer.trouble != Trouble.NO_ADDRESS:
        if not fails_alone:
            return now, "retry"
        age = (now - comment.submitted_at).days
        if age >= Policy.objects.current().give_up_days and comment.check_attempts >= ENOUGH:
            return None, "retry"
        return now + breaker.growing(comment.check_attempts, answer.retry_after), "retry"
    # One second look only: whoever says "so far" twice would say it for ever.
    provisional = comment.checks.filter(outcome=Outcome.PROVISIONAL).count()
    if answer.outcome == Outcome.PROVISIONAL and provisional == 1:
        return now + timedelta(seconds=answer.recheck_after or 0), "recheck"
    return None, ""


def recheck(comment: Comment) -> bool:
    """Have Akismet asked again, at a person's wish. False: it is decided, or cannot be asked."""
    with transaction.atomic():
        comment = Comment.objects.select_for_update().get(pk=comment.pk)
        if comment.is_decided or comment.status in {Status.APPROVED, Status.REJECTED}:
            return False
        if comment.user_ip is None:  # kept no longer (comments.privacy)
            return False
        ask_again(comment, reason="recheck_queue" if comment.checks.exists() else "")
    return True


# --- publish, reject, mark as spam, undo -----------------------------------------------------


def approve(comment: Comment, user: User | AnonymousUser, reason: str = "") -> Decision | None:
    """Publish it. None: it was published already."""
    return decide(comment, Status.APPROVED, user, reason)


def reject(comment: Comment, user: User | AnonymousUser, reason: str = "") -> Decision | None:
    """Keep it off the page without calling it spam. None: it was rejected already."""
    return decide(comment, Status.REJECTED, user, reason)


def mark_as_spam(comment: Comment, user: User | AnonymousUser, reason: str = "") -> Decision | None:
    """None: it is spam already."""
    return decide(comment, Status.SPAM, user, reason)


def decide(
    comment: Comment, to: Status, user: User | AnonymousUser, reason: str = ""
) -> Decision | None:
    """A person's word: final for machines, and reported to Akismet where it contradicts it."""
    with transaction.atomic():
        comment = Comment.objects.select_for_update().get(pk=comment.pk)
        made = move(comment, to, by=Decision.By.PERSON, user=user, reason=reason)
        if made:
            comment.check_due_at = None
            comment.save(update_fields=["check_due_at"])
            contradict(comment, made)
    return made


def undo(comment: Comment, user: User | AnonymousUser) -> Decision | None:
    """Take a person's last standing word back. None: no person has decided, or no longer."""
    with transaction.atomic():
        comment = Comment.objects.select_for_update().get(pk=comment.pk)
        last = comment.standing_decision
        if last is None:
            return None
        made = move(
            comment, Status(last.from_status), by=Decision.By.PERSON, user=user, undoes=last
        )
        if made is None:
            return None
        contradict(comment, made)
        if not comment.is_decided and comment.status not in {Status.APPROVED, Status.REJECTED}:
            go_on(comment)
    return made


def go_on(comment: Comment) -> None:
    """Nobody has decided any longer: it is Akismet's turn again, as far as it is not over."""
    checked = comment.checks.exclude(outcome=Outcome.UNKNOWN).order_by("pk").last()
    if checked is None:
        ask_again(comment, reason="retry" if comment.checks.exists() else "")
        return
    if comment.status == Status.UNCHECKED:  # the verdict came after the decision
        follow(comment, checked)
    if checked.outcome == Outcome.PROVISIONAL:
        ask_again(comment, reason="recheck")


def move(comment: Comment, to: Status, **why: Any) -> Decision | None:
    """Change the status and keep who did it and why. None: it is there already."""
    if comment.status == to:
        return None
    made = Decision.objects.create(comment=comment, from_status=comment.status, to_status=to, **why)
    comment.status = to
    comment.save(update_fields=["status"])
    return made


# --- report ----------------------------------------------------------------------------------


def contradict(comment: Comment, made: Decision) -> Report | None:
    """Have Akismet told where a person sees it differently, with the values of its own check."""
    checked = comment.checks.exclude(outcome=Outcome.UNKNOWN).order_by("pk").last()
    if checked is None:
        return None
    reports = comment.reports.filter(spam_check=checked).order_by("pk")
    # What was not sent yet need not be sent any more.
    reports.filter(delivered_at=None).update(due_at=None)
    own = Report.Verdict.SPAM if checked.outcome == Outcome.SPAM else Report.Verdict.HAM
    believed: str | None = own
    for told in reports:
        if told.delivered_at:
            believed = told.verdict
        elif told.may_have_arrived and told.verdict != believed:
            believed = None  # nobody knows
    wanted = {Status.APPROVED: Report.Verdict.HAM, Status.SPAM: Report.Verdict.SPAM}.get(
        Status(made.to_status)
    )
    if wanted is None and made.undoes_id:
        wanted = own  # taken back: what Akismet said itself
    # Rejected may be anything, so nothing is claimed.
    if wanted is None or wanted == believed:
        return None
    if not checked.sent:  # kept no longer (comments.privacy), and nothing is made up
        made.came_too_late = True
        made.save(update_fields=["came_too_late"])
        return None
    report = Report.objects.create(
        comment=comment, decision=made, spam_check=checked, verdict=wanted, sent=checked.sent
    )
    tasks.report.enqueue(report.pk)
    return report


def report(pk: int) -> bool:
    """Deliver one report. False: not now; it stays due."""
    if not may_ask() or not Report.objects.claim(pk, breaker.lease()):
        return False
    if not breaker.admits():
        Report.objects.filter(pk=pk).update(claimed_until=None)
        return False
    told = Report.objects.get(pk=pk)
    asked_at = timezone.now()
    answer = akismet.report(told.verdict, [(name, value) for name, value in told.sent])
    fails_alone = is_alone(answer, told.tried_at)
    if not fails_alone:
        breaker.note(answer, asked_at, call="report")
    with transaction.atomic():
        told = Report.objects.select_for_update().get(pk=pk)
        for column, value in answer.evidence().items():
            setattr(told, column, value)
        told.attempts += 1
        told.tried_at = asked_at
        told.claimed_until = None
        if not answer.trouble:
            told.due_at, told.delivered_at = None, timezone.now()
        elif told.due_at and fails_alone:
            told.due_at = timezone.now() + breaker.growing(told.attempts, answer.retry_after)
        told.save()
    return not answer.trouble


# --- what was left behind --------------------------------------------------------------------


def sweep() -> None:
    """Do all that is due, oldest first, for as long as Akismet may be called.

    This makes the queue expendable: whatever got lost, died with its worker or came while calls
    were paused is found here, by what the rows themselves say.
    """
    while sweep_one():
        pass


def sweep_one() -> bool:
    """Do the first thing that is due. False: nothing is, or Akismet may not be called."""
    if not may_ask():
        return False
    comment, waiting = Comment.objects.due().first(), Report.objects.due().first()
    if comment and waiting and waiting.attempts < comment.check_attempts:
        comment = None  # what failed less often comes first
    if comment:
        check(comment.pk)
    elif waiting:
        report(waiting.pk)
    else:
        return False
    return True


def is_busy() -> bool:
    """Whether there is something to do that sweep_one would do."""
    return may_ask() and (Comment.objects.due().exists() or Report.objects.due().exists())
