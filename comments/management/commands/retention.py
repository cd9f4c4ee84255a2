"""`manage.py retention`: let go of what was kept long enough, as a worker does once a day."""

from typing import Any

from django.core.management import BaseCommand, CommandParser
from django.utils import timezone

from comments import privacy


class Command(BaseCommand):
    help = "Delete old spam, and what was sent to Akismet, when the time for keeping it is over"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        if dry_run:
            outlived = privacy.outlived(timezone.now())
            counts = {kind: rows.count() for kind, rows, _let_go in outlived}
        else:
            counts = privacy.retain()
        for kind, number in counts.items():
            self.stdout.write(f"{kind}: {number}")
