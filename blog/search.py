"""What words count as the same, what a reader asked for, and how a hit is shown.

Python reduces every word to tokens, of what is searched and of what is asked alike. The database
only compares tokens, so all databases find the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import snowballstemmer
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from .models import SearchEntry

MAX_LENGTH = 200
MAX_WORDS = 12
MAX_TOKEN = 40
# PostgreSQL takes a mebibyte of tokens for one row.
MAX_BYTES = 1_000_000
# Characters around the first word found that an excerpt shows.
BEFORE, AFTER = 70, 190

# Combining accents and soft hyphens are part of the word they stand in.
WORD = re.compile("[^\\W_](?:[^\\W_]|[\u0300-\u036f\u00ad])*")

# What stands at the beginning of a mutated Welsh word, and what may have stood there before. The
# longest comes first, so that `ngh` is not taken for `ng`; a double letter is one of its own.
MUTATIONS = {
    "ngh": ("c",),
    "ng": ("g",),
    "nh": ("t",),
    "mh": ("p",),
    "ch": ("c",),
    "ph": ("p",),
    "th": ("t",),
    "dd": ("d",),
    "ff": (),
    "ll": (),
    "rh": (),
    "b": ("p",),
    "d": ("t",),
    "f": ("b", "m"),
    "g": ("c",),
    "l": ("ll", "gl"),
    "m": ("b",),
    "n": ("d", "gn"),
    "r": ("rh", "gr"),
    **{f"h{vowel}": (vowel,) for vowel in "aeiouwy"},
    **{vowel: (f"g{vowel}",) for vowel in "aeiouwy"},
}
# Never taken for mutations: `dy` (your) is in every text, and `dŷ` (house) would be drowned.
LITTLE = frozenset(
    """
    ac ag am ar at bod dan ddim dim dros drwy dy ei eich ein er eu fel fod fy gan gyda heb hon hwn
    hyd hyn lle mae mewn na nad neu ni nid oedd oes ond os pan roedd rhag rhwng sy sydd wedi wrth
    un yn yna yno yr yw
    """.split()  # noqa: SIM905 - easier to read
)

_english = snowballstemmer.stemmer("english")


@dataclass(frozen=True)
class Query:
    """What a reader asked for. All words must be found, each in any of its forms."""

    text: str
    language: str

    @classmethod
    def of(cls, text: str, language: str) -> "Query":
        return cls(text.replace("\x00", "").strip()[:MAX_LENGTH], language)

    @cached_property
    def words(self) -> list[tuple[str, ...]]:
        """The tokens of each word. Empty: nothing was asked that could be found."""
        words = (tokens_of(word[0], self.language) for word in WORD.finditer(self.text))
        return list(dict.fromkeys(islice(filter(None, words), MAX_WORDS)))

    def found_in(self, text: str) -> Iterator[tuple[int, int, frozenset[int]]]:
        """Where its words stand in a text: start, end, and which of them each is."""
        for word in WORD.finditer(text):
            tokens = set(tokens_of(word[0], self.language))
            if which := frozenset(n for n, asked in enumerate(self.words) if tokens & set(asked)):
                yield word.start(), word.end(), which

    def count_in(self, text: str) -> int:
        """How many of its words a text has."""
        return len(frozenset().union(*(which for _start, _end, which in self.found_in(text))))

    def marked(self, text: str) -> SafeString:
        """The text as HTML with the words found in it marked."""
        pairs, end = [], 0
        for start, stop, _which in self.found_in(text):
            pairs.append((text[end:start], text[start:stop]))
            end = stop
        marked = format_html_join("", "{}<mark>{}</mark>", pairs)
        return format_html("{}{}", marked, text[end:])

    def excerpt(self, text: str) -> str:
        """The stretch of a text with the most of its words, else its beginning."""
        found = list(islice(self.found_in(text), 200))
        best = max(
            range(len(found)),
            key=lambda first: len(
                frozenset().union(
                    *(which for start, _, which in found if 0 <= start - found[first][0] < AFTER)
                )
            ),
            default=None,
        )
        place = found[best][0] if best is not None else 0
        begin = text.rfind(" ", 0, max(place - BEFORE, 0)) + 1 if place > BEFORE else 0
        begin = max(begin, place - 2 * BEFORE)  # a text without spaces
        end = len(text)
        if end > place + AFTER:
            space = text.rfind(" ", place + AFTER // 2, place + AFTER)
            end = space if space > 0 else place + AFTER
        return f"{'… ' if begin else ''}{text[begin:end]}{' …' if end < len(text) else ''}"


class Hit:
    """A place where something was found: an article, a section of it or a comment."""

    def __init__(self, query: Query, entry: "SearchEntry") -> None:
        self.article = entry.article
        self.is_comment = entry.source == "comment"
        # Of an article, the part with most of the words, headings counting too.
        link, heading, text = max(entry.parts, key=lambda part: query.count_in(" ".join(part[1:])))
        self.url = f"{self.article.get_absolute_url()}{link}"
        self.title = self.article.title if self.is_comment else query.marked(self.article.title)
        self.section = query.marked(heading) if link and heading else ""
        self.excerpt = query.marked(query.excerpt(text))


def tokens_in(texts: Iterable[str], language: str) -> str:
    """All tokens of some texts, each once, with spaces between."""
    tokens: dict[str, None] = {}
    size = 0
    for text in texts:
        for word in WORD.finditer(text):
            for token in tokens_of(word[0], language):
                if token not in tokens and size < MAX_BYTES - 4 * MAX_TOKEN:
                    tokens[token] = None
                    size += len(token.encode()) + 2
    return " ".join(tokens)


@lru_cache(maxsize=65_536)
def tokens_of(word: str, language: str) -> tuple[str, ...]:
    """What stands for a word in the index: all it may be a form of.

    Each begins with the language, so that no language finds another's. A single letter says
    nothing (`i`, `y`, the end of `I'm`), and has none.
    """
    plain = folded(word)
    if not plain or (len(plain) == 1 and plain.isascii() and not plain.isdigit()):
        return ()
    if language == "en":
        forms = [_english.stemWord(plain)]
    else:
        forms = [plain] if word.lower() in LITTLE else radicals(plain)
    return tuple(f"{language}{form}"[:MAX_TOKEN] for form in forms)


def folded(word: str) -> str:
    """Without capitals and accents."""
    for _ in range(2):  # what was taken apart may have capitals again
        word = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in word if character.isalnum())


def radicals(word: str) -> list[str]:
    """The word itself, and what it may be an initial mutation of."""
    mutated = next((word[:n] for n in (3, 2, 1) if word[:n] in MUTATIONS), "")
    rest = word[len(mutated) :]
    forms = [f"{initial}{rest}" for initial in MUTATIONS.get(mutated, ())]
    # No word is a mutation of so short a one, but of `tŷ`, say.
    return [word, *(form for form in forms if rest and len(form) + len(word) > 3)]
