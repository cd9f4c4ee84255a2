"""A piece is translated, changed, and brought up to date. In a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, expect

from blog.models import Article
from tests.cast import make_article, make_owner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_from_what_lacks_a_translation_to_one_that_is_up_to_date(
    browser: Browser, live_server: Any, javascript: bool
) -> None:
    welsh = make_article(sections=2, published_at=timezone.now() - timedelta(days=9))
    make_owner()
    desk = browser.new_context(locale="en-GB", java_script_enabled=javascript).new_page()
    desk.goto(f"{live_server.url}/admin/")
    desk.locator("[name=username]").fill("owain")
    desk.locator("[name=password]").fill("x")
    desk.locator("[type=submit]").last.click()

    desk.get_by_role("link", name="One article lacks this language: English").click()
    desk.locator(".field-in_list").get_by_role("link", name="lacks: English").click()
    expect(desk.locator("[name=sections-1-heading]")).to_have_value("Pennawd 2")
    desk.locator("[name=title]").fill("A small house")
    desk.locator("[name=sections-0-heading]").fill("Heading 1")
    desk.locator("[name=_save]").last.click()
    english = Article.objects.get(language="en")
    assert list(english.sections.values_list("heading", flat=True)) == ["Heading 1", "Pennawd 2"]
    Article.objects.filter(pk=english.pk).update(published_at=timezone.now())

    desk.goto(f"{live_server.url}/admin/blog/article/{welsh.pk}/change/")
    desk.locator("[name=sections-1-body]").fill("Testun arall.")
    desk.locator("[name=_save]").last.click()
    reader = browser.new_context(locale="en-GB", java_script_enabled=javascript).new_page()
    reader.goto(live_server.url + english.get_absolute_url())
    notice = reader.locator(".article-translations")
    expect(notice).to_contain_text("The original has been changed since then")
    expect(notice.get_by_role("link", name="The original")).to_have_attribute(
        "href", welsh.get_absolute_url()
    )
    if javascript:
        assert Axe().run(reader).response["violations"] == []

    desk.goto(f"{live_server.url}/admin/")
    desk.get_by_role("link", name="One translation is stale").click()
    desk.get_by_role("link", name="A small house").click()
    expect(desk.locator(".field-what_changed ins")).to_have_text("Testun arall.")
    tick = desk.get_by_label("It says what the original says now")
    tick.focus()
    desk.keyboard.press("Space")
    desk.keyboard.press("Enter")
    expect(desk.locator(".messagelist .success")).to_be_visible()
    reader.reload()
    expect(notice).to_contain_text("It follows the original as it was on")
    expect(notice).not_to_contain_text("has been changed")
