"""All eight queues together, in one line of large figures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.pages.figures import FEW_SAMPLES, count_text, per_minute, percent_text
from desktop.theme import Look
from desktop.widgets.text import Text
from engine.figures import failure_rate
from engine.model import QueueState, Snapshot

_TOTALS = (
    ("waiting", "Waiting"),
    ("active", "Active"),
    ("delayed", "Delayed"),
    ("failed", "Failed"),
    ("rate", "Ended per minute"),
    ("failures", "Failure rate, 1 h"),
    ("workers", "Workers"),
)


class QueueTotals(QFrame):
    """Give it snapshots by `show_snapshot`."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 8, 20, 8)
        self.figures: dict[str, Text] = {}
        for key, word in _TOTALS:
            figure = Text(look, "–", "figure", "muted")
            figure.setAccessibleName(word)
            self.figures[key] = figure
            part = QVBoxLayout()
            part.setSpacing(0)
            part.addWidget(Text(look, word, "caption", "muted"))
            part.addWidget(figure)
            row.addLayout(part, 1)

    def show_snapshot(self, snapshot: Snapshot, stale: bool) -> None:
        """Show the sums of its queues; `stale` greys them."""
        queues = snapshot.queues
        failures, failed = failure_rate(queues), _sum(queues, "failed")
        telling = failures.failed > 0 and failures.ended >= FEW_SAMPLES
        rate = sum(per_minute(queue, snapshot.taken_at_ms) for queue in queues)
        shown = {key: (_sum(queues, key), "ink") for key in ("waiting", "active", "delayed")}
        shown |= {"failed": (failed, "failed" if failed else "ink"), "rate": (round(rate), "ink")}
        shown["workers"] = (len(snapshot.workers), "ink" if snapshot.workers else "danger")
        for key, (count, tone) in shown.items():
            self._show(key, count_text(count), tone, stale)
            self.figures[key].setToolTip(f"{count:,}" if count >= 10_000 else "")
        few = 0 < failures.ended < FEW_SAMPLES
        self._show(
            "failures", percent_text(failures.percent), "failed" if telling else "muted" if few else "ink", stale
        )
        ended = f"{failures.failed:,} of {failures.ended:,} jobs"
        self.figures["failures"].setToolTip(f"{ended}: too few to judge by" if few else ended)

    def _show(self, key: str, text: str, tone: str, stale: bool) -> None:
        self.figures[key].setText(text)
        self.figures[key].set_tone("stale" if stale else tone)


def _sum(queues: Sequence[QueueState], key: str) -> int:
    return sum(int(getattr(queue, key)) for queue in queues)
