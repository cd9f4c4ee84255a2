"""What was said last, for feed readers: about one article, or about all in a language."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from blog import markup
from blog.feeds import NEVER, NEWEST, atom
from blog.models import Article

from .models import Comment
from .querysets import CommentQuerySet


def language_feed(request: HttpRequest) -> HttpResponse:
    comments = Comment.objects.newest_approved().filter(
        language=get_language(), article__published_at__lte=timezone.now()
    )
    page = settings.SITE_URL + reverse("blog:index")
    return feed(request, comments, _("Newest comments · Sgwrs"), page)


def article_feed(request: HttpRequest, slug: str) -> HttpResponse:
    article = get_object_or_404(Article.objects.published(), language=get_language(), slug=slug)
    title = _("Comments on “%(title)s” · Sgwrs") % {"title": article.title}
    comments = Comment.objects.newest_approved().filter(article=article)
    return feed(request, comments, title, f"{article.address}#comments")


def feed(request: HttpRequest, comments: CommentQuerySet, title: str, page: str) -> HttpResponse:
    newest = list(comments[:NEWEST])
    for comment in newest:
        comment.content = markup.anywhere(comment.html, comment.article.address)
    return atom(
        "comments/feed.xml",
        {
            "title": title,
            "page": page,
            "address": settings.SITE_URL + request.path,
            "updated": newest[0].submitted_at if newest else NEVER,
            "comments": newest,
        },
    )
