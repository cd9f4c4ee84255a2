"""What every page of the site shows around its content."""

from contextlib import suppress
from typing import Any

from django import template
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse, translate_url
from django.utils import translation
from django.utils.translation import gettext as _

from ..cards import Card
from ..models import Article, Category, in_other_language

register = template.Library()
register.filter(in_other_language)


@register.simple_tag
def categories() -> QuerySet[Category]:
    return Category.objects.all()


@register.inclusion_tag("_card.html", takes_context=True)
def card(context: dict[str, Any], title: str, description: str = "") -> dict[str, Any]:
    """What others are told of a page: its one address, its like in other languages, its card."""
    article, page = context.get("article"), context.get("page_obj")
    number = page.number if page else 1
    # Prepared forms and parts of the conversation have others, but are the same page.
    path = article.get_absolute_url() if article else context["request"].path
    address = settings.SITE_URL + path + (f"?page={number}" if number > 1 else "")
    section = context.get("shared")
    return {
        "site": settings.SITE_URL,
        "site_name": _("Sgwrs"),
        "language": translation.get_language(),
        "article": article,
        "title": title,
        "description": description or _("A blog for talking with people, not at them."),
        "address": address,
        # Those who are given it ask for a card at the address they find here.
        "shared_address": section.page if section else address,
        "image": Card.of(section or article, "wide") if article else None,
        "alternates": {} if number > 1 else alternates(context, path),
    }


def alternates(context: dict[str, Any], path: str) -> dict[str, str]:
    """Where the page itself and its like in other languages are, if there is any such."""
    found = {
        code: settings.SITE_URL + there
        for code, _language in settings.LANGUAGES
        if (there := path if code == translation.get_language() else counterpart(context, code))
    }
    if len(found) < 2:
        return {}
    # The front door asks the browser; everything else is best read in the first language.
    is_front = path == reverse("blog:index")
    default = f"{settings.SITE_URL}/" if is_front else found[settings.LANGUAGE_CODE]
    return found | {"x-default": default}


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
    if there := counterpart(context, code):
        return there
    with translation.override(code):
        return reverse("blog:index")


def counterpart(context: dict[str, Any], code: str) -> str | None:
    """The path of the same page in another language."""
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
    return None
