"""How it stands with Akismet, in words: for the page in the admin, the command and /readyz.

Nothing here asks Akismet while somebody waits for a page; `refresh_usage` is for the worker and
for whoever verifies the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Min, QuerySet
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from . import akismet
from .models import WAITING, Account, Comment, Heartbeat, Policy, Report, Status, Trouble

HOUR = timedelta(hours=1)
THROTTLED = timedelta(minutes=5)
ABOUT_ALERT = "https://akismet.com/developers/detailed-docs/errors/akismet-error-%(code)s"

# What to do about each kind of trouble.
PASSING = gettext_lazy(
    "Nothing is lost: comments wait, and Akismet is tried again by itself. If it lasts, see "
    "whether this machine reaches Akismet over HTTPS."
)
KEY_IS_WRONG = gettext_lazy(
    "Look the key up at https://akismet.com/account, set AKISMET_API_KEY to it, start Sgwrs "
    "again, and verify it."
)
ACCOUNT_NEEDS_CARE = gettext_lazy(
    "Sign in at https://akismet.com/account and see what it asks for; then verify the key."
)
WHAT_TO_DO: Mapping[str, str | Promise] = {
    Trouble.TIMEOUT: PASSING,
    Trouble.UNREACHABLE: PASSING,
    Trouble.STATUS: PASSING,
    Trouble.NONSENSE: gettext_lazy(
        "Something between here and Akismet may be answering in its place, such as a proxy that "
        "wants a password. Comments wait, and Akismet is tried again by itself."
    ),
    Trouble.INVALID: KEY_IS_WRONG,
    Trouble.ACCOUNT: ACCOUNT_NEEDS_CARE,
}

# What to do about the alerts that Akismet documents, by code.
PLAN_DOES_NOT_ALLOW = gettext_lazy(
    "The plan is a personal one, and this site is commercial or one of many. Choose another plan "
    "at https://akismet.com/pricing."
)
SUSPENDED = gettext_lazy(
    "Akismet has suspended the key and checks nothing until that is settled. Write to "
    "https://akismet.com/contact; then verify the key."
)
SITE_NOT_ALLOWED = gettext_lazy(
    "The owner of the key does not let this site use it. Have the site added at "
    "https://akismet.com/account, or set another key; then verify it."
)
OVER_THE_LIMIT = gettext_lazy(
    "More comments were checked than the plan allows in a month. Akismet still answers, but not "
    "for long: choose a larger plan at https://akismet.com/account."
)
NEAR_THE_LIMIT = gettext_lazy(
    "The plan's limit was passed in the last two months and is near again. Beyond it Akismet will "
    "refuse to check: choose a larger plan at https://akismet.com/account."
)
REFUSED = gettext_lazy(
    "The plan's limit was passed for several months, and Akismet refuses to check more until the "
    "month is over. Choose a larger plan at https://akismet.com/account; then verify the key."
)
ALERTS: Mapping[str, str | Promise] = {
    "10001": gettext_lazy(
        "The key belongs to a partner's programme that has ended. Get a new one at "
        "https://akismet.com/pricing."
    ),
    "10003": PLAN_DOES_NOT_ALLOW,
    "10005": gettext_lazy(
        "The key became public and others use it. Get a new one at https://akismet.com/account "
        "and set AKISMET_API_KEY to it."
    ),
    "10006": SUSPENDED,
    "10009": SUSPENDED,
    "10010": PLAN_DOES_NOT_ALLOW,
    "10011": OVER_THE_LIMIT,
    "10402": gettext_lazy(
        "The plan has not been paid for. Pay at https://akismet.com/account; then verify the key. "
        "Akismet may take a day to notice."
    ),
    "10403": SITE_NOT_ALLOWED,
    "10404": SITE_NOT_ALLOWED,
    "10501": OVER_THE_LIMIT,
    "10502": OVER_THE_LIMIT,
    "10504": NEAR_THE_LIMIT,
    "10508": REFUSED,
    "10516": REFUSED,
    "30001": PLAN_DOES_NOT_ALLOW,
}
ANOTHER_ALERT = gettext_lazy(
    "Akismet wants something of the account's owner. Sign in at https://akismet.com/account; "
    "what the code means may be said at"
)


@dataclass(frozen=True)
class Fact:
    """One thing there is to know. `tone` is good, wait, bad or calm, and never the only sign."""

    name: str
    text: str
    tone: str = "calm"
    advice: str = ""


def facts() -> list[Fact]:
    """All there is to know, in the order in which one wants to know it."""
    account = Account.objects.in_use()
    known = [one(account) for one in (trouble, breaker, calls, plan)] if account else []
    return [key(account), *known, mode(), *waiting(), worker(), mail()]


def key_state(account: Account | None) -> str:
    """none (no key), untried, ok, or the kind of trouble."""
    if account is None:
        return "none"
    if account.trouble:
        return account.trouble
    return "ok" if account.last_answer_at else "untried"


def key(account: Account | None) -> Fact:
    name = _("key")
    if account is None:
        said = _("Set AKISMET_API_KEY and start Sgwrs again. Until then a person decides alone.")
        return Fact(name, _("not set"), "wait", said)
    if account.trouble == Trouble.INVALID:
        return Fact(name, _("Akismet does not accept it"), "bad")
    if account.last_answer_at is None:
        return Fact(name, _("not tried yet"), "wait", _("Verify it to be sure."))
    if account.trouble:
        said = _("Akismet last accepted it on %(when)s") % {"when": when(account.last_answer_at)}
        return Fact(name, said, "wait")
    return Fact(name, _("Akismet accepts it"), "good")


def trouble(account: Account) -> Fact:
    name, tone = _("trouble"), "bad" if account.needs_verifying else "wait"
    said = []
    if account.trouble and account.trouble_since:
        what = {"what": account.get_trouble_display(), "when": when(account.trouble_since)}
        said.append(_("%(what)s, since %(when)s") % what)
        if account.http_status not in {None, 200}:
            said.append(f"HTTP {account.http_status}")
    if account.alert_code or account.alert_message:
        words = f"{account.alert_message} ({account.alert_code or '-'})"
        said.append(_("Akismet says: %(words)s") % {"words": words})
    if not said:
        return Fact(name, _("none"), "good")
    return Fact(name, capfirst("; ".join(said)), tone, advice(account))


def advice(account: Account) -> str:
    """What to do about the trouble, by Akismet's own alert where it gave one."""
    if account.alert_code in ALERTS:
        return str(ALERTS[account.alert_code])
    if account.alert_code:
        page = ABOUT_ALERT % {"code": account.alert_code} if account.alert_code.isdigit() else "-"
        return f"{ANOTHER_ALERT} {page}"
    return str(WHAT_TO_DO.get(account.trouble, ""))


def breaker(account: Account) -> Fact:
    name = _("calls")
    if account.paused_until is None:
        return Fact(name, _("allowed"), "good")
    failed = ngettext("after one failure", "after %(n)s failures in a row", account.failures)
    said = {"until": when(account.paused_until), "failed": failed % {"n": account.failures}}
    return Fact(name, _("paused until %(until)s, %(failed)s") % said, "wait")


def calls(account: Account) -> Fact:
    said = {"call": when(account.last_call_at), "answer": when(account.last_answer_at)}
    return Fact(_("last call"), _("%(call)s; last good answer: %(answer)s") % said)


def plan(account: Account) -> Fact:
    name = _("plan")
    if account.checks_used is None:
        return Fact(name, _("not known yet"))
    said = {"used": grouped(account.checks_used), "when": when(account.usage_at)}
    if account.checks_allowed is None:
        text = _("%(used)s checks this month, without a limit (as of %(when)s)") % said
    else:
        said["allowed"] = grouped(account.checks_allowed)
        text = _("%(used)s of %(allowed)s checks this month (as of %(when)s)") % said
    if account.trouble:
        return Fact(name, text)  # as it was before; it may well be the trouble
    if account.is_throttled:
        throttled = _("Akismet is throttling this key.")
        return Fact(name, f"{text}. {throttled}", "bad", str(REFUSED))
    over = account.checks_allowed is not None and account.checks_used > account.checks_allowed
    return Fact(name, text, *(("wait", str(OVER_THE_LIMIT)) if over else ("good",)))


def mode() -> Fact:
    policy = Policy.objects.current()
    off = policy.mode == Policy.Mode.OFF
    return Fact(_("mode"), policy.get_mode_display(), "wait" if off else "calm")


def waiting() -> list[Fact]:
    """What waits for Akismet, for a person, and to be reported."""
    comments = {one: Comment.objects.filter(status=one) for one in WAITING}
    reports = Report.objects.exclude(due_at=None)
    return [
        queue(_("not checked yet"), comments[Status.UNCHECKED], "submitted_at", "wait"),
        queue(_("waiting for a person"), comments[Status.PENDING], "submitted_at"),
        queue(_("reports to deliver"), reports, "decision__decided_at"),
    ]


def queue(name: str, rows: QuerySet[Any], since: str, tone: str = "calm") -> Fact:
    count, oldest = rows.aggregate(count=Count("pk"), oldest=Min(since)).values()
    if not count:
        return Fact(name, _("none"), "good")
    said = ngettext("one, since %(when)s", "%(n)s, the oldest since %(when)s", count)
    return Fact(name, said % {"n": grouped(count), "when": when(oldest)}, tone)


def worker() -> Fact:
    name, last = _("worker"), Heartbeat.objects.first()
    if last and last.is_fresh:
        return Fact(name, _("alive, seen on %(when)s") % {"when": when(last.seen_at)}, "good")
    said = _("not seen since %(when)s") % {"when": when(last.seen_at)} if last else _("never seen")
    what = _("Start it with “manage.py worker”. Comments are kept and checked once it runs.")
    return Fact(name, said, "bad", what)


def worker_is_alive() -> bool:
    last = Heartbeat.objects.first()
    return last is not None and last.is_fresh


def mail() -> Fact:
    name, count = _("mail about trouble"), owners().count()
    if not count:
        what = _("Give a superuser an e-mail address, so that somebody hears of trouble.")
        return Fact(name, _("goes to nobody"), "wait", what)
    said = ngettext("goes to one superuser", "goes to %(n)s superusers", count) % {"n": count}
    return Fact(name, said)


def owners() -> QuerySet[User]:
    """Who hears of trouble."""
    found = User.objects.filter(is_superuser=True, is_active=True)
    return found.exclude(email="").order_by("pk")


def when(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else "-"


def grouped(number: int) -> str:
    return number_format(number, force_grouping=True)


def refresh_usage(every: timedelta | None = None) -> None:
    """Ask Akismet how much of the plan is used, unless somebody has asked lately.

    Lately is an hour, but a few minutes while it throttles us: its end is news.
    """
    account, now = Account.objects.in_use(), timezone.now()
    if account is None or account.trouble or not account.may_be_asked:
        return
    if every is None:
        every = THROTTLED if account.is_throttled else HOUR
    if account.usage_asked_at and account.usage_asked_at > now - every:
        return
    if Policy.objects.current().mode == Policy.Mode.OFF:
        return
    mine = Account.objects.filter(pk=account.pk, usage_asked_at=account.usage_asked_at)
    if mine.update(usage_asked_at=now) and (said := akismet.usage()):
        Account.objects.filter(pk=account.pk).update(usage_at=now, **said)
