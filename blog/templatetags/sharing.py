"""Ways to pass a page on: plain links, so that nobody is told before a reader follows one."""

from typing import Any
from urllib.parse import quote, urlencode

from django import template
from django.conf import settings
from django.utils.translation import gettext as _

from ..models import Article, Section

register = template.Library()


@register.inclusion_tag("blog/_share.html")
def share(shared: Article | Section) -> dict[str, Any]:
    """The menu for an article or for one of its sections."""
    if isinstance(shared, Section):
        address = f"{shared.article.address}#{shared.anchor}"
        # Not the article's title too: seven times in each menu, it would make the page heavy.
        title, picture = shared.heading, shared.article.picture
    else:
        address, title, picture = shared.address, shared.title, shared.picture
    media = {"media": settings.SITE_URL + picture.single.url} if picture else {}
    return {
        "shared": shared,
        "is_part": isinstance(shared, Section),
        "address": address,
        "title": title,
        "ways": [
            ("Facebook", link("https://www.facebook.com/sharer/sharer.php?", u=address)),
            # Behind a number sign, so that even there only the reader's browser knows; it asks
            # which server is theirs.
            ("Mastodon", link("https://share.joinmastodon.org/#", text=f"{title} {address}")),
            ("WhatsApp", link("https://wa.me/?", text=f"{title} {address}")),
            ("X", link("https://x.com/intent/post?", text=title, url=address)),
            ("LinkedIn", link("https://www.linkedin.com/sharing/share-offsite/?", url=address)),
            (
                "Pinterest",
                link(
                    "https://www.pinterest.com/pin/create/button/?",
                    url=address,
                    description=title,
                    **media,
                ),
            ),
            (_("E-mail"), link("mailto:?", subject=title, body=address)),
        ],
    }


def link(stem: str, **values: str) -> str:
    # Spaces as %20: a plus sign is one for a form only, not for a mail program.
    return stem + urlencode(values, quote_via=quote, safe="")
