"""`manage.py erase EMAIL`: forget a person who asks for it."""

from typing import Any

from django.apps import apps
from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comments import privacy


class Command(BaseCommand):
    help = "Delete a person's comments and everything that was kept about them"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address the person commented under")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, email: str, yes: bool, **options: Any) -> None:
        number = privacy.written_by(email).count()
        said = ngettext(
            "One comment was written under %(email)s.",
            "%(n)s comments were written under %(email)s.",
            number,
        )
        self.stdout.write(said % {"n": number, "email": email})
        if not yes and not self.means_it(email):
            raise CommandError(_("Nothing was erased."))
        try:
            gone = privacy.erase(email)
        except privacy.TeamMemberError:
            raise CommandError(
                _("A member of the team wrote under %(email)s. Nothing was erased.")
                % {"email": email}
            ) from None
        for model, rows in gone.items():
            name = apps.get_model(model)._meta.verbose_name_plural
            self.stdout.write(f"{capfirst(str(name))}: {rows}")

    def means_it(self, email: str) -> bool:
        self.stdout.write(_("There is no way back. Type the address once more to erase all that:"))
        try:
            return input().strip() == email.strip()
        except EOFError:
            return False
