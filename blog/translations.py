"""Which version of its original a translation was made from, and what has changed since.

A version is its words: what a translator translates, in order. A picture, a category or a date
makes no new version. The words are kept with the translation, and the database compares them with
those of today: nothing has to be noted when an original changes, by whatever way that is done.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple, Self

from django.core import signing
from django.db.models import F, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Concat, Replace

BREAK = "\n\n"
SALT = "blog.translations"


class Version(NamedTuple):
    """The words of an article as they were, and since when."""

    original_id: int
    words: str
    dated: datetime

    def sealed(self) -> str:
        """As a form carries it: a translation is made from what its translator had before him."""
        said = (self.original_id, self.words, self.dated.isoformat())
        return signing.dumps(said, salt=SALT, compress=True)

    @classmethod
    def opened(cls, sealed: str) -> Self | None:
        """What was sealed, unless it was not we who did it."""
        try:
            original_id, words, dated = signing.loads(sealed, salt=SALT)
        except signing.BadSignature:
            return None
        return cls(original_id, words, datetime.fromisoformat(dated))


class Joined(Subquery):
    """The column `words` of an ordered query, as one text.

    It is sorted before it is joined: only lately has SQLite learnt to sort while it joins.
    """

    template = f"(SELECT %(function)s(words, '{BREAK}') FROM (%(subquery)s) AS parts)"  # noqa: S608
    functions = {"sqlite": "group_concat", "postgresql": "string_agg"}

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        function = self.functions[connection.vendor]
        return super().as_sql(compiler, connection, *args, function=function, **context)


def words(sections: QuerySet[Any], article: str = "") -> Replace:
    """The words of an article, in a query. `article` leads there: empty, or ending in `__`.

    Browsers end lines in another way than files do, which is no other word.
    """
    section = Concat("heading", Value(BREAK), "body", output_field=TextField())
    theirs = sections.filter(article=OuterRef(f"{article}pk")).order_by("position")
    joined = Joined(theirs.values(words=section), output_field=TextField())
    body = Coalesce(joined, Value(""), output_field=TextField())
    parts = (
        *(F(f"{article}title"), F(f"{article}standfirst"), F(f"{article}section_label")),
        *(body, F(f"{article}closing_question")),
    )
    apart = [one for part in parts for one in (Value(BREAK), part)][1:]
    text = Concat(*apart, output_field=TextField())
    return Replace(text, Value("\r"), output_field=TextField())


class Piece(NamedTuple):
    kind: Literal["same", "gone", "new"]
    text: str


def changes(then: str, now: str) -> Iterator[list[Piece]]:
    """The paragraphs that differ, in order, each in pieces that say what became of its words."""
    old, new = then.split(BREAK), now.split(BREAK)
    for kind, *ends in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            before, after = ends[:2], ends[2:]
            yield list(pieces(BREAK.join(old[slice(*before)]), BREAK.join(new[slice(*after)])))


def pieces(then: str, now: str) -> Iterator[Piece]:
    old, new = (re.findall(r"\s+|\S+", text) for text in (then, now))
    for kind, start, end, first, last in SequenceMatcher(None, old, new).get_opcodes():
        gone, came = "".join(old[start:end]), "".join(new[first:last])
        if kind == "equal":
            yield Piece("same", came)
            continue
        if gone:
            yield Piece("gone", gone)
        if came:
            yield Piece("new", came)
