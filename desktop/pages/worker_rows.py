"""The two kinds of rows of the Workers page: a worker, and how many jobs of a queue each of them runs at once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSpinBox

from desktop.pages.figures import age_text
from desktop.pages.recurring_words import exact_text
from desktop.theme import Look
from desktop.widgets.row_frame import RowFrame
from desktop.widgets.text import Button, Text
from desktop.widgets.two_lines import ElidedText, TwoLines
from engine.model import QueueState, WorkerInfo
from engine.queues import QUEUES

SILENT_MS = 10_000
"""A worker tells of itself every 5 s: after two that are missing it is called silent."""
MOST_CONCURRENCY = 1_000
COLUMNS = (("Worker", 30), ("Serves", 30), ("Active", 12), ("Started", 16), ("Heard of", 22))


class WorkerRow(RowFrame):
    """One worker process."""

    def __init__(self, look: Look, zone: str) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(50)
        self._zone = zone
        self.cells = [TwoLines(look, "strong"), *(TwoLines(look) for _ in COLUMNS[1:])]
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 10, 0)
        row.setSpacing(0)
        for cell, (_, share) in zip(self.cells, COLUMNS, strict=True):
            row.addWidget(cell, share)

    def show_worker(self, worker: WorkerInfo, now_ms: int, *, ours: bool, ended: bool, gone: bool) -> None:
        """Show it at `now_ms`; `ours` is the worker of this app, `ended` has taken its leave.

        `gone` means that Redis does not answer.
        """
        age_ms = max(0, now_ms - worker.seen_at_ms)
        silent = age_ms >= SILENT_MS and not ended
        stale = gone or silent or ended
        name, serves, active, started, heard = self.cells
        process = f"process {worker.pid}" + (", this app's" if ours else "")
        name.show_lines(worker.host, process, tooltip=worker.id, stale=stale)
        names = ", ".join(QUEUES[queue].title if queue in QUEUES else queue for queue in worker.queues)
        everything = "all queues" if set(QUEUES) <= set(worker.queues) else ""
        count = "1 queue" if len(worker.queues) == 1 else f"{len(worker.queues)} queues"
        if worker.stopping:
            serves.show_lines("nothing more", "it finishes what is active", tooltip=f"It served {names}.", stale=stale)
        else:
            serves.show_lines(everything or names, names if everything else count, tooltip=names, stale=stale)
        active.show_lines(f"{worker.active:,}", "job" if worker.active == 1 else "jobs", stale=stale)
        started.show_lines(
            f"{age_text(now_ms - worker.started_at_ms)} ago",
            tooltip=exact_text(worker.started_at_ms, self._zone),
            stale=stale,
        )
        heard.show_lines(
            f"silent for {age_text(age_ms)}" if silent else f"{age_text(age_ms)} ago",
            "it is dead or hangs" if silent else "ended as it should" if ended else "alive",
            tooltip=exact_text(worker.seen_at_ms, self._zone)
            + ("\nIts active jobs go back to waiting when their leases end." if silent else ""),
            stale=gone or ended,
            tone="caution" if silent else "",
        )
        self.setAccessibleName(
            f"{worker.host}, {process}, serves {serves.first.whole}, {worker.active} active, "
            f"heard of {heard.first.whole}, {heard.second.whole}"
        )


class ConcurrencyRow:
    """How many jobs of one queue each worker runs at once; its widgets lie in the grid of the card."""

    def __init__(self, look: Look, queue: str, grid: QGridLayout, line: int) -> None:
        self.queue = queue
        self.shown = 0
        self.title = Text(look, QUEUES[queue].title, "strong")
        self.title.setToolTip(queue)
        self.workers = ElidedText(look, "–", tone="muted")
        self.setting = ElidedText(look, "–", "caption", "muted")
        self.number = QSpinBox()
        self.number.setRange(1, MOST_CONCURRENCY)
        self.number.setFixedSize(76, 30)
        self.number.lineEdit().setTextMargins(7, 0, 0, 0)
        self.number.setAccessibleName(f"{QUEUES[queue].title} jobs that each worker runs at once")
        self.set = Button(look, "Set", kind="row", font="label")
        self.reset = Button(look, "Own setting", kind="row", font="label")
        for column, widget in enumerate((self.title, self.workers, self.setting, self.number, self.set, self.reset)):
            grid.addWidget(widget, line, column)
        for button, width in ((self.set, 56), (self.reset, 100)):
            button.setFixedSize(width, 28)
        self.number.valueChanged.connect(lambda: self._fit_set(""))

    def show_queue(self, queue: QueueState, own: int | None, gone: str, forbidden: str = "") -> None:
        """Show what holds; `own` is the setting without an operator's.

        `gone` tells that this is old, `forbidden` why nothing may be changed.
        """
        count = queue.workers
        self.workers.show_text("no worker" if not count else "1 worker" if count == 1 else f"{count} workers")
        self.workers.set_tone("stale" if gone else "muted" if count else "caution")
        self.title.set_tone("stale" if gone else "ink")
        changed = queue.concurrency_set
        self.setting.show_text(
            ("set" if own is None else f"set, own: {own}") if changed else "own setting",
            f"{queue.concurrency} at once: {'an operator has set it' if changed else 'it is their own setting'}.",
        )
        self.setting.set_tone("stale" if gone else "accent" if changed else "muted")
        # What somebody has begun to write is left alone.
        if queue.concurrency != self.shown and not self.number.hasFocus():
            self.number.setValue(queue.concurrency)
        self.shown = queue.concurrency
        reason = gone or forbidden
        self.number.setEnabled(not reason)
        self.number.setToolTip(reason or f"From 1 to {MOST_CONCURRENCY:,}")
        self._fit_set(reason)
        refusal = reason or ("" if changed else "Each worker goes by its own setting already.")
        self.reset.setEnabled(not refusal)
        self.reset.setToolTip(refusal or "Take the operator's number away: each worker goes by its own setting.")
        self.reset.setAccessibleName(f"{queue.title}: the workers' own setting")

    def _fit_set(self, gone: str) -> None:
        number = self.number.value()
        reason = gone or (f"It is {number} already." if number == self.shown else "")
        self.set.setEnabled(not reason)
        self.set.setToolTip(reason or f"Each worker runs {number} at once, from now on; what runs beyond it finishes.")
        self.set.setAccessibleName(f"Set {QUEUES[self.queue].title} to {number} at once")
