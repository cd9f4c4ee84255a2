"""Where a reader's comment arrives, and what they are told."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from blog.models import Article
from blog.views import article_page

from . import akismet, moderation, rules
from .forms import CommentForm, comment_from
from .models import Policy

TOO_OFTEN = _(
    "You have sent several comments in a short time. Wait %(seconds)s seconds, then send this one"
    " again."
)


# No CSRF token, because no cookie: a page for everybody can be the same for everybody. What the
# token is for, is_from_elsewhere() does.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def post(request: HttpRequest, slug: str) -> HttpResponse:
    article = get_object_or_404(Article.objects.published(), language=get_language(), slug=slug)
    if request.method != "POST":  # the address a refused form left in the browser
        return redirect(f"{article.get_absolute_url()}#respond")
    if is_from_elsewhere(request):
        return render(request, "comments/refused.html", {"article": article}, status=403)
    form = CommentForm(article, request.POST)
    if not article.comments_open:
        return article_page(request, article, {"comment_form": form}, status=403)
    if not form.is_valid():
        return article_page(request, article, {"comment_form": form}, status=422)
    comment = comment_from(form, request)
    if wait := rules.posts_too_often(comment):
        form.add_error(None, TOO_OFTEN % {"seconds": wait})
        response = article_page(request, article, {"comment_form": form}, status=429)
        response.headers["Retry-After"] = str(wait)
        return response
    moderation.receive(comment)
    # The fragment replaces the form's, which a browser would carry over.
    there = reverse("comments:received", args=[article.slug], fragment="content")
    return HttpResponse(status=303, headers={"Location": there})


def is_from_elsewhere(request: HttpRequest) -> bool:
    """Whether another site had the reader's browser send this.

    Browsers say so themselves (Sec-Fetch-Site, else Origin, else Referer). A program that says
    nothing is nobody's browser, so there is nobody to abuse.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in {"same-origin", "none"}
    source = request.headers.get("Origin") or request.headers.get("Referer")
    try:
        return bool(source) and urlsplit(source).netloc != request.get_host()
    except ValueError:  # no address at all
        return True


def received(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell the reader that it arrived, and what happens next."""
    article = get_object_or_404(Article.objects.published(), language=get_language(), slug=slug)
    return render(request, "comments/received.html", {"article": article})


def privacy(request: HttpRequest) -> HttpResponse:
    """How comment data is processed: the list is the one the request to Akismet is built from."""
    return render(
        request,
        "comments/privacy.html",
        {
            "akismet_is_used": bool(settings.AKISMET_API_KEY),
            "fields": akismet.FIELDS,
            "site_fields": akismet.SITE_FIELDS,
            "policy": Policy.objects.current(),
        },
    )
