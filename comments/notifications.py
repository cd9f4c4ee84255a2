"""The owner is mailed once about each trouble with Akismet, and once when it has ended.

What there is to tell follows from the Account row alone, so any worker may find out at any time.
A mail that cannot be sent is tried again after a pause; only one that was sent is noted down.
"""

import logging
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.tasks import task
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from . import status
from .models import Account, Comment, Status, Trouble

logger = logging.getLogger(__name__)
# What ends by itself is worth a mail only when it lasts.
PATIENCE = timedelta(hours=1)
PAUSE = timedelta(minutes=15)
URGENT = {Trouble.INVALID, Trouble.ACCOUNT}
SUBJECTS = {
    "trouble": _("comments are not being checked"),
    "over": _("comments are being checked again"),
}

type News = Literal["trouble", "over"]


def news(account: Account) -> News | None:
    """What the owner does not know yet."""
    if not account.trouble:
        return "over" if account.mailed_at and is_over(account, account.mailed_at) else None
    if account.trouble in URGENT:
        return None if account.mailed_about in URGENT else "trouble"
    since = account.trouble_since or timezone.now()
    return None if account.mailed_at or timezone.now() - since < PATIENCE else "trouble"


def is_over(account: Account, mailed_at: datetime) -> bool:
    """Whether it really is: a question was answered since, or all has been quiet for long.

    A good key alone proves little, as it may be called good while questions are refused.
    """
    if account.proven_at and account.proven_at > mailed_at:
        return True
    quiet_since = account.last_answer_at
    return quiet_since is not None and timezone.now() - quiet_since > PATIENCE


def heed(account: Account) -> None:
    """After each answer of Akismet, in its transaction: have the owner told, if need be."""
    if not account.trouble and not account.mailed_at:
        take_over(account)
    if news(account):
        tell.enqueue(account.pk)


def take_over(account: Account) -> None:
    """Trouble with an earlier key is over, too, as soon as this one works."""
    earlier = Account.objects.exclude(pk=account.pk).exclude(mailed_at=None)
    if earlier.update(mailed_at=None, mailed_about=""):
        account.mailed_at = timezone.now()
        account.save(update_fields=["mailed_at"])


def sweep() -> None:
    """Tell what has become worth telling, or could not be told before."""
    account = Account.objects.in_use()
    if account and news(account):
        deliver(account.pk)


@task
def tell(account_pk: int) -> None:
    deliver(account_pk)


def deliver(pk: int) -> bool:
    """Mail the owner what is new. False: nothing is, somebody else is at it, or it failed."""
    account = Account.objects.get(pk=pk)
    what = news(account)
    if not what or not claim(account):
        return False
    try:
        sent = send(what, account)
    except OSError as error:  # SMTP's exceptions among them; their text names addresses
        logger.warning("The mail about Akismet could not be sent (%s).", type(error).__name__)
        return False
    if not sent:
        logger.warning("Nobody to mail about Akismet: no active superuser has an e-mail address.")
        return False
    began = what == "trouble"
    Account.objects.filter(pk=pk).update(
        mailed_at=timezone.now() if began else None,
        mailed_about=account.trouble if began else "",
        mail_paused_until=None,
    )
    return True


def claim(account: Account) -> bool:
    """Of all who find the same news exactly one tells them, and nobody tries again too soon."""
    now = timezone.now()
    free = Q(mail_paused_until=None) | Q(mail_paused_until__lte=now)
    same = Account.objects.filter(
        free, pk=account.pk, mailed_at=account.mailed_at, mailed_about=account.mailed_about
    )
    return same.update(mail_paused_until=now + PAUSE) == 1


def send(what: News, account: Account) -> int:
    """One mail in all languages of the site, in their order; to how many it went (0 or 1 mails)."""
    waiting = Comment.objects.filter(status=Status.UNCHECKED).count()
    subjects, bodies = [], []
    for language, _own_name in settings.LANGUAGES:
        with override(language):
            about = {
                "site": settings.SITE_URL,
                "account": account,
                "waiting": waiting,
                "advice": status.advice(account),
            }
            subjects.append(str(SUBJECTS[what]))
            bodies.append(render_to_string(f"comments/mail/{what}.txt", about).strip())
    mail = EmailMessage(
        f"{settings.SITE_URL}: {' / '.join(subjects)}",
        "\n\n---\n\n".join(bodies) + "\n",
        to=list(status.owners().values_list("email", flat=True)),
    )
    return mail.send()
