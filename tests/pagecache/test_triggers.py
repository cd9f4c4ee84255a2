"""The database notices each change that readers could see. (pagecache/triggers.py)"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from taggit.models import Tag

from blog.models import Article, Author, Category, Picture, Section
from comments import moderation, privacy
from comments.models import Comment, Heartbeat, Policy, Status
from config.triggers import installed
from pagecache import editions, triggers
from pagecache.models import Edition
from tests.cast import make_article, make_category, make_comment, make_owner

pytestmark = pytest.mark.django_db(transaction=True)

# Models that no public page shows anything of.
BEHIND_THE_SCENES = {
    "comments.SpamCheck",
    "comments.Decision",
    "comments.Report",
    "comments.Account",
    "comments.Heartbeat",
    "comments.PastDecisions",
    "comments.PostCount",
    "comments.Chore",
    "blog.SearchEntry",  # pages with a query are not kept
    "blog.SearchMark",
    "taggit.TaggedItem",  # ours is blog.TaggedArticle
}


def edition() -> str:
    return Edition.objects.get().name


@pytest.fixture
def site() -> Article:
    """An article with everything that a page can show."""
    picture = Picture.objects.create(file="x.png", width=1, height=1, alt_cy="Llun")
    article = make_article(
        sections=2, category=make_category(), tags=["tai"], picture=picture, section_label="Rhan"
    )
    make_comment(article, status="approved")
    make_comment(article, status="pending")
    make_comment(article, status="spam")
    Policy.objects.create(pk=1)
    return article


def by_hand(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


PUBLIC: dict[str, Callable[[Article], Any]] = {
    "article saved": lambda article: article.save(),
    "articles updated at once": lambda _: Article.objects.update(title="Newydd"),
    "article published": lambda _: make_article(title="Arall"),
    "article withdrawn": lambda _: Article.objects.update(published_at=None),
    "section added": lambda article: Section.objects.create(
        article=article, position=3, heading="x", body="x"
    ),
    "sections added in bulk": lambda article: Section.objects.bulk_create(
        [Section(article=article, position=9, heading="x", body="x")]
    ),
    "section removed": lambda _: Section.objects.filter(position=2).delete(),
    "sections reordered": lambda article: article.arrange(list(article.sections.all())[::-1]),
    "tag added": lambda article: article.tags.add("tref"),
    "tag taken away": lambda article: article.tags.clear(),
    "tag renamed": lambda _: Tag.objects.update(name="Tai"),
    "category renamed": lambda _: Category.objects.update(name_cy="Gwaith"),
    "author renamed": lambda _: Author.objects.update(name="Elin Haf"),
    "picture described": lambda _: Picture.objects.update(alt_cy="Llun arall"),
    "picture cropped elsewhere": lambda _: Picture.objects.update(focus_x=0),
    "picture made in other sizes": lambda _: Picture.objects.update(
        renditions=[], renditions_due_at=None
    ),
    "comment approved": lambda _: moderation.approve(
        Comment.objects.get(status="pending"), make_owner()
    ),
    "comment taken off": lambda _: moderation.reject(
        Comment.objects.get(status="approved"), make_owner()
    ),
    "comment edited": lambda _: Comment.objects.filter(status="approved").update(body="Arall"),
    "comment deleted": lambda _: Comment.objects.filter(status="approved").delete(),
    "person erased": lambda _: privacy.erase("rhys@example.com"),
    "rules saved": lambda _: Policy.objects.update(spam_days=3),
    "SQL by hand": lambda _: by_hand("UPDATE blog_section SET heading = 'x' WHERE position = 1"),
}


@pytest.mark.parametrize("change", PUBLIC)
def test_public_change_begins_a_new_edition(site: Article, change: str) -> None:
    before = edition()
    PUBLIC[change](site)
    assert edition() != before


PRIVATE: dict[str, Callable[[Article], Any]] = {
    "comment received": lambda article: make_comment(article),
    "comment looked at by a worker": lambda _: Comment.objects.update(check_attempts=3),
    "comment's address shortened": lambda _: Comment.objects.update(user_ip=None, network="x"),
    "spam rejected": lambda _: Comment.objects.filter(status="spam").update(status=Status.REJECTED),
    "spam deleted": lambda _: Comment.objects.filter(status="spam").delete(),
    "draft written": lambda _: make_article(title="Drafft", published_at=None),
    "picture taken by a worker": lambda _: Picture.objects.claim_one(),
    "worker alive": lambda _: Heartbeat.beat(),
}


@pytest.mark.parametrize("change", PRIVATE)
def test_what_readers_cannot_see_leaves_the_edition(site: Article, change: str) -> None:
    before = edition()
    PRIVATE[change](site)
    assert edition() == before


def test_change_that_is_rolled_back_leaves_the_edition(site: Article) -> None:
    before = edition()
    with transaction.atomic():
        site.save()
        transaction.set_rollback(True)
    assert edition() == before


def test_every_model_is_watched_or_known_to_stay_behind_the_scenes() -> None:
    watched = {one.label for one in triggers.WATCHED}
    models = {
        model._meta.label
        for app in ("blog", "comments", "taggit")
        for model in apps.get_app_config(app).get_models()
    }
    assert watched & BEHIND_THE_SCENES == set()
    assert watched | BEHIND_THE_SCENES == models


def test_all_triggers_are_in_place_whatever_was_migrated() -> None:
    """SQLite makes a table anew to change it, and would lose what hangs on it."""
    complete = installed(connection, triggers.PREFIX)
    events = 4 if connection.vendor == "postgresql" else 3
    assert len(complete) == events * len(triggers.WATCHED)
    before = edition()
    call_command("migrate", verbosity=0)
    assert installed(connection, triggers.PREFIX) == complete
    assert edition() != before, "new code may make other pages of the same rows"


def test_triggers_of_others_are_left_alone() -> None:
    """Somebody else's table in our database may have one whose name begins like ours."""
    by_hand("CREATE TABLE neighbour (word text)")
    fires = "BEGIN SELECT 1; END"
    if connection.vendor == "postgresql":
        by_hand(
            "CREATE FUNCTION edition_bump() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$"
        )
        fires = "FOR EACH ROW EXECUTE FUNCTION edition_bump()"
    by_hand(f"CREATE TRIGGER edition_of_theirs AFTER INSERT ON neighbour {fires}")
    catalogue = {
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE name = 'edition_of_theirs'",
        "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname = 'edition_of_theirs'",
    }
    try:
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(catalogue[connection.vendor])
            assert cursor.fetchone() == (1,)
    finally:
        by_hand("DROP TABLE neighbour")
        if connection.vendor == "postgresql":
            by_hand("DROP FUNCTION edition_bump()")


@pytest.mark.postgresql
def test_trigger_that_an_earlier_version_made_is_replaced() -> None:
    """It may have called a function of another name."""
    complete = installed(connection, triggers.PREFIX)
    by_hand(
        "CREATE FUNCTION earlier() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
    )
    by_hand("DROP TRIGGER edition_blog_article_update ON blog_article")
    by_hand(
        "CREATE TRIGGER edition_blog_article_update AFTER UPDATE ON blog_article"
        " FOR EACH ROW EXECUTE FUNCTION earlier()"
    )
    call_command("migrate", verbosity=0)
    by_hand("DROP FUNCTION earlier()")  # refused while a trigger calls it
    assert installed(connection, triggers.PREFIX) == complete


def test_nothing_is_kept_while_nobody_watches() -> None:
    """A migration that fails half-way leaves it so, and every process asks Django."""
    make_article()
    triggers.remove("default")
    assert editions.current() is None
    make_article(title="Arall")
    assert editions.current() is None
    triggers.install("default")
    assert editions.current() is not None


@pytest.mark.postgresql
def test_changes_in_opposite_order_do_not_wait_for_each_other_in_a_ring() -> None:
    """Each holds what the other wants next; only at their ends do they meet at the edition."""
    one, other = make_article(title="Un"), make_article(title="Dau")
    both_hold_one = threading.Barrier(2)
    failed: list[Exception] = []

    def change(mine: Article, then: Author) -> None:
        try:
            with transaction.atomic():
                Article.objects.filter(pk=mine.pk).update(closing_question="x")
                both_hold_one.wait(10)
                Author.objects.filter(pk=then.pk).update(about_cy="x")
        except Exception as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            connection.close()

    authors = [Author.objects.create(name=name, slug=name) for name in ("a", "b")]
    changes = [
        threading.Thread(target=change, args=pair)
        for pair in zip((one, other), authors, strict=True)
    ]
    for thread in changes:
        thread.start()
    for thread in changes:
        thread.join(30)
    assert failed == []


@pytest.mark.postgresql
def test_emptied_table_begins_a_new_edition() -> None:
    make_comment(status="approved")
    before = edition()
    by_hand("TRUNCATE comments_comment CASCADE")
    assert edition() != before


@pytest.mark.postgresql
def test_many_changes_in_one_transaction_rename_once() -> None:
    before = edition()
    with transaction.atomic():
        make_article(title="Un", sections=3)
        assert edition() == before, "not before the end"
        by_hand("SET CONSTRAINTS ALL IMMEDIATE")  # as the end does
        renamed = edition()
        make_article(title="Dau", sections=3)
        assert edition() == renamed
    assert edition() == renamed != before
