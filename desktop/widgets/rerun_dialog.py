"""Edit a job's arguments and add them as a new job."""

from __future__ import annotations

import json

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, wrapped
from desktop.widgets.job_words import json_text, mono_font
from engine.model import Job
from engine.queues import QUEUES


class RerunDialog(Dialog):
    """Open it with `open()`. `wanted(job name, arguments)` asks for the job; then `accept`, or `refuse` with words.

    The old job stays as it is.
    """

    wanted = Signal(str, object)

    def __init__(self, look: Look, job: Job, parent: QWidget | None = None) -> None:
        queue = QUEUES[job.queue].title
        words = f"A new {job.name} job on {queue}, with a new id. The old job stays as it is."
        super().__init__(look, "Run again as a new job", words, keep="Close", order="Add the new job", parent=parent)
        self._job = job
        self.setMinimumSize(540, 440)
        self.arguments = QPlainTextEdit(json_text(job.arguments))
        self.arguments.setFont(mono_font())
        self.arguments.setTabChangesFocus(True)
        self.arguments.setAccessibleName("Arguments as JSON")
        self.arguments.textChanged.connect(self._check)
        self._fault = wrapped(look, tone="danger")
        self._fault.setAccessibleName("What is wrong")
        self.confirm.clicked.connect(self._ask)
        self.body.addWidget(self.arguments, 1)
        self.body.addWidget(self._fault)
        self._check()

    @property
    def fault(self) -> str:
        """What is said to be wrong with the arguments; "" while nothing is."""
        return self._fault.text()

    def refuse(self, words: str) -> None:
        """The job was not added: say why, and let it be mended."""
        self._fault.setText(words)
        self.allow("")

    def _parsed(self) -> tuple[dict[str, object] | None, str]:
        try:
            value = json.loads(self.arguments.toPlainText())
        except (ValueError, RecursionError) as error:
            return None, f"This is no JSON: {error}."
        if not isinstance(value, dict):
            return None, 'Arguments are a JSON object, like {"text": "hello"}.'
        return value, ""

    def _check(self) -> None:
        _, fault = self._parsed()
        self._fault.setText(fault)
        self.allow(fault, "Add it to the queue.")

    def _ask(self) -> None:
        value, _ = self._parsed()
        if value is not None:
            self._fault.setText("")
            self.allow("It is being added.")
            self.wanted.emit(self._job.name, value)
