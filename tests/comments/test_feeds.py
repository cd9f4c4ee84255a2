"""What was said, for feed readers. (comments/feeds.py, templates/comments/feed.xml)"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from blog.feeds import NEWEST
from comments.models import Comment, Status
from tests.blog.test_feeds import ATOM, SITE, atom, link, name_of_the_site, said, titles
from tests.cast import make_article, make_comment

pytestmark = pytest.mark.django_db
__all__ = ["name_of_the_site"]  # a fixture

FEEDS = ["/cy/comments/feed/", "/cy/ty-bach-twt/comments/feed/"]


@pytest.mark.parametrize("url", FEEDS)
def test_approved_comments_newest_first(reader: Client, url: str) -> None:
    article = make_article()
    for days, name in enumerate(["Rhys", "Mair", "Huw"]):
        at = timezone.now() - timedelta(days=days)
        make_comment(article, name=name, submitted_at=at, status="approved")
    for status in set(Status.values) - {"approved"}:
        make_comment(article, name="Cudd", status=status)
    feed = atom(reader, url)
    assert [said(entry, "author/name") for entry in feed.findall("entry", ATOM)] == [
        *("Rhys", "Mair", "Huw")
    ]
    assert titles(feed)[0] == "Rhys ar “Tŷ bach twt”"


@pytest.mark.parametrize("url", FEEDS)
def test_comment_leads_to_itself_and_its_article(reader: Client, url: str) -> None:
    article = make_article()
    comment = make_comment(
        article,
        body="*Wel*, [dyma](/cy/archive/) <b>x</b> & \x0c]]>",
        website="https://rhys.example",
    )
    Comment.objects.update(status="approved")
    (entry,) = atom(reader, url).findall("entry", ATOM)
    there = link(entry, "alternate", "text/html")
    assert there == f"{SITE}/cy/ty-bach-twt/?from={comment.pk}#comment-{comment.pk}"
    assert f'id="comment-{comment.pk}"' in reader.get(there.removeprefix(SITE)).text
    assert said(entry, "id") == f"tag:blog.example,2026:comment-{comment.pk}"
    assert said(entry, "author/uri") == "https://rhys.example"
    answered = entry.find("thr:in-reply-to", ATOM)
    assert answered is not None
    assert answered.get("ref") == f"tag:blog.example,2026:article-{article.pk}"
    content = said(entry, "content")
    assert "<em>Wel</em>" in content
    assert f'href="{SITE}/cy/archive/" rel="nofollow ugc noopener"' in content
    assert "&lt;b&gt;" in content
    assert "rhys@example.com" not in reader.get(url).text


def test_language_has_its_own_comments_on_what_is_published(reader: Client) -> None:
    english = make_article(language="en", title="A small house")
    make_comment(english, language="en", name="Rose", status="approved")
    draft = make_article()
    make_comment(draft, name="Cudd", status="approved")
    type(draft).objects.filter(pk=draft.pk).update(published_at=None)
    assert titles(atom(reader, "/cy/comments/feed/")) == []
    assert titles(atom(reader, "/en/comments/feed/")) == ["Rose on “A small house”"]
    assert reader.get("/cy/ty-bach-twt/comments/feed/").status_code == 404


def test_article_announces_its_feed(reader: Client) -> None:
    text = reader.get(make_article().get_absolute_url()).text
    assert 'href="/cy/ty-bach-twt/comments/feed/"' in text
    assert 'href="/cy/comments/feed/"' in text


@pytest.mark.parametrize("number", [1, 3, NEWEST + 5])
@pytest.mark.parametrize(("url", "queries"), zip(FEEDS, [1, 2], strict=True))
def test_bounded_and_the_same_queries(
    reader: Client, django_assert_num_queries: Any, url: str, queries: int, number: int
) -> None:
    article = make_article()
    for _ in range(number):
        make_comment(article, status="approved")
    with django_assert_num_queries(queries):
        text = reader.get(url).text
    assert text.count("<entry") == min(number, NEWEST)
