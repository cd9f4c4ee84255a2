"""`manage.py reindex`: make all anew that search knows."""

from typing import Any

from django.core.management import BaseCommand

from blog import index
from blog.models import SearchEntry


class Command(BaseCommand):
    help = "Make anew all that search knows of articles and comments"

    def handle(self, **options: Any) -> None:
        index.mark_everything()
        while index.catch_up():
            pass
        self.stdout.write(f"Search knows {SearchEntry.objects.count()} articles and comments.")
