"""State pill and load gauge: small painted marks that tell by shape and word, not by colour alone."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.theme import Look

_PILLS = {
    "running": ("Running", "accent", "accent_soft"),
    "paused": ("Paused", "caution", "caution_soft"),
    "no worker": ("No worker", "muted", "neutral_soft"),
}


class StatePill(QWidget):
    """A queue's state in a rounded field: a filled dot runs, two bars are paused, a ring has no worker."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._state, self._stale = "no worker", False
        self.setFixedSize(QSize(98, 24))
        look.changed.connect(self.update)

    @property
    def state(self) -> str:
        """ "running", "paused" or "no worker"."""
        return self._state

    def show_state(self, state: str, stale: bool = False) -> None:
        """Show one of "running", "paused", "no worker"; `stale` greys it."""
        self._state, self._stale = state, stale
        self.setAccessibleName(_PILLS[state][0])
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        text, ink, field = _PILLS[self._state]
        colour = self._look.colour("stale" if self._stale else ink)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._look.colour("neutral_soft" if self._stale else field))
        painter.drawRoundedRect(QRectF(self.rect()), 12, 12)
        centre = QPointF(14, self.height() / 2)
        painter.setBrush(colour)
        if self._state == "running":
            painter.drawEllipse(centre, 3.5, 3.5)
        elif self._state == "paused":
            painter.drawRect(QRectF(centre.x() - 3.5, centre.y() - 4, 2.4, 8))
            painter.drawRect(QRectF(centre.x() + 1.1, centre.y() - 4, 2.4, 8))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, 1.6))
            painter.drawEllipse(centre, 3.4, 3.4)
        painter.setPen(colour)
        painter.setFont(self._look.font("label"))
        painter.drawText(QRectF(24, 0, self.width() - 28, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class LoadGauge(QWidget):
    """Jobs in progress against the concurrency that is allowed: a bar, and "2 of 5" beside it."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._active, self._limit, self._stale = 0, 1, False
        self.setMinimumSize(QSize(104, 24))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def show_load(self, active: int, limit: int, stale: bool = False) -> None:
        """Show `active` jobs of at most `limit` at once."""
        self._active, self._limit, self._stale = active, max(limit, 1), stale
        self.setAccessibleName(f"{active} active of {limit}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        bar = QRectF(0, self.height() / 2 - 3, 52, 6)
        painter.setBrush(self._look.colour("neutral_soft"))
        painter.drawRoundedRect(bar, 3, 3)
        share = min(self._active / self._limit, 1.0)
        if share > 0:
            painter.setBrush(self._look.colour("stale" if self._stale else "active"))
            painter.drawRoundedRect(QRectF(bar.x(), bar.y(), max(6.0, bar.width() * share), bar.height()), 3, 3)
        painter.setFont(self._look.font("body"))
        quiet = self._stale or not self._active
        painter.setPen(self._look.colour("stale" if self._stale else "muted" if quiet else "ink"))
        text = QRectF(60, 0, self.width() - 60, self.height())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, f"{self._active} of {self._limit}")
        painter.end()
