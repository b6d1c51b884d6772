"""The Workers page: which processes serve the queues, how many jobs each runs at once, and what Redis has of it.

A worker that is not heard of any more stays in the list for a while, grey, so that its end is seen.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.freshness import Freshness
from desktop.pages.worker_rows import COLUMNS, SILENT_MS, ConcurrencyRow, WorkerRow
from desktop.theme import Look
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Button, Text, card, rule
from desktop.widgets.two_lines import ElidedText
from engine.model import Snapshot, WorkerInfo
from engine.queues import QUEUES
from engine.schedules import local_timezone

REMEMBERED_MS = 600_000
ENDED_MS = 60_000
"""So long one is shown that went silent, and one that ended as it should."""
_NO_WORKER = "No worker runs: jobs wait until one starts. Start one with: hark worker"
_EMBEDDED = {
    "stopped": "This app's worker is stopped.",
    "running": "This app's worker runs",
    "waiting": "This app's worker has ended and is started again soon.",
    "stopping": "This app's worker finishes what is active and ends.",
    "restarting": "This app's worker finishes what is active, then another one starts.",
}


@dataclass(frozen=True, slots=True)
class Embedded:
    """The worker of this app: a key of the words above, its process, and how often it had to be started again."""

    state: str
    pid: int | None
    restarts: int


class WorkersPage(QWidget):
    """All workers; give it snapshots by `show_snapshot`, and `show_gone` where there are none."""

    concurrency_wanted = Signal(str, int)
    """Queue, and jobs at once for each worker; 0 for the workers' own setting."""
    restart_wanted = Signal()
    """The worker of this app shall finish what is active, and be started anew."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._zone, self._host = local_timezone(), socket.gethostname()
        self._snapshot: Snapshot | None = None
        self._seen: dict[str, WorkerInfo] = {}
        self._ended: set[str] = set()
        self._own: dict[str, int] = {}
        self._embedded = Embedded("stopped", None, 0)
        self.rows: dict[str, WorkerRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        column.addWidget(self._build_workers(), 1)
        lower = QHBoxLayout()
        lower.setSpacing(12)
        lower.addWidget(self._build_concurrency(), 2)
        side = QVBoxLayout()
        side.setSpacing(12)
        side.addWidget(self._build_embedded())
        side.addWidget(self._build_redis())
        side.addStretch(1)
        lower.addLayout(side, 1)
        column.addLayout(lower)
        actions.refusal_changed.connect(self._draw)
        self._draw()
        self._draw_embedded()

    # What it shows

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the workers and settings of a fresh snapshot."""
        self._snapshot = snapshot
        self.age.renew()
        self._remember(snapshot)
        if self.isVisible():
            self._draw()

    def show_own_concurrency(self, own: dict[str, int]) -> None:
        """What the settings say, by queue: jobs at once where no operator has set a number."""
        self._own = own
        self._draw()

    def show_gone(self, reason: str = REDIS_GONE) -> None:
        """No snapshot can be had: keep what is known, grey."""
        self.age.note_gone(reason)
        self._draw()

    def show_embedded(self, state: str, pid: int | None, restarts: int) -> None:
        """Show how the worker of this app is: "stopped", "running", "waiting", "stopping" or "restarting"."""
        self._embedded = Embedded(state, pid, restarts)
        self._draw_embedded()

    # Building

    def _build_head(self) -> QHBoxLayout:
        self._count = Text(self._look, "", tone="muted")
        self._count.setAccessibleName("Number of workers")
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(Text(self._look, "Workers", "title"))
        self._count.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self._count, 0, Qt.AlignmentFlag.AlignBottom)
        self.age = Freshness(self._look)
        self.age.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self.age, 1, Qt.AlignmentFlag.AlignBottom)
        return row

    def _build_workers(self) -> QFrame:
        frame = card()
        head = QHBoxLayout()
        head.setContentsMargins(14, 0, 12, 4)
        head.setSpacing(0)
        for word, share in COLUMNS:
            label = ElidedText(self._look, word, "caption", "muted")
            head.addWidget(label, share)
        self.message = Text(self._look, "", tone="muted")
        self.message.setWordWrap(True)
        self.message.setContentsMargins(14, 10, 14, 10)
        self._list = ScrollList("Workers")
        self._list.setMinimumHeight(96)
        outer = QVBoxLayout(frame)
        outer.setContentsMargins(8, 10, 8, 6)
        outer.setSpacing(0)
        outer.addLayout(head)
        outer.addWidget(rule())
        outer.addWidget(self.message)
        outer.addWidget(self._list, 1)
        return frame

    def _build_concurrency(self) -> QFrame:
        frame = card()
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, 104)
        grid.setColumnMinimumWidth(1, 76)
        grid.setColumnMinimumWidth(2, 72)
        grid.setColumnStretch(2, 1)
        self.concurrency: dict[str, ConcurrencyRow] = {}
        for line, queue in enumerate(QUEUES):
            row = ConcurrencyRow(self._look, queue, grid, line)
            row.set.clicked.connect(lambda _=False, row=row: self._set(row))
            row.number.lineEdit().returnPressed.connect(lambda row=row: self._set(row))
            row.reset.clicked.connect(lambda _=False, queue=queue: self.concurrency_wanted.emit(queue, 0))
            self.concurrency[queue] = row
        column = QVBoxLayout(frame)
        column.setContentsMargins(20, 14, 18, 14)
        column.setSpacing(10)
        title = Text(self._look, "Jobs that each worker runs at once", "heading")
        title.setToolTip("It holds for every worker process: two workers with 5 run 10.")
        column.addWidget(title)
        column.addLayout(grid)
        return frame

    def _build_embedded(self) -> QFrame:
        frame = card()
        self.embedded = Text(self._look)
        self.embedded.setWordWrap(True)
        self.restart = Button(self._look, "Restart", icon="retry", font="label")
        self.restart.setAccessibleName("Restart this app's worker")
        self.restart.clicked.connect(self.restart_wanted)
        column = QVBoxLayout(frame)
        column.setContentsMargins(20, 14, 18, 14)
        column.setSpacing(8)
        column.addWidget(Text(self._look, "This machine", "heading"))
        column.addWidget(self.embedded)
        column.addWidget(self.restart, 0, Qt.AlignmentFlag.AlignLeft)
        return frame

    def _build_redis(self) -> QFrame:
        frame = card()
        self.redis = ElidedText(self._look)
        self.redis.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.cost = Text(self._look, tone="muted")
        self.cost.setWordWrap(True)
        column = QVBoxLayout(frame)
        column.setContentsMargins(20, 14, 18, 14)
        column.setSpacing(6)
        column.addWidget(Text(self._look, "Redis", "heading"))
        column.addWidget(self.redis)
        column.addWidget(self.cost)
        return frame

    # Drawing

    def _remember(self, snapshot: Snapshot) -> None:
        """Know the workers of the snapshot, and of those before it what was heard of lately."""
        now_ms = snapshot.taken_at_ms
        alive = {worker.id: worker for worker in snapshot.workers}
        self._seen.update(alive)
        # A dead one stays in Redis for a time: who is not there so soon has taken its record away itself.
        self._ended |= {
            worker_id
            for worker_id, worker in self._seen.items()
            if worker_id not in alive and now_ms - worker.seen_at_ms < SILENT_MS
        }
        self._seen = {
            worker_id: worker
            for worker_id, worker in self._seen.items()
            if -SILENT_MS <= now_ms - worker.seen_at_ms <= (ENDED_MS if worker_id in self._ended else REMEMBERED_MS)
        }
        self._ended &= self._seen.keys() - alive.keys()

    def _draw(self) -> None:
        snapshot = self._snapshot
        reading = (self.age.gone or "Looking for workers…") if snapshot is None else ""
        empty = _NO_WORKER if snapshot is not None and not snapshot.workers else ""
        self.message.setText(reading or empty)
        self.message.set_tone("muted" if reading or self.age.gone else "caution")
        self.message.setVisible(bool(self.message.text()))
        if snapshot is None:
            self._count.hide()
            for row in self.concurrency.values():
                for widget in (row.number, row.set, row.reset):
                    widget.setEnabled(False)
                    widget.setToolTip(self.age.gone or reading)
            return
        self._draw_workers(snapshot)
        for queue in snapshot.queues:
            row = self.concurrency[queue.name]
            row.show_queue(queue, self._own.get(queue.name), self.age.gone, self._actions.refusal)
        self.redis.show_text(snapshot.redis, "Where the jobs are")
        self.redis.set_tone("stale" if self.age.gone else "ink")
        rate = snapshot.watching_commands_per_s
        self.cost.setText(
            "It does not answer." if self.age.gone else f"This window's looking costs it {rate:,.1f} commands a second."
        )
        self.cost.set_tone("caution" if self.age.gone else "muted")

    def _draw_workers(self, snapshot: Snapshot) -> None:
        now_ms = snapshot.taken_at_ms
        workers = sorted(self._seen.values(), key=lambda worker: (worker.host, worker.started_at_ms, worker.id))
        for gone_id in self.rows.keys() - self._seen.keys():
            row = self.rows.pop(gone_id)
            self._list.rows.removeWidget(row)
            row.deleteLater()
        for place, worker in enumerate(workers):
            if worker.id not in self.rows:
                self.rows[worker.id] = WorkerRow(self._look, self._zone)
                self._list.rows.insertWidget(place, self.rows[worker.id])
            ours = worker.host == self._host and worker.pid == self._embedded.pid
            ended = worker.id in self._ended
            self.rows[worker.id].show_worker(worker, now_ms, ours=ours, ended=ended, gone=bool(self.age.gone))
        alive = len(snapshot.workers)
        active = sum(worker.active for worker in snapshot.workers)
        words = "1 worker" if alive == 1 else f"{alive} workers"
        self._count.setText(f"{words}, {active:,} active {'job' if active == 1 else 'jobs'}")
        self._count.show()

    def _draw_embedded(self) -> None:
        state, pid, restarts = self._embedded.state, self._embedded.pid, self._embedded.restarts
        words = _EMBEDDED[state]
        if state == "running":
            words += f" as process {pid}." if pid else "."
        if restarts:
            words += f" It ended by itself {'once' if restarts == 1 else f'{restarts} times'} and was started again."
        self.embedded.setText(words)
        self.embedded.set_tone("ink" if state == "running" else "caution")
        able = state in ("running", "waiting")
        self.restart.setEnabled(able)
        why = "It is at it." if state in ("restarting", "stopping") else "It is started when Redis answers."
        self.restart.setToolTip("Let it finish what is active, and start it anew" if able else why)

    # Reacting

    def _set(self, row: ConcurrencyRow) -> None:
        if row.set.isEnabled():
            self.concurrency_wanted.emit(row.queue, row.number.value())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        for row in self.concurrency.values():
            # A number that was written but not set is not kept for the next look.
            row.number.setValue(row.shown or 1)
