"""The Audit page: who did what to the queues, and the quarantine from which cleaned jobs come back.

Both are read anew while the page is shown. Where Redis is gone the last rows stay, grey, with their age.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.failure_row import ago, exact
from desktop.pages.freshness import Freshness
from desktop.pages.restore_dialog import RestoreDialog, states
from desktop.theme import Look
from desktop.widgets.facts_table import Cell, Column, FactsTable
from desktop.widgets.text import Button, Text
from engine.model import AuditEntry, QuarantineBatch
from engine.queues import QUEUES

_READ_MS = 2_000
_VIEWS = {"actions": "Actions", "quarantine": "Quarantine"}
_EMPTY = {
    "actions": ("No actions", "What operators do to the queues is written down here."),
    "quarantine": ("Nothing in the quarantine", "Cleaned and removed jobs stay here for 24 hours and can come back."),
}


class AuditPage(QWidget):
    """Give it rows by `show_actions` and `show_batches`, and `show_gone` where there are none to be had."""

    actions_wanted = Signal(str)
    """The audit trail of a queue ("": of all) is to be read; comes each 2 s while it is shown."""
    batches_wanted = Signal(str)
    """The same for the quarantine."""
    restore_wanted = Signal(object, str)
    """The QuarantineBatch that is to come back, and the reason."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._view = "actions"
        self.age = Freshness(look)
        self._known: dict[str, int | None] = dict.fromkeys(_VIEWS)
        """How many rows each view has; None before the first answer."""
        self._entries: tuple[AuditEntry, ...] = ()
        self._batches: dict[str, QuarantineBatch] = {}
        self._now_ms = 0
        self._dialog: RestoreDialog | None = None

        self.actions_table = FactsTable(
            look,
            "Actions of operators, newest first",
            (
                Column("When", 96),
                Column("Who", 158),
                Column("What", 144),
                Column("Queue", 120),
                Column("Jobs", 68, right=True),
                Column("Depths"),
                Column("Why"),
            ),
        )
        self.batches_table = FactsTable(
            look,
            "Jobs in the quarantine, newest first",
            (
                Column("Taken", 96),
                Column("Queue", 120),
                Column("Jobs", 132),
                Column("Still here", 88, right=True),
                Column("Kept for", 118),
                Column("Who", 158),
                Column("Why"),
            ),
        )
        self.batches_table.itemSelectionChanged.connect(self._draw_restore)
        actions.refusal_changed.connect(self._draw_restore)
        self.batches_table.doubleClicked.connect(self._ask_restore)
        key = QShortcut(QKeySequence(Qt.Key.Key_Return), self.batches_table)
        key.setContext(Qt.ShortcutContext.WidgetShortcut)
        key.activated.connect(self._ask_restore)

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        card = QFrame()
        card.setObjectName("card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(8, 8, 8, 8)
        self._stack = QStackedWidget()
        for table in (self.actions_table, self.batches_table):
            self._stack.addWidget(table)
        self._stack.addWidget(self._build_empty())
        inside.addWidget(self._stack)
        column.addWidget(card, 1)

        self._clock = QTimer(self)
        self._clock.setInterval(_READ_MS)
        self._clock.timeout.connect(self._ask)
        self._draw()

    # What it shows

    @property
    def queue(self) -> str:
        """The queue that is shown; "" means all."""
        return str(self.queues.currentData())

    @property
    def dialog(self) -> RestoreDialog | None:
        """The dialog that is open."""
        return self._dialog

    @property
    def empty_text(self) -> str:
        """What it says where there are no rows; "" while there are some."""
        words = f"{self._empty_title.text()}. {self._empty_words.text()}"
        return words if self._stack.currentIndex() == len(_VIEWS) else ""

    def show_actions(self, entries: Sequence[AuditEntry], now_ms: int) -> None:
        """Show the audit trail, newest first."""
        self._entries, self._now_ms = tuple(entries), now_ms
        self.age.renew()
        self._known["actions"] = len(entries)
        self._draw()

    def show_batches(self, batches: Sequence[QuarantineBatch], now_ms: int) -> None:
        """Show the quarantine, newest first."""
        self._batches, self._now_ms = {batch.id: batch for batch in batches}, now_ms
        self.age.renew()
        self._known["quarantine"] = len(self._batches)
        self._draw()

    def show_gone(self, reason: str = REDIS_GONE) -> None:
        """Nothing can be read: keep what is known, grey, and say how old it is."""
        self.age.note_gone(reason)
        self._draw()

    def show_view(self, view: str) -> None:
        """Show "actions" or "quarantine"."""
        self._view = view
        self.views[view].setChecked(True)
        self._draw()
        self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    # Building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(Text(self._look, "Audit", "title"))
        row.addSpacing(14)
        group = QButtonGroup(self)
        self.views: dict[str, Button] = {}
        for view, word in _VIEWS.items():
            button = Button(self._look, word, kind="segment", font="label")
            button.setCheckable(True)
            button.setFixedHeight(28)
            button.setChecked(view == self._view)
            button.setAccessibleName(f"Show the {word.lower()}")
            button.clicked.connect(lambda _=False, view=view: self.show_view(view))
            group.addButton(button)
            self.views[view] = button
            row.addWidget(button)
        row.addSpacing(10)
        row.addWidget(self.age, 1, Qt.AlignmentFlag.AlignVCenter)
        self.restore = Button(self._look, "Restore…", icon="retry", font="label")
        self.restore.setAccessibleName("Restore the chosen jobs")
        self.restore.setFixedHeight(34)
        self.restore.clicked.connect(self._ask_restore)
        row.addWidget(self.restore)
        row.addSpacing(8)
        self.queues = QComboBox()
        self.queues.setAccessibleName("Queue")
        self.queues.setFixedSize(170, 34)
        self.queues.addItem("All queues", "")
        for name, spec in QUEUES.items():
            self.queues.addItem(spec.title, name)
        self.queues.currentIndexChanged.connect(self._ask)
        row.addWidget(self.queues)
        return row

    def _build_empty(self) -> QWidget:
        widget = QWidget()
        column = QVBoxLayout(widget)
        column.addStretch(2)
        self._empty_title = Text(self._look, "", "heading")
        self._empty_words = Text(self._look, "", tone="muted")
        for label in (self._empty_title, self._empty_words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(3)
        return widget

    # Drawing

    def _draw(self) -> None:
        stale = bool(self.age.gone)
        self.actions_table.show_rows(
            [(f"{entry.queue} {entry.id}", _action_cells(entry, self._now_ms)) for entry in self._entries], stale
        )
        self.batches_table.show_rows(
            [(batch.id, _batch_cells(batch, self._now_ms)) for batch in self._batches.values()], stale
        )
        count = self._known[self._view]
        if not count:
            title, words = _EMPTY[self._view] if count == 0 else ("Reading", "The rows appear here.")
            if stale:
                title, words = "This cannot be read now", self.age.gone
            self._empty_title.setText(title)
            self._empty_words.setText(words)
        self._stack.setCurrentIndex(list(_VIEWS).index(self._view) if count else len(_VIEWS))
        self._draw_restore()

    def _draw_restore(self) -> None:
        batch = self._chosen()
        refusal = ""
        if self.age.gone:
            refusal = REDIS_GONE
        elif self._actions.refusal:
            refusal = self._actions.refusal
        elif batch is None:
            refusal = "Choose what is to come back."
        elif not batch.left:
            refusal = "All of these jobs are back already."
        self.restore.setVisible(self._view == "quarantine")
        self.restore.setEnabled(not refusal)
        self.restore.setToolTip(refusal or "Bring the chosen jobs back to where they were. (Enter)")

    # Acting

    def _ask(self) -> None:
        (self.actions_wanted if self._view == "actions" else self.batches_wanted).emit(self.queue)

    def _chosen(self) -> QuarantineBatch | None:
        return self._batches.get(self.batches_table.chosen or "")

    def _ask_restore(self) -> None:
        batch = self._chosen()
        if batch is None or not self.restore.isEnabled():
            return
        dialog = RestoreDialog(self._look, batch, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(lambda reason: self.restore_wanted.emit(batch, reason))
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()

    def _forget_dialog(self) -> None:
        self._dialog = None


def depths_text(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """What an action changed: "failed 12 → 0, waiting 0 → 12"; a queue's depths also move by themselves meanwhile."""
    changed = [
        f"{state} {before.get(state, 0):,} → {after.get(state, 0):,}"
        for state in dict.fromkeys((*before, *after))
        if before.get(state, 0) != after.get(state, 0)
    ]
    return ", ".join(changed) or "unchanged"


def _action_cells(entry: AuditEntry, now_ms: int) -> tuple[Cell, ...]:
    depths = depths_text(entry.before, entry.after)
    both = "\n".join(
        f"{state}: {entry.before.get(state, 0):,} before, {entry.after.get(state, 0):,} after"
        for state in dict.fromkeys((*entry.before, *entry.after))
    )
    arguments = "\n".join(f"{name}: {value}" for name, value in entry.arguments.items())
    return (
        Cell(ago(entry.at_ms, now_ms), exact(entry.at_ms)),
        Cell(entry.actor or "unknown"),
        Cell(entry.action.replace("-", " "), arguments, "danger" if entry.action in ("clean", "remove") else "ink"),
        Cell(_title(entry.queue), entry.queue),
        Cell(f"{entry.touched:,}" if entry.touched else "–", _jobs(entry.touched), "ink" if entry.touched else "muted"),
        Cell(depths, both, "muted" if depths == "unchanged" else "ink"),
        Cell(entry.reason or "–", entry.reason or "No reason was given.", "ink" if entry.reason else "muted"),
    )


def _batch_cells(batch: QuarantineBatch, now_ms: int) -> tuple[Cell, ...]:
    return (
        Cell(ago(batch.at_ms, now_ms), exact(batch.at_ms)),
        Cell(_title(batch.queue), batch.queue),
        Cell(states(batch)),
        Cell(f"{batch.left:,}" if batch.left else "all back", "", "ink" if batch.left else "muted"),
        Cell(remaining_text(batch.until_ms - now_ms), f"Gone for good at {exact(batch.until_ms)}"),
        Cell(batch.actor or "unknown"),
        Cell(batch.reason or "–", batch.reason or "No reason was given.", "ink" if batch.reason else "muted"),
    )


def remaining_text(left_ms: int) -> str:
    """What is left of the day: "23 h 59 min", "4 min", "less than 1 min"."""
    minutes = left_ms // 60_000
    if minutes < 1:
        return "less than 1 min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _title(queue: str) -> str:
    return QUEUES[queue].title if queue in QUEUES else queue


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"
