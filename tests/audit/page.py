"""The pages of a site, and what a browser finds in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response

type Scheme = Literal["light", "dark"]

LANGUAGES = ("cy", "en")
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (390, 1280)
LINKS = {  # kinds of pages that others lead to: how to find the first
    "category": ".article-category a",
    "author": ".article-byline a",
    "tag": ".tags a",
    "privacy": ".respond-notes a, .site-footer a[href*=privacy]",
}


class Wire(NamedTuple):
    """What comes over the wire, packed as it comes; `bytes` without `pictures`."""

    requests: int
    bytes: int
    pictures: int
    elsewhere: int


@contextmanager
def opened(
    browser: Browser, address: str, scheme: Scheme = "light", width: int = 390
) -> Iterator[Page]:
    # What looks for faults is a script, which our own pages would not let in.
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 844}, bypass_csp=True
    )
    try:
        page = context.new_page()
        page.goto(address, wait_until="load")
        yield page
    finally:
        context.close()


def main_kinds(browser: Browser, address: str) -> Iterator[tuple[str, str]]:
    """Front, article and search in the first language: what most readers see."""
    wanted = {"front", "article", "search", "what is found"}
    yield from (one for one in kinds(browser, address, LANGUAGES[0]) if one[0] in wanted)


def kinds(browser: Browser, address: str, language: str) -> Iterator[tuple[str, str]]:
    """Each kind of page there is, as its name and the path of one."""
    front = f"/{language}/"
    yield "front", front
    with opened(browser, address + front) as page:
        teaser = page.locator(".teaser h2 a").first
        article = teaser.get_attribute("href") or ""
        word = max((teaser.text_content() or "").split(), key=len)
    yield "article", article
    with opened(browser, address + article) as page:
        for kind, link in LINKS.items():
            if page.locator(link).count():
                yield kind, page.locator(link).first.get_attribute("href") or ""
        answer = page.locator(".comment-reply a, .section-answer a")
        if answer.count():
            link = answer.first.get_attribute("href") or ""
            yield "answering", f"{article}{link}" if link.startswith("?") else link
    yield "archive", f"{front}archive/"
    yield "search", f"{front}search/"
    yield "what is found", f"{front}search/?q={quote(word)}"
    yield "not there", f"{front}archive/1066/"


def faults(browser: Browser, address: str, scheme: Scheme, width: int) -> list[str]:
    """What axe finds, and whether the page is wider than the window."""
    with opened(browser, address, scheme, width) as page:
        found = [
            f"{fault['id']}: {fault['help']} ({fault['nodes'][0]['html'][:100]})"
            for fault in Axe().run(page).response["violations"]
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append("wider than the window")
    return found


def wire(browser: Browser, address: str) -> Wire:
    """All that a first visit fetches, read to the end of the page."""
    answers: list[Response] = []
    context = browser.new_context(viewport={"width": 390, "height": 844})
    try:
        page = context.new_page()
        page.on("response", lambda answer: answers.append(answer))
        page.goto(address, wait_until="networkidle")
        page.mouse.wheel(0, 100_000)
        page.wait_for_load_state("networkidle")
        sizes = [(answer, size_of(answer)) for answer in answers]
    finally:
        context.close()
    pictures = sum(size for answer, size in sizes if answer.request.resource_type == "image")
    return Wire(
        requests=len(answers),
        bytes=sum(size for _answer, size in sizes) - pictures,
        pictures=pictures,
        elsewhere=sum(
            urlsplit(answer.url).netloc != urlsplit(address).netloc for answer in answers
        ),
    )


def size_of(answer: Response) -> int:
    sizes = answer.request.sizes()
    return sizes["responseHeadersSize"] + sizes["responseBodySize"]
