"""The pages of the blog. What is shown to whom is said in querysets.py."""

import re
from datetime import date
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import add_never_cache_headers
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.views.generic import ListView
from taggit.models import Tag

from .models import Article, Author, Category
from .querysets import ArticleQuerySet


def article(request: HttpRequest, slug: str) -> HttpResponse:
    """An article: for everybody once it is published, before that for those who write it."""
    everything = Article.objects.in_language(get_language()).for_reading()
    if found := everything.published().filter(slug=slug).first():
        return article_page(request, found)
    draft = get_object_or_404(everything, slug=slug)
    # Asked only here: a page that reads the session cannot be the same for everybody.
    if not request.user.has_perm("blog.change_article"):
        raise Http404
    response = article_page(request, draft, {"is_preview": True})
    add_never_cache_headers(response)
    return response


def article_page(
    request: HttpRequest, article: Article, extra: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """The article with its conversation. `extra` may carry a comment form that was refused."""
    context = {
        "article": article,
        "sections": article.sections.all(),
        **(extra or {}),
    }
    return render(request, "blog/article.html", context, status=status)


class Page(NamedTuple):
    """Where we are in a list, and the pages next to this one, where there are such."""

    number: int
    newer: int | None
    older: int | None


class ArticleList(ListView[Article]):
    """The newest articles of the language, a page at a time."""

    template_name = "blog/index.html"
    context_object_name = "articles"
    paginate_by = 10

    def get_queryset(self) -> ArticleQuerySet:
        return Article.objects.published().in_language(get_language()).newest_first()

    def paginate_queryset(  # type: ignore[override] # we have no paginator, as it would count
        self, queryset: ArticleQuerySet, page_size: int
    ) -> tuple[None, Page, list[Article], bool]:
        """One article more than the page shows tells whether there is an older page."""
        wanted = self.request.GET.get("page", "1")
        if not re.fullmatch(r"[1-9]\d{0,8}", wanted, re.ASCII):
            raise Http404
        number = int(wanted)
        found = list(queryset.part((number - 1) * page_size, page_size + 1))
        if number > 1 and not found:
            raise Http404
        has_older = len(found) > page_size
        page = Page(number, number - 1 or None, number + 1 if has_older else None)
        return None, page, found[:page_size], number > 1 or has_older


class SubjectList(ArticleList):
    """Articles that have something in common: a category, a tag or an author."""

    template_name = "blog/subject.html"
    model_of_subject: type[Category | Author | Tag]
    field: str

    @cached_property
    def subject(self) -> Category | Author | Tag:
        return get_object_or_404(self.model_of_subject, slug=self.kwargs["slug"])

    def get_queryset(self) -> ArticleQuerySet:
        return super().get_queryset().filter(**{self.field: self.subject})

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            subject=self.subject, field=self.field, only_here=self.field == "tags", **kwargs
        )


class CategoryList(SubjectList):
    model_of_subject, field = Category, "category"


class AuthorList(SubjectList):
    model_of_subject, field = Author, "author"


class TagList(SubjectList):
    model_of_subject, field = Tag, "tags"

    def get_queryset(self) -> ArticleQuerySet:
        return Article.objects.published_with(self.subject, get_language())


def archive(request: HttpRequest) -> HttpResponse:
    """The months something was published in."""
    months = Article.objects.months(get_language())
    return render(request, "blog/archive.html", {"months": months})


class PeriodList(ArticleList):
    """Articles of one year or one month."""

    template_name = "blog/period.html"

    @cached_property
    def days(self) -> tuple[date, date]:
        """The first day of it, and the day after its last."""
        year, month = self.kwargs["year"], self.kwargs.get("month")
        try:
            if month in {None, 12}:
                return date(year, month or 1, 1), date(year + 1, 1, 1)
            return date(year, month, 1), date(year, month + 1, 1)
        except (ValueError, OverflowError):
            raise Http404 from None

    def get_queryset(self) -> ArticleQuerySet:
        return super().get_queryset().published_between(*self.days)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = "YEAR_MONTH_FORMAT" if "month" in self.kwargs else "Y"
        return super().get_context_data(period=date_format(self.days[0], form), **kwargs)
