"""Who may see what, said once."""

from datetime import date
from typing import NamedTuple

from django.db import models
from django.db.models.functions import TruncMonth
from django.utils import timezone


class ArticleQuerySet(models.QuerySet):
    def published(self) -> "ArticleQuerySet":
        """What anybody may read: its hour has come."""
        return self.filter(published_at__lte=timezone.now())

    def in_language(self, language: str) -> "ArticleQuerySet":
        return self.filter(language=language)

    def newest_first(self) -> "ArticleQuerySet":
        return self.order_by("-published_at", "-pk")

    def for_lists(self) -> "ArticleQuerySet":
        """With everything a list shows of an article."""
        return self.newest_first().select_related("author", "category", "picture")

    def for_reading(self) -> "ArticleQuerySet":
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
    month: date
    count: int
