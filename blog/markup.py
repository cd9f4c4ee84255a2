"""Markdown in, safe HTML out: the only way from what people type to what the page says.

Rendering is markdown-it-py's (raw HTML off), cleaning nh3's. What an author writes may have
headings, pictures and tables; what a reader writes may not.
"""

import json
from functools import lru_cache
from html import unescape
from typing import Any
from urllib.parse import urljoin

import nh3
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

WORDS = {"p", "br", "em", "strong", "a", "ul", "ol", "li", "blockquote", "code", "pre", "del"}
STRUCTURE = {"h3", "h4", "h5", "hr", "img", "sup", "section", "table", "thead", "tbody"}
CELLS = {"tr", "th", "td"}
FRAME = {"h2", "figure", "figcaption"}  # what our own pages put around it
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "th": {"align", "scope"},
    "ol": {"start"},
    "code": {"class"},
    "*": {"id"},
}
# What could end or open an element of a page.
IN_A_PAGE = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&"}
SCHEMES = {"http", "https", "mailto"}

_article = (
    MarkdownIt("commonmark", {"html": False, "linkify": True, "typographer": True})
    .enable(["table", "strikethrough", "linkify", "replacements"])
    .use(footnote_plugin)
)
_comment = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True}).enable(
    ["strikethrough", "linkify"]
)
_comment.disable(["heading", "lheading", "hr", "image", "html_block", "html_inline", "reference"])


def _lower_headings(
    renderer: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any
) -> str:
    """Text stands inside a section that has an h2 already, so its own headings begin at h3."""
    level = min(int(tokens[index].tag[1]) + 2, 5)
    tokens[index].tag = f"h{level}"
    return renderer.renderToken(tokens, index, options, env)


_article.add_render_rule("heading_open", _lower_headings)
_article.add_render_rule("heading_close", _lower_headings)


@lru_cache(maxsize=512)
def article(text: str, place: str = "") -> SafeString:
    """What an author wrote, as HTML for the page; `place` keeps its footnotes' anchors apart."""
    return mark_safe(  # nh3 has the last word
        nh3.clean(
            _article.render(text, {"docId": place} if place else {}),
            tags=WORDS | STRUCTURE | CELLS,
            attributes=ATTRIBUTES,
            url_schemes=SCHEMES,
            link_rel=None,
        )
    )


@lru_cache(maxsize=4096)  # forty pages full
def comment(text: str) -> SafeString:
    """What a reader wrote, as HTML whose links carry no weight with search engines."""
    return mark_safe(  # nh3 has the last word
        nh3.clean(
            _comment.render(text),
            tags=WORDS,
            attributes={"a": {"href"}, "ol": {"start"}},
            url_schemes=SCHEMES,
            link_rel="nofollow ugc noopener",
        )
    )


def anywhere(html: str, address: str) -> str:
    """The HTML of a page of ours at `address`, made to be shown elsewhere: links are absolute."""

    def absolute(_tag: str, name: str, value: str) -> str:
        try:
            return urljoin(address, value) if name in {"href", "src"} else value
        except ValueError:  # no address at all
            return value

    return nh3.clean(
        html,
        tags=WORDS | STRUCTURE | CELLS | FRAME,
        attributes=ATTRIBUTES | {"a": {"href", "title", "rel"}},
        attribute_filter=absolute,
        url_schemes=SCHEMES,
        link_rel=None,
    )


def data(value: object) -> SafeString:
    """A value as JSON that can stand in a <script> of a page, whatever texts are in it."""
    text = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":"))
    return mark_safe(text.translate(IN_A_PAGE))


def plain(html: str) -> str:
    """The words of such HTML, without its tags."""
    return " ".join(unescape(strip_tags(html)).split())
