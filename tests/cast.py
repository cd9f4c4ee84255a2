"""The people and things the tests are about.

Elin edits articles, Mared moderates comments and may do nothing else, Rhys reads and comments,
and the spammer uses the name that Akismet always calls spam.
"""

from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from blog.models import Article, Author, Category, Section
from comments import moderation
from comments.models import Comment

RHYS: dict[str, Any] = {"name": "Rhys", "email": "rhys@example.com", "body": "Cytuno’n llwyr."}
SPAMMER: dict[str, Any] = {
    "name": "akismet-guaranteed-spam",
    "email": "spammer@example.com",
}
number = count(1)
MODERATOR_MAY = (
    ("comments", "view_comment"),
    ("comments", "moderate_comment"),
    ("comments", "view_spamcheck"),
    ("comments", "view_decision"),
    ("comments", "view_report"),
    ("blog", "view_article"),
)


def make_article(sections: int = 0, **fields: Any) -> Article:
    """A published Welsh article, unless `fields` say otherwise."""
    fields.setdefault("language", "cy")
    fields.setdefault("title", "Tŷ bach twt")
    fields.setdefault("standfirst", "Sgwrs am dŷ.")
    fields.setdefault("published_at", timezone.now() - timedelta(days=1))
    if "author" not in fields:
        fields["author"] = Author.objects.get_or_create(name="Elin", slug="elin")[0]
    tags = fields.pop("tags", [])
    article = Article.objects.create(**fields)
    article.tags.set(tags)
    for position in range(1, sections + 1):
        Section.objects.create(
            article=article, position=position, heading=f"Pennawd {position}", body="Testun."
        )
    return article


def make_translation(original: Article, **fields: Any) -> Article:
    """A published English translation by a person, as true to its original as can be."""
    fields = {"language": "en", "origin": "person", "title": "A small house"} | fields
    article = make_article(translation_key=original.translation_key, **fields)
    article.follow(original.version())
    return article


def make_category(slug: str = "busnes") -> Category:
    return Category.objects.get_or_create(slug=slug, name_cy="Busnes", name_en="Business")[0]


def make_comment(article: Article | None = None, **fields: Any) -> Comment:
    """Rhys's comment as it is just after he sent it, unless `fields` say otherwise.

    With a `status` it is put there directly, as if all before had happened long ago.
    """
    status = fields.pop("status", None)
    fields.setdefault("body", f"{RHYS['body']} ({next(number)})")
    comment = Comment(
        article=article or make_article(),
        **{**RHYS, "language": "cy", "user_ip": "192.0.2.7", **fields},
    )
    assert moderation.receive(comment) is comment, "said before: give it another body"
    if status:
        Comment.objects.filter(pk=comment.pk).update(status=status, check_due_at=None)
        DBTaskResult.objects.all().delete()
        comment.refresh_from_db()
    return comment


def make_moderator(name: str = "mared") -> User:
    group, new = Group.objects.get_or_create(name="Moderators")
    if new:
        for app, codename in MODERATOR_MAY:
            group.permissions.add(
                Permission.objects.get(content_type__app_label=app, codename=codename)
            )
    user = User.objects.create_user(name, password="x", is_staff=True)
    user.groups.add(group)
    return user


def make_owner(name: str = "owain") -> User:
    return User.objects.create_superuser(name, password="x")


def work() -> int:
    """Run what is in the queue, as a worker would; how many tasks that was."""
    worker = Worker(
        queue_names=["*"],
        excluded_queue_names=[],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="test",
    )
    done = 0
    while task := DBTaskResult.objects.ready().first():
        task.claim("test")
        worker.run_task(task)
        task.refresh_from_db()
        assert not task.traceback, task.traceback
        done += 1
    return done
