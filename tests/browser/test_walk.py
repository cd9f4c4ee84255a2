"""One walk through the whole: read, comment, moderate, see it published. In a real browser."""

import re
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from blog.models import Section
from comments.models import Comment
from tests.cast import make_article, make_moderator, make_owner, work
from tests.standin import Standin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_from_reading_to_seeing_it_published(
    browser: Browser, live_server: Any, akismet: Standin, javascript: bool
) -> None:
    article = make_article(sections=2, section_label="Camsyniad")
    make_moderator()
    context = browser.new_context(
        locale="cy", java_script_enabled=javascript, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()

    page.goto(live_server.url)
    expect(page).to_have_url(f"{live_server.url}/cy/")
    page.get_by_role("link", name=article.title).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(article.title)
    assert context.cookies() == []

    page.locator("textarea").fill("Mae’r tŷ’n rhy fach.")
    page.locator("[autocomplete=name]").fill("Rhys")
    page.locator("[autocomplete=email]").fill("nid-cyfeiriad")
    page.locator("form button[type=submit]").click()
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    expect(page.locator("textarea")).to_have_value("Mae’r tŷ’n rhy fach.")
    page.locator("[autocomplete=email]").fill("rhys@example.com")
    page.locator("form button[type=submit]").click()
    expect(page).to_have_url(re.compile(r"/comments/received/#content$"))
    assert context.cookies() == []

    work()
    assert len(akismet.checks) == 1
    page.get_by_role("link", name=article.title).click()
    expect(page.locator("#comments")).not_to_contain_text("rhy fach")

    desk = browser.new_context(locale="cy", java_script_enabled=javascript).new_page()
    desk.goto(f"{live_server.url}/admin/comments/comment/?status__exact=pending")
    desk.locator("[name=username]").fill("mared")
    desk.locator("[name=password]").fill("x")
    desk.locator("[type=submit]").last.click()
    desk.locator("[name=_selected_action]").check()
    desk.locator("select[name=action]").select_option("approve")
    desk.locator("button[name=index]").click()
    expect(desk.locator(".messagelist .success")).to_be_visible()

    page.reload()
    comment = Comment.objects.get()
    expect(page.locator(f"article#comment-{comment.pk}")).to_contain_text("rhy fach")
    expect(page.locator("#comments-heading")).to_have_text("Un sylw")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_search_from_any_page_to_the_place_itself(
    browser: Browser, live_server: Any, width: int, scheme: Literal["light", "dark"]
) -> None:
    make_article(sections=9, standfirst="Testun. " * 200)
    Section.objects.filter(position=8).update(body="Mae’r goleudy yng Nghymru.")
    size: ViewportSize = {"width": width, "height": 844}
    # Without a script of ours; the one that looks for faults needs to be let in.
    page = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True).new_page()
    page.goto(f"{live_server.url}/cy/archive/")
    page.get_by_role("navigation").get_by_role("link", name="Chwilio").click()
    field = page.get_by_role("search").get_by_role("searchbox")
    field.fill("cymru goleudy")
    assert Axe().run(page).response["violations"] == []
    field.press("Enter")
    expect(field).to_have_value("cymru goleudy")
    expect(page.locator("mark")).to_have_text(["goleudy", "Nghymru"])
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("link", name="Tŷ bach twt").click()
    expect(page.locator("#section-8")).to_be_in_viewport()


def test_sections_are_dragged_into_another_order(page: Page, live_server: Any) -> None:
    article = make_article(sections=3)
    make_owner()
    page.set_viewport_size({"width": 1280, "height": 6000})
    faults: list[str] = []
    page.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    page.goto(f"{live_server.url}/admin/blog/article/{article.pk}/change/")
    page.locator("[name=username]").fill("owain")
    page.locator("[name=password]").fill("x")
    page.locator("[type=submit]").last.click()
    expect(page.locator("#sections-2 .admin-ordering-field-input-wrapper")).to_be_visible()
    page.wait_for_load_state()
    handle = page.locator("#sections-2 .admin-ordering-field-input-wrapper").bounding_box()
    target = page.locator("#sections-0").bounding_box()
    assert handle
    assert target
    page.mouse.move(handle["x"] + 3, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(target["x"] + 20, target["y"] - 5, steps=20)
    page.mouse.up()
    page.locator("[name=_continue]").first.click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert [section.heading for section in article.sections.all()] == [
        "Pennawd 3",
        "Pennawd 1",
        "Pennawd 2",
    ]
    assert faults == []


def test_sections_are_reordered_by_keyboard(page: Page, live_server: Any) -> None:
    article = make_article(sections=2)
    make_owner()
    page.goto(f"{live_server.url}/admin/blog/article/{article.pk}/change/")
    page.locator("[name=username]").fill("owain")
    page.locator("[name=password]").fill("x")
    page.locator("[type=submit]").last.click()
    number = page.locator("[name=sections-0-position]")
    number.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert [section.heading for section in article.sections.all()] == ["Pennawd 2", "Pennawd 1"]
