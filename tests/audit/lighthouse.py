"""Lighthouse, which npm brings and Chromium runs. (package.json)"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import CHROMIUM

PROGRAM = Path(__file__).parent / "node_modules/lighthouse/cli/index.js"
RUNS = 3  # of which the middle counts; of a page a machine is busy elsewhere now and then
TRIES = 3  # now and then it asks to be run again (NO_NAVSTART)
CATEGORIES = {
    "performance": "speed",
    "accessibility": "access",
    "best-practices": "practice",
    "seo": "search engines",
}
FIGURES = {
    "first-contentful-paint": "first paint",
    "largest-contentful-paint": "largest paint",
    "total-blocking-time": "blocked",
    "cumulative-layout-shift": "shift",
}


class Result(NamedTuple):
    scores: list[int]
    figures: list[str]
    faults: list[str]


def run(address: str) -> Result:
    """A phone's first visit on a slow line, as Lighthouse's defaults have it."""
    reports = sorted((report(address) for _ in range(RUNS)), key=speed)
    middle = reports[RUNS // 2]
    scores = [round(100 * middle["categories"][name]["score"]) for name in CATEGORIES]
    return Result(
        scores,
        [middle["audits"][name]["displayValue"] for name in FIGURES],
        [
            f"{title} {score}: {', '.join(lost(middle, name))}"
            for (name, title), score in zip(CATEGORIES.items(), scores, strict=True)
            if score < 100
        ],
    )


def report(address: str) -> Any:
    command = [
        *("node", str(PROGRAM), address, "--quiet", "--output=json"),
        "--chrome-flags=--headless=new --no-sandbox",
        f"--only-categories={','.join(CATEGORIES)}",
    ]
    environment = os.environ | {"CHROME_PATH": CHROMIUM or ""}
    for _ in range(TRIES):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
    raise SystemExit(f"Lighthouse does not come to an end with {address}.")


def speed(report: Any) -> float:
    return float(report["categories"]["performance"]["score"])


def lost(report: Any, category: str) -> list[str]:
    """The audits in which something was left to wish for."""
    audits = report["audits"]
    return [
        audits[one["id"]]["title"]
        for one in report["categories"][category]["auditRefs"]
        if one["weight"] and (audits[one["id"]]["score"] or 0) < 1
    ]
