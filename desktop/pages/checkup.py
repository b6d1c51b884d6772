"""Check everything: what `hark doctor` finds, in a dialog, the worst first, each with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, wrapped
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Button, Text, in_window
from engine.doctor import Finding, Level, verdict

_WORDS = {
    Level.ERROR: ("Error", "danger"),
    Level.WARNING: ("Warning", "caution"),
    Level.NOTE: ("Note", "accent"),
    Level.OK: ("Fine", "muted"),
    Level.SKIPPED: ("Skipped", "stale"),
}


class CheckupDialog(Dialog):
    """Open it with `open()`. It asks by `wanted`; `show_findings` or `show_failed` answers."""

    wanted = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        words = "As the command hark doctor: settings, Redis, workers, queues, speech, keys, microphone, disk, memory."
        super().__init__(look, "Check everything", words, keep="Close", order="Check again", parent=parent)
        self._look = look
        self._findings: tuple[Finding, ...] = ()
        self.setMinimumSize(720, 520)
        self.verdict = wrapped(look, font="strong", tone="ink")
        self.list = ScrollList("Findings, the worst first")
        self.copy = Button(look, "Copy", kind="row", font="label")
        self.copy.setAccessibleName("Copy the findings as text")
        self.copy.setAutoDefault(False)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text))
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.list, 1)
        self.body.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        self.confirm.clicked.connect(self.check)

    @property
    def text(self) -> str:
        """The findings, a line each, as they are copied."""
        lines = [f"{_WORDS[one.level][0]}: {one.check}: {one.message} {one.remedy}".strip() for one in self._findings]
        return "\n".join([*lines, self.verdict.text()])

    def check(self) -> None:
        """Look at everything, from the beginning."""
        self.verdict.setText("Looking at everything; it takes some seconds…")
        self.allow("It is being looked at.")
        self.wanted.emit()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """This was found; the worst comes first."""
        self._findings = tuple(findings)
        self.verdict.setText(verdict(self._findings))
        self.list.clear_rows()
        for finding in self._findings:
            self.list.rows.addWidget(_row(self._look, finding))
        self.allow("", "Look at everything again")

    def show_failed(self, words: str) -> None:
        """It could not be looked: say why."""
        self.verdict.setText(words)
        self.allow("", "Look at everything again")


def _row(look: Look, finding: Finding) -> QFrame:
    word, tone = _WORDS[finding.level]
    message, remedy = in_window(finding.message), in_window(finding.remedy)
    row = QFrame()
    grid = QGridLayout(row)
    grid.setContentsMargins(4, 6, 12, 6)
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(2)
    grid.setColumnMinimumWidth(0, 68)
    grid.setColumnMinimumWidth(1, 110)
    grid.setColumnStretch(2, 1)
    name = "OpenAI" if finding.check == "openai" else finding.check[:1].upper() + finding.check[1:]
    cells = [Text(look, word, "label", tone), Text(look, name, "label"), wrapped(look, message, tone="ink")]
    for place, cell in enumerate(cells):
        grid.addWidget(cell, 0, place, Qt.AlignmentFlag.AlignTop if place < 2 else Qt.AlignmentFlag(0))
    if remedy:
        grid.addWidget(wrapped(look, remedy), 1, 2)
    row.setAccessibleName(f"{word}: {name}: {message} {remedy}".strip())
    return row
