"""Local rules, each small and named. They ask nobody outside."""

import hashlib
import hmac
import ipaddress
import time

from django.conf import settings
from django.db import connection

from .models import Comment, PostCount

COUNT = """
    INSERT INTO comments_postcount (key, slot, count) VALUES (%s, %s, 1)
    ON CONFLICT (key, slot) DO UPDATE SET count = comments_postcount.count + 1
    RETURNING count
"""


def posts_too_often(comment: Comment) -> int | None:
    """Flood: the seconds to wait if this address or e-mail has posted too often, else None.

    COMMENT_RATE says how often; staff are not counted. Exact whatever happens at the same time,
    since the database itself counts, in one statement for each key.
    """
    if settings.COMMENT_RATE is None or comment.user_id:
        return None
    most, seconds = settings.COMMENT_RATE
    now = time.time()
    slot = int(now // seconds)
    counts = [count_post(key, slot) for key in (address_key(comment), email_key(comment)) if key]
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
    if count == 1:
        PostCount.objects.filter(slot__lt=slot).delete()
    return count
