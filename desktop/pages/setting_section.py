"""A group of settings in a card: its title, the trials of its services, and a row for each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.pages.setting_row import SettingRow
from desktop.theme import Look
from desktop.widgets.text import Button, Text, in_window, rule
from engine.queues import QUEUES
from engine.settings.fields import QUEUES_NAME
from engine.settings.views import SettingView

_TURN_MS = 5
"""Rows are made for so long in one turn of the loop: all of them at once would hold the window up for a second."""


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be tried out; `group` is the section that it belongs to."""

    name: str
    title: str
    group: str


class TrialLine(QWidget):
    """A button that tries a service out, and the outcome beside it."""

    wanted = Signal(str)

    def __init__(self, look: Look, service: Service) -> None:
        super().__init__()
        self._service = service
        self.button = Button(look, f"Test {service.title}", font="label")
        self.button.setFixedHeight(32)
        self.button.setToolTip("Try it out with the settings as they are saved")
        self.button.clicked.connect(self.ask)
        self.outcome = Text(look, "", tone="muted")
        self.outcome.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addWidget(self.button)
        row.addWidget(self.outcome, 1)

    def show_outcome(self, worked: bool, message: str) -> None:
        """Say what came of it."""
        self._show(in_window(message), "accent" if worked else "danger", busy=False)

    def ask(self) -> None:
        """Try it."""
        self._show("Trying…", "muted", busy=True)
        self.wanted.emit(self._service.name)

    def _show(self, words: str, tone: str, *, busy: bool) -> None:
        self.outcome.setText(words)
        self.outcome.set_tone(tone)
        self.outcome.setAccessibleName(f"{self._service.title}: {words}")
        self.button.setEnabled(not busy)


class SettingSection(QFrame):
    """One group. `rows` are its settings by name; those of a queue are shown for one queue at a time.

    It begins without rows: `make_rows` has them made, and `made` tells when that is done.
    """

    trial_wanted = Signal(str)
    row_made = Signal(object)
    """A SettingRow that there was not before: one queue's are made when that queue is first shown."""
    made = Signal()

    def __init__(self, look: Look, group: str, views: Sequence[SettingView], services: Sequence[Service]) -> None:
        super().__init__()
        self.setObjectName("card")
        self._look = look
        self.group = group
        self.rows: dict[str, SettingRow] = {}
        self.trials: dict[str, TrialLine] = {}
        self.queues: dict[str, Button] = {}
        self._queue = ""
        self._words: list[str] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 12)
        column.setSpacing(8)
        column.addWidget(Text(look, group, "heading"))
        for service in services:
            line = TrialLine(look, service)
            line.wanted.connect(self.trial_wanted)
            self.trials[service.name] = line
            column.addWidget(line)
        if any(queue_of(view) for view in views):
            column.addLayout(self._build_queues())
        self._rules: dict[str, QFrame] = {}
        self._views = {view.name: view for view in views}
        self._column = column
        self._making = QTimer(self)
        self._making.setInterval(0)
        self._making.timeout.connect(self._make_some)

    def show_views(self, views: Mapping[str, SettingView], saved: str) -> None:
        """Show how the settings are now; `saved` is the one whose typed value was taken."""
        self._views = {name: views.get(name, view) for name, view in self._views.items()}
        for name, row in self.rows.items():
            if name in views:
                row.show_view(views[name], saved=name == saved)
        for queue, button in self.queues.items():
            changed = any(view.is_set for view in views.values() if queue_of(view) == queue)
            button.setText(f"{QUEUES[queue].title} •" if changed else QUEUES[queue].title)
            button.setToolTip(f"{queue}: something is set" if changed else f"{queue}: as it comes")
        self.filter(self._words)

    def filter(self, words: list[str]) -> bool:
        """Show only the rows in which all the words are (all rows of a group that has them in its name)."""
        self._words = words
        shown = False
        for name in self.rows:
            shown |= self._fit(name)
        self.setVisible(shown)
        return shown

    def show_queue(self, queue: str) -> None:
        """Show the settings of this queue."""
        self._queue = queue
        self.queues[queue].setChecked(True)
        self.make_rows()
        self.filter(self._words)

    @property
    def complete(self) -> bool:
        """Whether all rows are there but those of the queues that were never shown."""
        return not self._missing()

    def make_rows(self) -> None:
        """Make the rows that are missing, a few in each turn of the loop."""
        self._making.start()

    def _missing(self) -> list[SettingView]:
        """Those of all settings but of the queues that are not shown."""
        return [
            view for name, view in self._views.items() if name not in self.rows and queue_of(view) in ("", self._queue)
        ]

    def _make_some(self) -> None:
        spent = QElapsedTimer()
        spent.start()
        for view in self._missing():
            if spent.elapsed() >= _TURN_MS:
                return
            self.rows[view.name] = row = SettingRow(self._look, view)
            self._rules[view.name] = rule()
            self._column.addWidget(self._rules[view.name])
            self._column.addWidget(row)
            self._fit(view.name)
            self.row_made.emit(row)
        self._making.stop()
        self.filter(self._words)
        self.made.emit()

    def _fit(self, name: str) -> bool:
        """Show a row or not, as filter and queue want it; tells which."""
        row = self.rows[name]
        queue = queue_of(row.view)
        fits = row.matches(self._words) and (not queue or queue == self._queue)
        row.setVisible(fits)
        self._rules[name].setVisible(fits)
        return fits

    def _build_queues(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(2)
        together = QButtonGroup(self)
        for queue, spec in QUEUES.items():
            button = Button(self._look, spec.title, kind="segment", font="label")
            button.setCheckable(True)
            button.setFixedHeight(28)
            button.setAccessibleName(f"Settings of {spec.title}")
            button.clicked.connect(lambda _=False, queue=queue: self.show_queue(queue))
            together.addButton(button)
            line.addWidget(button)
            self.queues[queue] = button
        line.addStretch(1)
        self._queue = next(iter(QUEUES))
        self.queues[self._queue].setChecked(True)
        return line


def queue_of(view: SettingView) -> str:
    """The queue that a setting is of; "" for those of none."""
    top, _, rest = view.name.partition(".")
    return rest.partition(".")[0] if top == QUEUES_NAME else ""
