"""The pages of the blog. What is shown to whom is said in querysets.py."""

from datetime import date
from typing import Any

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
    context = {"article": article, "sections": article.sections.all(), **(extra or {})}
    return render(request, "blog/article.html", context, status=status)


class ArticleList(ListView[Article]):
    """The newest articles of the language, a page at a time."""

    template_name = "blog/index.html"
    context_object_name = "articles"
    paginate_by = 10

    def get_queryset(self) -> ArticleQuerySet:
        return Article.objects.published().in_language(get_language()).for_lists()


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


def archive(request: HttpRequest) -> HttpResponse:
    """The months something was published in."""
    months = Article.objects.published().in_language(get_language()).months()
    return render(request, "blog/archive.html", {"months": months})


class PeriodList(ArticleList):
    """Articles of one year or one month."""

    template_name = "blog/period.html"

    @cached_property
    def first_day(self) -> date:
        try:
            return date(self.kwargs["year"], self.kwargs.get("month", 1), 1)
        except (ValueError, OverflowError):
            raise Http404 from None

    def get_queryset(self) -> ArticleQuerySet:
        found = super().get_queryset().filter(published_at__year=self.first_day.year)
        return found.filter(published_at__month=self.first_day.month) if self.is_month else found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        period = date_format(self.first_day, "YEAR_MONTH_FORMAT" if self.is_month else "Y")
        return super().get_context_data(period=period, **kwargs)

    @property
    def is_month(self) -> bool:
        return "month" in self.kwargs
