"""Local rules, each small and named. They ask nobody outside.

A rule looks at one comment and says why it strikes, or nothing. What that means is said once, in
`hold` and `reject`; which rule it was stays with the comment.
"""

import hashlib
import hmac
import ipaddress
import re
import time
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.db import connection, transaction

from .models import Comment, Policy, PostCount, Rule, Status

LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
COUNT = """
    INSERT INTO comments_postcount (key, slot, count) VALUES (%s, %s, 1)
    ON CONFLICT (key, slot) DO UPDATE SET count = comments_postcount.count + 1
    RETURNING count
"""


# --- what holds, and what rejects --------------------------------------------------------------


def too_many_links(comment: Comment, policy: Policy) -> str:
    links = len(LINK.findall(comment.body))
    if policy.max_links is None or links <= policy.max_links:
        return ""
    return f"{links} > {policy.max_links}"  # stored, so in nobody's language


def has_hold_word(comment: Comment, policy: Policy) -> str:
    return first_word(policy.hold_words, comment)


def has_reject_word(comment: Comment, policy: Policy) -> str:
    return first_word(policy.reject_words, comment)


def fell_for_the_decoy(comment: Comment, policy: Policy) -> str:
    return comment.honeypot and f"“{comment.honeypot[:80]}”"


type Check = Callable[[Comment, Policy], str]

HOLD: dict[Rule, Check] = {
    Rule.HONEYPOT: fell_for_the_decoy,
    Rule.LINKS: too_many_links,
    Rule.HOLD_WORDS: has_hold_word,
}
REJECT: dict[Rule, Check] = {Rule.REJECT_WORDS: has_reject_word}


def strikes(rules: dict[Rule, Check], comment: Comment, policy: Policy) -> tuple[Rule, str] | None:
    """The first of the rules that strikes, and why."""
    for rule, check in rules.items():
        if why := check(comment, policy):
            return rule, why[:100]
    return None


def first_word(words: str, comment: Comment) -> str:
    """The first of the words, one on each line, that stands anywhere in what the reader wrote."""
    text = " ".join((comment.body, comment.name, comment.email, comment.website))
    found = pattern(words).search(text) if words else None
    return f"“{found[0]}”" if found else ""


def listed(words: str) -> list[str]:
    return [word for line in words.splitlines() if (word := line.strip())]


@lru_cache(maxsize=16)
def pattern(words: str) -> re.Pattern[str]:
    """Whole words only: “press” is not in “WordPress”; no regular expression of the owner's."""
    either = "|".join(map(re.escape, listed(words))) or r"(?!)"
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


# --- what needs no approval --------------------------------------------------------------------


def is_known(comment: Comment, policy: Policy) -> bool:
    """A known commenter, if the owner lets them pass: approved before, under the same e-mail."""
    if not policy.known_commenter or comment.held_by:
        return False
    return Comment.objects.approved().written_by(comment.email).exists()


# --- what was said already ---------------------------------------------------------------------


def said_before(comment: Comment) -> Comment | None:
    """The same text by the same person on the same article, unless that lies in the spam folder:
    whoever was misjudged must be able to try again.
    """
    same = (
        Comment.objects.written_by(comment.email)
        .filter(article=comment.article, parent=comment.parent, body=comment.body)
        .only("pk")
    )
    return same.exclude(status=Status.SPAM).order_by("pk").first()


# --- floods ------------------------------------------------------------------------------------


def posts_too_often(comment: Comment) -> int | None:
    """The seconds to wait if this address or e-mail has posted too often, else None.

    COMMENT_RATE says how often; staff are not counted. Exact whatever happens at the same time,
    since the database itself counts.
    """
    if settings.COMMENT_RATE is None or comment.user_id:
        return None
    most, seconds = settings.COMMENT_RATE
    now = time.time()
    slot = int(now // seconds)
    keys = sorted(key for key in (address_key(comment), email_key(comment)) if key)
    # Together, so that two posts at once are counted in the same order under both keys; sorted,
    # so that none waits for one that waits for it.
    with transaction.atomic():
        counts = [count_post(key, slot) for key in keys]
        if 1 in counts:
            PostCount.objects.filter(slot__lt=slot).delete()
    if max(counts, default=0) <= most:
        return None
    return int((slot + 1) * seconds - now) + 1


def address_key(comment: Comment) -> str:
    """An IPv6 customer owns a whole /64, so that is one address."""
    if not comment.user_ip:
        return ""
    address = ipaddress.ip_address(comment.user_ip)
    width = 64 if address.version == 6 else 32
    return secret_name(str(ipaddress.ip_network(f"{address}/{width}", strict=False)))


def email_key(comment: Comment) -> str:
    return secret_name(comment.email.casefold())


def secret_name(text: str) -> str:
    """What is counted is nobody's address any more."""
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def count_post(key: str, slot: int) -> int:
    """One more for `key`; how many that makes in this stretch of time."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [key, slot])
        (count,) = cursor.fetchone()
    return int(count)


# --- a rule tried before it is saved -----------------------------------------------------------


def tried(words: str, samples: int = 5) -> tuple[int, int, list[Comment]]:
    """How many of the approved comments these words would have struck, of how many; samples."""
    struck: list[Comment] = []
    hits = total = 0
    for comment in Comment.objects.approved().order_by("-pk").iterator():
        total += 1
        if first_word(words, comment):
            hits += 1
            struck += [comment] if len(struck) < samples else []
    return hits, total, struck
