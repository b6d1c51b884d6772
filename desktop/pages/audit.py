"""The Audit page: who did what to the queues, and the quarantine from which cleaned jobs come back.

Both are read anew while the page is shown. Where Redis is gone the last rows stay, grey, with their age.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.audit_cells import action_cells, batch_cells
from desktop.pages.freshness import Freshness
from desktop.pages.restore_dialog import RestoreDialog
from desktop.theme import Look
from desktop.widgets.dialog import fit_field
from desktop.widgets.empty_card import EmptyCard
from desktop.widgets.facts_table import Column, FactsTable
from desktop.widgets.queue_box import QueueBox
from desktop.widgets.text import Button, Text, card
from engine.model import AuditEntry, QuarantineBatch

_READ_MS = 2_000
_TYPING_MS = 250
_VIEWS = {"actions": "Actions", "quarantine": "Quarantine"}
_EMPTY = {
    "actions": ("No actions", "What operators do to the queues is written down here."),
    "quarantine": ("Nothing in the quarantine", "Cleaned and removed jobs stay here for 24 hours and can come back."),
}


class AuditPage(QWidget):
    """Give it rows by `show_actions` and `show_batches`, and `show_gone` where there are none to be had."""

    actions_wanted = Signal(str, str)
    """The audit trail of a queue ("": of all) and of those whose name has this in it ("": of all) is to be read.

    Comes each 2 s while it is shown."""
    batches_wanted = Signal(str)
    """The quarantine of a queue ("": of all) is to be read, likewise."""
    restore_wanted = Signal(object, str)
    """The QuarantineBatch that is to come back, and the reason."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._view = "actions"
        self.age = Freshness(look)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._ask)
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
        frame = card()
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(8, 8, 8, 8)
        self._stack = QStackedWidget()
        for table in (self.actions_table, self.batches_table):
            self._stack.addWidget(table)
        self._empty = EmptyCard(look, framed=False)
        self._stack.addWidget(self._empty)
        inside.addWidget(self._stack)
        column.addWidget(frame, 1)

        self._clock = QTimer(self)
        self._clock.setInterval(_READ_MS)
        self._clock.timeout.connect(self._ask)
        self._draw()

    # What it shows

    @property
    def queue(self) -> str:
        """The queue that is shown; "" means all."""
        return self.queues.queue

    @property
    def who(self) -> str:
        """Whose actions are shown; "" means everybody's."""
        return self.who_field.text().strip()

    @property
    def dialog(self) -> RestoreDialog | None:
        """The dialog that is open."""
        return self._dialog

    @property
    def empty_text(self) -> str:
        """What it says where there are no rows; "" while there are some."""
        return self._empty.text if self._stack.currentIndex() == len(_VIEWS) else ""

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
        self.who_field = QLineEdit()
        self.who_field.setPlaceholderText("Who: any part of a name")
        self.who_field.setAccessibleName("Show the actions of")
        self.who_field.setClearButtonEnabled(True)
        self.who_field.setMinimumWidth(200)
        fit_field(self.who_field)
        self.who_field.textChanged.connect(lambda _: self._typing.start())
        row.addWidget(self.who_field)
        row.addSpacing(8)
        self.queues = QueueBox()
        self.queues.currentIndexChanged.connect(self._ask)
        row.addWidget(self.queues)
        return row

    # Drawing

    def _draw(self) -> None:
        stale = bool(self.age.gone)
        self.actions_table.show_rows(
            [(f"{entry.queue} {entry.id}", action_cells(entry, self._now_ms)) for entry in self._entries], stale
        )
        self.batches_table.show_rows(
            [(batch.id, batch_cells(batch, self._now_ms)) for batch in self._batches.values()], stale
        )
        count = self._known[self._view]
        if not count:
            title, words = _EMPTY[self._view] if count == 0 else ("Reading", "The rows appear here.")
            if self._view == "actions" and self.who and count == 0:
                title, words = f"No actions of {self.who}", "The whole trail was looked through."
            if stale:
                title, words = "This cannot be read now", self.age.gone
            self._empty.say(title, words)
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
        self.who_field.setVisible(self._view == "actions")
        self.restore.setEnabled(not refusal)
        self.restore.setToolTip(refusal or "Bring the chosen jobs back to where they were. (Enter)")

    # Acting

    def _ask(self) -> None:
        if self._view == "actions":
            self.actions_wanted.emit(self.queue, self.who)
        else:
            self.batches_wanted.emit(self.queue)

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
