"""How much memory the processes of a site take, shared pages counted once (Linux's PSS)."""

from collections.abc import Iterator
from pathlib import Path

from tests.processes import Site

from . import tables

type Used = dict[str, list[float]]


def used(site: Site) -> Used:
    """The megabytes of each process, by its name."""
    found: Used = {}
    for pid, name in site.processes().items():
        found.setdefault(name, []).append(megabytes(pid))
    return found


def megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def table(at_rest: Used, loaded: Used) -> Iterator[str]:
    rows = [
        [kind, str(len(loaded[kind])), f"{sum(at_rest[kind]):.0f}", f"{sum(loaded[kind]):.0f}"]
        for kind in sorted(at_rest)
    ]
    total = [f"{sum(map(sum, used.values())):.0f}" for used in (at_rest, loaded)]
    head = ["memory (PSS, MB)", "processes", "at rest", "after all this"]
    return tables.table(head, [*rows, ["together", "", *total]])
