"""Labels and buttons in the roles of the theme: the small parts that every page is set from."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QWidget

from desktop.theme import Look


def set_property(widget: QWidget, name: str, value: str | bool) -> None:
    """Set a property that the style sheet selects on, and style the widget anew if it changed."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def in_window(words: str) -> str:
    """The engine's words as the window writes them: its commands, in backticks for a terminal, as “hark worker”."""
    return re.sub(r"`([^`\n]+)`", r"“\1”", words)


class Text(QLabel):
    """A label in a font role and a colour tone of the theme; plain text unless told otherwise."""

    def __init__(self, look: Look, text: str = "", font: str = "body", tone: str = "ink") -> None:
        super().__init__(text)
        self.setFont(look.font(font))
        self.setProperty("tone", tone)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def set_tone(self, tone: str) -> None:
        """Change the colour."""
        set_property(self, "tone", tone)


class Paragraph(Text):
    """Wrapped words that are as high as they need to be: QLabel asks for the height of a narrow column."""

    def __init__(self, look: Look, text: str, font: str, tone: str) -> None:
        super().__init__(look, text, font, tone)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(0)  # it counts in heightForWidth
        self.setFixedHeight(self.heightForWidth(self.width()))


class Button(QPushButton):
    """A push button of a `kind` of the style sheet, with its icon in the theme's colours."""

    def __init__(
        self, look: Look, text: str, *, kind: str = "", icon: str = "", icon_role: str = "ink", font: str = "body"
    ) -> None:
        super().__init__(text)
        self._look, self._icon, self._icon_role = look, icon, icon_role
        self.setFont(look.font(font))
        if kind:
            self.setProperty("kind", kind)
        if kind in ("row", "nav", "quiet"):
            self.setIconSize(QSize(16, 16) if kind == "row" else QSize(20, 20))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._draw_icon()
        look.changed.connect(self._draw_icon)

    def set_low(self, height_px: int) -> None:
        """Make a quiet button only so high, with room for its letters' descenders."""
        self.setFixedHeight(height_px)
        self.setProperty("low", True)

    def set_icon(self, name: str, role: str | None = None) -> None:
        """Show another icon, or the same in another colour."""
        if (name, role or self._icon_role) != (self._icon, self._icon_role):
            self._icon, self._icon_role = name, role or self._icon_role
            self._draw_icon()

    def _draw_icon(self) -> None:
        self.setIcon(self._look.icon(self._icon, self._icon_role) if self._icon else QIcon())


def card() -> QFrame:
    """A surface that holds what belongs together."""
    frame = QFrame()
    frame.setObjectName("card")
    return frame


def rule() -> QFrame:
    """A hairline between two parts."""
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line
