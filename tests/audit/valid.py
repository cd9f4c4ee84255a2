"""Whether pages and feeds are what they claim to be, as others check it. (package.json)

HTML by the W3C's checker (vnu, which needs Java), JSON-LD by schema.org's vocabulary (schema-dts,
which TypeScript checks) and by what Google asks for (Adobe's validator), Atom by feedparser.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import feedparser

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
VNU = MODULES / "vnu-jar/build/dist/vnu.jar"
TSC = MODULES / "typescript/bin/tsc"
TYPED = "import type {{ Graph }} from 'schema-dts';\nexport const it: Graph = {};"
DATA = re.compile(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', re.DOTALL)
FEED = re.compile(r'type="application/atom\+xml"[^>]* href="([^"]+)"')


def fetch(address: str) -> str:
    with urlopen(address) as answer:
        return str(answer.read().decode())


def html(pages: dict[str, str]) -> Iterator[str]:
    """What the W3C's checker calls an error, each as a sentence with the page's path."""
    if not shutil.which("java"):
        yield "HTML was not checked: there is no java."
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = dict(written(Path(folder), pages, ".html"))
        done = subprocess.run(
            ["java", "-jar", VNU, "--format", "json", "--errors-only", *paths],
            stderr=subprocess.PIPE,
            check=False,
        )
        for message in json.loads(done.stderr)["messages"]:
            yield f"{paths[message['url'].removeprefix('file:')]}: HTML: {message['message']}"


def data(pages: dict[str, str]) -> Iterator[str]:
    """What is wrong with the JSON-LD of pages, each as a sentence with the page's path."""
    # Within the folder of the packages, so that the vocabulary is found.
    with tempfile.TemporaryDirectory(dir=MODULES) as folder:
        typed = {
            path: TYPED.format(found[1])
            for path, text in pages.items()
            if (found := DATA.search(text))
        }
        paths = dict(written(Path(folder), typed, ".ts"))
        done = subprocess.run(
            ["node", TSC, "--noEmit", "--strict", "--skipLibCheck", *paths],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            cwd=folder,
        )
        for name, fault in re.findall(
            r"^(\w+\.ts)\(.*?error \w+: (.*)$", done.stdout, re.MULTILINE
        ):
            yield f"{paths[str(Path(folder) / name)]}: JSON-LD: {fault[:300]}"
        for file, path in written(Path(folder), pages, ".html"):
            done = subprocess.run(
                ["node", HERE / "data.mjs", file], stdout=subprocess.PIPE, text=True, check=True
            )
            for fault in json.loads(done.stdout):
                yield f"{path}: JSON-LD: {fault['issueMessage']}"


def feeds(address: str, pages: dict[str, str]) -> Iterator[str]:
    """What is wrong with the Atom feeds that pages name."""
    for path in sorted({path for text in pages.values() for path in FEED.findall(text)}):
        feed = feedparser.parse(fetch(address + path))
        if feed.bozo:
            yield f"{path}: Atom: {feed.bozo_exception}"
        elif feed.version != "atom10" or not (feed.entries or "comments" in path):
            yield f"{path}: Atom: {feed.version or 'no feed'} with {len(feed.entries)} entries"


def written(folder: Path, texts: dict[str, str], suffix: str) -> Iterator[tuple[str, str]]:
    """Each text in a file of its own: the file, and the path of the page it is of."""
    for number, (path, text) in enumerate(texts.items()):
        file = folder / f"page{number}{suffix}"
        file.write_text(text)
        yield str(file), path
