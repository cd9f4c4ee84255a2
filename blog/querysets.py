"""Who may see what, said once."""

from datetime import date
from typing import TYPE_CHECKING, NamedTuple, Self

from django.db import models
from django.db.models.functions import TruncMonth
from django.utils import timezone

if TYPE_CHECKING:
    from .models import Article  # noqa: F401 - named in quotes below


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> Self:
        """What anybody may read: its hour has come."""
        return self.filter(published_at__lte=timezone.now())

    def in_language(self, language: str) -> Self:
        return self.filter(language=language)

    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-pk")

    def for_lists(self) -> Self:
        """With everything a list shows of an article."""
        return self.newest_first().select_related("author", "category", "picture")

    def for_reading(self) -> Self:
        """With everything the article's own page shows of it."""
        return self.select_related("author", "category", "picture").prefetch_related(
            "sections", "tags"
        )

    def months(self) -> list["Month"]:
        """The months something was published in, newest first, each with how much."""
        rows = (
            self.annotate(month=TruncMonth("published_at", output_field=models.DateField()))
            .order_by("-month")
            .values_list("month")
            .annotate(count=models.Count("pk"))
        )
        return [Month(*row) for row in rows]


class Month(NamedTuple):
    first_day: date
    articles: int
