"""Tables that read well in a terminal and as Markdown."""

import sys
from collections.abc import Iterable, Iterator


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        name, *numbers = map(str.ljust, cells[:1], widths), *map(str.rjust, cells[1:], widths[1:])
        return f"| {' | '.join([*name, *numbers])} |"

    yield line(head)
    yield "| " + " | ".join("-" * width for width in widths) + " |"
    yield from map(line, rows)
    yield ""


def say(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
