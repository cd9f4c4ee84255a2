"""Who may see what, said once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import batched, chain
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils import timezone
from taggit.models import Tag

from .search import Query
from .translations import words

if TYPE_CHECKING:
    from .models import Article, Picture, SearchEntry  # noqa: F401 - named in quotes below

# From so many articles on, a tag is looked for among the newest articles, not they among its own.
COMMON = 200
# So many articles of a month are counted; more are "more than".
COUNTED = 100
COUNT = (
    "(SELECT COUNT(*) FROM (SELECT 1 FROM blog_article WHERE language = %s"
    " AND published_at >= %s AND published_at < %s LIMIT %s) AS few)"
)
LEASE = timedelta(minutes=10)  # for one picture, which takes about a second
NEVER = datetime.max.replace(tzinfo=UTC)


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> Self:
        """What anybody may read: its hour has come."""
        return self.filter(published_at__lte=timezone.now())

    def in_language(self, language: str) -> Self:
        return self.filter(language=language)

    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-pk")

    def published_between(self, first: date, end: date) -> Self:
        """From a day on, up to another and without it, in local time."""
        return self.filter(published_at__gte=midnight(first), published_at__lt=midnight(end))

    def published_with(self, tag: Tag, language: str) -> Self:
        """Published articles that have a tag, newest first.

        A database that does not know how common a tag is may walk all articles to find the few
        that have it. So for a tag of few the dates are written in a way no index answers.
        """
        uses = self.model.tags.through.objects.filter(tag=tag)
        if uses[COMMON : COMMON + 1].exists():
            found = self.filter(Exists(uses.filter(content_object=OuterRef("pk"))))
            return found.published().in_language(language).newest_first()
        few = self.filter(tags=tag).in_language(language)
        few = few.alias(moment=Coalesce("published_at", Value(NEVER)))
        return few.filter(moment__lte=timezone.now()).order_by("-moment", "-pk")

    def part(self, start: int, size: int) -> "ArticleQuerySet":
        """So many of an ordered list from a place on, with everything a list shows of an article.

        Two steps in one query, so that what is passed over costs no more than a look at an index.
        """
        places = self.values("pk")[start : start + size]
        chosen = self.model._default_manager.filter(pk__in=places)
        return chosen.newest_first().select_related("author", "category", "picture")

    def for_reading(self) -> Self:
        """With everything the article's own page shows of it."""
        return self.select_related("author", "category", "picture").in_full()

    def in_full(self) -> Self:
        """With what belongs to each article and is no part of its row."""
        return self.prefetch_related("sections", "tags")

    def with_words(self) -> Self:
        return self.annotate(words=words(self.sections))

    def translated(self) -> Self:
        return self.exclude(origin=self.model.Origin.ORIGINAL)

    def lacking(self, language: str) -> Self:
        """Those of a piece that nobody has begun in a language."""
        return self.exclude(self.same_in(language))

    def same_in(self, language: str) -> Exists:
        there = self.model._default_manager.in_language(language)
        return Exists(there.filter(translation_key=OuterRef("translation_key")))

    def stale(self) -> Self:
        """Translations whose original says something else now."""
        return self.filter(self.originals_moved_on(), self.has_original())

    def up_to_date(self) -> Self:
        """Translations whose original still says what they were made from."""
        return self.filter(~self.originals_moved_on(), self.has_original())

    def with_source(self) -> Self:
        """With the version each translation was made from, and whether that is stale."""
        is_stale = When(self.has_original() & self.originals_moved_on(), then=True)
        found = self.select_related("source").defer("source__words")
        return found.annotate(is_stale=Case(is_stale, default=False))

    def has_original(self) -> Q:
        return Q(source__original__isnull=False) & ~Q(origin=self.model.Origin.ORIGINAL)

    def originals_moved_on(self) -> Q:
        return ~Q(source__words=words(self.sections, "source__original__"))

    @property
    def sections(self) -> models.QuerySet[Any]:
        return self.model._meta.get_field("sections").related_model._default_manager.all()

    def months(self, language: str) -> list["Month"]:
        """The months something was published in, newest first, each with how much."""
        published = self.published().in_language(language)
        oldest = published.order_by("published_at").values_list("published_at", flat=True).first()
        if not oldest:
            return []
        days = list(first_days(timezone.localdate(oldest), timezone.localdate()))
        ends = [*map(midnight, days[1:]), timezone.now() + timedelta.resolution]
        counts = count_between(connections[self.db], language, list(map(midnight, days)), ends)
        months = [Month(day, count) for day, count in zip(days, counts, strict=True) if count]
        return months[::-1]


class PictureQuerySet(models.QuerySet["Picture"]):
    def due(self) -> Self:
        """What is to be made in several sizes, and is in nobody's hands."""
        return self.filter(renditions_due_at__lte=timezone.now()).order_by("renditions_due_at")

    def claim_one(self) -> "Picture | None":
        """Take one that is due; nobody else gets it before the lease is over. None: nothing is due.

        One UPDATE with its condition, so of any number of workers exactly one gets it. One that
        dies says nothing, and the picture is due again by itself.
        """
        picture = self.due().first()
        while picture:
            mine = self.due().order_by().filter(pk=picture.pk, file=str(picture.file))
            if mine.update(renditions_due_at=timezone.now() + LEASE):
                return picture
            picture = self.due().first()
        return None


class SearchQuerySet(models.QuerySet["SearchEntry"]):
    def part(self, query: Query, start: int, size: int) -> list["SearchEntry"]:
        """So many of what anybody may read and has all words, from a place on, newest first."""
        if not query.words:
            return []
        asked = [" OR ".join(f'"{token}"' for token in tokens) for tokens in query.words]
        match = " AND ".join(f"({tokens})" for tokens in asked)
        vendor = connections[self.db].vendor
        if vendor == "postgresql":
            match = match.replace('"', "'").replace(" OR ", " | ").replace(" AND ", " & ")
        now = connections[self.db].ops.adapt_datetimefield_value(timezone.now())
        places = RawSQL(FOUND[vendor], [match, now, size, start])  # noqa: S611 - all are parameters
        return list(self.filter(pk__in=places).order_by("-pk").select_related("article"))


# By hand, because each database searches in a way of its own. The numbers grow with time, and both
# walk them backwards, so that the newest are found without looking at the others. CROSS JOIN has
# SQLite begin at the words.
READABLE = """
    article.published_at <= %s AND NOT EXISTS (
        SELECT 1 FROM blog_searchmark AS mark
        WHERE mark.source = entry.source AND mark.number = entry.number
    )
"""
FOUND = {
    "sqlite": f"""
        SELECT found.rowid FROM blog_search AS found
        CROSS JOIN blog_searchentry AS entry ON entry.id = found.rowid
        CROSS JOIN blog_article AS article ON article.id = entry.article_id
        WHERE found.blog_search MATCH %s AND {READABLE}
        ORDER BY found.rowid DESC LIMIT %s OFFSET %s
    """,  # noqa: S608 - all ours
    "postgresql": f"""
        SELECT entry.id FROM blog_searchentry AS entry
        JOIN blog_article AS article ON article.id = entry.article_id
        WHERE entry.lexemes @@ %s::tsquery AND {READABLE}
        ORDER BY entry.id DESC LIMIT %s OFFSET %s
    """,  # noqa: S608 - all ours
}


class Month(NamedTuple):
    first_day: date
    articles: int  # up to one more than are counted

    @property
    def is_beyond_count(self) -> bool:
        return self.articles > COUNTED


def midnight(day: date) -> datetime:
    """When a day begins here."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def first_days(first: date, last: date) -> Iterator[date]:
    """The first day of each month from that of one day to that of another."""
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return (date(month // 12, month % 12 + 1, 1) for month in months)


def count_between(
    connection: BaseDatabaseWrapper, language: str, begins: list[datetime], ends: list[datetime]
) -> Iterator[int]:
    """How many articles of a language were published in each period, up to one beyond COUNTED.

    SQL by hand: a look at an index for each period, where the ORM would have a function called for
    each article, or take longer to put the question than the database to answer it.
    """
    moment = connection.ops.adapt_datetimefield_value
    for periods in batched(zip(begins, ends, strict=True), 500, strict=False):
        values = [(language, moment(one), moment(end), COUNTED + 1) for one, end in periods]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join([COUNT] * len(periods))}", list(chain(*values)))
            yield from cursor.fetchone()
