"""The stand-in for Akismet, asked by real clients: httpx and the akismet package."""

import email.utils
import json
import re
import select
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import akismet
import httpx
import pytest

from tests.standin import Call, Standin

TLS = ssl.create_default_context()  # never used, but httpx would make one for every client
SITE = "https://blog.example/"
THANKS = "Thanks for making the web a better place."
COMMENT = {
    "blog": SITE,
    "user_ip": "203.0.113.7",
    "user_agent": "Mozilla/5.0",
    "referrer": "https://search.example/",
    "permalink": "https://blog.example/cy/afon/",
    "comment_type": "comment",
    "comment_author": "Nia",
    "comment_author_email": "nia@example.com",
    "comment_content": "Erthygl dda & diddorol: 100% 🐑",
    "comment_date_gmt": "2026-11-22T10:00:00+00:00",
    "blog_lang": "cy, en_gb",
    "blog_charset": "UTF-8",
    "is_test": "1",
    "honeypot_field_name": "website",
    "website": "",
    "comment_context[]": ["afon", "natur"],
}


class AtStandin(httpx.HTTPTransport):
    """Sends what is meant for rest.akismet.com to a stand-in."""

    def __init__(self, standin: Standin) -> None:
        super().__init__(verify=TLS)
        self.base = httpx.URL(standin.url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host=self.base.host, port=self.base.port)
        return super().handle_request(request)


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def http(standin: Standin) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=standin.url, timeout=3, trust_env=False, verify=TLS) as client:
        yield client


@pytest.fixture
def package(standin: Standin) -> Iterator[akismet.SyncClient]:
    with httpx.Client(transport=AtStandin(standin), verify=TLS, timeout=3) as client:
        yield akismet.SyncClient(akismet.Config(standin.key, SITE), client)


def post(http: httpx.Client, name: str, **changes: Any) -> httpx.Response:
    """Post the comment above with some values changed, or left out when None."""
    data = {"api_key": "standin-key0"} | COMMENT | changes
    return http.post(f"/1.1/{name}", data={k: v for k, v in data.items() if v is not None})


def check(http: httpx.Client, **changes: Any) -> str:
    return post(http, "comment-check", **changes).text


def last(standin: Standin) -> Call:
    return standin.calls[-1]


# Answers


def test_check_of_complete_comment_has_no_problems(standin: Standin, http: httpx.Client) -> None:
    response = post(http, "comment-check")
    call = last(standin)
    assert (response.status_code, response.text) == (200, "false")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-akismet-guid"])
    assert call.problems == []
    assert (call.answer, call.status, call.guid) == (
        "false",
        200,
        response.headers["X-akismet-guid"],
    )
    assert call.get("comment_content") == COMMENT["comment_content"]
    assert call.values("comment_context[]") == ["afon", "natur"]
    assert call.parameters[:2] == [("api_key", "standin-key0"), ("blog", SITE)]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"comment_author": "akismet-guaranteed-spam"}, "true"),
        ({"comment_author": "viagra-test-123"}, "true"),
        ({"comment_author_email": "akismet-guaranteed-spam@example.com"}, "true"),
        ({"user_role": "editor, administrator"}, "false"),
        ({"comment_author": "viagra-test-123", "user_role": "administrator"}, "true"),
    ],
)
def test_check_of_documented_test_values(
    http: httpx.Client, changes: dict[str, str], verdict: str
) -> None:
    assert check(http, **changes) == verdict


def test_check_with_test_discard_is_blatant(http: httpx.Client) -> None:
    response = post(
        http, "comment-check", comment_author="akismet-guaranteed-spam", test_discard="1"
    )
    assert (response.text, response.headers["X-akismet-pro-tip"]) == ("true", "discard")


def test_reports_teach_the_text_both_ways(http: httpx.Client) -> None:
    words = {"comment_content": "Cheap watches", "is_test": None}
    assert check(http, **words) == "false"
    assert post(http, "submit-spam", **words).text == THANKS
    assert check(http, **words) == "true"
    assert check(http, **words, comment_author="Somebody else") == "true"
    assert check(http, comment_content="Honest words") == "false"
    assert post(http, "submit-ham", **words).text == THANKS
    assert check(http, **words) == "false"


def test_report_with_is_test_teaches_nothing(http: httpx.Client) -> None:
    post(http, "submit-spam")
    assert check(http) == "false"


def test_teach_decides_by_any_parameter(standin: Standin, http: httpx.Client) -> None:
    standin.teach("comment_author_email", "nia@example.com", spam=True)
    assert check(http) == "true"
    standin.reset()
    assert check(http) == "false"


@pytest.mark.parametrize(
    ("changes", "body", "help_"),
    [
        ({"api_key": "wrong"}, "invalid", None),
        ({"api_key": None}, "invalid", 'Empty "api_key" value'),
        ({"blog": None}, "invalid", 'Empty "blog" value'),
        ({"blog": "blog.example"}, "invalid", "We were unable to parse your blog URI"),
        ({"user_ip": None}, "Missing required field: user_ip.", 'Empty "user_ip" value'),
    ],
)
def test_check_refused(
    http: httpx.Client, changes: dict[str, str | None], body: str, help_: str | None
) -> None:
    response = post(http, "comment-check", **changes)
    assert (response.status_code, response.text) == (200, body)
    assert response.headers.get("X-akismet-debug-help") == help_


@pytest.mark.parametrize("name", ["key", "api_key"])
def test_verify_key_takes_both_names(standin: Standin, http: httpx.Client, name: str) -> None:
    good = http.post("/1.1/verify-key", data={name: standin.key, "blog": SITE})
    assert (good.text, last(standin).problems) == ("valid", [])
    standin.key = "another-key0"
    bad = http.post("/1.1/verify-key", data={name: "standin-key0", "blog": SITE})
    assert bad.text == "invalid"


def test_account_questions_count_the_checks(standin: Standin, http: httpx.Client) -> None:
    standin.service.limit = 200
    check(http)
    check(http, comment_author="akismet-guaranteed-spam")
    post(http, "submit-spam")
    key = {"api_key": standin.key}
    assert http.post("/1.2/usage-limit", data=key).json() == {
        "limit": 200,
        "usage": 2,
        "percentage": "1.00",
        "throttled": False,
    }
    month = datetime.now(UTC).strftime("%Y-%m")
    sites = http.post("/1.2/key-sites", data=key).json()
    row = {"site": SITE, "api_calls": "2", "spam": "1", "ham": "1", "missed_spam": "1"}
    assert sites[month] == [row | {"false_positives": "0", "is_revoked": False}]
    lines = http.post("/1.2/key-sites", data=key | {"format": "csv"}).text.splitlines()
    assert lines[1:] == [
        "site,api_calls,spam,ham,missed_spam,false_positives,is_revoked",
        f"{SITE},2,1,1,1,0,False",
    ]


def test_akismet_package_is_understood(standin: Standin, package: akismet.SyncClient) -> None:
    assert package.verify_key() is True
    assert package.comment_check("203.0.113.7", comment_author="Nia") is akismet.CheckResponse.HAM
    assert (
        package.comment_check("203.0.113.7", comment_author="akismet-guaranteed-spam")
        is akismet.CheckResponse.SPAM
    )
    assert package.submit_spam("203.0.113.7", comment_author="Nia") is True
    assert package.submit_ham("203.0.113.7", comment_author="Nia") is True
    assert package.usage_limit()["limit"] == "none"
    assert standin.problems == ["/1.2/usage-limit: key in URL"]


def test_akismet_package_sends_context_akismet_cannot_read(
    standin: Standin, package: akismet.SyncClient
) -> None:
    package.comment_check("203.0.113.7", comment_context="afon")
    assert last(standin).problems == ["malformed comment_context: 'afon'"]


# Reports compared with their check


def test_report_of_the_same_values_is_identical(standin: Standin, http: httpx.Client) -> None:
    check(http)
    standin.key = "rotated-key0"
    order = {"api_key": standin.key, "is_test": "1"} | COMMENT
    http.post("/1.1/submit-spam", data=order)
    assert (last(standin).identical, last(standin).problems) == (True, [])


def test_report_of_different_values_names_them(standin: Standin, http: httpx.Client) -> None:
    check(http)
    context = ["natur", "afon"]
    changes = {"permalink": SITE, "referrer": None, "user_agent": "Firefox"}
    post(http, "submit-ham", **changes, **{"comment_context[]": context})
    assert last(standin).identical is False
    assert last(standin).problems == [
        "differs from the check: user_agent, permalink, comment_context[], referrer"
    ]


def test_report_of_an_edited_text_is_recognised(standin: Standin, http: httpx.Client) -> None:
    check(http)
    post(http, "submit-ham", comment_content="Edited")
    assert last(standin).identical is False
    assert last(standin).problems == ["differs from the check: comment_content"]


def test_report_without_a_check_is_neither(standin: Standin, http: httpx.Client) -> None:
    post(http, "submit-ham")
    assert (last(standin).identical, last(standin).problems) == (None, [])


def test_report_is_compared_with_every_check_of_the_comment(
    standin: Standin, http: httpx.Client
) -> None:
    check(http)
    check(http, recheck_reason="retry")
    post(http, "submit-ham")
    post(http, "submit-ham", recheck_reason="retry")
    assert [call.identical for call in standin.reports] == [True, True]


def test_undocumented_parameters_are_accepted_when_asked(
    standin: Standin, http: httpx.Client
) -> None:
    for accept in (False, True):
        standin.reset()
        standin.accept_undocumented = accept
        check(http, callback="https://blog.example/hook", classify="1")
        post(http, "submit-spam", reporter="Ann", comment_check_response="false")
        checked, reported = standin.calls
        unknown = "unknown parameter: "
        assert checked.problems == ([] if accept else [f"{unknown}callback", f"{unknown}classify"])
        assert reported.identical is accept


# Problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"content_type": "comment"}, "unknown parameter: content_type"),
        ({"HTTP_ACCEPT": "*/*"}, "unknown parameter: HTTP_ACCEPT"),
        ({"comment_author": ["Nia", "Mair"]}, "repeated parameter: comment_author"),
        ({"user_ip": "203.0.113"}, "malformed user_ip: '203.0.113'"),
        ({"user_ip": None}, "missing parameter: user_ip"),
        ({"blog": "blog.example"}, "malformed blog: 'blog.example'"),
        ({"permalink": "/cy/afon/"}, "malformed permalink: '/cy/afon/'"),
        (
            {"comment_date_gmt": "2026-11-22 10:00:00+00:00"},
            "malformed comment_date_gmt: '2026-11-22 10:00:00+00:00'",
        ),
        (
            {"comment_date_gmt": "2026-11-22T10:00:00+01:00"},
            "malformed comment_date_gmt: '2026-11-22T10:00:00+01:00'",
        ),
        (
            {"comment_post_modified_gmt": "2026-11-22T10:00:00"},
            "malformed comment_post_modified_gmt: '2026-11-22T10:00:00'",
        ),
        ({"is_test": "True"}, "malformed is_test: 'True'"),
        ({"blog_lang": "en-GB"}, "malformed blog_lang: 'en-GB'"),
        ({"blog_charset": "utf9"}, "malformed blog_charset: 'utf9'"),
        ({"comment_context[]": ""}, "malformed comment_context[]: ''"),
        ({"website": None}, "honeypot field absent: website"),
        (
            {"honeypot_field_name": "comment_author", "website": None},
            "honeypot takes the name of a parameter: comment_author",
        ),
        ({"honeypot_field_name": None}, "unknown parameter: website"),
    ],
)
def test_check_with_one_thing_wrong(
    standin: Standin, http: httpx.Client, changes: dict[str, Any], problem: str
) -> None:
    check(http, **changes)
    assert last(standin).problems == [problem]


@pytest.mark.parametrize(
    "changes",
    [
        {"comment_author_url": "not quite a website"},
        {"user_ip": "2001:db8::7"},
        {"comment_date_gmt": "2026-11-22T10:00:00Z"},
        {"comment_context[]": None, "comment_context[0]": "afon", "comment_context[1]": "natur"},
        {"website": "filled in by a robot"},
    ],
)
def test_check_with_unusual_but_right_values(
    standin: Standin, http: httpx.Client, changes: dict[str, Any]
) -> None:
    check(http, **changes)
    assert last(standin).problems == []


def test_request_with_everything_around_it_wrong(standin: Standin, http: httpx.Client) -> None:
    form = b"api_key=standin-key0&blog=https://blog.example/&user_ip=203.0.113.7&comment_author=%e9"
    headers = {"User-Agent": "", "Host": "standin-key0.localhost", "Content-Type": "text/plain"}
    http.post("/1.1/comment-check?api_key=standin-key0", content=form, headers=headers)
    assert last(standin).problems == [
        "bad UTF-8: comment_author",
        "content type: text/plain",
        "no User-Agent",
        "key in URL",
        "key in host name",
    ]


def test_request_to_the_wrong_place(standin: Standin, http: httpx.Client) -> None:
    assert http.post("/1.1/check-comment").status_code == 404
    assert last(standin).problems == ["unknown path: /1.1/check-comment"]
    assert http.get("/1.1/verify-key", params={"blog": SITE}).text == "invalid"
    assert "method: version 1.1 takes POST only" in last(standin).problems


# Faults


def test_hang_ends_in_the_clients_time_out(standin: Standin, http: httpx.Client) -> None:
    standin.fault = "hang"
    with pytest.raises(httpx.ReadTimeout):
        http.post("/1.1/comment-check", data=COMMENT, timeout=0.05)
    standin.wait_until_idle()
    assert (last(standin).answer, last(standin).abandoned) == (None, True)


def test_hang_is_answered_when_released(standin: Standin, http: httpx.Client) -> None:
    standin.behave("hang", calls=1)
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(check, http)
        standin.wait_for_calls(1)
        assert check(http, comment_content="The next one") == "false"
        assert not hanging.done()
        standin.release()
        assert hanging.result() == "false"


def test_stop_ends_hanging_and_idle_connections(standin: Standin, http: httpx.Client) -> None:
    check(http)
    standin.fault = "hang"
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(check, http)
        standin.wait_for_calls(2)
        begun = time.monotonic()
        standin.stop()
        assert time.monotonic() - begun < 1
        with pytest.raises(httpx.RemoteProtocolError):
            hanging.result()
    with pytest.raises(httpx.ConnectError):
        check(http)
    standin.behave()
    standin.start()
    assert check(http) == "false"
    assert len(standin.calls) == 3


@pytest.mark.parametrize("name", ["drip", "drip_headers"])
def test_drip_gets_past_a_time_out_for_each_read(
    standin: Standin, http: httpx.Client, name: str
) -> None:
    check(http)
    standin.behave(name, seconds=0.002)
    begun = time.monotonic()
    response = http.post("/1.1/comment-check", data=COMMENT | {"api_key": standin.key}, timeout=1)
    taken = time.monotonic() - begun
    assert response.text == "false"
    assert taken > 0.002 * (4 if name == "drip" else 100)


def test_drip_ends_when_the_client_leaves(standin: Standin, http: httpx.Client) -> None:
    standin.behave("drip", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/1.1/comment-check", data=COMMENT, timeout=0.05)
    standin.wait_until_idle(timeout=2)
    assert last(standin).abandoned


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("reset", httpx.ReadError),
        ("close", httpx.RemoteProtocolError),
        ("cut", httpx.RemoteProtocolError),
    ],
)
def test_broken_connection(
    standin: Standin, http: httpx.Client, name: str, error: type[Exception]
) -> None:
    standin.behave(name, calls=1)
    with pytest.raises(error):
        check(http)
    assert (last(standin).answer, last(standin).fault) == (None, name)
    assert check(http) == "false"


def test_slow_is_right_but_late(standin: Standin, http: httpx.Client) -> None:
    standin.behave("slow", seconds=0.05)
    begun = time.monotonic()
    assert check(http, comment_author="akismet-guaranteed-spam") == "true"
    assert time.monotonic() - begun >= 0.05


@pytest.mark.parametrize(
    ("name", "status", "body", "headers"),
    [
        ("empty", 200, b"", {}),
        ("garbage", 200, b"\x00\xff\xfetrue\xc3(", {}),
        ("redirect", 302, b"", {"Location": "/moved"}),
        ("500", 500, b"", {}),
        ("502", 502, b"", {}),
        ("invalid", 200, b"invalid", {}),
        ("newline", 200, b"false\n", {}),
        ("discard", 200, b"true", {"X-akismet-pro-tip": "discard"}),
        ("recheck_after", 200, b"false", {"X-akismet-recheck-after": "120"}),
        (
            "suspended",
            200,
            b"false",
            {"X-akismet-error": "suspended", "X-akismet-alert-code": "10402"},
        ),
        (
            "throttled",
            200,
            b"false",
            {"X-akismet-error": "throttled", "X-akismet-alert-code": "10508"},
        ),
    ],
)
def test_wrong_answer(
    standin: Standin,
    http: httpx.Client,
    name: str,
    status: int,
    body: bytes,
    headers: dict[str, str],
) -> None:
    standin.fault = name
    response = post(http, "comment-check")
    assert (response.status_code, response.content) == (status, body)
    assert {header: response.headers.get(header) for header in headers} == headers
    assert (last(standin).status, last(standin).fault) == (status, name)


def test_html_is_a_page(standin: Standin, http: httpx.Client) -> None:
    standin.fault = "html"
    response = post(http, "comment-check")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", ["429", "503"])
def test_retry_after_in_seconds_or_as_a_date(
    standin: Standin, http: httpx.Client, name: str
) -> None:
    when = datetime(2026, 11, 22, 10, tzinfo=UTC)
    standin.behave(name, retry_after=7, calls=1)
    standin.then(name, retry_after=when)
    first, second = post(http, "comment-check"), post(http, "comment-check")
    assert (first.status_code, first.headers["Retry-After"]) == (int(name), "7")
    assert email.utils.parsedate_to_datetime(second.headers["Retry-After"]) == when


def test_alert_comes_with_the_right_answer(standin: Standin, http: httpx.Client) -> None:
    standin.behave("alert", code=10501, message="Over your limit")
    response = post(http, "comment-check", comment_author="akismet-guaranteed-spam")
    assert response.text == "true"
    assert response.headers["X-akismet-alert-code"] == "10501"
    assert response.headers["X-akismet-alert-msg"] == "Over your limit"
    assert "X-akismet-error" not in response.headers


def test_recheck_after_is_said_once(standin: Standin, http: httpx.Client) -> None:
    standin.behave("recheck_after", seconds=3)
    assert post(http, "comment-check").headers["X-akismet-recheck-after"] == "3"
    again = post(http, "comment-check", recheck_reason="recheck")
    assert (again.text, again.headers.get("X-akismet-recheck-after")) == ("false", None)


def test_throttled_shows_in_usage_limit(standin: Standin, http: httpx.Client) -> None:
    standin.fault = "throttled"
    assert http.post("/1.2/usage-limit", data={"api_key": standin.key}).json()["throttled"] is True


def test_report_lost_to_a_fault_teaches_nothing(standin: Standin, http: httpx.Client) -> None:
    standin.behave("500", only="submit-spam")
    assert post(http, "submit-spam", is_test=None).status_code == 500
    assert check(http) == "false"


def test_fault_for_some_calls_only(standin: Standin, http: httpx.Client) -> None:
    standin.behave("500", only=["/1.1/submit-ham", "submit-spam"], calls=2)
    standin.then("invalid", only="verify-key")
    names = ["comment-check", "submit-spam", "submit-ham", "submit-ham", "verify-key"]
    answers = [post(http, name).status_code for name in names]
    assert answers == [200, 500, 500, 200, 200]
    assert last(standin).answer == "invalid"
    assert standin.fault is not None


def test_reset_makes_it_as_new(standin: Standin, http: httpx.Client) -> None:
    standin.key = "another-key0"
    standin.accept_undocumented = True
    standin.service.limit = 1
    standin.fault = "empty"
    assert check(http) == ""
    standin.reset()
    assert (standin.calls, standin.most_at_once, standin.fault) == ([], 0, None)
    assert (standin.key, standin.accept_undocumented) == ("standin-key0", False)
    assert standin.service.limit is None
    assert check(http) == "false"


def test_unknown_fault_is_an_error(standin: Standin) -> None:
    with pytest.raises(ValueError, match="no fault named 'hangs'; there are hang, slow"):
        standin.fault = "hangs"
    with pytest.raises(ValueError, match="no call named submit"):
        standin.behave("hang", only="submit")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hang", akismet.RequestError),
        ("reset", akismet.RequestError),
        ("close", akismet.RequestError),
        ("429", akismet.RequestError),
        ("redirect", akismet.RequestError),
        ("empty", akismet.ProtocolError),
        ("garbage", akismet.ProtocolError),
        ("html", akismet.ProtocolError),
        ("newline", akismet.ProtocolError),
        ("invalid", akismet.APIKeyError),
    ],
)
def test_akismet_package_meets_faults(standin: Standin, name: str, error: type[Exception]) -> None:
    standin.fault = name
    with httpx.Client(transport=AtStandin(standin), verify=TLS, timeout=0.2) as client:
        package = akismet.SyncClient(akismet.Config(standin.key, SITE), client)
        with pytest.raises(error):
            package.comment_check("203.0.113.7")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("suspended", akismet.CheckResponse.HAM),
        ("discard", akismet.CheckResponse.DISCARD),
        ("drip", akismet.CheckResponse.HAM),
    ],
)
def test_akismet_package_believes_the_body(
    standin: Standin, package: akismet.SyncClient, name: str, verdict: akismet.CheckResponse
) -> None:
    standin.behave(name, seconds=0.01)
    assert package.comment_check("203.0.113.7") is verdict


# Calls at the same time


def test_calls_at_once_are_counted(standin: Standin, http: httpx.Client) -> None:
    standin.fault = "hang"
    with ThreadPoolExecutor() as pool:
        texts = ["One", "Two", "Two", "Three"]
        asked = [pool.submit(check, http, comment_content=text) for text in texts]
        standin.wait_for_calls(4, only="comment-check")
        standin.release()
        assert [future.result() for future in asked] == ["false"] * 4
    assert standin.most_at_once == 4
    ((first, second),) = standin.asked_twice_at_once
    assert first.get("comment_content") == second.get("comment_content") == "Two"


def test_retry_after_a_time_out_is_not_at_once(standin: Standin, http: httpx.Client) -> None:
    standin.behave("hang", calls=1)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/1.1/comment-check", data=COMMENT, timeout=0.05)
    check(http)
    assert (standin.most_at_once, standin.asked_twice_at_once) == (1, [])


def test_calls_in_turn_are_not_at_once(standin: Standin, http: httpx.Client) -> None:
    for _ in range(50):
        check(http)
    assert (standin.most_at_once, standin.asked_twice_at_once) == (1, [])


def test_wait_for_calls_gives_up(standin: Standin) -> None:
    with pytest.raises(TimeoutError, match="0 calls arrived"):
        standin.wait_for_calls(1, timeout=0.01)


# From another process


def test_control_switches_faults(standin: Standin, http: httpx.Client) -> None:
    order = {"fault": "503", "calls": 1, "only": ["comment-check"], "retry_after": 5}
    state = http.post("/_control", json=order).json()
    assert state["faults"] == [{"name": "503", "calls": 1}]
    http.post("/_control", json={"fault": "empty", "then": True})
    assert post(http, "comment-check").headers["Retry-After"] == "5"
    assert check(http) == ""
    http.post("/_control", json={"fault": None})
    assert check(http) == "false"
    http.post("/_control", json={"reset": True, "key": "another-key0"})
    assert check(http) == "invalid"
    assert len(standin.calls) == 1


@pytest.mark.parametrize(
    "order", ['{"fault": "hangs"}', '{"falt": "hang"}', "{", "[]", '{"fault":"hang","x":1}']
)
def test_control_refuses_nonsense(standin: Standin, http: httpx.Client, order: str) -> None:
    response = http.post("/_control", content=order)
    assert response.status_code == 400
    assert response.json()["error"]
    assert standin.fault is None


def test_log_tells_everything_about_a_call(http: httpx.Client) -> None:
    check(http, is_test="no")
    (entry,) = http.get("/_log").json()
    assert entry["path"] == "/1.1/comment-check"
    assert ["comment_author", "Nia"] in entry["parameters"]
    assert entry["problems"] == ["malformed is_test: 'no'"]
    assert (entry["answer"], entry["status"], entry["identical"]) == ("false", 200, None)
    assert datetime.fromisoformat(entry["wall"]).tzinfo is not None


def test_command_prints_address_and_variables() -> None:
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "tests.standin", "--fault", "invalid"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 5)[0]
            lines = [process.stdout.readline() for _ in range(4)]
            variables = dict(re.findall(r"export (\w+)=(\S+)", "".join(lines)))
            assert set(variables) == {"AKISMET_API_URL", "AKISMET_API_KEY"}
            url = variables["AKISMET_API_URL"]
            answer = httpx.post(f"{url}/1.1/verify-key", data={"key": "x"}, trust_env=False)
            assert answer.text == "invalid"
            assert len(json.loads(httpx.get(f"{url}/_log", trust_env=False).text)) == 1
        finally:
            process.terminate()
