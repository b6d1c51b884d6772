"""The rail at the window's left: the pages, the open alerts, the connection, the colours and the menu.

In a narrow window it shrinks to its icons; the words stay as tooltips and for screen readers.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QMenu, QScrollArea, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Button, Text

WIDE, NARROW = 176, 64


class Rail(QWidget):
    """One button for each page, in the order of `entries` (word, icon, key)."""

    chosen = Signal(int)
    alerts_wanted = Signal()
    demo_stop_wanted = Signal()

    def __init__(self, look: Look, entries: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self._look = look
        self._narrow = False
        self._told = (False, "", "")
        self._words: dict[Button, str] = {}
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 18, 12, 14)
        self._column.setSpacing(4)
        self._build_brand()
        self._build_pages(entries)
        self._build_foot()
        look.changed.connect(self._draw_mode)
        look.changed.connect(self._draw_connection)
        self._draw_mode()
        self._draw_connection()
        self.set_narrow(False)

    def choose(self, index: int) -> None:
        """Mark the page that is shown."""
        button = self.pages.button(index)
        button.setChecked(True)
        self._area.ensureWidgetVisible(button, 0, 8)

    def set_narrow(self, narrow: bool) -> None:
        """Show only icons, or the words beside them."""
        self._narrow = narrow
        self.setFixedWidth(NARROW if narrow else WIDE)
        self._brand.setVisible(not narrow)
        self._connection.setVisible(not narrow)
        for button, words in self._words.items():
            button.setText("" if narrow else f"  {words}")

    def show_alerts(self, words: str, icon_role: str, tooltip: str) -> None:
        """Tell of open alerts in the colour of a role; "" for none."""
        self._name(self.alert_badge, words)
        self.alert_badge.set_icon("alerts", icon_role)
        self.alert_badge.setToolTip(tooltip)
        self.alert_badge.setAccessibleName(f"{words} open, show them")
        self.alert_badge.setVisible(bool(words))

    def show_demo(self, words: str, tooltip: str) -> None:
        """A button that stops the demo traffic, while there is some; "" for none."""
        self._name(self.demo, words)
        self.demo.setToolTip(tooltip)
        self.demo.setAccessibleName(f"Stop: {words}")
        self.demo.setVisible(bool(words))

    def show_connection(self, connected: bool, words: str, address: str = "") -> None:
        """Tell whether Redis answers, and where it is."""
        if (connected, words, address) == self._told:
            return
        self._connected, self._told = connected, (connected, words, address)
        self._connection.setText(words)
        self._connection.set_tone("muted" if connected else "caution")
        for label in (self._connection, self._dot):
            label.setToolTip(f"{words}\n{address}".strip())
        self._draw_connection()

    def set_menu(self, menu: QMenu) -> None:
        """What the button at the foot opens."""
        self.more.clicked.connect(lambda: menu.popup(self.more.mapToGlobal(self.more.rect().topRight())))

    # Building

    def _name(self, button: Button, words: str) -> None:
        self._words[button] = words
        button.setText("" if self._narrow else f"  {words}")

    def _build_brand(self) -> None:
        mark = QLabel()
        mark.setPixmap(self._look.pixmap("hark", "accent", 28))
        self._brand = Text(self._look, "Hark", "heading")
        brand = QHBoxLayout()
        brand.setSpacing(10)
        brand.setContentsMargins(6, 0, 0, 14)
        brand.addWidget(mark)
        brand.addWidget(self._brand)
        brand.addStretch(1)
        self._column.addLayout(brand)

    def _build_pages(self, entries: Sequence[tuple[str, str, str]]) -> None:
        self.pages = QButtonGroup(self)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for index, (word, icon, key) in enumerate(entries):
            button = Button(self._look, "", kind="nav", icon=icon)
            self._name(button, word)
            button.setCheckable(True)
            button.setAccessibleName(f"{word} page")
            button.setToolTip(f"{word} ({key})" if key else word)
            button.clicked.connect(lambda _=False, index=index: self.chosen.emit(index))
            self.pages.addButton(button, index)
            column.addWidget(button)
        column.addStretch(1)
        # In a low window the pages scroll; the foot stays.
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setMinimumHeight(80)
        self._area.setWidget(inner)
        self._column.addWidget(self._area, 1)

    def _build_foot(self) -> None:
        self.alert_badge = Button(self._look, "", kind="nav", icon="alerts", font="label")
        self.alert_badge.clicked.connect(self.alerts_wanted)
        self.alert_badge.hide()
        self._column.addWidget(self.alert_badge)
        self.demo = Button(self._look, "", kind="nav", icon="close", font="label")
        self.demo.clicked.connect(self.demo_stop_wanted)
        self.demo.hide()
        self._column.addWidget(self.demo)
        self._connected = False
        self._dot = QLabel()
        self._connection = Text(self._look, "Connecting…", "caption", "muted")
        self._connection.setWordWrap(True)
        self._connection.setAccessibleName("Connection")
        line = QHBoxLayout()
        line.setContentsMargins(11, 0, 0, 6)
        line.setSpacing(8)
        line.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._connection, 1)
        self._column.addLayout(line)
        self.toggle_colours = Button(self._look, "", kind="nav", icon="moon", font="label")
        self.toggle_colours.clicked.connect(self._look.toggle)
        self._column.addWidget(self.toggle_colours)
        self.more = Button(self._look, "", kind="nav", icon="more", font="label")
        self._name(self.more, "Menu")
        self.more.setAccessibleName("Menu")
        self.more.setToolTip("Commands for the whole of Hark (F10)")
        self._column.addWidget(self.more)
        for button in (self.alert_badge, self.demo, self.toggle_colours, self.more):
            button.setIconSize(QSize(20, 20))

    def _draw_mode(self) -> None:
        word = "Light" if self._look.dark else "Dark"
        self._name(self.toggle_colours, f"{word} colours")
        self.toggle_colours.setAccessibleName(f"Switch to {word.lower()} colours")
        self.toggle_colours.setToolTip(f"Switch to {word.lower()} colours (Ctrl+Shift+L)")
        self.toggle_colours.set_icon("sun" if self._look.dark else "moon")

    def _draw_connection(self) -> None:
        name, role = ("done", "accent") if self._connected else ("warning", "caution")
        self._dot.setPixmap(self._look.pixmap(name, role, 15))
