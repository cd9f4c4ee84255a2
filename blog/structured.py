"""An article as search engines read it: schema.org's words, as JSON-LD."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from .cards import Card
from .models import Article


def posting(article: Article) -> dict[str, Any]:
    """The article as a BlogPosting, as a dictionary that takes more."""
    site = settings.SITE_URL
    found: dict[str, Any] = {
        "@type": "BlogPosting",
        "@id": article.address,
        "url": article.address,
        "headline": article.title,
        "description": article.summary,
        "inLanguage": article.language,
        "datePublished": article.published_at,
        "dateModified": article.updated_at,
        "author": {
            "@type": "Person",
            "name": article.author.name,
            "url": site + reverse("blog:author", args=[article.author.slug]),
        },
        "isPartOf": {"@type": "Blog", "@id": site + reverse("blog:index"), "name": _("Sgwrs")},
        "hasPart": [
            {
                "@type": "WebPageElement",
                "url": f"{article.address}#{section.anchor}",
                "name": section.title,
            }
            for section in article.sections.all()
        ],
        "image": list(images(article)),
        "keywords": [tag.name for tag in article.tags.all()],
    }
    if article.category:
        found["articleSection"] = article.category.name
    return found | translations(article)


def images(article: Article) -> Iterator[dict[str, Any]]:
    """Its picture, and its card."""
    if article.picture:
        yield {
            "@type": "ImageObject",
            "url": settings.SITE_URL + article.picture.single.url,
            "caption": article.picture.alt,
        }
    yield {"@type": "ImageObject", "url": Card.of(article, "wide").address}


def translations(article: Article) -> dict[str, Any]:
    """What it was translated from, or what was translated from it, as far as that can be read."""

    def named(other: Article) -> dict[str, Any]:
        return {"@type": "BlogPosting", "@id": other.address, "inLanguage": other.language}

    if article.origin != Article.Origin.ORIGINAL:
        return {"translationOfWork": named(article.original)} if article.original else {}
    made = [one for one in article.translations if one.origin != Article.Origin.ORIGINAL]
    return {"workTranslation": [named(one) for one in made]} if made else {}


def breadcrumbs(article: Article) -> dict[str, Any]:
    """The way from the front page to the article."""
    steps = [(_("Sgwrs"), reverse("blog:index"))]
    if article.category:
        address = reverse("blog:category", args=[article.category.slug])
        steps.append((article.category.name, address))
    steps.append((article.title, article.get_absolute_url()))
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {
                "@type": "ListItem",
                "position": position,
                "name": name,
                "item": settings.SITE_URL + path,
            }
            for position, (name, path) in enumerate(steps, start=1)
        ],
    }
