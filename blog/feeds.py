"""The newest articles, in full, for programs that ask again and again: Atom and JSON Feed 1.1."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from . import markup
from .models import Article
from .querysets import ArticleQuerySet
from .views import ArticleList, AuthorList, CategoryList, TagList

NEWEST = 20
NEVER = datetime.fromtimestamp(0, UTC)  # when a feed changed that never had anything in it
# What people can paste but XML cannot say, not even escaped.
NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


def atom(template: str, context: dict[str, Any]) -> HttpResponse:
    """An Atom document (RFC 4287). `context` has what templates/feed.xml asks for.

    As plain XML, which readers take as well: under its own name browsers show the source or save
    it, and never come to the stylesheet.
    """
    text = render_to_string(template, {"site": settings.SITE_URL, **context})
    return HttpResponse(text.translate(NOT_IN_XML), content_type="application/xml; charset=utf-8")


class Feed(ArticleList):
    """What a list shows, as an Atom feed: its address is that of the list and `feed/`."""

    paginate_by = None  # type: ignore[assignment] # the newest, and no pages

    def get_queryset(self) -> ArticleQuerySet:
        return super().get_queryset().part(0, NEWEST).in_full()

    def render_to_response(self, context: dict[str, Any], **_kwargs: Any) -> HttpResponse:
        articles = list(context["articles"])
        for article in articles:
            article.content = content(article)
        name = context["subject"].name if "subject" in context else ""
        return atom(
            "blog/feed.xml",
            {
                "title": f"{name} · {_('Sgwrs')}" if name else _("Sgwrs"),
                "page": settings.SITE_URL + self.request.path.removesuffix("feed/"),
                "address": settings.SITE_URL + self.request.path,
                "updated": last_change(articles),
                "articles": articles,
            },
        )


class CategoryFeed(Feed, CategoryList):
    pass


class TagFeed(Feed, TagList):
    pass


class AuthorFeed(Feed, AuthorList):
    pass


def json_feed(request: HttpRequest) -> JsonResponse:
    articles = Article.objects.published().in_language(get_language()).newest_first()
    return JsonResponse(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": _("Sgwrs"),
            "description": _("A blog for talking with people, not at them."),
            "home_page_url": settings.SITE_URL + reverse("blog:index"),
            "feed_url": settings.SITE_URL + request.path,
            "language": get_language(),
            "items": [item(article) for article in articles.part(0, NEWEST).in_full()],
        },
        content_type="application/feed+json; charset=utf-8",
        json_dumps_params={"ensure_ascii": False},
    )


def item(article: Article) -> dict[str, Any]:
    """An article as JSON Feed has it."""
    subjects = [tag.name for tag in article.tags.all()]
    if article.category:
        subjects.insert(0, article.category.name)
    author = reverse("blog:author", args=[article.author.slug])
    found = {
        "id": article.uri,
        "url": article.address,
        "title": article.title,
        "summary": article.summary,
        "content_html": content(article),
        "date_published": article.published_at,
        "date_modified": article.updated_at,
        "authors": [{"name": article.author.name, "url": settings.SITE_URL + author}],
        "tags": subjects,
        "language": article.language,
    }
    if article.picture:
        found["image"] = settings.SITE_URL + article.picture.single.url
    return found


def content(article: Article) -> str:
    """The whole article as HTML that can stand anywhere."""
    html = render_to_string("blog/_feed_content.html", {"article": article})
    return markup.anywhere(html, article.address)


def last_change(articles: Iterable[Article]) -> datetime:
    return max((article.updated_at for article in articles), default=NEVER)
