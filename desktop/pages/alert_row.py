"""One open alert as a row: what is wrong, what to do about it, since when, who knows, and what can be done here."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from desktop.actions import REDIS_GONE
from desktop.pages.failure_row import ago, exact
from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.row_frame import RowFrame
from desktop.widgets.text import Button, Text, in_window
from desktop.widgets.two_lines import ElidedText
from engine.alerts import RULES
from engine.model import Alert, Severity, Silence
from engine.queues import QUEUES

SNOOZES = ((30, "Snooze 30 min"), (240, "Snooze 4 h"))
_SEVERITIES = {Severity.CRITICAL: ("Critical", "danger"), Severity.WARNING: ("Warning", "caution")}
_TO_FAILURES = ("failure-rate", "job-failed")


def about(alert: Alert) -> str:
    """The rule and the queue in words: "No worker, Email"."""
    title = RULES[alert.rule].title
    return title if alert.queue is None else f"{title}, {QUEUES[alert.queue].title}"


class AlertRow(RowFrame):
    """Its buttons emit the alert's key, or ask for the page on which its cause is seen."""

    acknowledge_wanted = Signal(str)
    snooze_wanted = Signal(str, int)
    """Key, and minutes."""
    unsilence_wanted = Signal(str)
    failures_wanted = Signal()
    queue_wanted = Signal(str)

    def __init__(self, look: Look, key: str) -> None:
        super().__init__()
        self._look, self._key = look, key
        self._alert: Alert | None = None
        self.mark = QLabel()
        self.mark.setFixedWidth(24)
        self.message = Text(look, font="strong")
        self.remedy = Text(look)
        self.facts = Text(look, "", "caption", "muted")
        for label in (self.message, self.remedy, self.facts):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.known = ElidedText(look, "", "caption", "accent")
        self.acknowledge = Button(look, "Acknowledge", kind="row", font="label")
        self.snoozes = [Button(look, word, kind="row", font="label") for _, word in SNOOZES]
        self.show_cause = Button(look, "Show queue", kind="row", font="label")
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for button, width in zip((self.acknowledge, *self.snoozes, self.show_cause), (100, 112, 92, 104), strict=True):
            button.setFixedSize(width, 28)
            buttons.addWidget(button)
        words = QVBoxLayout()
        words.setSpacing(2)
        for label in (self.message, self.remedy, self.facts, self.known):
            words.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 10, 10)
        row.setSpacing(12)
        row.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addLayout(buttons)
        self.acknowledge.clicked.connect(self._acknowledge)
        for (minutes, _), button in zip(SNOOZES, self.snoozes, strict=True):
            button.clicked.connect(lambda _=False, minutes=minutes: self.snooze_wanted.emit(self._key, minutes))
        self.show_cause.clicked.connect(self._show_cause)
        look.changed.connect(self._draw_mark)

    def show_alert(self, alert: Alert, now_ms: int, gone: bool) -> None:
        """Show it at `now_ms`; `gone` means that Redis does not answer, which greys the alerts that were seen there."""
        self._alert = alert
        stale = gone and alert.rule != "redis-gone"
        self.message.setText(alert.message)
        self.remedy.setText(in_window(alert.remedy))
        self.message.set_tone("stale" if stale else "muted" if alert.silence else "ink")
        self.remedy.set_tone("stale" if stale else "muted")
        word, _ = _SEVERITIES[alert.severity]
        self.facts.setText(f"{word} · {about(alert)} · began {ago(alert.began_at_ms, now_ms)}")
        self.facts.setToolTip(f"Began {exact(alert.began_at_ms)}\n{alert.key}")
        self._show_silence(alert.silence, now_ms)
        self._fit_buttons(alert, REDIS_GONE if stale else "")
        self._draw_mark()
        self.setAccessibleName(f"{word}: {alert.message} {self.remedy.text()}")

    def _show_silence(self, silence: Silence | None, now_ms: int) -> None:
        self.known.setVisible(silence is not None)
        if silence is not None:
            words = f"Acknowledged by {silence.actor}, {ago(silence.at_ms, now_ms)}"
            if silence.until_ms is not None:
                words = f"Snoozed by {silence.actor}, {age_text(silence.until_ms - now_ms)} left"
            self.known.show_text(f"{words}: {silence.reason}" if silence.reason else words)

    def _fit_buttons(self, alert: Alert, refusal: str) -> None:
        name = about(alert)
        silenced = alert.silence is not None
        self.acknowledge.setText("Tell again" if silenced else "Acknowledge")
        self.acknowledge.setAccessibleName(f"{self.acknowledge.text()}: {name}")
        can = "Tell of it again, here and wherever else Hark runs" if silenced else "Tell nobody of it until it ends"
        _fit(self.acknowledge, can, refusal)
        for (minutes, word), button in zip(SNOOZES, self.snoozes, strict=True):
            button.setAccessibleName(f"{word}: {name}")
            _fit(button, f"Tell nobody of it for {age_text(minutes * 60_000)}, then again if it is still open", refusal)
        to_failures = alert.rule in _TO_FAILURES
        self.show_cause.setText("Show failures" if to_failures else "Show queue")
        self.show_cause.setAccessibleName(f"{self.show_cause.text()}: {name}")
        page = "Failures" if to_failures else "Queues"
        _fit(self.show_cause, f"Open the {page} page", "" if alert.queue else "It concerns Redis, and so all queues.")

    def _acknowledge(self) -> None:
        if self._alert is not None and self._alert.silence is not None:
            self.unsilence_wanted.emit(self._key)
        else:
            self.acknowledge_wanted.emit(self._key)

    def _show_cause(self) -> None:
        if self._alert is None or self._alert.queue is None:
            return
        if self._alert.rule in _TO_FAILURES:
            self.failures_wanted.emit()
        else:
            self.queue_wanted.emit(self._alert.queue)

    def _draw_mark(self) -> None:
        if self._alert is not None:
            role = "stale" if self._alert.silence else _SEVERITIES[self._alert.severity][1]
            self.mark.setPixmap(self._look.pixmap("alerts" if self._alert.silence else "warning", role, 20))


def _fit(button: Button, can: str, refusal: str) -> None:
    button.setEnabled(not refusal)
    button.setToolTip(refusal or can)
