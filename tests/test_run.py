"""The commands as an owner runs them: real processes, a free port and a folder of their own."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import environment
from tests.processes import MANAGE, PATIENCE, ROOT, Site, linux_only, own_database, until

BAD = [
    ("DEBUG", "maybe"),
    ("PORT", "http"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("SITE_URL", "blog.example"),
    ("SITE_URL", "https://blog.example/welsh"),
    ("SITE_URL", "https://blog.example:port"),
    ("SECURITY_CONTACT", "the owner"),
    ("SECURITY_CONTACT", "http://blog.example/contact"),
    ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
    ("DATA_DIR", "/proc/nowhere"),
    ("DATABASE_URL", "mysql://sgwrs:hunter2@localhost/sgwrs"),
    ("DATABASE_URL", "sgwrs:hunter2@localhost"),
    ("DATABASE_URL", "postgres://sgwrs:hunter2@localhost:port/sgwrs"),
    ("DATABASE_REPLICA_URL", "sqlite:///replica"),
    ("DATABASE_REPLICA_URL", "postgres://sgwrs:hunter2@localhost/sgwrs"),
    ("DATABASE_REPLICA_URL", "sgwrs:hunter2@localhost"),
    ("PAGE_EXPORT", "maybe"),
    ("CACHE_URL", "carrier-pigeon://:hunter2@localhost"),
    ("EMAIL_URL", "imap://sgwrs:hunter2@localhost"),
    ("EMAIL_URL", "smtp://sgwrs:hunter2@localhost:port"),
    ("EMAIL_URL", "smtp://sgwrs:hunter2@localhost?timeout=soon"),
    ("WEB_WORKERS", "0"),
    ("WEB_WORKERS", "two"),
    ("AKISMET_API_URL", "rest.akismet.com"),
    ("AKISMET_TIMEOUT", "soon"),
    ("AKISMET_TIMEOUT", "0"),
    ("AKISMET_TIMEOUT", "nan"),
    ("AKISMET_RETRY_FIRST", "-1"),
    ("AKISMET_RETRY_MAX", "0"),
    ("COMMENT_RATE", "lots"),
    ("COMMENT_RATE", "0/m"),
]
ANYTHING_GOES = {"ALLOWED_HOSTS", "AKISMET_API_KEY", "SECRET_KEY"}
SAID_LATER = {"HOST"}


@pytest.fixture
def database() -> Iterator[str | None]:
    with own_database() as database:
        yield database


@pytest.fixture
def site(tmp_path: Path, database: str | None) -> Iterator[Site]:
    site = Site(tmp_path, database)
    yield site
    site.kill()


@pytest.fixture
def running(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    serve = site.start()
    until(lambda: "Sgwrs is at" in site.output() or serve.poll() is not None)
    assert serve.poll() is None, site.output()
    yield serve
    if serve.poll() is None:
        serve.kill()
    serve.wait(PATIENCE)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_value_is_one_sentence_that_names_the_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    done = Site(tmp_path, None).manage("check", **{name: value})
    said = done.stderr.strip()
    assert (done.returncode, said.count("\n"), done.stdout) == (1, 0, ""), done.stderr
    assert name in said
    assert "hunter2" not in said


def test_address_of_a_contact_is_one_that_programs_can_follow() -> None:
    for written, followed in {
        "": "",
        "owain@blog.example": "mailto:owain@blog.example",
        "mailto:owain@blog.example": "mailto:owain@blog.example",
        "https://blog.example/contact": "https://blog.example/contact",
    }.items():
        assert environment.contact(written) == followed


def test_every_variable_has_a_bad_value_or_takes_any_text() -> None:
    source = (ROOT / "config" / "environment.py").read_text()
    names = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source))
    assert names == {name for name, _ in BAD} | ANYTHING_GOES | SAID_LATER


def test_unknown_host_is_one_sentence(site: Site) -> None:
    done = site.manage("serve", HOST="no such host")
    assert done.returncode == 1
    assert re.fullmatch(r"CommandError: HOST and PORT: .+\n", done.stderr), done.stderr


def test_taken_port_is_one_sentence(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        done = site.manage("serve", "--prepare")
    assert done.returncode == 1
    assert re.fullmatch(r"CommandError: HOST and PORT: .+\n", done.stderr), done.stderr
    assert not (site.folder / "sgwrs.sqlite3").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgres://sgwrs:hunter2@127.0.0.1:1/sgwrs",
        "postgres://sgwrs:hunter2@127.0.0.1:1/sgwrs?host=hunter2",
        "sqlite:////proc/nowhere/sgwrs.sqlite3",
    ],
)
def test_unreachable_database_is_one_sentence_without_the_password(
    tmp_path: Path, url: str
) -> None:
    done = Site(tmp_path, url).manage("prepare")
    assert done.returncode == 1
    assert re.fullmatch(r"CommandError: DATABASE_URL: .+\n", done.stderr), done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("DJANGO_SUPERUSER_USERNAME", "two words"), ("DJANGO_SUPERUSER_EMAIL", "nowhere")],
)
def test_bad_moderator_is_one_sentence_that_names_the_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    done = Site(tmp_path, None).manage("prepare", **{name: value})
    assert done.returncode == 1
    assert re.fullmatch(rf"CommandError: {name}: .+\n", done.stderr), done.stderr


def test_password_is_invented_once(site: Site) -> None:
    first, second = site.manage("prepare"), site.manage("prepare")
    found = re.search(r"You moderate as moderator, password (\S+) ", first.stdout)
    assert found, first.stderr
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert site.shell(
        "from django.contrib.auth.models import User;"
        f"print(User.objects.get(is_superuser=True).check_password({found[1]!r}))"
    ) == ("True")


def test_moderator_is_who_the_environment_says(site: Site) -> None:
    weak = {"DJANGO_SUPERUSER_USERNAME": "mair", "DJANGO_SUPERUSER_PASSWORD": "mair"}
    first = site.manage("prepare", **weak)
    assert first.returncode == 0, first.stderr
    assert "You moderate as mair, with the password you gave." in first.stdout
    changed = site.manage("prepare", **weak | {"DJANGO_SUPERUSER_PASSWORD": "something else"})
    assert changed.stdout == ""
    assert site.shell(
        "from django.contrib.auth.models import User;"
        "print([(u.username, u.check_password('mair'))"
        " for u in User.objects.filter(is_superuser=True)])"
    ) == str([("mair", True)])


@pytest.mark.postgresql
def test_machines_that_start_together_prepare_once(site: Site) -> None:
    together = [site.start(*MANAGE, "prepare") for _ in range(3)]
    assert [one.wait(PATIENCE) for one in together] == [0, 0, 0], site.output()
    assert site.output().count("You moderate as") == 1


def test_second_start_keeps_all_data(site: Site) -> None:
    count = (
        "from blog.models import Article; from comments.models import Comment;"
        "print([Article.objects.count(), Comment.objects.count()])"
    )
    site.manage("prepare")
    articles, comments = json.loads(site.shell(count))
    assert articles
    assert comments
    site.shell(
        "from comments.models import *; from django.db.models import *;"
        "c = Comment.objects.filter(replies=None).last();"
        "Decision.objects.filter(comment=c).delete(); c.delete()"
    )
    site.manage("prepare")
    assert json.loads(site.shell(count)) == [articles, comments - 1]


def test_emptied_site_stays_empty(site: Site) -> None:
    """Whoever deleted the sample, which the admin notes down, does not want it back."""
    site.manage("prepare")
    site.shell(
        "from blog.models import Article; from comments.models import Comment;"
        "from django.contrib.admin.models import LogEntry;"
        "from django.contrib.auth.models import User;"
        "Comment.objects.all().delete();"
        "owner = User.objects.get(is_superuser=True).pk;"
        "LogEntry.objects.log_actions(owner, Article.objects.all(), 3);"
        "Article.objects.all().delete()"
    )
    site.manage("prepare")
    assert site.shell("from blog.models import Article; print(Article.objects.count())") == "0"


@linux_only
def test_serve_answers_and_stops_cleanly(site: Site, running: subprocess.Popen[bytes]) -> None:
    assert f"Sgwrs is at http://127.0.0.1:{site.port}" in site.output()
    assert site.status("/healthz") == 200
    assert site.named("web server")
    assert site.named("task worker")
    running.terminate()
    assert running.wait(PATIENCE) == 0
    assert site.processes() == {}
    assert "Traceback" not in site.output()


@linux_only
@pytest.mark.parametrize("name", ["task worker", "web server"])
def test_one_that_dies_takes_the_other_along(
    site: Site, running: subprocess.Popen[bytes], name: str
) -> None:
    os.kill(site.named(name)[0], signal.SIGKILL)
    assert running.wait(PATIENCE) == 1
    assert f"The {name} ended by itself" in site.output()
    assert until(lambda: not site.processes())


@linux_only
def test_killed_serve_leaves_nothing(site: Site, running: subprocess.Popen[bytes]) -> None:
    running.kill()
    assert until(lambda: not site.processes())


@linux_only
def test_killed_make_leaves_nothing(site: Site) -> None:
    """What `make run` starts, with the files it would make first taken for made."""
    made = [".venv/.requirements", "staticfiles/staticfiles.json"]
    make = site.start(
        "make", "run", f"MANAGE={' '.join(MANAGE)}", *(f"--old-file={name}" for name in made)
    )
    until(lambda: "Sgwrs is at" in site.output() or make.poll() is not None)
    assert make.poll() is None, site.output()
    make.kill()
    make.wait(PATIENCE)
    assert until(lambda: not site.processes())


def test_secret_key_is_made_once_for_its_owner_only(site: Site) -> None:
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    first = site.shell(code)
    assert stat.S_IMODE((site.folder / "secret_key").stat().st_mode) == 0o600
    assert len(first) >= 50
    assert site.shell(code) == first


def test_debug_is_off_unless_asked_for(site: Site) -> None:
    assert site.shell("from django.conf import settings; print(settings.DEBUG)") == "False"


def test_production_passes_the_deployment_check(site: Site) -> None:
    done = site.manage(
        "check",
        "--deploy",
        "--fail-level=WARNING",
        SITE_URL="https://blog.example",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
