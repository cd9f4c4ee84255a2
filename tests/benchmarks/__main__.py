"""`make bench`: what readers wait for, as ratios within one run.

Only ratios are worth keeping: they stay about the same on another machine, seconds do not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from . import growth, speed
from .tables import say, table

MOST_QUERIES = 6  # of any page


def show_growth(*, quick: bool) -> list[str]:
    """Pages at growing sizes; returns what is wrong with the counts, in sentences."""
    queries: dict[str, set[int]] = {}
    for one in growth.tables(quick):
        rows = []
        for row in one.rows:
            queries.setdefault(row.page, set()).add(row.queries)
            counts = [str(row.queries), f"{row.size_in_bytes:,}"]
            rows.append(
                [row.page, f"{row.size:,}", f"{row.milliseconds:.1f}", *counts, f"{row.ratio:.2f}"]
            )
        say(table([one.title, "size", "ms", "queries", "bytes", "ratio"], rows))
    return [
        f"{page}: {sorted(numbers)} queries, where it should be the same few at any size."
        for page, numbers in queries.items()
        if len(numbers) > 1 or max(numbers) > MOST_QUERIES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="in less than two minutes; fails when a page takes too many queries or bytes",
    )
    quick = parser.parse_args().quick
    rounds, requests = (2, 200) if quick else (8, 1000)
    with tempfile.TemporaryDirectory(prefix="sgwrs-bench-") as folder:
        wrong = speed.run(Path(folder), rounds, requests)
    wrong += show_growth(quick=quick)
    say([speed.HOW.format(rounds=rounds, requests=requests)])
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
