"""What charts are given to draw, and how a line looks: data alone, without the library that draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtGui import QPen

from desktop.theme import Look
from desktop.widgets.time_axis import Stretch


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its key in the data, its word, its colour role, and how it is drawn.

    `marker` is a shape that tells it apart without colour: "o" disc, "s" square, "t1" triangle, "d" diamond, "+" or ""
    for none. A line with `shown` False begins hidden, where the chart lets people choose.
    """

    key: str
    word: str
    role: str
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    filled: bool = False
    marker: str = ""
    shown: bool = True


@dataclass(frozen=True, slots=True)
class EventMark:
    """Something that happened at a time: an operator's "action", or the start of a "worker"."""

    at_ms: int
    text: str
    kind: str = "action"


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a chart shows: each line's values at the same `spans` (from and to in Unix ms), None where nobody knows."""

    stretch: Stretch
    spans: Sequence[tuple[float, float]] = ()
    lines: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    running: bool = False
    """The last span is not over: the stretch to it is dashed."""
    note: str = ""
    empty: str = ""
    """What to say where no line has a value."""
    scope: str = ""
    """What it is of, in words: queue and time."""

    def middle_ms(self, index: int) -> float:
        """Where a span is drawn."""
        start, end = self.spans[index]
        return (start + end) / 2

    def within(self, index: int) -> bool:
        """Whether a span is in the stretch, if only with a part."""
        start, end = self.spans[index]
        return end >= self.stretch.from_ms and start <= self.stretch.to_ms

    def value(self, key: str, index: int) -> float | None:
        """A line's value at a span, None where nobody knows it."""
        values = self.lines.get(key, ())
        return values[index] if index < len(values) else None


def line_pen(look: Look, line: Line, stale: bool) -> QPen:
    """The pen of a line in the theme's colours, grey where it is not to be relied on."""
    pen = QPen(look.colour("stale" if stale else line.role), 2.0)
    pen.setStyle(line.style)
    pen.setCosmetic(True)
    return pen
