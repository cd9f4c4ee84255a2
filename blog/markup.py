"""Markdown in, safe HTML out: the only way from what people type to what the page says.

Rendering is markdown-it-py's (raw HTML off), cleaning nh3's. What an author writes may have
headings, pictures and tables; what a reader writes may not.
"""

from functools import lru_cache
from html import unescape
from typing import Any

import nh3
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

WORDS = {"p", "br", "em", "strong", "a", "ul", "ol", "li", "blockquote", "code", "pre", "del"}
STRUCTURE = {"h3", "h4", "h5", "hr", "img", "sup", "section", "table", "thead", "tbody"}
CELLS = {"tr", "th", "td"}
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
            attributes={
                "a": {"href", "title"},
                "img": {"src", "alt", "title", "width", "height"},
                "th": {"align", "scope"},
                "ol": {"start"},
                "code": {"class"},
                "*": {"id"},
            },
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


def plain(html: str) -> str:
    """The words of such HTML, without its tags."""
    return " ".join(unescape(strip_tags(html)).split())
