"""The pages of the blog. What is shown to whom is said in querysets.py."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.views.generic import ListView
from taggit.models import Tag

from . import index
from .cards import BusyError, Card, PictureError
from .drawing import SHAPES
from .models import Article, Author, Category, SearchEntry, Section
from .querysets import ArticleQuerySet
from .search import MAX_LENGTH, Hit, Query

# The last page of what search finds: who has not found it by then writes another word, and what is
# passed over has to be looked at.
LAST_FOUND = 100
MINUTE, YEAR = 60, 365 * 86400  # seconds


def readable(request: HttpRequest, articles: ArticleQuerySet, **which: Any) -> Article:
    """An article: for everybody once it is published, before that for those who write it."""
    if found := articles.published().filter(**which).first():
        return found
    draft = get_object_or_404(articles, **which)
    # Asked only here: a page that reads the session cannot be the same for everybody.
    if not request.user.has_perm("blog.change_article"):
        raise Http404
    return draft


def article(request: HttpRequest, slug: str, position: int | None = None) -> HttpResponse:
    """An article, or the same at the address under which one of its sections is shared."""
    everything = Article.objects.in_language(get_language()).for_reading().with_source()
    found = readable(request, everything, slug=slug)
    extra: dict[str, Any] = {"is_preview": not found.is_published}
    if position is not None:
        extra["shared"] = section_of(found, position)
    response = article_page(request, found, extra)
    if extra["is_preview"]:
        add_never_cache_headers(response)
    return response


def section_of(article: Article, position: int) -> Section:
    for section in article.sections.all():
        if section.position == position:
            return section
    raise Http404


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


def card(
    request: HttpRequest, pk: int, form: str, digest: str, position: int | None = None
) -> HttpResponse:
    """The card of an article or of one of its sections, as it is now.

    Whoever asks for an earlier one is sent on, so only as much is ever drawn as there is.
    """
    if form not in SHAPES:
        raise Http404
    article = readable(request, Article.objects.for_reading(), pk=pk)
    card = Card.of(article if position is None else section_of(article, position), form)
    if digest != card.digest:
        return redirect(card.path)
    try:
        content, kept = drawn(card)
    except BusyError:
        return HttpResponse(status=503, headers={"Retry-After": "5"})
    response = HttpResponse(content, content_type="image/jpeg")
    patch_cache_control(response, public=True, **kept)
    if not article.is_published:
        add_never_cache_headers(response)
    return response


def drawn(card: Card) -> tuple[bytes, dict[str, Any]]:
    """The card, and how long it may be kept: not long without the picture that belongs on it."""
    try:
        return card.content(), {"max_age": YEAR, "immutable": True}
    except PictureError:
        return card.without_picture().content(), {"max_age": MINUTE}


class Page(NamedTuple):
    """Where we are in a list, and the pages next to this one, where there are such."""

    number: int
    newer: int | None
    older: int | None


def one_page[T](
    request: HttpRequest, part: Callable[[int, int], Iterable[T]], size: int, last: int = 10**9
) -> tuple[Page, list[T]]:
    """The page of a list that is asked for; `part` gives so much of the list from a place on.

    One more than the page shows tells whether there is an older page. There is none after `last`.
    """
    wanted = request.GET.get("page", "1")
    if not re.fullmatch(r"[1-9]\d{0,8}", wanted, re.ASCII):
        raise Http404
    number = int(wanted)
    found = list(part((number - 1) * size, size + 1)) if number <= last else []
    if number > 1 and not found:
        raise Http404
    older = number + 1 if found[size:] and number < last else None
    return Page(number, number - 1 or None, older), found[:size]


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
        page, found = one_page(self.request, queryset.part, page_size)
        return None, page, found, bool(page.newer or page.older)


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


def search(request: HttpRequest) -> HttpResponse:
    """Where a reader's words are found in the language of the page, newest first."""
    query = Query.of(request.GET.get("q", ""), get_language())
    with suppress(OperationalError):  # somebody else writes: what he changed is not found yet
        index.catch_up()
    part = partial(SearchEntry.objects.part, query)
    page, found = one_page(request, part, ArticleList.paginate_by, last=LAST_FOUND)
    context = {
        "query": query,
        "max_length": MAX_LENGTH,
        "hits": [Hit(query, entry) for entry in found],
        "page_obj": page,
        "is_paginated": page.newer or page.older,
    }
    return render(request, "blog/search.html", context)


def opensearch(request: HttpRequest) -> HttpResponse:
    """What a browser needs to offer our search as one of its own."""
    return render(
        request,
        "blog/opensearch.xml",
        {"site_url": settings.SITE_URL},
        content_type="application/opensearchdescription+xml",
    )
