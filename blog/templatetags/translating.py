"""What the desk says of translations before anybody asks."""

from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse

from ..models import Article

register = template.Library()


@register.inclusion_tag("admin/blog/_translations.html", takes_context=True)
def missing_translations(context: dict[str, Any]) -> dict[str, Any]:
    """How many articles lack a language, and how many translations are stale."""
    if not context["user"].has_perm("blog.view_article"):
        return {}
    articles, page = Article.objects.all(), reverse("admin:blog_article_changelist")
    return {
        "lacking": [
            (name, articles.lacking(code).count(), f"{page}?translation={code}")
            for code, name in settings.LANGUAGES
        ],
        "stale": articles.stale().count(),
        "stale_url": f"{page}?translation=stale",
    }
