"""What is asked before a whole group of failures is retried bit by bit, or taken away."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.pages.failure_row import Elided, ago
from desktop.theme import Look
from desktop.widgets.text import Button, Text
from desktop.widgets.typed_name import TypedName
from engine.model import CleanPreview, FailureGroup
from engine.queues import QUEUES


def jobs(count: int) -> str:
    """A count of jobs in words."""
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


class GradualRetryDialog(QDialog):
    """Asks how carefully to retry; `confirmed(canary, rate_per_s)` is the order. Open it with `open()`."""

    confirmed = Signal(int, float)

    def __init__(self, look: Look, group: FailureGroup, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Retry gradually")
        self.setFixedWidth(480)
        self.canary = QSpinBox()
        self.canary.setRange(0, max(1, group.failed_now))
        self.canary.setValue(min(5, group.failed_now))
        self.canary.setAccessibleName("Jobs that go first as a canary; 0 means none")
        self.rate = QSpinBox()
        self.rate.setRange(1, 10_000)
        self.rate.setValue(5)
        self.rate.setAccessibleName("Jobs a second")
        self._length = Text(look, "", "caption", "muted")
        for field in (self.canary, self.rate):
            field.setFixedHeight(36)
            field.lineEdit().setTextMargins(9, 0, 0, 0)
            field.valueChanged.connect(self._draw_length)
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(Text(look, "Canaries first", tone="muted"), self.canary)
        form.addRow(Text(look, "Then jobs a second", tone="muted"), self.rate)
        words = Text(
            look,
            "The canaries run first. Where one of them fails again, the rest stays as it is; "
            "where all complete, it follows at the rate below, the oldest first.",
            tone="muted",
        )
        words.setWordWrap(True)
        self.cancel = Button(look, "Not now")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(look, f"Retry {jobs(group.failed_now)}", kind="primary", font="strong")
        self.confirm.clicked.connect(self._confirm)
        self.confirm.setDefault(True)
        self._count = group.failed_now
        column = _column(self)
        column.addWidget(Text(look, "Retry gradually", "heading"))
        column.addWidget(words)
        column.addSpacing(10)
        column.addLayout(form)
        column.addWidget(self._length)
        column.addSpacing(12)
        column.addLayout(_buttons(self.cancel, self.confirm))
        self._draw_length()

    def _draw_length(self) -> None:
        rest = max(0, self._count - self.canary.value())
        seconds = rest / self.rate.value()
        span = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
        self._length.setText(f"{jobs(rest)} after the canaries: about {span}." if rest else "All of them are canaries.")

    def _confirm(self) -> None:
        self.confirmed.emit(self.canary.value(), float(self.rate.value()))
        self.accept()


class CleanGroupDialog(QDialog):
    """Shows what a clean of one group would take away; `confirmed(count, reason)` orders exactly that many.

    It opens without a count: `show_preview` brings it, or `show_failure` why there is none.
    """

    confirmed = Signal(int, str)

    def __init__(self, look: Look, group: FailureGroup, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.queue = group.queue
        self._look, self._counted = look, 0
        self.setWindowTitle("Clean a group of failures")
        self.setFixedWidth(560)
        title = Elided(look, "body", "muted")
        title.show_text(f"{QUEUES[group.queue].title}: {group.title}")
        self.count = Text(look, "Counting…", "strong")
        self.ages = Text(look, "", tone="muted")
        self.ages.setWordWrap(True)
        self.samples = QVBoxLayout()
        self.samples.setSpacing(3)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Why (goes into the audit trail; may stay empty)")
        self.reason.setAccessibleName("Reason for the audit trail")
        self.reason.setFixedHeight(38)
        self._typed = TypedName(look, group.queue)
        self._typed.changed.connect(self._draw_confirm)
        self.typed = self._typed.field
        self.cancel = Button(look, "Keep them")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(look, "Clean", kind="danger", font="strong")
        self.confirm.setAutoDefault(False)
        self.confirm.clicked.connect(self._confirm)
        self._reason_not = "Wait for the count."
        column = _column(self)
        column.addWidget(Text(look, "Clean this group", "heading"))
        column.addWidget(title)
        column.addSpacing(10)
        column.addWidget(self.count)
        column.addWidget(self.ages)
        column.addLayout(self.samples)
        column.addSpacing(10)
        column.addWidget(self.reason)
        column.addWidget(self._typed)
        column.addSpacing(12)
        column.addLayout(_buttons(self.cancel, self.confirm))
        self._draw_confirm()

    def show_preview(self, preview: CleanPreview, now_ms: int) -> None:
        """Show the exact count, the ages, and some of the jobs."""
        self._counted = preview.count
        self._reason_not = "" if preview.count else "No job of this group is failed any more."
        self.count.setText(
            f"{jobs(preview.count)} would be removed." if preview.count else "There is nothing to remove any more."
        )
        ages = ""
        if preview.oldest_at_ms is not None and preview.newest_at_ms is not None:
            oldest, newest = ago(preview.oldest_at_ms, now_ms), ago(preview.newest_at_ms, now_ms)
            ages = f"The oldest failed {oldest}, the newest {newest}. "
        self.ages.setText(f"{ages}The quarantine keeps them for 24 hours; until then they can be restored.")
        for job in preview.samples:
            line = Elided(self._look, "caption", "muted")
            line.show_text(f"{job.id}   {(job.error or '').strip().partition(chr(10))[0]}")
            self.samples.addWidget(line)
        if preview.count > len(preview.samples) > 0:
            more = f"… and {preview.count - len(preview.samples):,} more"
            self.samples.addWidget(Text(self._look, more, "caption", "muted"))
        self._typed.ask(preview.count)
        self._draw_confirm()
        self.adjustSize()

    def show_failure(self, message: str) -> None:
        """The count could not be had: say why, and let nobody confirm."""
        self._counted, self._reason_not = 0, message
        self.count.setText("The jobs cannot be counted now.")
        self.ages.setText(message)
        self._draw_confirm()

    def _draw_confirm(self) -> None:
        refusal = self._reason_not or self._typed.refusal
        self.confirm.setText(f"Clean {jobs(self._counted)}" if self._counted else "Clean")
        self.confirm.setEnabled(not refusal)
        self.confirm.setToolTip(refusal)

    def _confirm(self) -> None:
        self.confirmed.emit(self._counted, self.reason.text().strip())
        self.accept()


def _column(dialog: QDialog) -> QVBoxLayout:
    column = QVBoxLayout(dialog)
    column.setContentsMargins(24, 22, 24, 20)
    column.setSpacing(6)
    return column


def _buttons(*buttons: Button) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addStretch(1)
    for button in buttons:
        row.addWidget(button)
    return row
