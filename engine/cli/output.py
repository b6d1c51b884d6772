"""How the command line writes: lines, tables, JSON, times; nothing that steers the terminal."""

from __future__ import annotations

import errno
import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click

from engine.errors import HarkError
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
        _write(printable(text))


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
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def print_json(value: Any) -> None:
    """The outcome as JSON, in ASCII."""
    _write(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]], left: int) -> None:
    """Columns as wide as their widest cell; the first `left` of them flush left, numbers right.

    On a terminal that is too narrow for them each row is told as a paragraph.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    wide = shutil.get_terminal_size().columns
    if is_terminal(sys.stdout) and sum(widths) + 2 * (len(widths) - 1) > wide:
        _print_paragraphs(rows, wide)
        return
    for row in rows:
        cells = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        tell("  ".join(cells).rstrip())


def _print_paragraphs(rows: Sequence[Sequence[str]], wide: int) -> None:
    """Each row's first cell, and the others below it, named: as many in a line as fit."""
    names = [name.lower() for name in rows[0]]
    for row in rows[1:]:
        tell(row[0])
        line = ""
        for name, cell in zip(names[1:], row[1:], strict=True):
            fact = f"  {name} {cell}" if cell else ""
            if line and len(line) + len(fact) > wide:
                tell(line)
                line = ""
            line += fact
        tell(line)


def tell_beside(label: str, *paragraphs: str) -> None:
    """Paragraphs beside their label; a terminal's lines end between words, and on a narrow one they stand below it."""
    if not is_terminal(sys.stdout):
        for number, text in enumerate(paragraphs):
            tell((" " * len(label) if number else label) + text)
        return
    import textwrap

    wide = shutil.get_terminal_size().columns
    below = len(label) > wide // 3
    indent = "  " if below else " " * len(label)
    lines = [
        line
        for text in paragraphs
        for line in textwrap.wrap(text, max(wide - len(indent), 1), break_long_words=False, break_on_hyphens=False)
    ]
    if below:
        tell(label.rstrip())
    for number, line in enumerate(lines):
        tell((indent if number or below else label) + line)


def _write(text: str) -> None:
    try:
        click.echo(text)
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever reads it has seen enough: click ends without a word
            raise
        raise HarkError(f"The output cannot be written: {error.strerror or error}.", "Send it elsewhere.") from error


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is at the other end; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()
