"""Welsh is the first language: nothing is missing, and nobody sees English by accident."""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import gettext as translate
from django.utils.translation import ngettext, override, pgettext

from tests.cast import make_article, make_comment, make_owner

OURS = settings.BASE_DIR / "locale" / "cy" / "LC_MESSAGES" / "django.po"
DJANGO = Path(django.__file__).parent
# What is the same word in both languages, or no word at all.
SAME = {
    *("algorithm", "hash", "salt", "tag", "IPv4", "IPv6", "URL"),
    *("Esperanto", "Hindi", "Ido", "Igbo", "Interlingua", "Marathi", "Swahili", "Tamil"),
    *(":", ":?.!", "…", ","),
}


def entries(path: Path) -> Iterator[tuple[str | None, str, str | None, list[str]]]:
    """(context, msgid, plural, translations) of a catalogue."""
    text = re.sub(r'"\n"', "", path.read_text())
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        found = {
            key: value.encode().decode("unicode_escape").encode("latin1").decode()
            for key, value in re.findall(r'^(msg\w+(?:\[\d\])?) "(.*)"$', "\n".join(lines), re.M)
        }
        if found.get("msgid"):
            said = [value for key, value in found.items() if key.startswith("msgstr")]
            yield found.get("msgctxt"), found["msgid"], found.get("msgid_plural"), said


def test_our_catalogue_is_complete() -> None:
    rows = list(entries(OURS))
    assert [msgid for _c, msgid, _p, said in rows if not all(said)] == []
    assert {len(said) for _c, _m, plural, said in rows if plural} == {6}
    text = OURS.read_text()
    assert "fuzzy" not in text
    assert "#~" not in text
    assert len(rows) > 150


def test_compiled_catalogues_are_those_of_the_sources() -> None:
    for po in settings.BASE_DIR.glob("locale/**/*.po"):
        with po.with_suffix(".mo").open("rb") as file:
            compiled = gettext.GNUTranslations(file)
        for context, msgid, plural, said in entries(po):
            key = f"{context}\x04{msgid}" if context else msgid
            there = compiled._catalog.get((key, 0) if plural else key)  # type: ignore[attr-defined]
            assert there == said[0], (po, msgid)


@pytest.mark.parametrize(
    "catalogue",
    ["conf", "contrib/admin", "contrib/auth", "contrib/contenttypes", "contrib/humanize"],
)
def test_nothing_of_djangos_is_left_in_english(catalogue: str) -> None:
    left = []
    with override("cy"):
        for context, msgid, plural, _said in entries(
            DJANGO / catalogue / "locale" / "en" / "LC_MESSAGES" / "django.po"
        ):
            if plural:
                shown = {ngettext(msgid, plural, n) for n in (1, 2, 3, 5, 6)}
            else:
                shown = {pgettext(context, msgid) if context else translate(msgid)}
            if shown & {msgid, plural} and not (
                set(re.sub(r"%\(\w+\)s|%s|[KMGTP]B", "", msgid).split()) <= SAME
                or (context and msgid.startswith("%(truncated"))
            ):
                left.append(msgid)
    assert left == []


@pytest.mark.django_db
def test_welsh_pages_have_no_english_in_them(reader: Client, client: Client) -> None:
    article = make_article(sections=2, tags=["tai"])
    make_comment(article, status="approved")
    client.force_login(make_owner())
    client.cookies["django_language"] = "cy"
    pages = [
        reader.get(url).text
        for url in ("/cy/", article.get_absolute_url(), "/cy/archive/", "/cy/privacy/", "/cy/x/")
    ]
    pages += [
        client.get(url).text
        for url in ("/admin/", "/admin/comments/comment/", "/admin/blog/article/add/")
    ]
    english = re.compile(r"\b(the|and|of|this|your|with|has|have|been|select|add)\b", re.I)
    for text in pages:
        words = re.sub(r"<(script|style|code)\b.*?</\1>|<[^>]*>|English", " ", text, flags=re.S)
        assert english.findall(words) == []
