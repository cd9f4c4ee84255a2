"""The conversation under an article, as blog's template asks for it."""

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from crispy_forms.utils import render_crispy_form
from django import template
from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import get_language

from blog import markup, structured
from blog.models import Article
from config.numbers import row_number

from ..forms import CommentForm
from ..models import Comment
from ..querysets import COUNTED, CommentQuerySet

ON_A_PAGE = 100  # comments
TOLD = 200  # characters of a comment that the page says once more, to machines

register = template.Library()
untouched: dict[str | None, SafeString] = {}  # by language


@dataclass
class Part:
    """What a page shows of a conversation, and which comments the links to the rest name."""

    comments: list[Comment]
    earlier: int | None = None
    later: int | None = None
    address: str = ""  # the query that leads here, with an ampersand; empty for the newest part

    @property
    def total(self) -> int:
        return self.comments[0].total if self.comments else 0


@dataclass
class Thread:
    """The comment that began it, where that is on the page, and the replies, oldest first."""

    comment: Comment | None
    replies: list[Comment]


def part(article: Article, asked: QueryDict) -> Part:
    """`?from=<comment>` that one and what follows, `?before=<comment>` what leads up to it.

    Without either, or where the comment is not part of the conversation: the newest.
    """
    whole = Comment.objects.conversation(article).for_reading()
    if start := row_number(asked.get("from")):
        found = list(whole.at_or_after(start)[: ON_A_PAGE + 1])
        if found:
            beyond = found[ON_A_PAGE:]
            return Part(
                found[:ON_A_PAGE],
                earlier=start if found[0].is_preceded else None,
                later=beyond[0].pk if beyond else None,
                address=f"from={start}&",
            )
    end = row_number(asked.get("before"))
    if end and (leading := ending(whole.before(end))).comments:
        return replace(leading, later=end, address=f"before={end}&")
    return ending(whole)


def ending(comments: CommentQuerySet) -> Part:
    """The last of them."""
    found = list(comments.reverse()[: ON_A_PAGE + 1])[::-1]
    shown = found[-ON_A_PAGE:]
    return Part(shown, earlier=shown[0].pk if len(found) > len(shown) else None)


def threads(comments: list[Comment]) -> list[Thread]:
    """Comments in reading order, by the conversation each is part of."""
    found = []
    for beginning, group in groupby(comments, lambda comment: comment.thread_id or comment.pk):
        first, *others = group
        if first.pk == beginning:
            found.append(Thread(first, others))
        else:
            found.append(Thread(None, [first, *others]))
    return found


@register.inclusion_tag("comments/_conversation.html", takes_context=True)
def conversation(context: dict[str, Any], article: Article) -> dict[str, Any]:
    """What is said about an article, a part at a time, and the form to say more.

    `?reply=<comment>` and `?section=<position>` in the address prepare the form; a form that was
    refused stands in the context as `comment_form`.
    """
    request: HttpRequest = context["request"]
    shown = part(article, request.GET)
    sections = {section.pk: section for section in article.sections.all()}
    for comment in shown.comments:
        comment.about = sections.get(comment.section_id or 0)
    form: CommentForm | None = context.get("comment_form")
    if form:
        answered = find(article, shown.comments, form["parent"].value())
        about = sections.get(row_number(form["section"].value()) or 0)
    else:
        answered = find(article, shown.comments, request.GET.get("reply"))
        position = row_number(request.GET.get("section"))
        about = next((one for one in sections.values() if one.position == position), None)
        form = CommentForm(article, initial={"parent": answered, "section": about})
    return {
        "article": article,
        "part": shown,
        "threads": threads(shown.comments),
        "on_page": {comment.pk for comment in shown.comments},
        "is_beyond_count": shown.total > COUNTED,
        "form": form,
        "fields": fields(form),
        "answered": answered,
        "about": about,
        "akismet_is_used": bool(settings.AKISMET_API_KEY),
        "data": data(article, shown),
    }


def data(article: Article, shown: Part) -> SafeString:
    """The article and what of its conversation the page shows, as JSON-LD."""
    posting, address = structured.posting(article), article.address
    if shown.total <= COUNTED:
        posting["commentCount"] = shown.total
    posting["comment"] = [
        {
            "@type": "Comment",
            "url": f"{address}?from={comment.pk}#{comment.anchor}",
            "author": {"@type": "Person", "name": comment.name},
            "dateCreated": comment.submitted_at,
            "text": Truncator(comment.body).chars(TOLD),
        }
        for comment in shown.comments
    ]
    graph = [posting, structured.breadcrumbs(article)]
    return markup.data({"@context": "https://schema.org", "@graph": graph})


def find(article: Article, on_page: list[Comment], pk: Any) -> Comment | None:
    """The comment of that number, if it is part of the conversation."""
    if wanted := row_number(pk):
        here = next((comment for comment in on_page if comment.pk == wanted), None)
        return here or Comment.objects.conversation(article).filter(pk=wanted).first()
    return None


def fields(form: CommentForm) -> SafeString:
    """The form's fields, as HTML.

    Before anybody has touched them they are the same below every article, and would take a third
    of the time of a page without comments.
    """
    if form.is_bound or any(form.initial.values()):
        return render_crispy_form(form)
    if (language := get_language()) not in untouched:
        untouched[language] = render_crispy_form(form)
    return untouched[language]
