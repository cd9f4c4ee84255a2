"""What readers are told is what is sent. (comments/akismet.py, the page /privacy/)"""

import re
from typing import Any

import pytest
from django.test import Client

from tests.cast import make_article, make_category, make_comment, make_moderator, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db


def test_page_lists_exactly_the_fields_that_arrive(
    reader: Client, akismet: Standin, settings: Any
) -> None:
    settings.DEBUG = True  # the one field that only a test site sends
    article = make_article(category=make_category(), tags=["tai"])
    make_comment(
        article,
        parent=make_comment(article, status="approved"),
        website="https://rhys.example",
        user_agent="Firefox",
        referrer="https://search.example/",
        user=make_moderator(),
    )
    akismet.behave("500")
    work()
    akismet.behave(None)
    from comments.models import Account, Comment

    Account.objects.update(paused_until=None)
    Comment.objects.exclude(check_due_at=None).update(check_due_at="2026-01-01T00:00Z")
    from comments import moderation

    moderation.sweep()
    arrived = {name for call in akismet.checks for name, value in call.parameters}
    for language in ("cy", "en"):
        page = reader.get(f"/{language}/privacy/").text
        assert set(re.findall(r"<code>(.+?)</code>", page)) == arrived


def test_without_a_key_the_page_says_that_nothing_is_sent(reader: Client) -> None:
    page = reader.get("/en/privacy/").text
    assert "Akismet is not in use on this site" in page
    assert "<code>" not in page
