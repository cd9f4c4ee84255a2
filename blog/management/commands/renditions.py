"""`manage.py renditions`: make the sizes of pictures that are missing, remove files of no use."""

from typing import Any

from django.core.management import BaseCommand
from django.utils import timezone

from blog import pictures
from blog.models import Picture, in_texts


class Command(BaseCommand):
    help = "Make the sizes of pictures that are missing, and remove files that nobody refers to"

    def handle(self, **options: Any) -> None:
        missing = [one.pk for one in Picture.objects.all() if not pictures.is_complete(one.files)]
        Picture.objects.filter(pk__in=missing).update(renditions_due_at=timezone.now())
        while picture := Picture.objects.claim_one():
            if picture.make_renditions():
                self.stdout.write(f"Picture {picture.pk}: made in {len(picture.files)} files.")
            else:
                self.stderr.write(f"Picture {picture.pk}: {picture.file} cannot be read.")
        removed = set(pictures.left_over(names_in_use))
        removed -= in_texts(removed)
        pictures.remove(removed)
        for name in sorted(removed):
            self.stdout.write(f"{name}: removed, as nothing refers to it.")
        self.stdout.write(f"{Picture.objects.count()} pictures looked at.")


def names_in_use() -> set[str]:
    return {name for picture in Picture.objects.all() for name in picture.names}
