"""On paper: what was written and said, and where its links lead. (static/css/sgwrs.css)"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from blog.models import Section
from tests.cast import make_article, make_comment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

AFTER = "link => getComputedStyle(link, '::after').content"


def test_links_have_their_addresses_and_nothing_is_there_to_click(
    page: Page, live_server: Any
) -> None:
    article = make_article(sections=2)
    Section.objects.filter(position=1).update(body="Yn [y papur](https://papur.example/1).")
    make_comment(article, status="approved", body="Da iawn.")
    page.goto(live_server.url + article.get_absolute_url())
    link = page.get_by_role("link", name="y papur")
    clicked = page.locator("form, nav, .share summary, .comment-reply, .section-answer")
    assert link.evaluate(AFTER) == "none"
    assert any(one.is_visible() for one in clicked.all())

    page.emulate_media(media="print")
    assert link.evaluate(AFTER).count("https://papur.example/1") == 1
    assert not any(one.is_visible() for one in clicked.all())
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Da iawn.")).to_be_visible()
