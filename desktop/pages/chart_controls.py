"""The two lines over the charts: what is looked at and whether it stands still, and what the crosshair tells."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QWidget

from desktop.pages.chart_points import LIVE, WINDOWS, Window
from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.text import Button, Text
from engine.queues import QUEUES


class ChartControls(QWidget):
    """The choice of time, queue and job type; pausing, and the way back from a zoom."""

    window_wanted = Signal(str)
    queue_changed = Signal()
    type_changed = Signal()
    pause_wanted = Signal(bool)
    reset_wanted = Signal()

    def __init__(self, look: Look, window: Window) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(Text(look, "Charts", "title"))
        row.addSpacing(12)
        group = QButtonGroup(self)
        self.windows: dict[str, Button] = {}
        for key, one in WINDOWS.items():
            button = Button(look, one.word, kind="segment", font="label")
            button.setCheckable(True)
            button.setFixedHeight(28)
            button.setChecked(one is window)
            button.setAccessibleName(f"Show the {one.told}")
            button.setToolTip(f"Show the {one.told}")
            button.clicked.connect(lambda _=False, key=key: self.window_wanted.emit(key))
            group.addButton(button)
            self.windows[key] = button
            row.addWidget(button)
        row.addStretch(1)
        self.reset = Button(look, "Reset zoom", font="label")
        self.reset.setFixedHeight(34)
        self.reset.clicked.connect(self.reset_wanted)
        self.pause = Button(look, "Pause view", icon="pause", font="label")
        self.pause.setCheckable(True)
        self.pause.setFixedHeight(34)
        self.pause.setToolTip("Let the charts stand still; figures go on being gathered.")
        self.pause.clicked.connect(self.pause_wanted)
        self.types = QComboBox()
        self.types.setAccessibleName("Job type")
        self.types.setFixedSize(170, 34)
        self.types.currentIndexChanged.connect(self.type_changed)
        self.queues = QComboBox()
        self.queues.setAccessibleName("Queue")
        self.queues.setFixedSize(150, 34)
        self.queues.addItem("All queues", "")
        for name, spec in QUEUES.items():
            self.queues.addItem(spec.title, name)
        self.queues.currentIndexChanged.connect(self.queue_changed)
        for widget in (self.reset, self.pause, self.types, self.queues):
            row.addWidget(widget)
            row.addSpacing(4)

    @property
    def queue(self) -> str:
        """The queue that is chosen; "" means all together."""
        return str(self.queues.currentData())

    @property
    def job_type(self) -> str:
        """The job type that is chosen; "" means all together."""
        return str(self.types.currentData() or "")

    def show_paused(self, paused: bool) -> None:
        """Offer to pause, or to follow again."""
        self.pause.setChecked(paused)
        self.pause.setText("Follow again" if paused else "Pause view")
        self.pause.set_icon("resume" if paused else "pause")

    def show_zoomed(self, zoomed: bool) -> None:
        """Offer the way back where only a part of the time is shown."""
        self.reset.setEnabled(zoomed)
        self.reset.setToolTip("Show the whole time (Esc)" if zoomed else "The whole time is shown.")

    def fit_types(self, found: Sequence[str], window: Window, *, keep: bool) -> None:
        """Offer these job types; with `keep`, also the chosen one, which may still come."""
        found = list(found)
        if self.job_type and self.job_type not in found and keep:
            found.append(self.job_type)
        offered = [str(self.types.itemData(index)) for index in range(1, self.types.count())]
        if not self.types.count() or offered != found:
            chosen = self.job_type
            self.types.blockSignals(True)
            self.types.clear()
            self.types.addItem("All job types", "")
            for name in found:
                self.types.addItem(name, name)
            self.types.setCurrentIndex(max(0, self.types.findData(chosen)))
            self.types.blockSignals(False)
        self.types.setEnabled(bool(found))
        refusal = "The live minute does not tell job types apart." if window is LIVE else "No job ended yet."
        self.types.setToolTip("" if found else refusal)


class ChartStatus(QWidget):
    """What is wrong, what time is pointed at, and what happened then."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.trouble = Text(look, "", "label", "caution")
        self.moment = Text(look, "", "label")
        self.happened = Text(look, "", "caption", "muted")
        self.happened.setMinimumWidth(1)
        row.addWidget(self.trouble)
        row.addWidget(self.moment)
        row.addWidget(self.happened, 1)
        for label in (self.trouble, self.moment, self.happened):
            label.setFixedHeight(20)

    def show_trouble(self, words: str, details: str) -> None:
        """Tell it; "" where there is none."""
        self.trouble.setText(words)
        self.trouble.setToolTip(details)
        self.trouble.setVisible(bool(words))

    def show_gone(self, age_ms: int, *, known: bool) -> None:
        """Redis has not answered for so long; `known` tells whether there are figures from before."""
        self.show_trouble(f"Figures of {age_text(age_ms)} ago" if known else "No figures: Redis is gone", "")

    def show_paused(self, age_ms: int) -> None:
        """The view has stood still for so long."""
        self.show_trouble(f"View paused {age_text(age_ms)} ago; figures go on being gathered", "")

    def show_moment(self, moment: str, happened: str) -> None:
        """Tell the time that is shown or pointed at."""
        self.moment.setText(moment)
        self.happened.setText(happened)
