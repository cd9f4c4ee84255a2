"""One trial: readers post while something goes wrong, then three books are compared.

What the readers were told, what the site has stored, and what the stand-in has answered are kept
by three different processes; no comment is lost, and none is asked about twice, if they agree.

The readers are known commenters on a site that publishes those without a person, so that whatever
the site took for a verdict would be on the page at once.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.processes import PATIENCE, Site, until
from tests.standin import Call, Standin

ARTICLE = "/cy/5-camsyniad-cyfryngau-cymdeithasol/"
KNOWN = {"name": "Lowri Haf", "email": "lowri.haf@example.com"}  # approved in the sample site
SPAMMER = {"name": "akismet-guaranteed-spam", "email": "spammer@example.com"}
LET_KNOWN_PASS = "from comments.models import Policy; Policy(pk=1, known_commenter=True).save()"
COMMENTS = "SELECT id, body, status, check_due_at FROM comments_comment"
CHECKS = "SELECT comment_id, outcome, guid FROM comments_spamcheck ORDER BY id"
READY = "SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'READY'"
DECISIONS = "SELECT comment_id, to_status, spam_check_id FROM comments_decision ORDER BY id"


# What an answer means, and where a known commenter's comment goes by it.
MEANS: dict[str | None, tuple[str, str]] = {"true": ("spam", "spam"), "false": ("ham", "approved")}
UNKNOWN = "unknown"


class Stored(NamedTuple):
    body: str
    status: str
    due_at: Any


class Verdict(NamedTuple):
    comment: int
    outcome: str
    guid: str


@dataclass
class Row:
    """What a trial came to: one line of the table."""

    fault: str
    posted: int  # posts that were answered 303
    stored: int  # also those that were cut off after they were stored
    lost: int = 0
    twice_stored: int = 0
    published_unchecked: int = 0
    checked: int = 0
    checked_twice: int = 0  # after the recovery, or in the site's own record
    disagreements: int = 0  # between the site's record and the stand-in's log
    calls_in_vain: int = 0
    seconds: float = 0.0  # from the recovery until the last one was checked

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, doubled or let through, and all was checked in the end."""
        wrong = (
            self.lost,
            self.twice_stored,
            self.published_unchecked,
            self.checked_twice,
            self.disagreements,
        )
        return not any(wrong) and 0 < self.posted <= self.stored == self.checked


class Trial:
    """`site` and `standin` under one fault, and what readers posted meanwhile.

    On several machines the site has more doors: readers take one after the other.
    """

    def __init__(self, fault: str, site: Site, standin: Standin, *others: Site) -> None:
        self.fault, self.site, self.standin = fault, site, standin
        self.doors = (site, *others)
        self.mark = f"Trial {uuid.uuid4().hex}"
        self.posted: list[str] = []
        self.refused = 0
        self.seen_too_early = 0
        self.recovered: tuple[int, float] = (0, 0.0)

    # What readers do

    def post(self, number: int, at_once: int = 4) -> None:
        with ThreadPoolExecutor(at_once) as readers:
            list(readers.map(self.post_one, range(number)))

    def post_one(self, number: int) -> bool:
        """Every third is spam. Whether it was said to have arrived."""
        body = f"{self.mark}, {uuid.uuid4().hex}."
        who = KNOWN if number % 3 else SPAMMER
        door = self.doors[number % len(self.doors)]
        arrived = door.post(f"{ARTICLE}comments/", body=body, **who) == 303
        if arrived:
            self.posted.append(body)
        else:
            self.refused += 1
        return arrived

    @contextmanager
    def crowd(self, readers: int = 6) -> Iterator[None]:
        """Readers that go on posting whatever happens, until the block is over."""
        over = threading.Event()

        def read_and_write(number: int) -> None:
            while not over.is_set():
                if not self.post_one(number):
                    over.wait(0.05)
                number += 1

        with ThreadPoolExecutor(readers) as pool:
            done = [pool.submit(read_and_write, number) for number in range(readers)]
            try:
                yield
            finally:
                over.set()
        for one in done:
            one.result()

    # How it goes on

    def look_at_the_page(self) -> None:
        """While Akismet has answered nothing, nothing of this may be on the page."""
        self.seen_too_early += self.site.page(ARTICLE).count(self.mark)

    def recover(self) -> None:
        """From here on all is well again."""
        self.recovered = (len(self.standin.calls), time.monotonic())
        self.standin.behave()

    def stored(self) -> dict[int, Stored]:
        """Our comments by their number."""
        rows = self.site.rows(COMMENTS)
        return {row[0]: Stored(*row[1:]) for row in rows if row[1].startswith(self.mark)}

    def is_all_done(self) -> bool:
        """Every comment is checked and nothing is left that could ask about it again."""
        return not self.site.rows(READY) and all(
            one.status in {"approved", "spam"} and one.due_at is None
            for one in self.stored().values()
        )

    def end(self) -> Row:
        """Wait until all are checked, or give up, and compare the books."""
        with suppress(AssertionError):
            until(self.is_all_done, PATIENCE + len(self.posted) / 5)
        seconds = time.monotonic() - self.recovered[1]
        self.standin.wait_until_idle()
        row = self.compare()
        row.seconds = round(seconds, 1)
        return row

    # The comparison

    def compare(self) -> Row:
        stored = self.stored()
        recorded = [
            Verdict(*row)
            for row in self.site.rows(CHECKS)
            if row[0] in stored and row[1] != UNKNOWN
        ]
        answered = [call for call in self.standin.calls if is_verdict(call)]
        after = [call for call in self.standin.calls[self.recovered[0] :] if is_verdict(call)]
        bodies = Counter(one.body for one in stored.values())
        times_recorded = Counter(verdict.comment for verdict in recorded)
        times_asked = Counter(call.get("comment_content") for call in after)
        return Row(
            fault=self.fault,
            posted=len(self.posted),
            stored=len(stored),
            lost=len(set(self.posted) - set(bodies)),
            twice_stored=sum(times > 1 for times in bodies.values()),
            published_unchecked=self.seen_too_early + self.published_unchecked(stored),
            checked=len(times_recorded),
            checked_twice=sum(
                times_recorded[pk] > 1 or times_asked[one.body] > 1 for pk, one in stored.items()
            ),
            disagreements=made_up(recorded, answered, stored) + forgotten(recorded, after),
            calls_in_vain=sum(not is_verdict(call) for call in self.standin.checks),
        )

    def published_unchecked(self, stored: dict[int, Stored]) -> int:
        """The decisions are never edited, so they show each publication that came too early."""
        checked, early = set(), 0
        for pk, to_status, spam_check in self.site.rows(DECISIONS):
            if spam_check:
                checked.add(pk)
            early += pk in stored and to_status == "approved" and pk not in checked
        return early


def is_verdict(call: Call) -> bool:
    return (
        call.endpoint == "comment-check"
        and call.fault in {None, "slow"}
        and call.answer in MEANS
        and not call.abandoned
    )


def made_up(recorded: list[Verdict], answered: list[Call], stored: dict[int, Stored]) -> int:
    """Verdicts in the site's record that the stand-in gave otherwise or never, or that were not
    followed.
    """
    given = {call.guid: (call.get("comment_content"), *MEANS[call.answer]) for call in answered}
    return sum(
        given.get(verdict.guid)
        != (stored[verdict.comment].body, verdict.outcome, stored[verdict.comment].status)
        for verdict in recorded
    )


def forgotten(recorded: list[Verdict], after: list[Call]) -> int:
    """Verdicts that were given after the recovery and are not in the site's record.

    What was answered before may be missing: a killed worker took it along.
    """
    kept = {verdict.guid for verdict in recorded}
    return sum(call.guid not in kept for call in after)
