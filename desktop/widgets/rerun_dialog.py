"""Edit a job's arguments and add them as a new job."""

from __future__ import annotations

import json

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.job_words import json_text, mono_font
from desktop.widgets.text import Button, Text
from engine.model import Job
from engine.queues import QUEUES


class RerunDialog(QDialog):
    """Open it with `open()`. `wanted(job name, arguments)` asks for the job; then `accept`, or `refuse` with words.

    The old job stays as it is.
    """

    wanted = Signal(str, object)

    def __init__(self, look: Look, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job = job
        self.setWindowTitle("Run again as a new job")
        self.setMinimumSize(540, 440)
        self.arguments = QPlainTextEdit(json_text(job.arguments))
        self.arguments.setFont(mono_font())
        self.arguments.setTabChangesFocus(True)
        self.arguments.setAccessibleName("Arguments as JSON")
        self.arguments.textChanged.connect(self._check)
        self._fault = Text(look, "", "body", "danger")
        self._fault.setWordWrap(True)
        self._fault.setAccessibleName("What is wrong")
        keep = Button(look, "Close")
        keep.setAutoDefault(False)
        keep.clicked.connect(self.reject)
        self.add = Button(look, "Add the new job", kind="primary", font="strong")
        self.add.setAutoDefault(False)
        self.add.clicked.connect(self._ask)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(keep)
        buttons.addWidget(self.add)
        queue = QUEUES[job.queue].title
        hint = Text(look, f"A new {job.name} job on {queue}, with a new id. The old job stays as it is.", tone="muted")
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(Text(look, "Run again as a new job", "heading"))
        column.addWidget(hint)
        column.addWidget(self.arguments, 1)
        column.addWidget(self._fault)
        column.addLayout(buttons)
        self._check()

    @property
    def fault(self) -> str:
        """What is said to be wrong with the arguments; "" while nothing is."""
        return self._fault.text()

    def refuse(self, words: str) -> None:
        """The job was not added: say why, and let it be mended."""
        self._fault.setText(words)
        self.add.setEnabled(True)

    def _parsed(self) -> tuple[dict[str, object] | None, str]:
        try:
            value = json.loads(self.arguments.toPlainText())
        except (ValueError, RecursionError) as error:
            return None, f"This is no JSON: {error}."
        if not isinstance(value, dict):
            return None, 'Arguments are a JSON object, like {"text": "hello"}.'
        return value, ""

    def _check(self) -> None:
        value, fault = self._parsed()
        self._fault.setText(fault)
        self.add.setEnabled(value is not None)
        self.add.setToolTip(fault or "Add it to the queue.")

    def _ask(self) -> None:
        value, _ = self._parsed()
        if value is not None:
            self._fault.setText("")
            self.add.setEnabled(False)
            self.add.setToolTip("It is being added.")
            self.wanted.emit(self._job.name, value)
