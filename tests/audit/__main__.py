"""`make audit`: what machines can tell of the pages: axe, the wire, validators and Lighthouse.

Without an address it starts a site of its own with the sample; with one (ARGS=https://…) it reads
that site and changes nothing there.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.benchmarks.tables import say, table
from tests.conftest import CHROMIUM
from tests.processes import Site

from . import lighthouse, page, valid
from .page import LANGUAGES, SCHEMES, WIDTHS

MOST_BYTES = 60_000  # of an article over the wire, without its pictures


@contextmanager
def own_site() -> Iterator[str]:
    """The sample, as a newcomer's `make run` serves it."""
    with tempfile.TemporaryDirectory(prefix="sgwrs-audit-") as folder:
        site = Site(Path(folder), None)
        try:
            site.serve()
            site.manage("renditions")  # as the worker does in the first minute
            yield f"http://127.0.0.1:{site.port}"
        finally:
            site.kill()


def show_axe(browser: Browser, address: str) -> list[str]:
    """Every kind of page in each language, width and scheme; returns the faults, in sentences."""
    rows, wrong = [], []
    for language in LANGUAGES:
        for kind, path in page.kinds(browser, address, language):
            counts = []
            for scheme in SCHEMES:
                for width in WIDTHS:
                    faults = page.faults(browser, address + path, scheme, width)
                    counts.append(str(len(faults)))
                    wrong += [f"{path} ({width} px, {scheme}): {fault}" for fault in faults]
            rows.append([f"{language} {kind}", *counts])
    say(
        table(
            ["axe faults", *(f"{width} {scheme}" for scheme in SCHEMES for width in WIDTHS)], rows
        )
    )
    return wrong


def show_wire(browser: Browser, address: str) -> list[str]:
    rows, wrong = [], []
    for kind, path in page.main_kinds(browser, address):
        wire = page.wire(browser, address + path)
        rows.append([kind, *(f"{number:,}" for number in wire)])
        if wire.bytes > MOST_BYTES:
            wrong.append(f"{path}: {wire.bytes} bytes without pictures, over {MOST_BYTES}.")
        if wire.elsewhere:
            wrong.append(f"{path}: {wire.elsewhere} requests go to others.")
    say(table(["over the wire", "requests", "bytes", "pictures", "to others"], rows))
    return wrong


def show_valid(browser: Browser, address: str) -> list[str]:
    paths = [path for code in LANGUAGES for _kind, path in page.kinds(browser, address, code)]
    pages = {path: valid.fetch(address + path) for path in paths if not path.endswith("/1066/")}
    wrong = [*valid.html(pages), *valid.data(pages), *valid.feeds(address, pages)]
    say([f"HTML, JSON-LD and Atom of {len(pages)} pages: {len(wrong)} faults", ""])
    return wrong


def show_lighthouse(browser: Browser, address: str) -> list[str]:
    rows, wrong = [], []
    for kind, path in page.main_kinds(browser, address):
        result = lighthouse.run(address + path)
        rows.append([kind, *(str(score) for score in result.scores), *result.figures])
        wrong += [f"{path}: {fault}" for fault in result.faults]
    say(
        table(
            ["Lighthouse, mobile", *lighthouse.CATEGORIES.values(), *lighthouse.FIGURES.values()],
            rows,
        )
    )
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("address", nargs="?", help="of a running site; without it, one of its own")
    parser.add_argument("--quick", action="store_true", help="axe and the wire only")
    asked = parser.parse_args()
    site = nullcontext(asked.address.rstrip("/")) if asked.address else own_site()
    with site as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        wrong = show_axe(browser, address) + show_wire(browser, address)
        if not asked.quick:
            wrong += show_valid(browser, address) + show_lighthouse(browser, address)
        browser.close()
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
