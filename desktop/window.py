"""The window: a rail to the left, one page at a time, notices above, and its own talk key.

It shows and emits; what a signal leads to is decided in `app`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QHideEvent,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.commands import Catalogue, Command
from desktop.pages.command_menu import CommandMenu
from desktop.pages.key_sheet import KeySheet
from desktop.pages.late_pages import PAGES, LatePages
from desktop.pages.page_keys import PAGE_KEYS
from desktop.pages.palette import Palette
from desktop.theme import Look
from desktop.widgets.notice_bar import NoticeBar
from desktop.widgets.page_area import PageArea
from desktop.widgets.production_bar import ProductionBar
from desktop.widgets.rail import Rail
from engine.model import Alert, Severity

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)
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
        self._talking = False
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
        self.catalogue.add(*self._commands())
        self.catalogue.add_keys(*PAGE_KEYS)
        self.rail = Rail(look, [(word, icon, _page_key(index)) for index, (word, icon) in enumerate(PAGES)])
        self.rail.chosen.connect(self.show_page)
        self.rail.alerts_wanted.connect(self.alerts_wanted)
        self.menu = self._build_menu()
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
        entry = QAction(text, self.menu)
        entry.setToolTip(tooltip)
        entry.triggered.connect(lambda _=False: call())
        self.menu.insertAction(self._menu_end, entry)
        return entry

    def add_menu_command(self, key: str) -> None:
        """Enter the command of this key into the menu of the rail. Raises KeyError."""
        self.menu.add_command(key, self._menu_end)

    def _commands(self) -> list[Command]:
        """What the window does by itself; what works on queues and jobs is entered by the console."""
        pages = [
            Command(
                f"page.{word.lower()}",
                "Pages",
                f"Go to {word}",
                partial(self.show_page, index),
                "open show page",
                shortcut=f"{_page_key(index)}, Ctrl+," if word == "Settings" else _page_key(index),
            )
            for index, (word, _) in enumerate(PAGES)
        ]
        return [
            *pages,
            Command(
                "window.talk",
                "Voice",
                "Talk",
                lambda: self.assistant.talk.setFocus(),
                "speak microphone record say",
                shortcut="Space",
                held="anywhere but in a text field, while it is held",
            ),
            Command(
                "window.palette",
                "Window",
                "Commands…",
                lambda: self.command_palette.ask(),
                shortcut="Ctrl+K",
                listed=False,
            ),
            Command(
                "window.keys",
                "Window",
                "Keys…",
                lambda: self.key_sheet.ask(),
                "shortcuts help keyboard sheet",
                shortcut="?, F1",
            ),
            Command("window.menu", "Window", "Open the menu", lambda: self.rail.more.click(), "more", shortcut="F10"),
            Command(
                "window.colours",
                "Window",
                "Switch between light and dark colours",
                self._look.toggle,
                "theme mode toggle",
                shortcut="Ctrl+Shift+L",
            ),
            Command(
                "window.system-colours",
                "Window",
                "Light or dark as the system",
                partial(self._look.choose, "system"),
                "theme follow colours",
            ),
            Command("window.quit", "Window", "Quit Hark", self._quit, "exit close", shortcut="Ctrl+Q"),
        ]

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
        if self.command_palette.isVisible() or self.key_sheet.isVisible():
            return False  # it has the keyboard for itself
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

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._frame:
            painter = QPainter(self)
            painter.setPen(QPen(self._look.colour(self._frame), 2 * _FRAME))
            painter.drawRect(self.rect())
            painter.end()

    # Building

    def _place(self, word: str, page: QWidget) -> None:
        self._areas[word] = PageArea(page)
        self._pages.addWidget(self._areas[word])
        if word == "Assistant":
            self.assistant.talk_pressed.connect(self.talk_pressed)
            self.assistant.talk_released.connect(self.talk_released)

    def _quit(self) -> None:
        self.close()

    def _build_menu(self) -> CommandMenu:
        menu = CommandMenu(self.catalogue, self)
        menu.setAccessibleName("Menu")
        menu.add_command("window.palette")
        menu.add_command("window.keys")
        menu.addSeparator()
        colours = menu.addMenu("Colours")
        group = QActionGroup(menu)
        for choice, words in (("system", "As the system"), ("light", "Light"), ("dark", "Dark")):
            entry = colours.addAction(words)
            entry.setCheckable(True)
            entry.setData(choice)
            entry.triggered.connect(lambda _=False, choice=choice: self._look.choose(choice))
            group.addAction(entry)
        colours.aboutToShow.connect(lambda: self._mark_choice(group))
        self._menu_end = menu.addSeparator()
        menu.add_command("window.quit")
        return menu

    def _mark_choice(self, colours: QActionGroup) -> None:
        for entry in colours.actions():
            entry.setChecked(entry.data() == self._look.choice)

    def _add_shortcuts(self) -> None:
        for command in self.catalogue.commands():
            for key in command.shortcut.split(", ") if command.shortcut and not command.held else ():
                shortcut = QShortcut(QKeySequence(key), self)
                shortcut.activated.connect(lambda command=command: self._on_shortcut(command))

    def _on_shortcut(self, command: Command) -> None:
        reason = self.catalogue.run(command)
        if reason:
            self.notices.show_notice("warning", f"{command.text.rstrip('…')}: not now.", reason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.rail.set_narrow(self.width() < _NARROW_BELOW)

    def showEvent(self, event: QShowEvent) -> None:
        # The talk key works whichever widget has the focus: only the application sees all keys.
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
        self.show_page(self._shown)
        super().showEvent(event)
        self.watched.emit(not self.isMinimized())

    def hideEvent(self, event: QHideEvent) -> None:
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
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


def _page_key(index: int) -> str:
    """Ctrl+1 for the first page, ... Ctrl+0 for the tenth; those after it have none."""
    return f"Ctrl+{(index + 1) % 10}" if index < 10 else ""
