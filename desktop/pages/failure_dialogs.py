"""What is asked before a whole group of failures is retried bit by bit, or taken away."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSpinBox, QWidget

from desktop.pages.failure_row import ago
from desktop.theme import Look
from desktop.widgets.dialog import Dialog, fit_field, form_layout, reason_field, wrapped
from desktop.widgets.job_words import sample_lines
from desktop.widgets.text import Text
from desktop.widgets.two_lines import ElidedText
from desktop.widgets.typed_name import TypedName
from engine.model import CleanPreview, FailureGroup
from engine.queues import QUEUES


def jobs(count: int) -> str:
    """A count of jobs in words."""
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


class GradualRetryDialog(Dialog):
    """Asks how carefully to retry; `confirmed(canary, rate_per_s)` is the order. Open it with `open()`."""

    confirmed = Signal(int, float)

    def __init__(self, look: Look, group: FailureGroup, parent: QWidget | None = None) -> None:
        words = (
            "The canaries run first. Where one of them fails again, the rest stays as it is; "
            "where all complete, it follows at the rate below, the oldest first."
        )
        order = f"Retry {jobs(group.failed_now)}"
        super().__init__(look, "Retry gradually", words, keep="Not now", order=order, parent=parent)
        self.setFixedWidth(480)
        self._count = group.failed_now
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
            fit_field(field)
            field.valueChanged.connect(self._draw_length)
        form = form_layout()
        form.addRow(Text(look, "Canaries first", tone="muted"), self.canary)
        form.addRow(Text(look, "Then jobs a second", tone="muted"), self.rate)
        self.confirm.clicked.connect(self._confirm)
        self.body.addLayout(form)
        self.body.addWidget(self._length)
        self._draw_length()

    def _draw_length(self) -> None:
        rest = max(0, self._count - self.canary.value())
        seconds = rest / self.rate.value()
        span = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
        self._length.setText(f"{jobs(rest)} after the canaries: about {span}." if rest else "All of them are canaries.")

    def _confirm(self) -> None:
        self.confirmed.emit(self.canary.value(), float(self.rate.value()))
        self.accept()


class CleanGroupDialog(Dialog):
    """Shows what a clean of one group would take away; `confirmed(count, reason)` orders exactly that many.

    It opens without a count: `show_preview` brings it, or `show_failure` why there is none.
    """

    confirmed = Signal(int, str)

    def __init__(self, look: Look, group: FailureGroup, parent: QWidget | None = None) -> None:
        title = "Clean a group of failures"
        super().__init__(
            look, "Clean this group", keep="Keep them", order="Clean", danger=True, title=title, parent=parent
        )
        self.queue = group.queue
        self._counted = 0
        self.setFixedWidth(620)
        cause = ElidedText(look, tone="muted")
        cause.show_text(f"{QUEUES[group.queue].title}: {group.title}")
        self.count = Text(look, "Counting…", "strong")
        self.ages = wrapped(look)
        self.samples = Text(look, "", "caption", "muted")
        self.samples.hide()
        self.reason = reason_field()
        self._typed = TypedName(look, group.queue)
        self._typed.changed.connect(self._draw_confirm)
        self.typed = self._typed.field
        self.confirm.clicked.connect(self._confirm)
        self._reason_not = "Wait for the count."
        self.body.addWidget(cause)
        self.body.addSpacing(10)
        self.body.addWidget(self.count)
        self.body.addWidget(self.ages)
        self.body.addWidget(self.samples)
        self.body.addSpacing(10)
        self.body.addWidget(self.reason)
        self.body.addWidget(self._typed)
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
        self.samples.setText(sample_lines(preview.samples, preview.count))
        self.samples.setVisible(bool(preview.samples))
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
        self.confirm.setText(f"Clean {jobs(self._counted)}" if self._counted else "Clean")
        self.allow(self._reason_not or self._typed.refusal)

    def _confirm(self) -> None:
        self.confirmed.emit(self._counted, self.reason.text().strip())
        self.accept()
