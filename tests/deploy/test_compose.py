"""compose.yaml and the Dockerfile. No image is built here; all that can be known without is."""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import PATIENCE, ROOT, Site, variables

TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "sgwrs"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DOT_ENV = {
    "SITE_HOST": "blog.example",
    "SECRET_KEY": "secret",
    "DB_PASSWORD": "password",
    "EMAIL_URL": "smtp://mail.example",
}


def filled_in(value: str) -> str:
    """As compose does it: `${NAME:?}` must be there, `${NAME:-}` need not."""

    def replaced(found: re.Match[str]) -> str:
        return DOT_ENV[found[1]] if found[2] == "?" else DOT_ENV.get(found[1], "")

    return re.sub(r"\$\{(\w+):([?-])\}", replaced, value)


def instructions(name: str) -> list[str]:
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} ")]


def test_services_know_only_what_sgwrs_reads() -> None:
    assert {"prepare", "web", "worker"} == set(OURS)
    for service in OURS.values():
        assert set(service["environment"]) <= variables()
    image = dict(pair.split("=") for line in instructions("ENV") for pair in line.split())
    assert set(image) - {"PYTHONUNBUFFERED"} <= variables()


@pytest.mark.parametrize("name", OURS)
def test_environment_is_taken(name: str, tmp_path: Path) -> None:
    environment = {key: filled_in(value) for key, value in OURS[name]["environment"].items()}
    done = subprocess.run(
        [sys.executable, "-c", "import config.environment"],
        cwd=ROOT,
        env=environment | {"DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_are_there() -> None:
    told = [service["command"] for service in OURS.values() if "command" in service]
    told += [shlex.split(re.sub(r"[\[\],]", " ", line)) for line in instructions("CMD")]
    assert len(told) == 3
    for command in told:
        assert command[0] == "python"
        done = subprocess.run(
            [sys.executable, *command[1:], "--help"], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_what_is_named_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", [])) <= set(SERVICES)
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists()
        assert ":" in service["image"] or service["image"] == "sgwrs"
    for condition in re.findall(r"(\w+): \{condition: service_healthy\}", TEXT):
        assert SERVICES[condition]["healthcheck"]["test"]


def test_web_server_asks_a_service_that_listens_there() -> None:
    name, port = SERVICES["caddy"]["environment"]["WEB"].split(":")
    assert name in OURS
    assert instructions("EXPOSE") == [port]
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()
    assert set(re.findall(r"\{\$(\w+):", caddyfile)) == set(SERVICES["caddy"]["environment"])


def test_image_holds_what_the_site_needs(tmp_path: Path) -> None:
    """Built as the Dockerfile says, from what .dockerignore lets through, but in a folder."""
    image = tmp_path / "image"
    left_out = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in "#"
    ]

    def ignored(folder: str, names: list[str]) -> list[str]:
        here = Path(folder).relative_to(ROOT)
        return [
            name
            for name in names
            if any(
                fnmatch.fnmatch(name, pattern.removeprefix("**/"))
                if pattern.startswith("**/")
                else fnmatch.fnmatch(str(here / name), pattern)
                for pattern in left_out
            )
        ]

    shutil.copytree(ROOT, image, ignore=ignored)
    assert not (image / ".venv").exists()
    for source in instructions("COPY"):
        assert (image / source.split()[0]).exists()
    [collect] = [line for line in instructions("RUN") if "manage.py" in line]
    build = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-c", collect], cwd=image, env=build, check=True, timeout=PATIENCE)
    assert (image / "staticfiles" / "staticfiles.json").exists()
    site = Site(tmp_path, None)
    prepared = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=image,
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert prepared.returncode == 0, prepared.stderr
    assert site.rows("SELECT 1 FROM blog_article")
