"""Published pages, answered before Django is troubled: a WSGI application around Django's.

A page is the same for everybody, so it is made once in an edition of the site and then sent to
whoever asks. Which edition is out is asked of the database at each request (editions.py): no page
is ever out of date, in no process and on no machine.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, get_script_name
from django.core.signals import request_started
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils.http import http_date, parse_etags, parse_http_date_safe

from . import editions, replica, store
from .store import Page

logger = logging.getLogger(__name__)

type Environ = dict[str, Any]
type StartResponse = Callable[..., Any]

CONDITIONS = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE"}
# What makes an answer one for a single reader, or for a single moment.
PERSONAL = ("Set-Cookie", "Vary", "Cache-Control")
# The only queries that lead to a page of its own: those of a list's first pages. Whatever is asked
# for, there are not many more pages to keep than there are addresses.
QUERY = re.compile(r"(?:page=(?:[1-9]|1\d|20))?")
# What other sites append to our addresses to follow their readers. No page of ours looks at it.
TRACKING = re.compile(
    r"(?:utm_\w+|mtm_\w+|pk_\w+|hsa_\w+|_hs\w+|mc_[ce]id|[a-z]{1,4}clid|gbraid|wbraid|igshid?|si"
    r"|li_fat_id|srsltid|vero_\w+|oly_\w+)(?:=[^&]*)?"
)


SESSION = re.compile(rf"(?:^|;\s*){re.escape(settings.SESSION_COOKIE_NAME)}=")


class PageCache:
    """What it does not answer itself, Django does, as if nothing stood between.

    Left to Django: all but GET and HEAD, all but pages in a language, people who are logged in
    (they see drafts), and everything while the database does not answer.
    """

    def __init__(self, handler: WSGIHandler) -> None:
        self.handler = handler
        editions.build()  # of the code that is loaded, not of what will lie on disk later

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        address = address_of(environ)
        if address is None:
            return self.handler(environ, start_response)
        moment = time.time()  # before it is known what is out, so that it is not after its end
        try:
            edition = editions.current()
            if edition is None:
                return self.handler(environ, start_response)
            found = store.find(edition.name, address) or self.make(edition.name, address, environ)
        except DatabaseError:
            connections[DEFAULT_DB_ALIAS].close()
            return self.handler(environ, start_response)
        if isinstance(found, Page):
            return send(found, last_modified(edition.name, moment), environ, start_response)
        return pass_on(found, environ, start_response)

    def make(self, edition: str, address: str, environ: Environ) -> Page | HttpResponseBase:
        """Have Django make the page, once however many ask for it."""
        try:
            with store.making(edition, address) as is_ours:
                if found := store.find(edition, address):  # somebody else was quicker
                    return found
                if is_ours:
                    return self.made(edition, address, environ)
        except OSError:  # no room for a lock
            logger.warning("Pages may be made more than once: there is no room for a lock.")
        return self.made(edition, address, environ)

    def made(self, edition: str, address: str, environ: Environ) -> Page | HttpResponseBase:
        as_of, response = self.ask_django(edition, environ)
        if not is_for_everybody(response):
            return response
        headers = [pair for pair in response.items() if pair[0] != "Content-Length"]
        page = Page.of(headers, b"".join(response))
        store.keep(as_of, address, page)
        return page

    def ask_django(self, edition: str, environ: Environ) -> tuple[str, HttpResponseBase]:
        """Django's answer, and the edition it shows: `edition`, or by now perhaps the next."""
        plain = {name: environ[name] for name in environ if name not in CONDITIONS}
        plain["REQUEST_METHOD"] = "GET"
        plain["QUERY_STRING"] = without_tracking(environ.get("QUERY_STRING", ""))
        # As Django's own handler does, but for the moments at which connections are closed: before
        # and after the time in which all is read, not within it.
        set_script_prefix(get_script_name(plain))
        request_started.send(sender=type(self), environ=plain)
        with replica.reading(edition) as as_of:
            response = self.handler.get_response(self.handler.request_class(plain))
        response.close()
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and replica.was_to_blame():
            return self.ask_django(edition, environ)
        return as_of, response


def address_of(environ: Environ) -> str | None:
    """The path, with its query where that is part of it; None for what is not ours to answer."""
    path, query = environ.get("PATH_INFO", ""), without_tracking(environ.get("QUERY_STRING", ""))
    if (
        environ["REQUEST_METHOD"] not in {"GET", "HEAD"}
        or not path.startswith(prefixes())
        or not path.endswith("/")
        or not QUERY.fullmatch(query)
        or SESSION.search(environ.get("HTTP_COOKIE", ""))
        or (settings.SECURE_SSL_REDIRECT and environ["wsgi.url_scheme"] != "https")
        or not is_our_name(environ.get("HTTP_HOST", ""))
    ):
        return None
    try:
        path = path.encode("latin-1").decode()
    except UnicodeError:
        return None
    return f"{path}?{query}" if query else path


def without_tracking(query: str) -> str:
    return "&".join(part for part in query.split("&") if not TRACKING.fullmatch(part))


@lru_cache(maxsize=1)
def prefixes() -> tuple[str, ...]:
    return tuple(f"/{code}/" for code, _name in settings.LANGUAGES)


@lru_cache(maxsize=64)
def is_our_name(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def is_for_everybody(response: HttpResponseBase) -> bool:
    """Whether anybody may be sent it: a page that was found, with nothing personal about it."""
    return (
        response.status_code == HTTPStatus.OK
        and not response.cookies
        and not any(response.has_header(name) for name in PERSONAL)
    )


def pass_on(
    response: HttpResponseBase, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    cookies = [("Set-Cookie", one.OutputString()) for one in response.cookies.values()]
    status = f"{response.status_code} {response.reason_phrase}"
    start_response(status, [*response.items(), *cookies])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"".join(response)]


def send(
    page: Page, dated: tuple[int, bool], environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """The page, packed as well as the browser can unpack it, or only that it has not changed."""
    modified, is_settled = dated
    headers = [
        ("ETag", page.etag),
        ("Last-Modified", http_date(modified)),
        # Kept by browsers, but never used without asking.
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept-Encoding"),
    ]
    if is_known(environ, page.etag, modified if is_settled else None):
        start_response("304 Not Modified", headers)
        return []
    encoding = encoding_for(environ.get("HTTP_ACCEPT_ENCODING", ""))
    body = page.bodies[encoding]
    headers += [*page.headers, ("Content-Length", str(len(body)))]
    if encoding:
        headers.append(("Content-Encoding", encoding))
    start_response("200 OK", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def last_modified(edition: str, moment: float) -> tuple[int, bool]:
    """The second of the page's last change, and whether that had come at `moment`.

    Until then the second before is told, and no reader's date proves anything (store.stamp).
    """
    try:
        second = store.stamp(edition)
    except OSError:  # nothing can be kept here, not even that
        second = int(moment) + 1
    return (second, True) if second <= moment else (int(moment), False)


def is_known(environ: Environ, etag: str, modified: int | None) -> bool:
    """Whether the reader has this very page already, by RFC 9110, 13.2.2."""
    if tags := environ.get("HTTP_IF_NONE_MATCH"):
        known = parse_etags(tags)
        return "*" in known or etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in known}
    if modified is None or not (since := environ.get("HTTP_IF_MODIFIED_SINCE")):
        return False
    # That very second, as each stands for one edition.
    return parse_http_date_safe(since) == modified


@lru_cache(maxsize=256)
def encoding_for(accepted: str) -> str:
    """The one that packs best of those an Accept-Encoding header takes."""
    weights = {}
    for choice in accepted.lower().split(","):
        name, _semicolon, parameters = choice.strip().partition(";")
        weight = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", parameters)
        weights[name.strip()] = float(weight[1]) if weight else 1.0
    return next((name for name in ("br", "gzip") if weights.get(name, weights.get("*", 0))), "")
