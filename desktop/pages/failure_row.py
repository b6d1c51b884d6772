"""One group of like failures as a row: what failed, its trend, how many, and when."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.list_row import ListRow
from desktop.widgets.sparkline import Sparkline
from desktop.widgets.text import Text
from desktop.widgets.two_lines import ElidedText
from engine.model import FailureGroup
from engine.queues import QUEUES

GroupKey = tuple[str, str]
"""Queue and signature."""
TREND_WIDTH, COUNT_WIDTH, SEEN_WIDTH = 96, 84, 92


def ago(at_ms: int, now_ms: int) -> str:
    """A past time in words: "now", "3 min ago"."""
    return "now" if now_ms - at_ms < 1_000 else f"{age_text(now_ms - at_ms)} ago"


def exact(at_ms: int) -> str:
    """A time to the second, in this machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at_ms / 1000))


def trend_words(group: FailureGroup) -> str:
    """What the sparkline shows, in words."""
    if not any(group.trend):
        return "No such failure within 24 hours."
    return (
        f"Last 24 hours: {sum(group.trend):,} failures, at most {max(group.trend):,} in an hour, "
        f"{group.trend[-1]:,} in this one."
    )


class FailureRow(ListRow):
    """The row of one group."""

    def __init__(self, look: Look, key: GroupKey) -> None:
        super().__init__(key)
        self.key: GroupKey = key
        self.title = ElidedText(look, font="strong")
        self.where = ElidedText(look, font="caption", tone="muted")
        self.trend = Sparkline(look, "failed")
        self.failed_now = Text(look, "", "strong")
        self.seen = Text(look, "", "caption", "muted")
        self.last = Text(look, "")
        self.first = Text(look, "", "caption", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 7, 12, 7)
        row.setSpacing(10)
        row.addLayout(_pair(self.title, self.where), 1)
        row.addWidget(self.trend)
        for pair, width in (((self.failed_now, self.seen), COUNT_WIDTH), ((self.last, self.first), SEEN_WIDTH)):
            for label in pair:
                label.setFixedWidth(width)
                label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            row.addLayout(_pair(*pair))

    def show_group(self, group: FailureGroup, now_ms: int, stale: bool) -> None:
        """Show the group as it is now; `stale` greys it."""
        self.title.show_text(group.title)
        self.where.show_text(f"{group.kind} · {QUEUES[group.queue].title} · {group.job_name}")
        self.trend.show_values(group.trend, trend_words(group), stale)
        self.failed_now.setText(f"{group.failed_now:,} failed")
        self.seen.setText(f"{group.count:,} seen")
        self.last.setText(ago(group.last_at_ms, now_ms))
        self.last.setToolTip(f"Last seen {exact(group.last_at_ms)}")
        self.first.setText(f"first {ago(group.first_at_ms, now_ms)}")
        self.first.setToolTip(f"First seen {exact(group.first_at_ms)}")
        self.title.set_tone("stale" if stale else "ink")
        self.last.set_tone("stale" if stale else "ink")
        self.failed_now.set_tone("stale" if stale or not group.failed_now else "failed")
        self.setAccessibleName(
            f"{group.title}, {group.kind} in {QUEUES[group.queue].title}, {group.failed_now} failed now, "
            f"{group.count} seen, last {ago(group.last_at_ms, now_ms)}"
        )


def header(look: Look) -> QWidget:
    """The words above the rows."""
    head = QWidget()
    row = QHBoxLayout(head)
    row.setContentsMargins(14, 0, 14, 0)
    row.setSpacing(10)
    row.addWidget(Text(look, "Failure", "caption", "muted"), 1)
    for word, width, side in (
        ("Last 24 hours", TREND_WIDTH, Qt.AlignmentFlag.AlignLeft),
        ("Jobs", COUNT_WIDTH, Qt.AlignmentFlag.AlignRight),
        ("Last seen", SEEN_WIDTH, Qt.AlignmentFlag.AlignRight),
    ):
        label = Text(look, word, "caption", "muted")
        label.setFixedWidth(width)
        label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(label)
    return head


def _pair(upper: QWidget, lower: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(1)
    column.addWidget(upper)
    column.addWidget(lower)
    return column
