"""What every page of the site shows around its content."""

from contextlib import suppress
from typing import Any

from django import template
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse, translate_url
from django.utils import translation

from ..models import Article, Category

register = template.Library()


@register.simple_tag
def categories() -> QuerySet[Category]:
    return Category.objects.all()


@register.inclusion_tag("_languages.html", takes_context=True)
def languages(context: dict[str, Any]) -> dict[str, Any]:
    """The way to each other language: to the same piece where there is one, else to the front."""
    return {
        "others": [
            {"code": code, "name": name, "url": same_page(context, code)}
            for code, name in settings.LANGUAGES
            if code != translation.get_language()
        ]
    }


def same_page(context: dict[str, Any], code: str) -> str:
    article = context.get("article")
    if isinstance(article, Article):
        for other in article.translations:
            if other.language == code:
                return other.get_absolute_url()
    elif "request" in context and not context.get("only_here"):
        path = context["request"].path
        with suppress(ValueError):  # a path that is no address
            if (there := translate_url(path, code)) != path:
                return there
    with translation.override(code):
        return reverse("blog:index")
