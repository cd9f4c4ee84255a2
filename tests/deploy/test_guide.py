"""docs/deployment.md: what it tells an owner to type, set and look at is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands

from config import environment
from tests.deploy.test_compose import COMPOSE, TEXT
from tests.processes import ROOT, variables

GUIDE = (ROOT / "docs" / "deployment.md").read_text()
BLOCKS = re.findall(r"(?:^    .+\n)+", GUIDE, re.MULTILINE)
# Set in .env, for compose.
DOT_ENV = set(re.findall(r"\$\{(\w+)", TEXT))


def test_variables_are_read() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+|HOST|PORT|DEBUG)\b", GUIDE))
    named |= set(re.findall(r"^    ([A-Z_]+)=", GUIDE, re.MULTILINE))
    assert len(named) > 10
    assert named <= variables() | DOT_ENV


def test_what_compose_wants_is_in_the_example() -> None:
    [example] = [block for block in BLOCKS if "SITE_HOST" in block]
    assert set(re.findall(r"([A-Z_]+)=", example)) == DOT_ENV


def test_files_are_there() -> None:
    named = set(re.findall(r"(?<![\w/])((?:deploy|tests|docs)/[\w./*-]*[\w*])", GUIDE))
    named |= set(re.findall(r"`([\w.]+\.(?:md|yaml|conf|py)|Caddyfile)`", GUIDE))
    named |= {path.removeprefix("/opt/sgwrs/") for path in re.findall(r"/opt/sgwrs/\S+", GUIDE)}
    assert len(named) > 8
    for name in named:
        assert any(list(folder.glob(name)) for folder in (ROOT, ROOT / "deploy")), name


def test_units_are_there() -> None:
    units = set(re.findall(r"\b(sgwrs-(?:web|worker)(?:\.\w+)?|sgwrs\.target)\b", GUIDE))
    assert len(units) > 4
    for unit in units:
        file = unit if "." in unit else f"{unit}.service"
        assert (ROOT / "deploy" / file).exists(), unit


def test_commands_are_there() -> None:
    named = set(re.findall(r"(?:manage\.py|deploy/manage) (\w+)", GUIDE))
    assert len(named) > 3
    assert named <= set(get_commands())
    for target in re.findall(r"make ([a-z]+)$", "\n".join(BLOCKS), re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for service in re.findall(
        r"docker compose (?:exec|logs|cp) (\w+)|--scale (\w+)=", "\n".join(BLOCKS)
    ):
        assert "".join(service) in COMPOSE["services"]


def test_a_shell_understands_what_is_to_be_typed() -> None:
    typed = [block for block in BLOCKS if "=…" not in block and "[Socket]" not in block]
    script = "".join(typed).replace("<this repository>", "repository")
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_connections_are_counted_right() -> None:
    server = {"ENGINE": "django.db.backends.postgresql"}
    pool = environment.database(server)["OPTIONS"]["pool"]
    assert f"a pool of {pool['min_size']} to {pool['max_size']}." in GUIDE
    assert f"(web processes + workers) × {pool['max_size']} <" in GUIDE


@pytest.mark.parametrize("script", ["backup", "manage"])
def test_script_is_one(script: str) -> None:
    file = ROOT / "deploy" / script
    subprocess.run(["sh", "-n", file], check=True)
    assert file.stat().st_mode & 0o111


def test_manage_has_the_settings_of_the_units(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(f"DATA_DIR='{tmp_path}'\nSITE_URL='https://sgwrs.example'\n")
    script = (ROOT / "deploy" / "manage").read_text()
    for old, new in (
        ("/etc/sgwrs/env", str(tmp_path / "env")),
        ("runuser --user sgwrs -- .venv/bin/python", sys.executable),
        ('"$(dirname "$0")/.."', str(ROOT)),
    ):
        assert old in script
        script = script.replace(old, new)
    ask = [
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings as s; print(s.SITE_URL)",
    ]
    done = subprocess.run(
        ["sh", "-s", *ask], input=script, env={}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "https://sgwrs.example", done.stderr
