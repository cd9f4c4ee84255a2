"""What a reader gets, and what it costs. (pagecache/wsgi.py, pagecache/store.py)"""

import gzip
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import brotli
import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from blog.cards import Card
from comments import moderation
from pagecache import editions, store
from pagecache.models import Edition
from pagecache.wsgi import PageCache
from tests.cast import make_article, make_comment, make_moderator, make_owner

pytestmark = pytest.mark.django_db(transaction=True)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    queries: int  # Django's own, so none for a page that is kept

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def was_kept(self) -> bool:
        return "ETag" in self.headers and self.queries == 0

    @property
    def lasting_headers(self) -> dict[str, str]:
        """All but the date, which is another once the second of the change is over."""
        return {name: value for name, value in self.headers.items() if name != "Last-Modified"}


type Get = Callable[..., Answer]


@pytest.fixture
def get() -> Iterator[Get]:
    """Ask the application as the server does, through everything there is."""
    store.at_hand.clear()
    store.stamp.cache_clear()

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        application = PageCache(WSGIHandler())  # a new one, since it reads settings but once
        said: list[Any] = []
        request = RequestFactory().generic(method, path, headers=headers)
        environ = request.environ | {"HTTP_HOST": headers.get("Host", "testserver")}
        with CaptureQueriesContext(connection) as queries:
            parts = application(environ, lambda *all_of_it: said.extend(all_of_it))
            body = b"".join(parts)
        return Answer(int(said[0].split()[0]), dict(said[1]), body, len(queries))

    yield ask
    store.at_hand.clear()
    store.stamp.cache_clear()


def test_page_is_made_once_and_is_what_django_makes(get: Get, reader: Any) -> None:
    url = make_article(sections=2, tags=["tai"]).get_absolute_url()
    first, second = get(url), get(url)
    by_django = reader.get(url)
    assert (first.queries > 0, second.queries) == (True, 0)
    assert first.body == second.body == by_django.content
    assert first.lasting_headers == second.lasting_headers
    assert by_django.headers.items() <= second.headers.items()
    assert "Set-Cookie" not in second.headers
    assert "csrf" not in second.text


@pytest.mark.parametrize(
    "url",
    [
        *("/cy/", "/en/", "/cy/?page=1", "/cy/archive/", "/cy/privacy/"),
        "/cy/ty-bach-twt/section/1/",
    ],
)
def test_every_public_page_is_kept(get: Get, url: str) -> None:
    make_article(sections=1)
    assert (get(url).status, get(url).was_kept) == (200, True)


def test_pictures_are_not_among_the_pages(get: Get) -> None:
    card = Card.of(make_article(), "wide")
    for _ in range(2):
        answer = get(card.path)
        assert (answer.status, answer.was_kept) == (200, False)
        assert answer.headers["Content-Type"] == "image/jpeg"
    assert not store.root().exists()


@pytest.mark.parametrize(
    "url",
    [
        *("/cy/feed/", "/cy/feed/json/", "/cy/author/elin/feed/", "/cy/tag/tai/feed/"),
        *("/cy/comments/feed/", "/cy/ty-bach-twt/comments/feed/"),
    ],
)
def test_feeds_are_kept_until_something_is_new(get: Get, reader: Any, url: str) -> None:
    article = make_article(tags=["tai"])
    make_comment(article, status="approved")
    by_django = reader.get(url)
    first, second = get(url), get(url)
    assert (second.status, second.was_kept) == (200, True)
    assert first.body == second.body == by_django.content
    assert second.headers["Content-Type"] == by_django.headers["Content-Type"]
    etag = second.headers["ETag"]
    assert get(url, **{"If-None-Match": etag}).status == 304
    article.title = "Tŷ mawr"
    article.save()
    news = get(url, **{"If-None-Match": etag})
    assert (news.status, "Tŷ mawr" in news.text) == (200, True)


def test_decision_shows_on_the_very_next_request(get: Get) -> None:
    article = make_article()
    comment = make_comment(article, status="pending", body="Gair newydd sbon.")
    url, owner = article.get_absolute_url(), make_owner()
    steps: list[tuple[Callable[..., Any], bool]] = [
        (moderation.approve, True),
        (moderation.reject, False),
        (moderation.undo, True),
    ]
    assert comment.body not in get(url).text
    for decide, is_shown in steps:
        etag = get(url).headers["ETag"]
        decide(comment, owner)
        answer = get(url, **{"If-None-Match": etag})
        assert (answer.status, comment.body in answer.text) == (200, is_shown)


def test_scheduled_article_shows_in_its_hour(get: Get) -> None:
    make_article(title="Yn barod")
    hour = timezone.now() + timedelta(hours=1)
    make_article(title="I ddod", published_at=hour)
    etag = get("/cy/").headers["ETag"]
    with time_machine.travel(hour - timedelta(milliseconds=1), tick=False):
        assert "I ddod" not in get("/cy/").text
        assert get("/cy/i-ddod/").status == 404
    with time_machine.travel(hour, tick=False):
        assert "I ddod" in get("/cy/", **{"If-None-Match": etag}).text
        assert get("/cy/i-ddod/").status == 200


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("br;q=0,gzip;q=0.000", None),
        ("br;q=nonsense", "br"),
    ],
)
def test_encoding_is_one_the_browser_takes(get: Get, accepted: str, encoding: str | None) -> None:
    url = make_article().get_absolute_url()
    plain = get(url)
    answer = get(url, **{"Accept-Encoding": accepted})
    decode: dict[str | None, Callable[[bytes], bytes]] = {
        None: bytes,
        "gzip": gzip.decompress,
        "br": brotli.decompress,
    }
    assert answer.headers.get("Content-Encoding") == encoding
    assert decode[encoding](answer.body) == plain.body
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_browser_that_has_the_page_is_told_so(get: Get) -> None:
    url = make_article().get_absolute_url()
    etag = get(url).headers["ETag"]
    for tags in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        answer = get(url, **{"If-None-Match": tags})
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == etag
    assert get(url, **{"If-None-Match": '"x"'}).status == 200
    # The tag decides alone where both are given.
    later = "Fri, 31 Dec 2100 00:00:00 GMT"
    assert get(url, **{"If-None-Match": '"x"', "If-Modified-Since": later}).status == 200


def test_date_proves_something_once_its_second_is_over(get: Get) -> None:
    article = make_article()
    url = article.get_absolute_url()
    fresh = get(url).headers["Last-Modified"]
    assert get(url, **{"If-Modified-Since": fresh}).status == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=3)):
        settled = get(url).headers["Last-Modified"]
        assert get(url, **{"If-Modified-Since": settled}).status == 304
        for other in (fresh, "yesterday", "Tue, 99 Nov 2026 00:00:00 GMT"):
            assert get(url, **{"If-Modified-Since": other}).status == 200
        article.save()
        get(url)
        article.save()
        assert get(url, **{"If-Modified-Since": settled}).status == 200


def test_head_is_a_get_without_its_body(get: Get) -> None:
    url = make_article().get_absolute_url()
    made = get(url, "HEAD")
    whole = get(url)
    assert (made.status, made.body) == (200, b"")
    assert whole.was_kept
    assert made.lasting_headers == whole.lasting_headers
    assert get("/cy/dim-byd/", "HEAD").body == b""


@pytest.mark.parametrize(
    "url", ["/cy/?reply=1", "/cy/?page=0", "/cy/?page=1&page=1", "/cy/?x=1", "/cy/dim/", "/cy"]
)
def test_what_is_no_page_of_its_own_is_not_kept(get: Get, url: str) -> None:
    make_article()
    get(url)
    assert not get(url).was_kept
    assert not list(Path(django_settings.DATA_DIR).glob("pagecache/*/pages/*"))


@pytest.mark.parametrize(
    "query", ["fbclid=x", "utm_source=x&utm_medium=y", "gclid=&mc_cid=1", "page=1&fbclid=x"]
)
def test_what_others_append_to_follow_readers_makes_no_page_of_its_own(
    get: Get, query: str
) -> None:
    for number in range(11):
        make_article(title=f"Erthygl {number}")
    clean = get("/cy/?page=1" if "page" in query else "/cy/")
    answer = get(f"/cy/?{query}")
    assert answer.was_kept
    assert answer.body == clean.body
    made_first = get(f"/cy/archive/?{query}")
    assert "clid" not in made_first.text


def test_there_are_not_many_more_pages_to_keep_than_addresses(get: Get) -> None:
    """Whoever counts through the pages of an article fills no disk."""
    url = make_article().get_absolute_url()
    for number in range(1, 40):
        get(f"{url}?page={number}")
    assert len(list(Path(django_settings.DATA_DIR).glob("pagecache/*/pages/*"))) <= 20


def test_draft_is_for_those_who_edit(get: Get, client: Any) -> None:
    draft = make_article(published_at=None)
    client.force_login(make_owner())
    cookie = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    assert get(draft.get_absolute_url(), **cookie).status == 200
    assert get(draft.get_absolute_url()).status == 404


def test_team_sees_the_live_page(get: Get, client: Any) -> None:
    url = make_article().get_absolute_url()
    get(url)
    client.force_login(make_moderator())
    cookie = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    assert get(url, **cookie).queries > 0
    assert get(url, Cookie="xsessionid=x; csrftoken=y").was_kept


def test_comment_is_taken_while_the_page_is_kept(get: Get) -> None:
    url = make_article().get_absolute_url()
    get(url)
    assert get(f"{url}comments/", "POST").status == 422
    assert get(url).was_kept


def test_name_that_is_not_ours_gets_nothing(get: Get) -> None:
    url = make_article().get_absolute_url()
    get(url)
    assert get(url, Host="elsewhere.example").status == 400


def test_plain_http_is_led_to_https(get: Get, settings: Any) -> None:
    url = make_article().get_absolute_url()
    get(url)
    settings.SECURE_SSL_REDIRECT = True
    assert get(url).status == 301


def test_page_that_is_not_whole_is_made_anew(get: Get) -> None:
    url = make_article().get_absolute_url()
    whole = get(url)
    (kept,) = Path(django_settings.DATA_DIR).glob("pagecache/*/pages/*")
    sound = kept.read_bytes()
    for damage in (b"", b"{", sound[:-1], sound + b"x"):
        kept.write_bytes(damage)
        store.at_hand.clear()
        again = get(url)
        assert (again.status, again.body) == (200, whole.body)
        assert kept.read_bytes() == sound


def test_pages_are_served_where_nothing_can_be_kept(
    get: Get, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings.DATA_DIR = tmp_path / "file"
    url = make_article().get_absolute_url()
    first, second = get(url), get(url)
    assert (first.status, first.queries > 0) == (200, True)
    assert second.was_kept, "in memory, then"


def test_pages_are_served_where_nothing_was_set_up(get: Get) -> None:
    url = make_article().get_absolute_url()
    Edition.objects.all().delete()
    assert (get(url).status, "ETag" in get(url).headers) == (200, False)


def test_earlier_editions_go(get: Get) -> None:
    article = make_article()
    for _ in range(3):
        get(article.get_absolute_url())
        article.save()
    get(article.get_absolute_url())
    store.tidy()  # now, and not when a thread finds the time
    folders = {path.name for path in store.root().iterdir()}
    assert folders == {store.LOCKS, current_name()}


def current_name() -> str:
    edition = editions.current()
    assert edition
    return edition.name
