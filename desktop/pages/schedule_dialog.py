"""Adding and editing a recurring job: what is wrong is told while it is written, and the next slots are shown."""

from __future__ import annotations

import json
import zoneinfo
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from desktop.pages.figures import age_text
from desktop.pages.recurring_words import slot_text, when_words
from desktop.theme import Look
from desktop.widgets.dialog import Dialog, fit_field, form_layout, wrapped
from desktop.widgets.text import Button, Text
from engine.errors import BadInputError
from engine.job_types import JOB_TYPES, DemoJob, JobType, job_payload
from engine.model import Schedule
from engine.queues import QUEUES
from engine.schedules import interval_text, local_timezone, next_slot_ms, parse_interval_ms

SLOTS = 5
_CRONS = ("*/30 * * * *", "0 * * * *", "0 9 * * MON-FRI", "0 3 * * *", "0 8 * * MON", "0 6 1 * *")


@dataclass(frozen=True, slots=True)
class Draft:
    """A recurring job as somebody has written it; either `cron` or `every_ms` is given."""

    id: str
    payload: JobType
    cron: str | None
    timezone: str
    every_ms: int | None


class ScheduleDialog(Dialog):
    """Writes one schedule. `wanted(Draft)` asks to keep it; it stays open until whoever answers closes it.

    `now_ms` is Redis's time; `taken` are the ids that others have.
    """

    wanted = Signal(object)

    def __init__(
        self, look: Look, now_ms: int, edited: Schedule | None, taken: frozenset[str], parent: QWidget | None = None
    ) -> None:
        title = f"Edit {edited.id}" if edited else "Add a recurring job"
        super().__init__(look, title, order="Save" if edited else "Add", parent=parent)
        self._look, self._now_ms, self._edited, self._taken = look, now_ms, edited, taken
        self._draft: Draft | None = None
        self.setMinimumWidth(560)
        self.body.setSpacing(4)
        self.confirm.clicked.connect(self._order)
        self.body.addLayout(self._build_form())
        self._slots = wrapped(look, tone="ink")
        self._slots.setAccessibleName(f"The next {SLOTS} times")
        self._slots.setMinimumHeight(100)
        self._slots.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self._slots)
        self._fault = wrapped(look, tone="danger")
        self._fault.setMinimumHeight(20)
        self._fault.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self._fault)
        self._fill()
        self._check()

    @property
    def fault(self) -> str:
        """What is wrong, with what to do; "" where nothing is."""
        return self._fault.text()

    @property
    def slots(self) -> str:
        """The shown times, one a line."""
        return self._slots.text()

    def show_refusal(self, message: str) -> None:
        """The engine would not have it: say why, and let it be mended."""
        self._fault.setText(message)
        self._fit_confirm("")

    def show_time(self, now_ms: int) -> None:
        """Redis's time has moved on; an order that nobody answered can be given again."""
        self._now_ms = now_ms
        fault = self.fault
        self._check()
        if fault and not self.fault:
            self._fault.setText(fault)

    # Building

    def _build_form(self) -> QFormLayout:
        self.name = QLineEdit()
        self.name.setPlaceholderText("morning-mail")
        self.job = QComboBox()
        for kind in JOB_TYPES.values():
            if self._edited and kind.queue != self._edited.queue:
                continue  # a schedule stays with its queue
            if issubclass(kind, DemoJob):
                continue  # nobody wants pretended work each morning
            self.job.addItem(f"{kind.job_name}   ({QUEUES[kind.queue].title})", kind.job_name)
        self.arguments = QLineEdit()
        self.by_cron = Button(self._look, "By the clock (cron)", kind="segment", font="label")
        self.by_interval = Button(self._look, "At an interval", kind="segment", font="label")
        group = QButtonGroup(self)
        kinds = QHBoxLayout()
        kinds.setSpacing(6)
        for button in (self.by_cron, self.by_interval):
            button.setCheckable(True)
            button.setFixedHeight(30)
            button.setAutoDefault(False)
            group.addButton(button)
            kinds.addWidget(button)
        kinds.addStretch(1)
        self.cron = QComboBox()
        self.cron.addItems(_CRONS)
        self.zone = QComboBox()
        self.zone.addItems(sorted(zoneinfo.available_timezones()))
        for combo in (self.cron, self.zone):
            combo.setEditable(True)
            combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            completer = QCompleter(combo.model(), combo)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            combo.setCompleter(completer)
        self.interval = QLineEdit()
        self.interval.setPlaceholderText("30s, 10m, 1h30m or 1d")
        self._form = form_layout()
        self._form.setVerticalSpacing(6)  # on a small screen the buttons must still be there
        rows: tuple[tuple[str, str, QWidget], ...] = (
            ("Name", "Name of the schedule", self.name),
            ("Job", "Kind of job", self.job),
            ("Arguments", "Arguments of the job, a JSON object", self.arguments),
            ("Cron", "Cron: minute, hour, day, month and day of week", self.cron),
            ("Time zone", "Time zone of the cron", self.zone),
            ("Every", "Interval", self.interval),
        )
        for word, meaning, field in rows:
            if field is self.cron:
                self._form.addRow(Text(self._look, "Runs", tone="muted"), kinds)
            fit_field(field)
            field.setAccessibleName(meaning)
            field.setToolTip(meaning)
            self._form.addRow(Text(self._look, word, tone="muted"), field)
        return self._form

    def _fill(self) -> None:
        edited = self._edited
        name = edited.id if edited else ""
        self.name.setText(name)
        if edited:
            self.name.setEnabled(False)
            self.name.setToolTip("A schedule keeps its name. Remove it and add another for a new one.")
            self.job.setCurrentIndex(self.job.findData(edited.job_name))
        arguments = edited.arguments if edited else {}
        self.arguments.setText(json.dumps(arguments, ensure_ascii=False))
        self.cron.setEditText((edited.cron if edited else None) or _CRONS[0])
        self.zone.setEditText(edited.timezone if edited else local_timezone())
        every_ms = edited.every_ms if edited else None
        self.interval.setText(interval_text(every_ms) if every_ms else "30m")
        (self.by_interval if every_ms else self.by_cron).setChecked(True)
        for line in (self.name, self.arguments, self.interval):
            line.textChanged.connect(self._check)
        for combo in (self.cron, self.zone):
            combo.editTextChanged.connect(self._check)
        self.job.currentIndexChanged.connect(self._check)
        self.by_cron.toggled.connect(self._check)

    # Checking

    def _check(self) -> None:
        """Read the fields; show the next slots, and the first thing that is wrong."""
        by_cron = self.by_cron.isChecked()
        for field, shown in ((self.cron, by_cron), (self.zone, by_cron), (self.interval, not by_cron)):
            self._form.setRowVisible(field, shown)
        self._draft = None
        faults = []
        try:
            time = self._time()
            self._slots.setText(_slots_text(time, self._now_ms))
            self._slots.set_tone("ink")
        except BadInputError as error:
            time = None
            faults.append(str(error))
            self._slots.setText("–")
            self._slots.set_tone("muted")
        try:
            name, payload = self._name(), self._payload()
            if time is not None:
                self._draft = Draft(name, payload, time.cron, time.timezone, time.every_ms)
        except BadInputError as error:
            faults.insert(0, str(error))
        untouched = not self._edited and not self.name.text()
        self._fault.setText("" if untouched or not faults else faults[0])
        self._fit_confirm(faults[0] if faults else "")

    def _fit_confirm(self, reason: str) -> None:
        self.confirm.setEnabled(self._draft is not None)
        self.confirm.setToolTip(reason)

    def _name(self) -> str:
        name = self.name.text().strip()
        if not name:
            raise BadInputError("The schedule has no name yet.", "Give it one such as morning-mail.")
        if name in self._taken:
            raise BadInputError(f"There is a schedule {name!r} already.", "Choose another name.")
        return name

    def _payload(self) -> JobType:
        try:
            values = json.loads(self.arguments.text().strip() or "{}")
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"The arguments are no JSON: {error}.", 'Write them like {"title": "Milk"}.') from error
        if not isinstance(values, dict):
            raise BadInputError("The arguments are no JSON object.", 'Write them like {"title": "Milk"}.')
        return job_payload(str(self.job.currentData()), values)

    def _time(self) -> Schedule:
        """A schedule that has the written time and nothing else."""
        blank = Schedule("", "", "", {}, timezone=self.zone.currentText().strip())
        if self.by_cron.isChecked():
            time = replace(blank, cron=self.cron.currentText().strip())
        else:
            kept = self._edited.timezone if self._edited else blank.timezone
            time = replace(blank, timezone=kept, every_ms=parse_interval_ms(self.interval.text().strip()))
        next_slot_ms(time, self._now_ms)
        return time

    def _order(self) -> None:
        if self._draft is not None:
            self.confirm.setEnabled(False)
            self.confirm.setToolTip("Hark is at it.")
            self.wanted.emit(self._draft)


def _slots_text(time: Schedule, now_ms: int) -> str:
    """How often, and the next slots, each with how far off it is."""
    lines = [f"{when_words(time)[:1].upper()}{when_words(time)[1:]}, next:"]
    at_ms = now_ms
    for _ in range(SLOTS):
        try:
            at_ms = next_slot_ms(time, at_ms)
        except BadInputError:
            # A cron that names a year's last days may have fewer slots than are asked for.
            break
        slot = slot_text(at_ms, time.timezone, now_ms)
        lines.append(f"{slot if ' ' in slot else f'today {slot}'} · in {age_text(at_ms - now_ms)}")
    return "\n".join(lines)
