"""Numbers that come from outside."""

from typing import Any


def row_number(text: Any) -> int | None:
    """The number of a row that a text is, as far as there can be such a row."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
