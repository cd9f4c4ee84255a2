"""Every admin page opens, and no query, however hostile, breaks a page."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from blog.models import Picture
from config.views import server_error
from tests.cast import SPAMMER, make_article, make_category, make_comment, make_owner, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db

HOSTILE = [
    '"',
    '"a',
    "'",
    "a' OR 1=1 --",
    "\x00",
    "a\x00b",
    "%",
    "%%%s",
    "\\",
    "*",
    "a*",
    "NEAR(",
    "a AND OR",
    "(",
    "^~:",
    "{{7*7}}",
    "<script>",
    "\u202e",
    "ŵ" * 3000,
    "9" * 400,
    "-1",
    "../../etc/passwd",
    "/[",
    "//[",
]


@pytest.fixture
def full_site(akismet: Standin) -> None:
    """At least one row of everything that has a page."""
    picture = Picture.objects.create(file="x.png", width=1, height=1, alt_cy="Llun")
    article = make_article(sections=2, category=make_category(), tags=["tai"], picture=picture)
    make_comment(article)
    spam = make_comment(article, **SPAMMER)
    work()
    from comments import moderation

    moderation.approve(spam, make_owner("arall"))
    work()


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(make_owner())
    return client


def admin_pages() -> Iterator[str]:
    """Every list, every add page, and the pages of one row of each model."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_add")
        if row := model._default_manager.first():
            for page in ("change", "history", "delete"):
                yield reverse(f"{name}_{page}", args=[row.pk])


@pytest.mark.usefixtures("full_site")
@pytest.mark.parametrize("language", ["cy", "en"])
def test_every_admin_page_opens(owner: Client, language: str) -> None:
    owner.cookies["django_language"] = language
    answers = {page: owner.get(page, follow=True).status_code for page in admin_pages()}
    # Evidence is neither added nor deleted by hand, nor are the rules or what libraries note down.
    by_hand = re.compile(r"/(comments|axes|django_tasks_database)/\w+/(add|[\w-]+/delete)/$")
    wrong = {
        page: status
        for page, status in answers.items()
        if status != (403 if by_hand.search(page) and status == 403 else 200)
    }
    assert wrong == {}
    assert len(answers) > 40


@pytest.mark.usefixtures("full_site")
@pytest.mark.parametrize("query", HOSTILE)
def test_no_admin_list_breaks_on_a_hostile_query(owner: Client, query: str) -> None:
    for model, registered in admin.site._registry.items():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        fields = ["q", "p", "o", "e", "all", "_facets", "nothing"]
        fields += [f"{name}__exact" for name in registered.list_filter if isinstance(name, str)]
        for field in fields:
            answer = owner.get(url, {field: query}, follow=True)
            assert answer.status_code in {200, 400}, (url, field)


@pytest.mark.usefixtures("full_site")
@pytest.mark.parametrize("query", HOSTILE)
def test_no_add_page_or_action_breaks_on_a_hostile_value(owner: Client, query: str) -> None:
    add = "/admin/blog/article/add/"
    for field in ("author", "category", "picture", "published_at", "language", "translation_of"):
        assert owner.get(add, {field: query}).status_code in {200, 400}, field
    for page, action in (
        ("comments/comment", "approve"),
        ("blog/article", "up_to_date"),
        ("blog/article", "delete_selected"),
    ):
        picked = {"action": action, "_selected_action": query, "index": 0}
        answer = owner.post(f"/admin/{page}/", picked, follow=True)
        assert answer.status_code in {200, 400}, (page, action)


@pytest.mark.usefixtures("full_site")
@pytest.mark.parametrize("query", HOSTILE)
def test_no_public_page_breaks_on_a_hostile_query(reader: Client, query: str) -> None:
    pages = ("", "ty-bach-twt/", "tag/tai/", "archive/", "privacy/", "search/", "feed/")
    for url in (*(f"/cy/{page}" for page in pages), "/en/search/"):
        for field in ("page", "reply", "section", "from", "before", "q", "received"):
            assert reader.get(url, {field: query}).status_code in {200, 404}, (url, field)


@pytest.mark.parametrize("query", HOSTILE)
def test_no_address_breaks(reader: Client, query: str) -> None:
    for stem in ("", "/cy", "/cy/tag", "/cy/category", "/cy/author", "/cy/archive", "/media"):
        url = f"{stem}/{quote(query, safe='')}/"
        assert reader.get(url, follow=True).status_code in {400, 404}, url
        for feed in ("feed/", "comments/feed/"):
            assert reader.get(url + feed, follow=True).status_code in {400, 404}, url


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe=\xff", "application/x-www-form-urlencoded"),
        (b"name=%FF%FE&body=%C3%28&email=%00", "application/x-www-form-urlencoded"),
        (b"not multipart", "multipart/form-data; boundary=x"),
        (b"not multipart", "multipart/form-data"),
        (b'{"a":', "application/json"),
        (b"a=1&" * 1500, "application/x-www-form-urlencoded"),
        (b"body=" + b"x" * 3_000_000, "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded; charset=nothing"),
    ],
    ids=range(8),
)
def test_no_form_data_breaks_the_comment_form(reader: Client, body: bytes, kind: str) -> None:
    url = f"{make_article().get_absolute_url()}comments/"
    answer: Any = reader.generic("POST", url, body, kind)
    assert answer.status_code in {400, 413, 415, 422}
    assert "<html" in answer.text


def test_page_for_our_own_faults_asks_the_database_nothing(
    django_assert_num_queries: Any,
) -> None:
    with django_assert_num_queries(0):
        answer = server_error(RequestFactory().get("/cy/"))
    assert answer.status_code == 500
    assert b"<html" in answer.content
