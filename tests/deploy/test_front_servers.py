"""nginx and Caddy, each with the file an owner takes from deploy/, in front of a running Sgwrs."""

import http.client
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.processes import (
    GUNICORN,
    PATIENCE,
    ROOT,
    Site,
    free_port,
    own_database,
    until,
)

VISITOR = "127.0.0.9"  # not the address of the front server, so that the two can be told apart
KINDS = [
    pytest.param("nginx", marks=pytest.mark.nginx),
    pytest.param("caddy", marks=pytest.mark.caddy),
]
PAGE = "/cy/5-camsyniad-cyfryngau-cymdeithasol/"
BY_HAND = "../by-hand"  # Sgwrs tidies what lies beside `current`
SAYS = {"": b"kept as it is", "gzip": b"kept by gzip", "br": b"kept by brotli"}
SUFFIX = {"": "", "gzip": ".gz", "br": ".br"}
BY_WHOEVER_SENDS = {
    *("server", "date", "connection", "keep-alive", "alt-svc", "accept-ranges"),
    *("content-length", "transfer-encoding"),
}
PACKING = BY_WHOEVER_SENDS | {"vary"}
ABOUT_THE_FILE = {"etag", "last-modified", "cache-control", "vary", "content-language"}


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes

    @property
    def is_kept(self) -> bool:
        return self.body in SAYS.values()

    def say(self, but: set[str] = BY_WHOEVER_SENDS) -> list[tuple[str, str]]:
        said = ((name.lower(), value) for name, value in self.headers.items())
        return sorted(one for one in said if one[0] not in but)

    @property
    def varies(self) -> set[str]:
        return {one.strip() for one in ",".join(self.headers.get_all("Vary", [])).split(",")}

    def is_that_of(self, sgwrs: "Answer") -> bool:
        """The same, but that the front server may pack it."""
        assert (self.status, self.body) == (sgwrs.status, sgwrs.body)
        assert self.say(PACKING) == sgwrs.say(PACKING)
        return sgwrs.varies <= self.varies | {""}


class Front:
    """A front server with its own copy of the file, in which names and ports are exchanged."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self.site: Site
        self.process: subprocess.Popen[bytes] | None = None

    def file(self, name: str, *exchange: tuple[str, str]) -> str:
        text = (ROOT / "deploy" / name).read_text()
        for old, new in (
            ("/var/lib/sgwrs", str(self.site.folder)),
            ("/opt/sgwrs", str(ROOT)),
            *exchange,
        ):
            assert old in text, f"{name} no longer says {old}"
            text = text.replace(old, new)
        return text

    def nginx(self) -> list[str]:
        here = self.folder
        site = self.file(
            "nginx.conf",
            ("127.0.0.1:8000", f"127.0.0.1:{self.site.port}"),
            ("blog.example", "localhost"),
            ("/etc/letsencrypt/live/localhost", str(here)),
            ("/var/log/nginx", str(here)),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            ("listen [::]:80;", ""),
            ("listen 443 ", f"listen 127.0.0.1:{self.port} "),
            ("listen [::]:443 ssl http2;", ""),
        )
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        # As Debian's, as far as it has a say in this.
        (here / "nginx.conf").write_text(
            f"""{"user root;" if os.geteuid() == 0 else ""}
            daemon off; pid {here}/pid; error_log {here}/error.log;
            include /etc/nginx/modules-enabled/*.conf;
            events {{}}
            http {{
                {" ".join(f"{kind}_temp_path {here}/{kind};" for kind in kinds)}
                include /etc/nginx/mime.types; default_type application/octet-stream;
                sendfile on; gzip on; access_log {here}/access.log;
                {site}
            }}"""
        )
        return ["nginx", "-e", "stderr", "-c", str(here / "nginx.conf")]

    def caddy(self) -> list[str]:
        certificate = f"tls {self.folder}/fullchain.pem {self.folder}/privkey.pem"
        ours = f"admin off\n http_port {self.plain_port}\n skip_install_trust\n servers {{"
        file = self.folder / "Caddyfile"
        file.write_text(
            self.file(
                "Caddyfile",
                ("{$SITE_HOST:blog.example} {", f"{{$SITE_HOST}} {{\n {certificate}"),
                ("\tservers {", ours),
            )
        )
        return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]

    def start(self) -> None:
        make_certificate(self.folder)
        self.trust = ssl.create_default_context(cafile=self.folder / "fullchain.pem")
        command = self.nginx() if self.kind == "nginx" else self.caddy()
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=output, stderr=output, env=self.environment()
            )
        until(self.is_up)

    def environment(self) -> dict[str, str]:
        home = str(self.folder)
        site = {
            "SITE_HOST": f"https://localhost:{self.port}",
            "WEB": f"127.0.0.1:{self.site.port}",
        }
        return {"PATH": os.environ["PATH"], "HOME": home, "XDG_DATA_HOME": home} | site

    def is_up(self) -> bool:
        has_ended = self.process is None or self.process.poll() is not None
        assert not has_ended, (self.folder / "output").read_text()
        try:
            return self.ask("/healthz").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def ask(
        self, path: str, method: str = "GET", body: str | bytes | None = None, **headers: str
    ) -> Answer:
        """What a visitor gets. `Accept_Encoding=…` is the header of that name."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(
            http.client.HTTPSConnection(
                "localhost",
                self.port,
                timeout=PATIENCE,
                source_address=(VISITOR, 0),
                context=self.trust,
            ),
            path,
            method,
            body,
            sent,
        )

    def logs(self) -> str:
        return "".join(
            file.read_text(errors="replace")
            for file in self.folder.iterdir()
            if file.name.endswith(("log", "output"))
        )


def ask(
    connection: http.client.HTTPConnection,
    path: str,
    method: str = "GET",
    body: str | bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    with closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *[
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ],
            *["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
            *("-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"),
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )


@contextmanager
def running(kind: str, folder: Path, **environment: str) -> Iterator[Front]:
    """A front server with Sgwrs behind it; the address is https, as everybody's is."""
    front = Front(kind, folder / "front")
    site = folder / "site"
    for new in (front.folder, site):
        new.mkdir()
    environment |= {"SITE_URL": f"https://localhost:{front.port}", "COMMENT_RATE": ""}
    with own_database() as database:
        front.site = Site(site, database, WEB_WORKERS="1", **environment)
        done = front.site.manage("prepare")
        assert done.returncode == 0, done.stderr
        try:
            front.site.serve(*GUNICORN)
            front.start()
            yield front
        finally:
            front.stop()
            front.site.kill()


@pytest.fixture(scope="module", params=KINDS)
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as front:
        yield front


@pytest.fixture
def kept(front: Front) -> Iterator[Path]:
    """The folder of the kept files, with one page in it that says how it was sent."""
    pages = front.site.folder / "pagecache"
    pages.mkdir(exist_ok=True)
    keep(pages / BY_HAND / "first")
    current = pages / "current"
    current.symlink_to(f"{BY_HAND}/first")
    yield current
    current.unlink(missing_ok=True)
    shutil.rmtree(pages / BY_HAND)


def keep(folder: Path) -> None:
    page = folder / PAGE.strip("/")
    page.mkdir(parents=True)
    for encoding, text in SAYS.items():
        (page / f"index.html{SUFFIX[encoding]}").write_bytes(text)


def from_sgwrs(front: Front, path: str) -> Answer:
    """The same without a front server, for comparison."""
    connection = http.client.HTTPConnection("127.0.0.1", front.site.port, PATIENCE)
    spoken = {"Host": f"localhost:{front.port}", "X-Forwarded-Proto": "https"}
    return ask(connection, path, headers=spoken)


# Through to Sgwrs


@pytest.mark.parametrize("path", ["/cy/", PAGE, "/cy/dim-byd/", "/", "/cy", "/cy/?page=1"])
def test_pages_are_those_of_sgwrs(front: Front, path: str) -> None:
    assert front.ask(path).is_that_of(from_sgwrs(front, path))


def test_desk_can_be_signed_in_to(front: Front) -> None:
    front.site.shell(
        "from django.contrib.auth.models import User;"
        "User.objects.filter(username='mared').delete();"
        "User.objects.create_superuser('mared', password='x')"
    )
    page = front.ask("/admin/login/")
    [token] = re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    fields = {"username": "mared", "password": "x", "csrfmiddlewaretoken": token.decode()}
    done = front.ask(
        "/admin/login/?next=/admin/",
        "POST",
        urlencode(fields),
        Content_Type="application/x-www-form-urlencoded",
        Cookie=page.headers["Set-Cookie"].partition(";")[0],
        Origin=f"https://localhost:{front.port}",
        Referer=f"https://localhost:{front.port}/admin/login/",
    )
    assert (done.status, done.headers["Location"]) == (302, "/admin/")
    assert "sessionid=" in "".join(done.headers.get_all("Set-Cookie", []))


def test_comment_is_stored_with_the_visitors_own_address(front: Front) -> None:
    """Whatever they claim to be, in whichever header."""
    body = "Sylw o bell."
    done = front.ask(
        f"{PAGE}comments/",
        "POST",
        urlencode({"name": "Rhys", "email": "rhys@example.com", "body": body}),
        Content_Type="application/x-www-form-urlencoded",
        Origin=f"https://localhost:{front.port}",
        X_Forwarded_For="198.51.100.1",
        X_Real_IP="198.51.100.2",
        Forwarded="for=198.51.100.3",
    )
    assert done.status == 303
    query = f"SELECT user_ip FROM comments_comment WHERE body = '{body}'"  # noqa: S608
    [(address,)] = front.site.rows(query)
    assert str(address).removesuffix("/32") == VISITOR


def test_no_header_moves_the_site_to_another_path(front: Front) -> None:
    """gunicorn takes SCRIPT_NAME from a proxy, and Caddy passes it on from anybody."""
    with closing(
        http.client.HTTPSConnection("localhost", front.port, context=front.trust)
    ) as connection:
        connection.request("GET", "/cy/cy/", headers={"SCRIPT_NAME": "/cy", "PATH_INFO": "/cy/"})
        assert connection.getresponse().status == 404


def test_too_much_is_refused(front: Front) -> None:
    form = "application/x-www-form-urlencoded"
    sent = b"body=" + b"x" * 21_000_000
    try:
        status = front.ask(f"{PAGE}comments/", "POST", sent, Content_Type=form).status
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        return  # hung up on, before all was sent
    assert status in {400, 413}


def test_doctor_is_answered(front: Front) -> None:
    assert (front.ask("/healthz").status, front.ask("/healthz").body) == (200, b"ok")
    ready = front.ask("/readyz")
    assert (ready.status, b'"worker": false' in ready.body) == (503, True)


def test_plain_http_is_sent_to_https(front: Front) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.plain_port, PATIENCE)
    answer = ask(connection, "/cy/?page=2", headers={"Host": "localhost"})
    assert answer.status in {301, 308}
    assert re.fullmatch(r"https://localhost(:\d+)?/cy/\?page=2", answer.headers["Location"])


# Files


@pytest.mark.parametrize("encoding", SUFFIX)
def test_static_file_may_be_kept_for_ever(front: Front, encoding: str) -> None:
    [path] = re.findall(rb'href="(/static/css/[^"]+)"', front.ask("/cy/").body)
    file = ROOT / "staticfiles" / path.decode().removeprefix("/static/")
    answer = front.ask(path.decode(), Accept_Encoding=encoding or "identity")
    assert answer.body == Path(f"{file}{SUFFIX[encoding]}").read_bytes()
    assert answer.headers.get("Content-Encoding", "") == encoding
    assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers.get_all("Vary") == ["Accept-Encoding"]
    again = front.ask(
        path.decode(),
        Accept_Encoding=encoding or "identity",
        If_None_Match=answer.headers["ETag"],
    )
    assert (again.status, again.body) == (304, b"")


def test_picture_is_a_picture_and_nothing_else(front: Front) -> None:
    file = front.site.folder / "media" / "pictures" / "bridge.jpg"
    answer = front.ask("/media/pictures/bridge.jpg")
    assert (answer.status, answer.body) == (200, file.read_bytes())
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers.get_all("Content-Security-Policy") == ["default-src 'none'; sandbox"]


def test_picture_named_by_its_content_is_kept_for_good(front: Front) -> None:
    folder = front.site.folder / "media" / "pictures"
    named = folder / "bridge-420.0123456789ab.jpg"
    named.write_bytes((folder / "bridge.jpg").read_bytes())
    for_good = "max-age=315360000, public, immutable"
    assert front.ask(f"/media/pictures/{named.name}").headers["Cache-Control"] == for_good
    assert from_sgwrs(front, f"/media/pictures/{named.name}").headers["Cache-Control"] == for_good
    assert front.ask("/media/pictures/bridge.jpg").headers["Cache-Control"] != for_good


@pytest.mark.parametrize(
    "path", ["/static/dim.css", "/media/dim.jpg", "/media/", "/media/pictures/"]
)
def test_file_that_is_not_there_is_sgwrs_to_answer(front: Front, path: str) -> None:
    assert front.ask(path).is_that_of(from_sgwrs(front, path))


@pytest.mark.parametrize(
    "path",
    [
        "/media/../secret_key",
        "/media/%2e%2e/secret_key",
        "/media/..%2fsecret_key",
        "/media//..//../secret_key",
        "/media../secret_key",
        "/static/../manage.py",
        "/static../manage.py",
        "/static/%2e%2e/manage.py",
        "/secret_key/../../secret_key",
        "/secret_key/",
    ],
)
def test_nothing_beside_the_folders_can_be_had(front: Front, path: str) -> None:
    answer = front.ask(path)
    assert answer.status in {301, 302, 400, 404}
    assert (front.site.folder / "secret_key").read_bytes() not in answer.body
    assert (ROOT / "manage.py").read_bytes() not in answer.body


# Kept pages


@pytest.mark.parametrize("encoding", SUFFIX)
def test_kept_page_is_sent_as_the_visitor_likes_it(front: Front, kept: Path, encoding: str) -> None:
    answer = front.ask(PAGE, Accept_Encoding=encoding or "identity")
    assert (answer.status, answer.body) == (200, SAYS[encoding])
    assert answer.headers.get("Content-Encoding", "") == encoding
    head = front.ask(PAGE, "HEAD", Accept_Encoding=encoding or "identity")
    assert (head.status, head.body, head.say()) == (200, b"", answer.say())


def test_kept_page_has_the_headers_of_sgwrs(front: Front, kept: Path) -> None:
    answer, direct = front.ask(PAGE), from_sgwrs(front, PAGE)
    without = BY_WHOEVER_SENDS | ABOUT_THE_FILE
    assert answer.is_kept
    assert answer.say(without) == direct.say(without)
    assert answer.headers.get_all("Cache-Control") == ["no-cache"]
    assert answer.headers.get_all("Vary") == ["Accept-Encoding"]
    assert answer.headers["ETag"]
    assert answer.headers["Last-Modified"]


@pytest.mark.parametrize("encoding", SUFFIX)
def test_kept_page_is_sent_again_only_if_it_is_another(
    front: Front, kept: Path, encoding: str
) -> None:
    likes = encoding or "identity"
    first = front.ask(PAGE, Accept_Encoding=likes)
    for condition in (
        {"If_None_Match": first.headers["ETag"]},
        {"If_Modified_Since": first.headers["Last-Modified"]},
    ):
        again = front.ask(PAGE, Accept_Encoding=likes, **condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers.get_all("Vary") == ["Accept-Encoding"]
    changed = b"quite another page"
    (kept / PAGE.strip("/") / f"index.html{SUFFIX[encoding]}").write_bytes(changed)
    after = front.ask(PAGE, Accept_Encoding=likes, If_None_Match=first.headers["ETag"])
    assert (after.status, after.body) == (200, changed)


def test_forms_of_a_page_do_not_share_a_tag(front: Front, kept: Path) -> None:
    forms = [front.ask(PAGE, Accept_Encoding=encoding or "identity") for encoding in SUFFIX]
    assert len({form.headers["ETag"] for form in forms}) == len(SUFFIX)


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        (f"{PAGE}?section=1", "GET", {}),
        (PAGE, "GET", {"Cookie": "sessionid=abc"}),
        (PAGE, "GET", {"Cookie": "csrftoken=abc; sessionid=abc"}),
        (PAGE, "GET", {"Cookie": "csrftoken=abc;sessionid=abc"}),
        (PAGE, "POST", {}),
        (PAGE, "OPTIONS", {}),
        (PAGE.rstrip("/"), "GET", {}),
        (f"/{PAGE}", "GET", {}),
        (PAGE.replace("/cy/", "/cy//"), "GET", {}),
        (f"{PAGE}index.html", "GET", {}),
    ],
)
def test_sgwrs_answers_all_but_plain_readers(
    front: Front, kept: Path, path: str, method: str, headers: dict[str, str]
) -> None:
    answer = front.ask(path, method, **headers)
    assert answer.status < 500
    assert not answer.is_kept


@pytest.mark.parametrize("cookie", ["csrftoken=abc", "oldsessionid=abc", "a=sessionid"])
def test_other_cookies_make_no_difference(front: Front, kept: Path, cookie: str) -> None:
    assert front.ask(PAGE, Cookie=cookie).is_kept


def test_sgwrs_answers_when_the_page_is_gone(front: Front, kept: Path) -> None:
    direct = from_sgwrs(front, PAGE)
    assert direct.status == 200

    assert front.ask(PAGE).is_kept
    (kept.parent / BY_HAND / "empty").mkdir()
    switch(kept, "empty")
    assert front.ask(PAGE).is_that_of(direct)
    switch(kept, "first")
    assert front.ask(PAGE).is_kept
    switch(kept, "nowhere")
    assert front.ask(PAGE).is_that_of(direct)
    kept.unlink()
    assert front.ask(PAGE).is_that_of(direct)


def test_nobody_notices_a_switch(front: Front, kept: Path) -> None:
    """Between looking for a file and opening it the file may go."""
    over = threading.Event()

    def again_and_again() -> None:
        while not over.is_set():
            (kept / PAGE.strip("/") / "index.html").unlink()
            kept.unlink()
            shutil.rmtree(kept.parent / BY_HAND / "first")
            keep(kept.parent / BY_HAND / "first")
            switch(kept, "first")
            time.sleep(0.001)  # or there would hardly ever be a file

    thread = threading.Thread(target=again_and_again)
    thread.start()
    try:
        answers = [front.ask(PAGE, Accept_Encoding="identity") for _ in range(300)]
    finally:
        over.set()
        thread.join()
    assert {answer.status for answer in answers} == {200}
    assert {answer.is_kept for answer in answers} == {True, False}
    for name in ("Content-Security-Policy", "X-Frame-Options", "Strict-Transport-Security"):
        assert {len(answer.headers.get_all(name, [])) for answer in answers} == {1}


def switch(link: Path, to: str) -> None:
    """Let `link` point elsewhere, in one step."""
    draft = link.with_name("draft")
    draft.symlink_to(f"{BY_HAND}/{to}")
    draft.rename(link)


@pytest.mark.parametrize("kind", KINDS)
def test_page_that_sgwrs_keeps_is_sent_until_it_changes(kind: str, tmp_path: Path) -> None:
    with running(kind, tmp_path, PAGE_EXPORT="yes") as front:
        file = front.site.folder / "pagecache" / "current" / PAGE.strip("/") / "index.html"
        front.ask(PAGE)
        until(file.exists)
        answer = front.ask(PAGE)
        assert answer.body == file.read_bytes()
        assert answer.headers["ETag"] != from_sgwrs(front, PAGE).headers["ETag"]
        front.site.shell(
            "from blog.models import Article;"
            "article = Article.objects.get(slug='5-camsyniad-cyfryngau-cymdeithasol');"
            "article.title = 'Teitl newydd'; article.save()"
        )
        until(lambda: b"Teitl newydd" in front.ask(PAGE).body)
        until(lambda: file.exists() and b"Teitl newydd" in file.read_bytes())


# When Sgwrs is down


def test_kept_pages_outlive_sgwrs(front: Front, kept: Path) -> None:
    [master] = [pid for pid in front.site.processes() if os.getpgid(pid) == pid]
    os.kill(master, signal.SIGKILL)
    until(lambda: not front.site.processes())
    try:
        assert front.ask(PAGE).is_kept
        assert front.ask("/media/pictures/bridge.jpg").status == 200
        assert front.ask("/cy/?q=cyfrinach").status in {502, 503, 504}
    finally:
        front.site.serve(*GUNICORN)
    until(lambda: front.ask("/cy/").status == 200)


def test_logs_tell_neither_who_nor_what(front: Front, kept: Path) -> None:
    front.ask("/cy/?q=cyfrinach", Referer="https://cyfrinach.example/", User_Agent="cyfrinach")
    front.ask(PAGE)
    front.ask("/media/dim.jpg")
    until(lambda: "dim.jpg" in front.logs())
    assert VISITOR not in front.logs()
    assert "cyfrinach" not in front.logs()
