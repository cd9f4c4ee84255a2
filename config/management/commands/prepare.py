"""What must be true before the site is served: tables, something to read, somebody to moderate."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.base import no_translations
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q

from blog import index
from blog.models import Article
from comments.models import Comment
from pagecache import editions, store

SAMPLE = ["sample_site", "sample_articles", "sample_comments"]
LOCK = 7_394_725  # any number that nothing else on the same database uses


class Command(BaseCommand):
    help = "Bring the database up to date; give a new site sample articles and a moderator."
    requires_system_checks = ()  # Some ask the database: not before we know that it answers.

    @no_translations
    def handle(self, **options: Any) -> None:
        name, email = moderator()
        with alone():
            self.check()
            self.migrate()
            if is_new():
                self.load_sample()
            self.make_moderator(name, email)
            while index.catch_up():
                pass
        begin_shelf()
        self.stdout.flush()
        close_pool()

    def migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Bringing the database up to date ...")
            call_command("migrate", interactive=False, verbosity=0)

    def load_sample(self) -> None:
        self.stdout.write("Loading the sample site ...")
        with transaction.atomic():
            call_command("loaddata", *SAMPLE, verbosity=0)
            for translation in Article.objects.translated().filter(source=None):
                if original := translation.find_original():
                    translation.follow(original.version())
            for path in (settings.BASE_DIR / "fixtures" / "pictures").glob("*"):
                name = f"pictures/{path.name}"
                default_storage.delete(name)  # left by a try that did not get to its end
                with path.open("rb") as picture:
                    default_storage.save(name, File(picture))

    def make_moderator(self, name: str, email: str) -> None:
        users = get_user_model()._default_manager
        if users.filter(Q(is_superuser=True) | Q(username=name)).exists():
            return
        given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        users.create_superuser(name, email, password)
        self.stdout.write(
            f"You moderate as {name}, with the password you gave."
            if given
            else f"You moderate as {name}, password {password} (shown only now: write it down)."
        )


def moderator() -> tuple[str, str]:
    """The name and e-mail address of the account that may be made."""
    name = os.environ.get("DJANGO_SUPERUSER_USERNAME") or "moderator"
    email = os.environ.get("DJANGO_SUPERUSER_EMAIL") or ""
    try:
        get_user_model()(username=name, email=email).clean_fields(exclude=["password"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise CommandError(f"DJANGO_SUPERUSER_{field.upper()}: {messages[0]}") from None
    return name, email


@contextmanager
def alone() -> Iterator[None]:
    """Wait for other machines that prepare the same database, and keep them waiting.

    PostgreSQL gives the lock back when its connection closes, which must therefore not be a
    pooled one. An SQLite file belongs to one machine, and its transactions are enough.
    """
    guard = connection.copy()
    guard.settings_dict["OPTIONS"].pop("pool", None)
    try:
        with guard.cursor() as cursor:
            if guard.vendor == "postgresql":
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    except Error as error:
        raise CommandError(f"DATABASE_URL: cannot use that database ({reason(error)}).") from None
    try:
        yield
    finally:
        guard.close()


def reason(error: Error) -> str:
    """The end of the driver's first line, without the password should it be in there."""
    text = str(error).partition("\n")[0].rpartition("failed: ")[2]
    password = connection.settings_dict["PASSWORD"]
    return text.replace(password, "...") if password else text


def is_new() -> bool:
    """Whether nothing was ever written here: whoever deleted the sample does not want it back."""
    return not any(model.objects.exists() for model in (Article, Comment, LogEntry))


def begin_shelf() -> None:
    """Kept pages are of a process that ended, perhaps by a power cut: begin with none."""
    store.clear()
    if edition := editions.current():
        store.stamp(edition.name)


def close_pool() -> None:
    """Leave no thread of the connection pool behind: `serve` is about to fork."""
    connection.close()
    if hasattr(connection, "close_pool"):  # PostgreSQL's has
        connection.close_pool()
