"""State pill and load gauge: small painted marks that tell by shape and word, not by colour alone."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from desktop.theme import Look

_PILLS = {
    "running": ("Running", "accent", "accent_soft"),
    "paused": ("Paused", "caution", "caution_soft"),
    "no worker": ("No worker", "danger", "danger_soft"),
    "unknown": ("Unknown", "stale", "neutral_soft"),
}


class StatePill(QWidget):
    """A queue's state in a rounded field: a dot runs, two bars are paused, a ring has no worker, a dash is unknown."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._state = "unknown"
        self.setFixedSize(QSize(88, 22))
        look.changed.connect(self.update)

    @property
    def state(self) -> str:
        """ "running", "paused", "no worker" or "unknown"."""
        return self._state

    def show_state(self, state: str) -> None:
        """Show one of "running", "paused", "no worker", "unknown"."""
        self.setAccessibleName(_PILLS[state][0])
        if state != self._state:
            self._state = state
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        text, ink, field = _PILLS[self._state]
        colour = self._look.colour(ink)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._look.colour(field))
        painter.drawRoundedRect(QRectF(self.rect()), 11, 11)
        centre = QPointF(13, self.height() / 2)
        painter.setBrush(colour)
        if self._state == "running":
            painter.drawEllipse(centre, 3.5, 3.5)
        elif self._state == "paused":
            painter.drawRect(QRectF(centre.x() - 3.5, centre.y() - 4, 2.4, 8))
            painter.drawRect(QRectF(centre.x() + 1.1, centre.y() - 4, 2.4, 8))
        elif self._state == "unknown":
            painter.drawRect(QRectF(centre.x() - 3.5, centre.y() - 1, 7, 2))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, 1.6))
            painter.drawEllipse(centre, 3.4, 3.4)
        painter.setPen(colour)
        painter.setFont(self._look.font("label"))
        painter.drawText(QRectF(22, 0, self.width() - 24, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class LoadGauge(QAbstractButton):
    """Jobs in progress against as many as may be at once: "2 of 5" above a bar. It can be clicked."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._active, self._limit, self._stale = 0, 0, True
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    @property
    def words(self) -> str:
        """What it says."""
        return f"{self._active:,} of {self._limit:,}" if self._limit else f"{self._active:,}"

    def show_load(self, active: int, limit: int, stale: bool = False) -> None:
        """Show `active` jobs of at most `limit` at once; 0 where nothing may run."""
        self.setAccessibleName(f"{active:,} active of {limit:,}")
        if (active, limit, stale) != (self._active, self._limit, self._stale):
            self._active, self._limit, self._stale = active, limit, stale
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(72, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        bar = QRectF(0, self.height() - 6, min(self.width(), 96), 4)
        painter.setBrush(self._look.colour("neutral_soft"))
        painter.drawRoundedRect(bar, 2, 2)
        share = min(self._active / self._limit, 1.0) if self._limit else 0.0
        if share > 0:
            painter.setBrush(self._look.colour("stale" if self._stale else "active"))
            painter.drawRoundedRect(QRectF(bar.x(), bar.y(), max(4.0, bar.width() * share), bar.height()), 2, 2)
        words, font = self.words, self._look.font("body")
        if QFontMetricsF(font).horizontalAdvance(words) > self.width():
            font = self._look.font("caption")
        if QFontMetricsF(font).horizontalAdvance(words) > self.width():
            words = words.replace(" of ", "/")
        font.setUnderline(self.underMouse())
        painter.setFont(font)
        painter.setPen(self._look.colour("stale" if self._stale else "ink" if self._active else "muted"))
        painter.drawText(QRectF(0, 0, self.width(), self.height() - 7), Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()
