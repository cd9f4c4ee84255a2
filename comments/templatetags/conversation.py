"""The conversation under an article, as blog's template asks for it."""

from dataclasses import dataclass, field
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest

from blog.models import Article

from ..forms import CommentForm
from ..models import Comment

register = template.Library()


@dataclass
class Thread:
    """A comment and the replies below it, oldest first."""

    comment: Comment
    replies: list[Comment] = field(default_factory=list)


def threads(comments: list[Comment]) -> list[Thread]:
    """Comments in reading order. A reply whose beginning is not on the page begins a thread."""
    begun: dict[int, Thread] = {}
    on_page = {comment.pk for comment in comments}
    for comment in comments:
        if comment.thread_id not in on_page:
            begun[comment.pk] = Thread(comment)
    for comment in comments:
        if comment.thread_id in begun:
            begun[comment.thread_id].replies.append(comment)
    return list(begun.values())


@register.inclusion_tag("comments/_conversation.html", takes_context=True)
def conversation(context: dict[str, Any], article: Article) -> dict[str, Any]:
    """Everything said about an article, and the form to say more.

    `?reply=<comment>` and `?section=<position>` in the address prepare the form; a form that was
    refused stands in the context as `comment_form`.
    """
    request: HttpRequest = context["request"]
    comments = list(Comment.objects.on_page(article))
    for comment in comments:
        comment.article = article
        if comment.section:
            comment.section.article = article
    form = context.get("comment_form") or prepared_form(request, article, comments)
    return {
        "article": article,
        "threads": threads(comments),
        "count": len(comments),
        "form": form,
        "answered": chosen(form, "parent", comments),
        "about": chosen(form, "section", list(article.sections.all())),
        "akismet_is_used": bool(settings.AKISMET_API_KEY),
    }


def prepared_form(request: HttpRequest, article: Article, comments: list[Comment]) -> CommentForm:
    reply, section = request.GET.get("reply"), request.GET.get("section")
    return CommentForm(
        article,
        initial={
            "parent": next((c.pk for c in comments if str(c.pk) == reply), None),
            "section": next(
                (s.pk for s in article.sections.all() if str(s.position) == section), None
            ),
        },
    )


def chosen(form: CommentForm, name: str, among: list[Any]) -> Any:
    """The comment or section the form is about, as far as it is on the page."""
    value = str(form[name].value() or "")
    return next((one for one in among if str(one.pk) == value), None)
