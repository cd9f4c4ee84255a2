"""Pages made from a read replica, as far as it has come. (pagecache/replica.py)

The replica here is a copy that can be told from the original: its article has another title.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.processes import GUNICORN, Site, linux_only, own_database

pytestmark = [linux_only, pytest.mark.postgresql]
PATH = "/cy/5-camsyniad-cyfryngau-cymdeithasol/"
RETITLE = "UPDATE blog_article SET title = '{}' WHERE slug = '5-camsyniad-cyfryngau-cymdeithasol'"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A running site with a replica that is up to date."""
    with own_database() as database:
        assert database
        site = Site(tmp_path, database, DATABASE_REPLICA_URL=f"{database}_replica")
        done = site.manage("prepare")
        assert done.returncode == 0, done.stderr
        name = urlsplit(database).path[1:]
        in_charge(database, f'CREATE DATABASE "{name}_replica" TEMPLATE "{name}"')
        try:
            with psycopg.connect(f"{database}_replica", autocommit=True) as replica:
                replica.execute("DROP FUNCTION edition_blog_article_update CASCADE")
                replica.execute(RETITLE.format("O’r copi").encode())
            site.serve(*GUNICORN)
            yield site
        finally:
            site.kill()
            in_charge(database, f'DROP DATABASE IF EXISTS "{name}_replica" WITH (FORCE)')


def in_charge(database: str, statement: str) -> None:
    server = urlunsplit(urlsplit(database)._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_page_is_made_from_the_replica_only_while_it_shows_what_is_out(site: Site) -> None:
    assert "<h1>O’r copi</h1>" in site.page(PATH)
    site.execute(RETITLE.format("Newydd"))
    assert "<h1>Newydd</h1>" in site.page(PATH), "the replica lags behind"
    site.execute(RETITLE.format("Newydd eto"))
    assert "<h1>Newydd eto</h1>" in site.page(PATH)


def test_replica_that_is_gone_is_done_without(site: Site) -> None:
    assert site.database
    name = urlsplit(site.database).path[1:]
    assert "<h1>O’r copi</h1>" in site.page(PATH)
    in_charge(site.database, f'DROP DATABASE "{name}_replica" WITH (FORCE)')
    site.execute(RETITLE.format("Newydd"))
    assert "<h1>Newydd</h1>" in site.page(PATH)


def test_comments_go_to_the_primary(site: Site) -> None:
    body = "I’r gronfa ddata gyntaf."
    status = site.post(f"{PATH}comments/", name="Rhys", email="rhys@example.com", body=body)
    assert status == 303
    assert (body,) in site.rows("SELECT body FROM comments_comment")
