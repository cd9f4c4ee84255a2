"""What the admin says above every page."""

from typing import Any

from django import template
from django.conf import settings

from ..models import Account, Policy

register = template.Library()


@register.inclusion_tag("admin/_akismet_banner.html", takes_context=True)
def akismet_banner(context: dict[str, Any]) -> dict[str, Any]:
    return {
        "may_see_more": context["user"].has_perm("comments.moderate_comment"),
        "key_is_set": bool(settings.AKISMET_API_KEY),
        "is_off": Policy.is_off(),
        "account": Account.objects.in_use(),
    }
