"""A moderator who decides without pause: `python -m tests.pagecache.moderator STEPS`.

Each step is one transaction that changes every part of the article, and with every second one its
comment is on the page. When it is committed, the step's number is said with the time.
"""

import random
import sys
import time

import django
from django.db import transaction

ARTICLE, COMMENT = "Fersiwn", "Sylw sy’n mynd a dod."


def main(steps: int) -> None:
    from django.contrib.auth.models import User

    from blog.models import Article, Section
    from comments import moderation
    from comments.models import Comment

    owner = User.objects.get(is_superuser=True)
    article = Article.objects.get(slug="5-camsyniad-cyfryngau-cymdeithasol")
    comment = moderation.receive(
        Comment(article=article, name="Rhys", email="rhys@example.com", body=COMMENT, language="cy")
    )
    for step in range(steps):
        decide = moderation.reject if step % 2 else moderation.approve
        with transaction.atomic():
            article.title = article.closing_question = f"{ARTICLE} {step}"
            article.save()
            Section.objects.filter(article=article).update(heading=f"{ARTICLE} {step}")
            decide(comment, owner)
        sys.stdout.write(f"{step} {time.monotonic()}\n")
        sys.stdout.flush()
        # Often long enough for the page to be kept and sent several times, now and then for a front
        # server to have it.
        time.sleep(3 if step % 40 == 39 else random.choice((0, 0, 0.01, 0.05, 0.1)))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
