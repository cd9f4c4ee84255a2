"""The front door, the doctor's questions, and what is said when something goes wrong."""

import mimetypes
import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import requires_csrf_token
from django.views.static import serve

from comments import status
from comments.models import Account

# Not every Python and every system knows them.
mimetypes.add_type("image/avif", ".avif")
mimetypes.add_type("image/webp", ".webp")


def home(request: HttpRequest) -> HttpResponse:
    """To the language the browser asks for (LocaleMiddleware has found out which); else Welsh."""
    return redirect(reverse("blog:index"))


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up. Asks nothing of anybody else."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether what we stand on is there: 200 if database, cache and worker are, else 503.

    `akismet` is "ok", "none" (no key is set), "untried", "unknown" (the database does not answer)
    or the kind of trouble: "invalid", "account", "timeout", "unreachable", "status", "nonsense".
    Whatever it is, the site is ready: comments are taken, and wait.
    """
    needed = {
        "database": database_answers(),
        "cache": cache_answers(),
        "worker": worker_is_alive(),
    }
    return JsonResponse(
        needed | {"akismet": akismet_state()}, status=200 if all(needed.values()) else 503
    )


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def cache_answers() -> bool:
    try:
        cache.set("readyz", "ok", 10)
        return cache.get("readyz") == "ok"
    except Exception:  # noqa: BLE001 - every backend fails in its own way
        return False


def worker_is_alive() -> bool:
    try:
        return status.worker_is_alive()
    except DatabaseError:
        return False


def akismet_state() -> str:
    try:
        return status.key_state(Account.objects.in_use())
    except DatabaseError:
        return "unknown"


def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """An uploaded picture, where no front server is asked for it first."""
    try:
        response = serve(request, path, document_root=str(settings.MEDIA_ROOT))
    except OSError:  # a name no file system would have
        raise Http404 from None
    if re.search(r"[0-9a-f]{12}\.\w+$", path):  # the name is the version
        response["Cache-Control"] = "max-age=315360000, public, immutable"
    return response


def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers should leave alone, and where all the rest is listed."""
    return text(request, "robots.txt", {})


def security(request: HttpRequest) -> HttpResponse:
    """Whom to tell of a weakness (RFC 9116), if the owner has said so."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    # It is written anew each time, so the date only has to be one that is not over.
    expires = timezone.now().replace(microsecond=0) + timedelta(days=90)
    contact = {"contact": settings.SECURITY_CONTACT, "expires": expires}
    return text(request, "security.txt", contact)


def text(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    context = {"site": settings.SITE_URL, **context}
    return render(request, template, context, content_type="text/plain; charset=utf-8")


def refused(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, f"{status}.html", status=status)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refused(request, 400)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refused(request, 403)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refused(request, 404)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    return refused(request, 500)
