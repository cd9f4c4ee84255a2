"""What search knows of comments: those that are approved, and of them the text."""

from collections.abc import Iterator, Sequence

from blog import index, markup
from blog.models import SearchEntry

from .models import Comment


def entries(numbers: Sequence[int]) -> Iterator[SearchEntry]:
    approved = Comment.objects.approved().filter(pk__in=numbers).select_related("article")
    for comment in approved:
        link = f"?from={comment.pk}#{comment.anchor}"
        parts = [[link, "", markup.plain(comment.html)]]
        yield index.entry("comment", comment.pk, comment.article, comment.submitted_at, parts)


COMMENTS = index.Source(
    "comment",
    everything="SELECT id FROM comments_comment WHERE status = 'approved'",
    watched=(
        index.Watched(
            "comments_comment",
            "SELECT {row}.id",
            fields=("article_id", "status", "body", "submitted_at"),
            shown="{row}.status = 'approved'",
        ),
        index.Watched(
            "blog_article",
            "SELECT id FROM comments_comment WHERE status = 'approved' AND article_id = {row}.id",
            fields=("language",),
            events=("update",),
        ),
    ),
    entries=entries,
)
