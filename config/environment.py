"""Everything the owner sets from outside, read and checked once, before Django starts.

A bad value ends the start with one sentence that names the variable; no value is ever echoed,
since several of them hold passwords.
"""

import ipaddress
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from environs import Env, EnvValidationError, ValidationError, validate

BASE_DIR = Path(__file__).resolve().parent.parent
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;"
    "PRAGMA journal_size_limit=27103364; PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;"
)
# With a server that is gone without a word: seconds, seconds, milliseconds.
PATIENCE = {"connect_timeout": 5, "keepalives_idle": 30, "tcp_user_timeout": 15_000}
POSTGRESQL = "django.db.backends.postgresql"
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

env = Env()


def parser(parse: Callable[[str], Any]) -> Callable[..., Any]:
    """Let environs say what was wrong in the words of a ValueError raised by `parse`."""

    def method(value: str, **_: Any) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    return method


def site_url(value: str) -> str:
    """An address such as https://blog.example, without a path."""
    parts = urlsplit(value.rstrip("/"))
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has a port that is not a number.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        raise ValueError("must be an http or https address without a path.")
    return f"{parts.scheme}://{parts.netloc}"


def contact(value: str) -> str:
    """How to write to somebody, as an address a program can follow; empty: nobody is named."""
    if re.fullmatch(r"(mailto:)?[^@\s:/]+@[^@\s/]+", value):
        return f"mailto:{value.removeprefix('mailto:')}"
    if value and not re.fullmatch(r"https://\S+", value):
        raise ValueError("must be an e-mail address or an https address.")
    return value


def reachable(host: str) -> str:
    """How a browser on this machine writes the address we listen on."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared with, not listened on
        return "localhost"
    return f"[{host}]" if ":" in host else host


def rate(value: str) -> tuple[int, int] | None:
    """`5/m` as (5, 60): so many, in so many seconds. Empty: None, no limit."""
    if not value:
        return None
    match = re.fullmatch(r"([1-9]\d{0,5})/([smhd])", value)
    if not match:
        raise ValueError("must look like 5/m: a number, a slash, and one of s, m, h or d.")
    return int(match[1]), PERIODS[match[2]]


def networks(value: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(one.strip()) for one in value.split(",") if one.strip()]
    except ValueError:
        raise ValueError("must list addresses or networks, separated by commas.") from None


def hosts(value: str) -> list[str]:
    """Host names as Django takes them: `blog.example`, `.example`, `*`."""
    names = [name for one in value.split(",") if (name := one.strip())]
    if not all(re.fullmatch(r"\*|\.?[\w.-]+|\[[0-9a-fA-F:]+\]", name) for name in names):
        raise ValueError("must list host names, separated by commas, without http:// or a port.")
    return names


def cache(value: str) -> dict[str, Any]:
    """`locmem://`, or `redis://host:6379/0` (Valkey speaks it too)."""
    if value == "locmem://":
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    parts = urlsplit(value)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("must be locmem:// or a redis:// address.")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has a port that is not a number.") from None
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": value}


def mailer(value: str) -> dict[str, Any]:
    """`smtp://user:password@host:25`, `smtp+tls://` (STARTTLS), `smtps://` or `file:///folder`."""
    parts = urlsplit(value)
    if parts.scheme == "file" and parts.path:
        return {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": parts.path},
        }
    if parts.scheme not in {"smtp", "smtp+tls", "smtps"} or not parts.hostname:
        raise ValueError("must be an smtp://, smtp+tls://, smtps:// or file:/// address.")
    try:
        port = parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme]
    except ValueError:
        raise ValueError("has a port that is not a number.") from None
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname,
            "port": port,
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_tls": parts.scheme == "smtp+tls",
            "use_ssl": parts.scheme == "smtps",
            "timeout": int(parse_qs(parts.query).get("timeout", ["10"])[0]),
        },
    }


def database(value: dict[str, Any]) -> dict[str, Any]:
    """The parsed DATABASE_URL with what Sgwrs needs of SQLite and PostgreSQL."""
    if value["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE and WAL: writers wait for each other (config.sqlite says how) and readers for
        # nobody. Connections stay open because the last to close folds the WAL back into the file.
        return value | {
            "ENGINE": "config.sqlite",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": SQLITE_PRAGMAS,
            },
        }
    if value["ENGINE"] == POSTGRESQL:
        pool = {"min_size": 1, "max_size": 8, "timeout": 5}
        return value | {
            "CONN_MAX_AGE": 0,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": PATIENCE | value.get("OPTIONS", {}) | {"pool": pool},
        }
    raise ValidationError("must be an address of sqlite or postgresql.")


def made_once(path: Path) -> str:
    """The secret in `path`, made on first use: readable by its owner only, the same for all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            # link() rather than rename(): whoever comes second keeps the first one's secret.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


for name, parse in {
    "site_url": site_url,
    "contact": contact,
    "rate": rate,
    "networks": networks,
    "hosts": hosts,
    "cache": cache,
    "mailer": mailer,
}.items():
    env.add_parser(name, parser(parse))

at_least_one = validate.Range(min=1)
above_zero = validate.Range(min=0, min_inclusive=False)

try:
    DEBUG = env.bool("DEBUG", False)
    HOST = env.str("HOST", "127.0.0.1")
    PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
    SITE_URL = env.site_url("SITE_URL", f"http://{reachable(HOST)}:{PORT}")
    SECURITY_CONTACT = env.contact("SECURITY_CONTACT", "")
    # This machine always: whoever watches over the site asks from here.
    ALLOWED_HOSTS = [
        *(env.hosts("ALLOWED_HOSTS", "") or [urlsplit(SITE_URL).hostname or ""]),
        *("localhost", "127.0.0.1", "[::1]"),
    ]
    # Over https a proxy in front of us ends TLS; without one nobody may speak for a visitor.
    TRUSTED_PROXIES = env.networks(
        "TRUSTED_PROXIES", "127.0.0.1,::1" if SITE_URL.startswith("https:") else ""
    )
    DATA_DIR = env.path("DATA_DIR", BASE_DIR / "data").resolve()
    SECRET_KEY = env.str("SECRET_KEY", "") or made_once(DATA_DIR / "secret_key")
    DATABASE = database(env.dj_db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'sgwrs.sqlite3'}"))
    DATABASE_REPLICA = None
    if env.str("DATABASE_REPLICA_URL", ""):
        DATABASE_REPLICA = database(env.dj_db_url("DATABASE_REPLICA_URL"))
        if {DATABASE["ENGINE"], DATABASE_REPLICA["ENGINE"]} != {POSTGRESQL}:
            sys.exit("DATABASE_REPLICA_URL: is for postgresql, which DATABASE_URL must name too.")
    CACHE = env.cache("CACHE_URL", "locmem://")
    PAGE_EXPORT = env.bool("PAGE_EXPORT", False)
    MAILER = env.mailer("EMAIL_URL", "smtp://localhost")
    WEB_WORKERS = env.int("WEB_WORKERS", 2, validate=at_least_one)
    AKISMET_API_KEY = env.str("AKISMET_API_KEY", "").strip()
    AKISMET_API_URL = env.site_url("AKISMET_API_URL", "https://rest.akismet.com")
    AKISMET_TIMEOUT = env.float("AKISMET_TIMEOUT", 10.0, validate=above_zero)
    AKISMET_RETRY_FIRST = env.float("AKISMET_RETRY_FIRST", 60.0, validate=above_zero)
    AKISMET_RETRY_MAX = env.float("AKISMET_RETRY_MAX", 21600.0, validate=above_zero)
    if AKISMET_RETRY_MAX < AKISMET_RETRY_FIRST:
        sys.exit("AKISMET_RETRY_MAX: must not be less than AKISMET_RETRY_FIRST.")
    COMMENT_RATE = env.rate("COMMENT_RATE", "5/m")
except EnvValidationError as error:
    name = str(error).split('"')[1]
    sys.exit(f"{name}: {' '.join(map(str, error.error_messages))}")
except ValidationError as error:
    sys.exit(f"DATABASE_URL {error}")
except OSError as error:
    sys.exit(f"DATA_DIR: cannot write there ({error.strerror}).")
