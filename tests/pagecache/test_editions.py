"""Which edition is out. (pagecache/editions.py)"""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from blog.models import Article
from pagecache import editions
from pagecache.models import Edition
from tests.cast import make_article

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_is_out_before_anything_was_set_up() -> None:
    Edition.objects.all().delete()
    assert editions.current() is None
    make_article()
    assert editions.current() is not None


def test_edition_ends_by_itself_when_an_articles_hour_comes() -> None:
    make_article(title="Yn barod")
    hour = timezone.now() + timedelta(hours=1)
    make_article(title="I ddod", published_at=hour)
    make_article(title="Wedyn", published_at=hour + timedelta(hours=1))
    with time_machine.travel(hour - timedelta(milliseconds=1), tick=False):
        before = editions.current()
    with time_machine.travel(hour, tick=False):
        at_the_hour = editions.current()
        assert Article.objects.published().count() == 2
    with time_machine.travel(hour + timedelta(minutes=59), tick=False):
        assert editions.current() == at_the_hour
    assert before
    assert at_the_hour
    assert before.until == hour
    assert at_the_hour.until == hour + timedelta(hours=1)
    assert at_the_hour.name != before.name


def test_edition_is_another_after_a_change_and_the_same_without() -> None:
    article = make_article()
    before = editions.current()
    assert editions.current() == before
    article.save()
    assert editions.current() != before


def test_edition_is_right_again_after_the_clock_was_put_back() -> None:
    hour = timezone.now() + timedelta(hours=1)
    make_article(title="I ddod", published_at=hour)
    before = editions.current()
    with time_machine.travel(hour, tick=False):
        assert editions.current() != before
    assert editions.current() == before


def test_snapshot_leaves_nothing_behind() -> None:
    make_article()
    with editions.snapshot():
        assert Article.objects.count() == 1
    make_article(title="Arall")
    assert Article.objects.count() == 2
    assert not connection.in_atomic_block


@pytest.mark.postgresql
def test_snapshot_does_not_see_what_is_written_meanwhile() -> None:
    make_article()
    wrote = threading.Event()

    def write() -> None:
        make_article(title="Arall")
        connection.close()
        wrote.set()

    with editions.snapshot():
        assert Article.objects.count() == 1
        threading.Thread(target=write).start()
        assert wrote.wait(30), "who reads keeps nobody waiting"
        assert Article.objects.count() == 1
    assert Article.objects.count() == 2
