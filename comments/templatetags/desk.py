"""What the admin says above every page."""

from typing import Any

from django import template
from django.conf import settings

from ..models import Account

register = template.Library()


@register.inclusion_tag("admin/_akismet_banner.html")
def akismet_banner() -> dict[str, Any]:
    return {
        "key_is_set": bool(settings.AKISMET_API_KEY),
        "account": Account.objects.in_use(),
    }
