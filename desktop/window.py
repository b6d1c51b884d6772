"""The window: a rail to the left, one page at a time, notices above, and its own talk key.

It shows and emits; what a signal leads to is decided in `app`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QHideEvent,
    QIcon,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.commands import Catalogue, Command
from desktop.pages.key_sheet import KeySheet
from desktop.pages.late_pages import PAGES, LatePages
from desktop.pages.main_menu import MainMenu
from desktop.pages.page_keys import PAGE_KEYS
from desktop.pages.palette import Palette
from desktop.pages.window_commands import page_key, window_commands
from desktop.pages.window_keys import WindowKeys
from desktop.theme import Look
from desktop.widgets.notice_bar import NoticeBar
from desktop.widgets.page_area import PageArea
from desktop.widgets.production_bar import ProductionBar
from desktop.widgets.rail import Rail
from engine.model import Alert, Severity

_NARROW_BELOW = 1_080
_FRAME = 4
"""Pixels of the frame around a window on production."""


class Window(LatePages):
    """Hark's window. `closing` comes once, when the person closes it; it hides at once."""

    talk_pressed = Signal()
    talk_released = Signal()
    talk_cancelled = Signal()
    closing = Signal()
    watched = Signal(bool)
    """Whether the window can be seen: it is neither hidden nor minimised."""
    alerts_wanted = Signal()
    """The badge in the rail was pressed."""

    def __init__(self, look: Look, actions: Actions) -> None:
        super().__init__(look, actions)
        self._shown = 0
        self._areas: dict[str, PageArea] = {}
        self.setWindowTitle("Hark")
        self.setWindowIcon(QIcon(look.pixmap("hark", "accent", 64)))
        self.setMinimumSize(640, 440)
        self.resize(1280, 800)

        self.notices = NoticeBar(look)
        self.told = NoticeBar(look)
        """Notifications and reminders."""
        self.trouble = NoticeBar(look, closable=False)
        self.production = ProductionBar(look)
        self._frame = ""
        self.catalogue = Catalogue(self)
        self.catalogue.add(
            *window_commands(
                look,
                show_page=self.show_page,
                talk=lambda: self.assistant.talk.setFocus(),
                open_palette=lambda: self.command_palette.ask(),
                open_keys=lambda: self.key_sheet.ask(),
                open_menu=lambda: self.rail.more.click(),
                leave=self._quit,
            )
        )
        self.catalogue.add_keys(*PAGE_KEYS)
        self.rail = Rail(look, [(word, icon, page_key(index)) for index, (word, icon) in enumerate(PAGES)])
        self.rail.chosen.connect(self.show_page)
        self.rail.alerts_wanted.connect(self.alerts_wanted)
        self.menu = MainMenu(look, self.catalogue, self)
        self.rail.set_menu(self.menu)
        self._pages = QStackedWidget()
        notice_frame = QVBoxLayout()
        notice_frame.setContentsMargins(24, 14, 24, 0)
        notice_frame.setSpacing(8)
        notice_frame.addWidget(self.production)
        notice_frame.addWidget(self.trouble)
        notice_frame.addWidget(self.told)
        notice_frame.addWidget(self.notices)
        content = QVBoxLayout()
        content.setSpacing(0)
        content.addLayout(notice_frame)
        content.addWidget(self._pages, 1)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(content, 1)
        self.command_palette = Palette(look, self.catalogue, self)
        self.key_sheet = KeySheet(look, self.catalogue, self)
        self._keys = WindowKeys(self, lambda: self.command_palette.isVisible() or self.key_sheet.isVisible())
        self._keys.talk_pressed.connect(self._start_talking)
        self._keys.talk_released.connect(self.talk_released)
        self._keys.cancelled.connect(self.talk_cancelled)
        self._add_shortcuts()
        self.rail.choose(self._shown)
        self.setFocus()

    def show_page(self, index: int) -> None:
        """Show a page by its place in the rail: 0 the assistant, 1 the queues, ..."""
        self._shown = index
        self.page_of(PAGES[index][0])
        self._pages.setCurrentWidget(self._areas[PAGES[index][0]])
        self.rail.choose(index)

    def open_page(self, page: QWidget) -> None:
        """Show one of the pages."""
        word = next(word for word, known in self._made.items() if known is page)
        self.show_page([known for known, _ in PAGES].index(word))

    @property
    def page(self) -> QWidget:
        """The page that is shown."""
        return self.page_of(PAGES[self._shown][0])

    @property
    def parts(self) -> dict[str, object]:
        """What the window's state is kept of, by name; pages that are made later are not among them yet."""
        # The colours first: with the page that was left there is more to be styled anew.
        own: dict[str, object] = {"colours": self._look, "window": self, "commands": self.catalogue}
        return own | self.made

    def memory(self) -> dict[str, Any]:
        """The page that is shown, to be kept."""
        return {"page": PAGES[self._shown][0]}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Show it again. Raises ValueError where it is no more."""
        self.show_page([word for word, _ in PAGES].index(memory["page"]))

    def show_connected(self, words: str, address: str) -> None:
        """Redis answers; `address` tells where it is."""
        self.trouble.hide()
        self.notices.refuse("")
        self.rail.show_connection(True, words, address)

    def show_alerts(self, alerts: Sequence[Alert]) -> None:
        """Show in the rail how many alerts are open; nothing while there are none."""
        loud = [alert for alert in alerts if alert.silence is None]
        critical = any(alert.severity is Severity.CRITICAL for alert in loud)
        words = "1 alert" if len(alerts) == 1 else f"{len(alerts)} alerts"
        role = "danger" if critical else "caution" if loud else "muted"
        self.rail.show_alerts(words if alerts else "", role, "\n".join(alert.message for alert in alerts))

    def set_frame(self, role: str) -> None:
        """A frame in the colour of a role around the whole window; "" for none."""
        if role != self._frame:
            self._frame = role
            width = _FRAME if role else 0
            self._row.setContentsMargins(width, width, width, width)
            self.update()

    def come_to_front(self) -> None:
        """Show the window above others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def show_gone(self, message: str, remedy: str) -> None:
        """Redis does not answer: say so over all pages until `show_connected`."""
        self.notices.refuse(REDIS_GONE)
        self.trouble.show_notice("warning", message, f"{remedy} Hark keeps trying.".strip())
        self.rail.show_connection(False, "Not connected")

    def show_error(self, title: str, details: str) -> None:
        """Tell of an error that is Hark's own fault; the app goes on."""
        box = QMessageBox(QMessageBox.Icon.Critical, "Hark", title, QMessageBox.StandardButton.Close, self)
        box.setInformativeText("Hark goes on. The details help whoever mends it.")
        box.setDetailedText(details)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # What can be called by name

    def add_menu_entry(self, text: str, call: Callable[[], None], *, tooltip: str = "") -> QAction:
        """Enter something of the whole app into the menu of the rail; switch and word it by what is returned."""
        return self.menu.add_entry(text, call, tooltip=tooltip)

    def add_menu_command(self, key: str) -> None:
        """Enter the command of this key into the menu of the rail. Raises KeyError."""
        self.menu.add_command_entry(key)

    # Talking

    def _start_talking(self) -> None:
        self.show_page(0)
        self.talk_pressed.emit()

    # Building and drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._frame:
            painter = QPainter(self)
            painter.setPen(QPen(self._look.colour(self._frame), 2 * _FRAME))
            painter.drawRect(self.rect())
            painter.end()

    def _place(self, word: str, page: QWidget) -> None:
        self._areas[word] = PageArea(page)
        self._pages.addWidget(self._areas[word])
        if word == "Assistant":
            self.assistant.talk_pressed.connect(self.talk_pressed)
            self.assistant.talk_released.connect(self.talk_released)

    def _add_shortcuts(self) -> None:
        for command in self.catalogue.commands():
            for key in command.shortcut.split(", ") if command.shortcut and not command.held else ():
                shortcut = QShortcut(QKeySequence(key), self)
                shortcut.activated.connect(lambda command=command: self._on_shortcut(command))

    def _quit(self) -> None:
        self.close()

    def _on_shortcut(self, command: Command) -> None:
        reason = self.catalogue.run(command)
        if reason:
            self.notices.show_notice("warning", f"{command.text.rstrip('…')}: not now.", reason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.rail.set_narrow(self.width() < _NARROW_BELOW)

    def showEvent(self, event: QShowEvent) -> None:
        self._keys.listen()
        self.show_page(self._shown)
        super().showEvent(event)
        self.watched.emit(not self.isMinimized())

    def hideEvent(self, event: QHideEvent) -> None:
        self._keys.stop()
        super().hideEvent(event)
        self.watched.emit(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.watched.emit(self.isVisible() and not self.isMinimized())

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        if self.isVisible():
            self.hide()
            self.closing.emit()
