"""The table of the fault suite, in the last lines of a test run.

A plugin rather than a part of conftest.py, because with xdist the process that prints has never
collected this folder: whoever is loaded there names this module.
"""

from typing import Any

from . import PROPERTY

COLUMNS = {
    "fault": "while",
    "posted": "posted",
    "stored": "stored",
    "lost": "lost",
    "published_unchecked": "published unchecked",
    "checked": "checked",
    "checked_twice": "checked twice",
    "calls_in_vain": "checks in vain",
    "seconds": "all checked after",
}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    # The tests run in any order, and in several processes; the table has the order of the file.
    rows = [
        (report.location[1], value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if rows:
        terminalreporter.section("comments under faults")
        for line in as_table([row for _line, row in sorted(rows, key=place)]):
            terminalreporter.write_line(line)


def place(found: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    line, row = found
    return line, row["fault"]


def as_table(rows: list[dict[str, Any]]) -> list[str]:
    cells = [list(COLUMNS.values()), *([said(row, name) for name in COLUMNS] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * width for width in widths]
    return [
        "| " + " | ".join(map(str.ljust, line, widths)) + " |"
        for line in [cells[0], rule, *cells[1:]]
    ]


def said(row: dict[str, Any], name: str) -> str:
    return f"{row[name]} s" if name == "seconds" else str(row[name])
