"""Passing an article on, with and without a script. (blog/templatetags/sharing.py, static/js/)"""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, expect

from blog.models import Section
from tests.cast import make_article

WAYS = ["Facebook", "Mastodon", "WhatsApp", "X", "LinkedIn", "Pinterest", "E-bost"]
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}


@pytest.mark.django_db
def test_each_way_is_told_what_is_shared(reader: Client, settings: Any) -> None:
    settings.SITE_URL = "https://blog.example"
    article = make_article(sections=2, title="Tŷ & gardd #1")
    text = reader.get(article.get_absolute_url()).text
    menus = re.findall(r'<details class="share".*?</details>', text, re.S)
    assert len(menus) == 3
    pages = ("section/1/#section-1", "section/2/#section-2", "")
    for menu, place in zip(menus, pages, strict=True):
        links = {
            name: link.replace("&amp;", "&")
            for link, name in re.findall(
                r'<a href="([^"]+)" rel="nofollow noopener">(.*?)</a>', menu
            )
        }
        assert list(links) == WAYS
        for name, link in links.items():
            parts = urlsplit(link)
            told = parse_qs(parts.query or parts.fragment)
            assert any(article.address + place in value[0] for value in told.values()), name
            assert "+" not in link
        mail = parse_qs(urlsplit(links["E-bost"]).query)
        assert mail["subject"] == [f"Pennawd {place[-1]}" if place else "Tŷ & gardd #1"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_menu_opens_and_sends_nothing_before_a_click(
    browser: Browser, live_server: Any, settings: Any, javascript: bool
) -> None:
    settings.SITE_URL = live_server.url
    article = make_article(sections=2)
    context = browser.new_context(locale="cy", java_script_enabled=javascript)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(live_server.url + article.get_absolute_url())
    menu = page.locator("#section-2 .share")
    expect(menu.get_by_role("link", name="Mastodon")).to_be_hidden()
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("link", name="Mastodon")).to_be_visible()
    expect(menu.get_by_role("button", name="Copïo’r ddolen")).to_be_visible(visible=javascript)
    assert [url for url in asked if not url.startswith(live_server.url)] == []
    assert context.cookies() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
def test_link_is_copied_or_handed_to_the_device(
    browser: Browser, live_server: Any, settings: Any
) -> None:
    settings.SITE_URL = live_server.url
    article = make_article(sections=2)
    context = browser.new_context(locale="cy", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    # Chromium on a desk has no sheet of its own.
    page.add_init_script(
        "navigator.share = async what => { window.shared = what; throw new Error('no'); }"
    )
    page.goto(live_server.url + article.get_absolute_url())
    menu = page.locator("#section-2 .share")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Copïo’r ddolen").click()
    expect(menu.get_by_role("status")).to_have_text("Wedi’i chopïo.")
    there = f"{article.address}section/2/#section-2"
    assert page.evaluate("navigator.clipboard.readText()") == there
    menu.get_by_role("button", name="Rhannu o’r ddyfais hon").click()
    shared = page.evaluate("window.shared")
    assert shared == {"title": "Pennawd 2", "url": there}
    assert faults == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("anchor", ["#section-3", ""], ids=["whole", "cut"])
def test_who_is_sent_a_section_lands_there(
    browser: Browser, live_server: Any, javascript: bool, anchor: str
) -> None:
    article = make_article(sections=4)
    Section.objects.update(body="Testun hir. \n\n" * 60)
    page = browser.new_context(locale="cy", java_script_enabled=javascript).new_page()
    # Some who pass a link on cut off what follows the number sign.
    page.goto(f"{live_server.url}{article.get_absolute_url()}section/3/{anchor}")
    expect(page.locator("#section-3 h2")).to_be_in_viewport()
    expect(page.locator("#section-2 h2")).not_to_be_in_viewport()
    expect(page.locator("h1")).to_have_text(article.title)


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_open_menus_suit_everybody(
    browser: Browser, live_server: Any, width: int, colours: Any
) -> None:
    article = make_article(sections=1)
    context = browser.new_context(
        locale="cy", viewport={"width": width, "height": 900}, color_scheme=colours
    )
    page = context.new_page()
    page.goto(live_server.url + article.get_absolute_url())
    for summary in page.locator(".share summary").all():
        summary.click()
    for target in page.locator(".share :is(summary, a, button):visible").all():
        box = target.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44, target.text_content()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, options=AXE)
    assert found.response["violations"] == [], found.generate_report()
