"""`manage.py akismet`: how it stands with Akismet, and what can be done about it."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comments import breaker, moderation
from comments.models import Account, Comment, Report, Status


class Command(BaseCommand):
    help = "Look at the connection to Akismet, verify the key, ask again, or work off what waits"

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("status", help="the account, and how many comments wait")
        actions.add_parser("verify", help="ask whether the key is good; if so, calls go on at once")
        actions.add_parser("recheck", help="ask again about every comment no person has decided on")
        actions.add_parser("drain", help="ask about everything that waits, now")

    def handle(self, *, action: str, **options: Any) -> None:
        account = Account.objects.in_use()
        if account is None:
            raise CommandError(_("There is no key: set AKISMET_API_KEY."))
        getattr(self, action)(account)

    def status(self, account: Account) -> None:
        waiting = Comment.objects.filter(status=Status.UNCHECKED)
        oldest = waiting.order_by("submitted_at").first()
        since = localize(oldest.submitted_at) if oldest else "-"
        lines: dict[str, Any] = {
            _("account"): account,
            _("alert"): f"{account.alert_code} {account.alert_message}".strip() or "-",
            _("paused until"): localize(account.paused_until) or "-",
            _("last call"): localize(account.last_call_at) or "-",
            _("last answer"): localize(account.last_answer_at) or "-",
            _("not checked yet"): waiting.count(),
            _("the oldest of them"): since,
            _("reports to deliver"): Report.objects.exclude(due_at=None).count(),
        }
        for name, value in lines.items():
            self.stdout.write(f"{name}: {value}")

    def verify(self, account: Account) -> None:
        if not breaker.verify():
            account.refresh_from_db()
            raise CommandError(f"{account}. {account.alert_message}".strip())
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
