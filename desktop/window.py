"""The window: a rail to the left, one page at a time, notices above, and its own talk key.

It shows and emits; what a signal leads to is decided in `app`.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QIcon, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.alerts import AlertsPage
from desktop.pages.assistant import AssistantPage
from desktop.pages.audit import AuditPage
from desktop.pages.charts import ChartsPage
from desktop.pages.failures import FailuresPage
from desktop.pages.jobs import JobsPage
from desktop.pages.queues import QueuesPage
from desktop.pages.recurring import RecurringPage
from desktop.pages.workers import WorkersPage
from desktop.theme import Look
from desktop.widgets.notice_bar import NoticeBar
from desktop.widgets.text import Button, Text
from engine.model import Alert, Severity

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class Window(QWidget):
    """Hark's window. `closing` comes once, when the person closes it; it hides at once."""

    talk_pressed = Signal()
    talk_released = Signal()
    talk_cancelled = Signal()
    closing = Signal()
    alerts_wanted = Signal()
    """The badge in the rail was pressed."""

    def __init__(self, look: Look, actions: Actions) -> None:
        super().__init__()
        self._look = look
        self._talking = False
        self.setWindowTitle("Hark")
        self.setWindowIcon(QIcon(look.pixmap("hark", "accent", 64)))
        self.setMinimumSize(1120, 720)
        self.resize(1280, 800)

        self.assistant = AssistantPage(look, actions)
        self.queues = QueuesPage(look, actions)
        self.charts = ChartsPage(look, actions)
        self.jobs = JobsPage(look, actions)
        self.failures = FailuresPage(look, actions)
        self.recurring = RecurringPage(look, actions)
        self.workers = WorkersPage(look, actions)
        self.audit = AuditPage(look, actions)
        self.alerts = AlertsPage(look, actions)
        self.notices = NoticeBar(look)
        self.trouble = NoticeBar(look, closable=False)
        # In the order of the rail and of Ctrl+1, Ctrl+2, ...
        self._entries: tuple[tuple[str, str, QWidget], ...] = (
            ("Assistant", "microphone", self.assistant),
            ("Queues", "queues", self.queues),
            ("Charts", "charts", self.charts),
            ("Jobs", "jobs", self.jobs),
            ("Failures", "failures", self.failures),
            ("Recurring", "recurring", self.recurring),
            ("Workers", "workers", self.workers),
            ("Audit", "audit", self.audit),
            ("Alerts", "alerts", self.alerts),
        )
        self._pages = QStackedWidget()
        for _, _, page in self._entries:
            self._pages.addWidget(page)
        notice_frame = QVBoxLayout()
        notice_frame.setContentsMargins(24, 14, 24, 0)
        notice_frame.setSpacing(8)
        notice_frame.addWidget(self.trouble)
        notice_frame.addWidget(self.notices)
        content = QVBoxLayout()
        content.setSpacing(0)
        content.addLayout(notice_frame)
        content.addWidget(self._pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._build_rail())
        row.addLayout(content, 1)

        self.assistant.talk_pressed.connect(self.talk_pressed)
        self.assistant.talk_released.connect(self.talk_released)
        for index in range(self._pages.count()):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{index + 1}"), self)
            shortcut.activated.connect(lambda index=index: self.show_page(index))
        quit_key = QShortcut(QKeySequence.StandardKey.Quit, self)
        quit_key.activated.connect(self.close)
        self.show_page(0)
        self.setFocus()

    def show_page(self, index: int) -> None:
        """Show a page by its place in the rail: 0 the assistant, 1 the queues, ..."""
        self._pages.setCurrentIndex(index)
        self._nav.button(index).setChecked(True)

    def open_page(self, page: QWidget) -> None:
        """Show one of the pages."""
        self.show_page(self._pages.indexOf(page))

    @property
    def page(self) -> QWidget:
        """The page that is shown."""
        return self._entries[self._pages.currentIndex()][2]

    def show_connected(self, words: str, address: str) -> None:
        """Redis answers; `address` tells where it is."""
        self.trouble.hide()
        self.notices.refuse("")
        self._set_connection(True, words)
        self._connection.setToolTip(address)

    def show_alerts(self, alerts: Sequence[Alert]) -> None:
        """Show in the rail how many alerts are open; nothing while there are none."""
        loud = [alert for alert in alerts if alert.silence is None]
        critical = any(alert.severity is Severity.CRITICAL for alert in loud)
        words = "1 alert" if len(alerts) == 1 else f"{len(alerts)} alerts"
        self.alert_badge.setText(f"  {words}")
        self.alert_badge.set_icon("alerts", "danger" if critical else "caution" if loud else "muted")
        self.alert_badge.setToolTip("\n".join(alert.message for alert in alerts))
        self.alert_badge.setAccessibleName(f"{words} open, show them")
        self.alert_badge.setVisible(bool(alerts))

    def come_to_front(self) -> None:
        """Show the window above others."""
        self.showNormal()
        self.raise_()
        self.activateWindow()

    def show_gone(self, message: str, remedy: str) -> None:
        """Redis does not answer: say so over all pages until `show_connected`."""
        self.notices.refuse(REDIS_GONE)
        self.trouble.show_notice("warning", message, f"{remedy} Hark keeps trying.".strip())
        self._set_connection(False, "Not connected")

    def show_error(self, title: str, details: str) -> None:
        """Tell of an error that is Hark's own fault; the app goes on."""
        box = QMessageBox(QMessageBox.Icon.Critical, "Hark", title, QMessageBox.StandardButton.Close, self)
        box.setInformativeText("Hark goes on. The details help whoever mends it.")
        box.setDetailedText(details)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # Keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Space held talks wherever no text is being written; Esc cancels; Enter presses a focused button."""
        kind = event.type()
        if kind == QEvent.Type.WindowDeactivate and watched is self:
            self._stop_talking()
        if (
            kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
            and isinstance(event, QKeyEvent)
            and isinstance(watched, QWidget)
            and watched.window() is self
            and event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        ):
            return self._on_key(watched, event, pressed=kind == QEvent.Type.KeyPress)
        return super().eventFilter(watched, event)

    def _on_key(self, focused: QWidget, event: QKeyEvent, *, pressed: bool) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Space and (self._talking or not isinstance(focused, _TEXT_FIELDS)):
            if not event.isAutoRepeat():
                self._start_talking() if pressed else self._stop_talking()
            return True
        if key == Qt.Key.Key_Escape and pressed:
            self._talking = False
            self.talk_cancelled.emit()
            if isinstance(focused, QLineEdit):
                self.setFocus()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(focused, QAbstractButton):
            if pressed and not event.isAutoRepeat():
                focused.click()
            return True
        return False

    def _start_talking(self) -> None:
        if not self._talking:
            self._talking = True
            self.show_page(0)
            self.talk_pressed.emit()

    def _stop_talking(self) -> None:
        if self._talking:
            self._talking = False
            self.talk_released.emit()

    # Building

    def _build_rail(self) -> QWidget:
        rail = QWidget()
        rail.setObjectName("rail")
        rail.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        rail.setFixedWidth(176)
        column = QVBoxLayout(rail)
        column.setContentsMargins(12, 18, 12, 14)
        column.setSpacing(4)
        brand = QHBoxLayout()
        brand.setSpacing(10)
        brand.setContentsMargins(8, 0, 0, 14)
        mark = QLabel()
        mark.setPixmap(self._look.pixmap("hark", "accent", 28))
        brand.addWidget(mark)
        brand.addWidget(Text(self._look, "Hark", "heading"))
        brand.addStretch(1)
        column.addLayout(brand)
        self._nav = QButtonGroup(self)
        for index, (word, icon, _) in enumerate(self._entries):
            button = Button(self._look, f"  {word}", kind="nav", icon=icon)
            button.setCheckable(True)
            button.setAccessibleName(f"{word} page")
            button.setToolTip(f"{word} (Ctrl+{index + 1})")
            button.clicked.connect(lambda _=False, index=index: self.show_page(index))
            self._nav.addButton(button, index)
            column.addWidget(button)
        column.addStretch(1)
        self.alert_badge = Button(self._look, "", kind="nav", icon="alerts", font="label")
        self.alert_badge.clicked.connect(self.alerts_wanted)
        self.alert_badge.hide()
        column.addWidget(self.alert_badge)
        self._connected = False
        self._dot = QLabel()
        self._connection: Text = Text(self._look, "Connecting…", "caption", "muted")
        self._connection.setWordWrap(True)
        self._connection.setAccessibleName("Connection")
        line = QHBoxLayout()
        line.setContentsMargins(10, 0, 0, 6)
        line.setSpacing(8)
        line.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._connection, 1)
        column.addLayout(line)
        self.toggle_colours = Button(self._look, "", kind="nav", icon="moon", font="label")
        self.toggle_colours.clicked.connect(self._look.toggle)
        column.addWidget(self.toggle_colours)
        self._look.changed.connect(self._draw_mode)
        self._look.changed.connect(self._draw_connection)
        self._draw_mode()
        self._draw_connection()
        return rail

    def _draw_mode(self) -> None:
        word = "Light" if self._look.dark else "Dark"
        self.toggle_colours.setText(f"  {word} colours")
        self.toggle_colours.setAccessibleName(f"Switch to {word.lower()} colours")
        self.toggle_colours.set_icon("sun" if self._look.dark else "moon")

    def _draw_connection(self) -> None:
        self._dot.setPixmap(
            self._look.pixmap("done" if self._connected else "warning", "accent" if self._connected else "caution", 15)
        )

    def _set_connection(self, connected: bool, words: str) -> None:
        self._connected = connected
        self._connection.setText(words)
        self._connection.set_tone("muted" if connected else "caution")
        self._draw_connection()

    def showEvent(self, event: QShowEvent) -> None:
        # The talk key works whichever widget has the focus: only the application sees all keys.
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
        super().hideEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        if self.isVisible():
            self.hide()
            self.closing.emit()
