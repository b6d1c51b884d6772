"""A cell of a list: a line in ink above a muted one, both cut to the width that there is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Text


class ElidedText(Text):
    """A label that ends in "…" where it is too narrow; its whole text is in the tooltip then."""

    def __init__(self, look: Look, text: str = "", font: str = "body", tone: str = "ink") -> None:
        super().__init__(look, "", font, tone)
        self._whole, self._tooltip = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.show_text(text)

    @property
    def whole(self) -> str:
        """The text as it was given."""
        return self._whole

    def show_text(self, text: str, tooltip: str = "") -> None:
        """Show `text`, and `tooltip` when pointed at."""
        self._whole, self._tooltip = text, tooltip
        self.setAccessibleName(text)
        self._cut()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(self.width(), 0))
        self.setText(shown)
        cut = shown != self._whole
        self.setToolTip(f"{self._whole}\n{self._tooltip}".strip() if cut else self._tooltip)


class TwoLines(QWidget):
    """What a cell is about, and what else there is to say of it."""

    def __init__(self, look: Look, font: str = "body") -> None:
        super().__init__()
        self.first = ElidedText(look, font=font)
        self.second = ElidedText(look, font="caption", tone="muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(1)
        column.addStretch(1)
        column.addWidget(self.first)
        column.addWidget(self.second)
        column.addStretch(1)

    def show_lines(
        self, first: str, second: str = "", *, tooltip: str = "", stale: bool = False, tone: str = ""
    ) -> None:
        """Show both; `stale` greys them, `tone` colours the second one."""
        self.first.show_text(first, tooltip)
        self.second.show_text(second, tooltip)
        self.first.set_tone("stale" if stale else "ink")
        self.second.set_tone("stale" if stale else tone or "muted")
