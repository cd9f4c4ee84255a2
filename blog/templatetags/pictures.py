"""A picture in a page, in the size that its reader needs."""

from typing import Any

from django import template

from ..models import Picture

register = template.Library()

# How wide a picture is shown, in the words of `sizes`: as static/css/sgwrs.css has it.
COLUMN = "(min-width: 77em) 969px, (min-width: 64em) calc(91vw - 171px), 91vw"
SMALL = "(min-width: 48em) 209px, 114px"


@register.inclusion_tag("blog/_picture.html", name="picture")
def show(
    picture: Picture, alt: str = "", *, fills_column: bool = False, is_first: bool = False
) -> dict[str, Any]:
    """`is_first`: it is seen at once, so it is asked for before all others."""
    sizes = COLUMN if fills_column else SMALL
    return {"picture": picture, "alt": alt, "sizes": sizes, "is_first": is_first}
