"""`manage.py akismet`: how it stands with Akismet, and what can be done about it."""

from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comments import accuracy, breaker, moderation, status
from comments.models import Account, Comment, Report, Status


class Command(BaseCommand):
    help = "Look at the connection to Akismet, verify the key, ask again, or work off what waits"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("status", help="how it stands, what waits, how often it was right")
        actions.add_parser("verify", help="ask whether the key is good; if so, calls go on at once")
        actions.add_parser("recheck", help="ask again about every comment no person has decided on")
        actions.add_parser("drain", help="ask about everything that waits, now")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "status":
            self.status()
            return
        account = Account.objects.in_use()
        if account is None:
            raise CommandError(_("There is no key: set AKISMET_API_KEY."))
        getattr(self, action)(account)

    def status(self) -> None:
        for fact in status.facts():
            self.stdout.write(f"{fact.name}: {fact.text}")
            if fact.advice:
                self.stdout.write(f"    {fact.advice}")
        found = accuracy.accuracy()
        for one in [found.total, *found.by_language]:
            said = {"who": one.name, "n": one.decided}
            self.stdout.write(_("decided by people, %(who)s: %(n)s") % said)
            self.stdout.write(f"    {_('missed spam')}: {one.missed_spam}")
            self.stdout.write(f"    {_('wrong spam')}: {one.wrong_spam}")

    def verify(self, account: Account) -> None:
        if not breaker.verify():
            account.refresh_from_db()
            raise CommandError(f"{account}. {account.alert_message}".strip())
        status.refresh_usage(every=timedelta(0))
        self.stdout.write(_("The key is good."))

    def recheck(self, account: Account) -> None:
        undecided = Comment.objects.filter(
            status__in=[Status.UNCHECKED, Status.PENDING, Status.SPAM]
        )
        asked = sum(moderation.recheck(comment) for comment in undecided.iterator())
        said = ngettext(
            "Akismet will be asked about one comment.",
            "Akismet will be asked about %(n)s comments.",
            asked,
        )
        self.stdout.write(said % {"n": asked})

    def drain(self, account: Account) -> None:
        moderation.sweep()
        if Comment.objects.due().exists() or Report.objects.due().exists():
            account.refresh_from_db()
            raise CommandError(_("Not all is done: %(why)s") % {"why": account})
        self.stdout.write(_("Nothing waits."))
