"""Questions about many rows, each asked in one place."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

if TYPE_CHECKING:
    from .models import Account, Comment, Policy, Report  # noqa: F401 - named in quotes below

# Where a comment stands in its conversation: thread by thread, replies under their beginning. One
# number (31 bits for each half) and not a pair, because SQLite finds no range of pairs in an index
# on an expression; written out and no parameter, because it would not know the index again.
PLACE = models.Func(
    Coalesce("thread_id", "id"),
    "id",
    # In the order of the alphabet, as a migration writes them: else each would seem a new index.
    arg_joiner=" * 2147483648 + ",
    output_field=models.BigIntegerField(),
    template="(%(expressions)s)",
)
# Counting takes the longer the more there is to count, so it ends here.
COUNTED = 1_000


class CountOf(Subquery):
    """How many rows a query has, within another query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = models.IntegerField()


class DueQuerySet[M: models.Model](models.QuerySet[M]):
    """Rows that say themselves when they want work: at `due_field`, or never (None)."""

    due_field = "due_at"
    attempts_field = "attempts"

    def due(self) -> Self:
        """What wants work now and is in nobody's hands: oldest first.

        What has failed more often comes later, so that one row that always fails holds up nobody.
        """
        now = timezone.now()
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        return self.filter(free, **{f"{self.due_field}__lte": now}).order_by(
            self.attempts_field, "pk"
        )

    def claim(self, pk: int, seconds: float) -> bool:
        """Take one due row; nobody else gets it before so many seconds are over.

        One UPDATE with its condition, so of any number of workers exactly one is told yes. A
        worker that dies says nothing, and the row is free again by itself.
        """
        until = timezone.now() + timedelta(seconds=seconds)
        return self.due().filter(pk=pk).order_by().update(claimed_until=until) == 1


class CommentQuerySet(DueQuerySet["Comment"]):
    due_field = "check_due_at"
    attempts_field = "check_attempts"

    def approved(self) -> Self:
        return self.filter(status="approved")

    def newest_approved(self) -> Self:
        """What was said last, with the article it is about: each a stretch of an index."""
        return self.approved().select_related("article").order_by("-submitted_at", "-pk")

    def written_by(self, email: str) -> Self:
        """What the person behind an e-mail address wrote, in capitals or not."""
        return self.alias(address=Lower("email")).filter(address=Lower(Value(email.strip())))

    def conversation(self, article: models.Model) -> Self:
        """What the article's page shows: approved comments and nothing else, in reading order."""
        return self.approved().filter(article=article).annotate(place=PLACE).order_by("place")

    def at_or_after(self, pk: int) -> Self:
        """The part of a conversation that begins with a comment; empty if it is none of it.

        Each row has `is_preceded`, whether that part is not the whole.
        """
        return self.filter(place__gte=self.place_of(pk)).annotate(
            is_preceded=Exists(self.before(pk).order_by())
        )

    def before(self, pk: int) -> Self:
        """The part of a conversation that ends before a comment; empty if it is none of it."""
        return self.filter(place__lt=self.place_of(pk))

    def place_of(self, pk: int) -> Subquery:
        return Subquery(self.filter(pk=pk).order_by().values("place"))  # type: ignore[misc] # conversation() adds it

    def for_reading(self) -> Self:
        """With everything the page shows of each, and of the conversation as a whole.

        `answered` is the name of whom it replies to, as far as the page shows that comment too.
        `total` is how many there are, where COUNTED + 1 stands for any number beyond.
        """
        return self.annotate(
            answered=Case(When(parent__status="approved", then="parent__name")),
            total=CountOf(self.values("place")[: COUNTED + 1]),
        )


class ReportQuerySet(DueQuerySet["Report"]):
    def due(self) -> Self:
        """Not while an earlier one on the same comment is under way: the last word must be last."""
        earlier = self.model._default_manager.filter(
            comment=OuterRef("comment"), pk__lt=OuterRef("pk"), claimed_until__gt=timezone.now()
        )
        return super().due().filter(~Exists(earlier))


class AccountQuerySet(models.QuerySet["Account"]):
    def in_use(self) -> "Account | None":
        """The account behind AKISMET_API_KEY, or None where no key is set."""
        if not settings.AKISMET_API_KEY:
            return None
        fingerprint = hashlib.sha256(settings.AKISMET_API_KEY.encode()).hexdigest()
        return self.get_or_create(fingerprint=fingerprint)[0]

    def claim_probe(self, pk: int, seconds: float) -> bool:
        """After a pause, let exactly one worker try whether Akismet is back."""
        now = timezone.now()
        over = self.filter(pk=pk, paused_until__lte=now)
        return over.update(paused_until=now + timedelta(seconds=seconds)) == 1


class PolicyQuerySet(models.QuerySet["Policy"]):
    def current(self) -> "Policy":
        """What the owner has settled; what we suggest, where nothing was."""
        return self.filter(pk=1).first() or self.model(pk=1)
