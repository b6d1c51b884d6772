"""How the command line writes: lines, tables, JSON, times; nothing that steers the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from engine.model import JobState


def jobs_text(count: int, state: JobState) -> str:
    """Such as "1 failed job"."""
    return f"{count} {state.value} job{'' if count == 1 else 's'}"


def moment(at_ms: int) -> str:
    """A time by this machine's clock and zone."""
    import datetime

    return datetime.datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(" ", "seconds")


def compact(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def printable(text: str) -> str:
    """`text` without control characters: what a job or a mail says must not steer the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def tell(text: str, quiet: bool = False) -> None:
    """One line of the outcome, on standard output."""
    if not quiet:
        click.echo(printable(text))


def complain(message: str) -> None:
    """One line on standard error."""
    click.echo(printable("hark: " + " ".join(message.split())), err=True)


def note(text: str) -> None:
    """Beside the output, for the person who reads it: on standard error."""
    click.echo(printable(text), err=True)


def span_text(ms: float | None) -> str:
    """A length of time in the unit that suits it; "-" where nobody knows."""
    if ms is None:
        return "-"
    for unit, size_ms in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms >= size_ms:
            return f"{ms / size_ms:.1f} {unit}"
    return f"{ms:.0f} ms"


def sparkline(counts: Sequence[int]) -> str:
    """Numbers as a row of bars, the highest for the largest; a space for 0."""
    bars = "▁▂▃▄▅▆▇█"
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        bars = ".:-=+*#@"
    most = max(counts, default=0)
    return "".join(bars[(count * len(bars) - 1) // most] if count else " " for count in counts)


def on_terminal() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def print_json(value: Any) -> None:
    """The outcome as JSON, in ASCII."""
    click.echo(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]], left: int) -> None:
    """Columns as wide as their widest cell; the first `left` of them flush left, numbers right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        tell("  ".join(cells).rstrip())
