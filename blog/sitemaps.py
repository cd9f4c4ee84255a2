"""What search engines may know, in parts of a bounded size (sitemaps.org).

A part is a stretch of primary keys: each is found in an index, however many there are, and an
article stays in the part it was born in. All languages share a part, as translations name each
other.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import conditional_page

from .models import Article, Author, Category

PART = 1_000
# From one part to the next that has something in it: a look at an index for each, however many
# numbers lie between them.
PARTS = f"""
    WITH RECURSIVE part (number) AS (
        SELECT (SELECT id FROM blog_article WHERE published_at <= %s ORDER BY id LIMIT 1) / {PART}
        UNION ALL
        SELECT (
            SELECT id FROM blog_article
            WHERE id >= (part.number + 1) * {PART} AND published_at <= %s ORDER BY id LIMIT 1
        ) / {PART}
        FROM part WHERE part.number IS NOT NULL
    )
    SELECT number FROM part WHERE number IS NOT NULL
"""  # noqa: S608 - all ours


class Place(NamedTuple):
    """A page and, by language, where it and what corresponds to it is, if there is any such."""

    address: str
    alternates: dict[str, str]
    article: Article | None = None


def alternates(languages: dict[str, str], default: str = "") -> dict[str, str]:
    """The same as the page itself says (templatetags/site.py)."""
    if len(languages) < 2:
        return {}
    return languages | {"x-default": default or languages[settings.LANGUAGE_CODE]}


def xml(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(
        request,
        template,
        {"site": settings.SITE_URL, **context},
        content_type="application/xml; charset=utf-8",
    )


@conditional_page
def index(request: HttpRequest) -> HttpResponse:
    """All parts with something in them. When each changed would take a look at all articles."""
    moment = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(PARTS, [moment, moment])
        parts = [number for (number,) in cursor.fetchall()]
    return xml(request, "blog/sitemap_index.xml", {"parts": parts})


@conditional_page
def articles(request: HttpRequest, part: int) -> HttpResponse:
    published = Article.objects.published()
    here = published.filter(pk__gte=part * PART, pk__lt=(part + 1) * PART)
    pieces: dict[Any, dict[str, str]] = defaultdict(dict)
    same = published.filter(translation_key__in=here.values("translation_key"))
    for one in same.only("translation_key", "language", "slug"):
        pieces[one.translation_key][one.language] = one.address
    found = here.select_related("picture").defer("standfirst").order_by("pk")
    places = [
        Place((languages := pieces[one.translation_key])[one.language], alternates(languages), one)
        for one in found
    ]
    if not places:
        raise Http404
    return xml(request, "blog/sitemap.xml", {"places": places})


@conditional_page
def lists(request: HttpRequest) -> HttpResponse:
    return xml(request, "blog/sitemap.xml", {"places": list(places_of_lists())})


def places_of_lists() -> Iterator[Place]:
    """The pages that lead to articles, as far as there is something on them."""
    pages: dict[tuple[str, tuple[str, ...]], dict[str, str]] = defaultdict(dict)
    for code, _name in settings.LANGUAGES:
        published = Article.objects.published().in_language(code)
        names: list[tuple[str, tuple[str, ...]]] = [("blog:index", ()), ("blog:archive", ())]
        for model, field in ((Category, "category"), (Author, "author")):
            written = Exists(published.filter(**{field: OuterRef("pk")}))
            slugs = model.objects.filter(written).values_list("slug", flat=True)
            names += [(f"blog:{field}", (slug,)) for slug in slugs[:PART]]
        with translation.override(code):
            for name, arguments in names:
                address = settings.SITE_URL + reverse(name, args=arguments)
                pages[name, arguments][code] = address
    for (name, _arguments), languages in pages.items():
        # The front door asks the browser.
        default = f"{settings.SITE_URL}/" if name == "blog:index" else ""
        for address in languages.values():
            yield Place(address, alternates(languages, default))
