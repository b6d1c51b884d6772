"""The Alerts page: what is wrong now by the rules, what to do about it, and what has been over for a short time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.alert_row import AlertRow, about
from desktop.pages.failure_row import ago, exact
from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.facts_table import Cell, Column, FactsTable
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Text, card
from engine.model import Alert

_ENDED_HEIGHT = 210


class AlertsPage(QWidget):
    """Give it the alerts by `show_alerts`, each time that anything may have changed."""

    acknowledge_wanted = Signal(str)
    """The alert's key."""
    snooze_wanted = Signal(str, int)
    """Key, and minutes."""
    unsilence_wanted = Signal(str)
    failures_wanted = Signal()
    queue_wanted = Signal(str)

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._open: tuple[Alert, ...] | None = None
        self._ended: tuple[Alert, ...] = ()
        self._now_ms = 0
        self._gone = False
        self.rows: dict[str, AlertRow] = {}
        self.count = Text(look, "", tone="muted")
        self.count.setAccessibleName("Number of open alerts")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(Text(look, "Alerts", "title"))
        self.count.setContentsMargins(0, 0, 0, 4)
        head.addWidget(self.count, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch(1)
        self._list = ScrollList("Open alerts")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._list)
        self._stack.addWidget(self._build_empty())
        self.ended = FactsTable(
            look,
            "Alerts that have ended, newest first",
            (Column("Ended", 110), Column("What", 210), Column("Lasted", 90), Column("It said")),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(_card(self._stack), 1)
        self._ended_card = _card(self.ended, Text(look, "Ended while this window was open", "heading"))
        self._ended_card.setFixedHeight(_ENDED_HEIGHT)
        column.addWidget(self._ended_card)
        look.changed.connect(self._draw_mark)
        self._draw()

    def show_alerts(self, open_: Sequence[Alert], ended: Sequence[Alert], now_ms: int, *, gone: bool = False) -> None:
        """Show the open alerts, the worst first, and those that have ended; `gone`: Redis does not answer."""
        self._open, self._ended, self._now_ms, self._gone = tuple(open_), tuple(ended), now_ms, gone
        if self.isVisible():
            self._draw()

    @property
    def empty_text(self) -> str:
        """What it says where no alert is open; "" while there are some."""
        return self._empty.text() if self._stack.currentIndex() == 1 else ""

    # Building and drawing

    def _build_empty(self) -> QWidget:
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty = Text(self._look, "", "heading")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint = Text(
            self._look,
            "One begins where no worker serves waiting jobs, jobs wait too long, many fail or one fails for good,\n"
            "and where Redis is gone or nearly full. The limits are in the settings.",
            tone="muted",
        )
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty = QWidget()
        column = QVBoxLayout(empty)
        column.setSpacing(8)
        column.addStretch(1)
        for label in (self._mark, self._empty, self._hint):
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return empty

    def _draw(self) -> None:
        alerts = self._open or ()
        for key in self.rows.keys() - {alert.key for alert in alerts}:
            row = self.rows.pop(key)
            self._list.rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        for place, alert in enumerate(alerts):
            shown = self.rows.get(alert.key) or self._new_row(alert.key)
            if self._list.rows.indexOf(shown) != place:
                self._list.rows.removeWidget(shown)
                self._list.rows.insertWidget(place, shown)
            shown.show_alert(alert, self._now_ms, self._gone)
        quiet = sum(alert.silence is not None for alert in alerts)
        known = f", {quiet} acknowledged or snoozed" if quiet else ""
        self.count.setText(f"{len(alerts)} open{known}" if alerts else "")
        self._stack.setCurrentIndex(0 if alerts else 1)
        if self._open is None:
            self._empty.setText("Looking…")
        else:
            self._empty.setText("Nothing can be known: Redis does not answer." if self._gone else "No alert is open.")
        self._draw_mark()
        self._ended_card.setVisible(bool(self._ended))
        rows = [(f"{alert.key} {alert.ended_at_ms}", _ended_cells(alert, self._now_ms)) for alert in self._ended]
        self.ended.show_rows(rows)

    def _draw_mark(self) -> None:
        known = self._open is not None and not self._gone
        self._mark.setPixmap(self._look.pixmap("done" if known else "alerts", "accent" if known else "stale", 32))

    def _new_row(self, key: str) -> AlertRow:
        row = self.rows[key] = AlertRow(self._look, key)
        row.acknowledge_wanted.connect(self.acknowledge_wanted)
        row.snooze_wanted.connect(self.snooze_wanted)
        row.unsilence_wanted.connect(self.unsilence_wanted)
        row.failures_wanted.connect(self.failures_wanted)
        row.queue_wanted.connect(self.queue_wanted)
        return row

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()


def _ended_cells(alert: Alert, now_ms: int) -> tuple[Cell, ...]:
    ended_ms = alert.ended_at_ms or now_ms
    return (
        Cell(ago(ended_ms, now_ms), exact(ended_ms), "muted"),
        Cell(about(alert), alert.key),
        Cell(age_text(ended_ms - alert.began_at_ms), f"Began {exact(alert.began_at_ms)}"),
        Cell(alert.message),
    )


def _card(content: QWidget, title: Text | None = None) -> QFrame:
    frame = card()
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(8, 8, 8, 8)
    if title is not None:
        title.setContentsMargins(10, 4, 0, 0)
        inside.addWidget(title)
    inside.addWidget(content, 1)
    return frame
