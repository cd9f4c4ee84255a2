"""How often Akismet was right, by what people decided in the end.

Each comment that a person has the last word on is counted once: Akismet's last verdict before
that decision against the decision. The database counts; what comes back is one row for each
month, language, verdict and decision that occurs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, DateField, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import TruncMonth
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .models import Comment, Decision, Outcome, PastDecisions, SpamCheck, Status

ENOUGH = 20  # below this a percentage says nothing
DECISIONS = (Status.APPROVED, Status.SPAM, Status.REJECTED)
VERDICTS = {Outcome.SPAM: "spam", Outcome.HAM: "ham", Outcome.PROVISIONAL: "ham"}


@dataclass(frozen=True)
class Cell:
    """So many comments of one month and language, with this verdict and this decision."""

    month: Any
    language: str
    verdict: str
    decision: str
    count: int


@dataclass(frozen=True)
class Tally:
    """What became of the comments of one group."""

    name: str
    cells: list[Cell]

    def count(self, verdict: str = "", decision: str = "") -> int:
        return sum(
            cell.count
            for cell in self.cells
            if verdict in {"", cell.verdict} and decision in {"", cell.decision}
        )

    @property
    def decided(self) -> int:
        return self.count()

    @property
    def missed_spam(self) -> str:
        """What Akismet let through, of all that a person called spam."""
        return share(self.count("ham", Status.SPAM), self.of(Status.SPAM))

    @property
    def wrong_spam(self) -> str:
        """What Akismet called spam, of all that a person approved."""
        return share(self.count("spam", Status.APPROVED), self.of(Status.APPROVED))

    def of(self, decision: str) -> int:
        """All that were decided so and that Akismet had judged."""
        return self.count("ham", decision) + self.count("spam", decision)

    @property
    def row(self) -> list[int]:
        return [self.count(decision=one) for one in DECISIONS]


@dataclass(frozen=True)
class Accuracy:
    total: Tally
    by_verdict: list[Tally]
    by_language: list[Tally]
    by_month: list[Tally]


def decided() -> QuerySet[Decision]:
    """The last words of people, each with Akismet's last verdict before it.

    Comments by the team are left out: Akismet is told whose they are, and lets all of them pass.
    """
    later = Decision.objects.filter(comment=OuterRef("comment"), pk__gt=OuterRef("pk"))
    before = SpamCheck.objects.filter(
        comment=OuterRef("comment"), asked_at__lte=OuterRef("decided_at")
    ).exclude(outcome=Outcome.UNKNOWN)
    return Decision.objects.filter(
        ~Exists(later), by=Decision.By.PERSON, to_status__in=DECISIONS, comment__user=None
    ).annotate(verdict=Subquery(before.order_by("-pk").values("outcome")[:1]))


def cells() -> list[Cell]:
    """What is decided on the comments that are there, and was on those that are gone."""
    gone = PastDecisions.objects.values_list("month", "language", "verdict", "decision", "count")
    return [*counted(decided()), *(Cell(*row) for row in gone)]


def remember(comments: QuerySet[Comment]) -> None:
    """Keep the count of these comments, which are about to go."""
    for cell in counted(decided().filter(comment__in=comments)):
        kept, _new = PastDecisions.objects.get_or_create(
            month=cell.month,
            language=cell.language,
            verdict=cell.verdict,
            decision=cell.decision,
        )
        PastDecisions.objects.filter(pk=kept.pk).update(count=F("count") + cell.count)


def counted(decisions: QuerySet[Decision]) -> list[Cell]:
    rows = (
        decisions.annotate(month=TruncMonth("comment__submitted_at", output_field=DateField()))
        .order_by()
        .values_list("month", "comment__language", "verdict", "to_status")
        .annotate(Count("pk"))
    )
    return [
        Cell(month, language, VERDICTS.get(verdict, "none"), decision, count)
        for month, language, verdict, decision, count in rows
    ]


def accuracy() -> Accuracy:
    """All tables, from one query."""
    found = cells()
    verdicts = {"ham": _("not spam"), "spam": _("spam"), "none": _("no verdict")}
    months = sorted({cell.month for cell in found}, reverse=True)
    return Accuracy(
        total=Tally(_("all"), found),
        by_verdict=list(grouped(found, lambda cell: cell.verdict, verdicts)),
        by_language=list(grouped(found, lambda cell: cell.language, dict(settings.LANGUAGES))),
        by_month=list(grouped(found, lambda cell: cell.month, {m: in_words(m) for m in months})),
    )


def grouped(found: list[Cell], of: Callable[[Cell], Any], names: dict[Any, str]) -> Iterator[Tally]:
    for value, name in names.items():
        yield Tally(name, [cell for cell in found if of(cell) == value])


def in_words(month: Any) -> str:
    return capfirst(date_format(month, "YEAR_MONTH_FORMAT"))


def share(part: int, whole: int) -> str:
    """`3 of 40 (8%)`; with few of them no percentage, as it would say nothing."""
    said = _("%(part)s of %(whole)s") % {"part": part, "whole": whole}
    return said if whole < ENOUGH else f"{said} ({part / whole:.0%})"
