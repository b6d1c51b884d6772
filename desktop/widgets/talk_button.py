"""The big round button that is held while speaking, with the microphone's level around it."""

from __future__ import annotations

import math

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.theme import Look

_FRAME_MS = 33
_RADIUS, _SMALL_RADIUS = 44.0, 26.0
_AROUND = 24
"""Pixels around the button for what moves there."""
_ICONS = {"idle": "microphone", "listening": "microphone", "working": "microphone", "speaking": "speaking"}
_WORDS = {
    "idle": "Hold to talk",
    "listening": "Listening, let go to send",
    "working": "Working on it",
    "speaking": "Speaking, press to interrupt",
}


class TalkButton(QWidget):
    """Emits `pressed` and `released`; shows one of the states idle, listening, working, speaking.

    A ring grows with the voice while listening, an arc turns while working, waves while speaking.
    """

    pressed = Signal()
    released = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._state, self._level, self._shown_level, self._held = "idle", 0.0, 0.0, False
        self._radius = 0.0
        self.set_small(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Hold while you speak, then let go. The Space key does the same; Esc cancels.")
        self._since = QElapsedTimer()
        self._since.start()
        self._frames = QTimer(self)
        self._frames.setInterval(_FRAME_MS)
        self._frames.timeout.connect(self._next_frame)
        look.changed.connect(self.update)
        self.show_state("idle")

    @property
    def state(self) -> str:
        """The shown state."""
        return self._state

    @property
    def level(self) -> float:
        """The shown level of the microphone, 0 to 1."""
        return self._level

    def set_small(self, small: bool) -> None:
        """Whether it has little room."""
        radius = _SMALL_RADIUS if small else _RADIUS
        if radius != self._radius:
            self._radius = radius
            side = 2 * (round(radius) + (_AROUND // 2 if small else _AROUND))
            self.setFixedSize(QSize(side, side))
            self.update()

    def show_state(self, state: str) -> None:
        """Show "idle", "listening", "working" or "speaking"; only the moving ones are drawn again and again."""
        self._state = state
        self._level = 0.0 if state != "listening" else self._level
        self.setAccessibleName(_WORDS[state])
        if state == "idle":
            self._frames.stop()
            self._shown_level = 0.0
        else:
            self._frames.start()
        self.update()

    def show_level(self, level: float) -> None:
        """Show the microphone's level, 0 to 1."""
        self._level = min(max(level, 0.0), 1.0)

    @property
    def _room(self) -> float:
        """What rings may grow by, in pixels."""
        return self.width() / 2 - self._radius - 6

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._hold()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._let_go()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self._hold()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self._let_go()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._let_go()
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QPointF(self.width() / 2, self.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        self._paint_around(painter, centre)
        busy = self._state == "working"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._look.colour("accent_soft" if busy else "accent"))
        painter.drawEllipse(centre, self._radius, self._radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._look.colour("ink"), 2))
            painter.drawEllipse(centre, self._radius + 4, self._radius + 4)
        size = round(0.86 * self._radius)
        icon = self._look.pixmap(_ICONS[self._state], "accent" if busy else "on_accent", size)
        painter.drawPixmap(QPointF(centre.x() - size / 2, centre.y() - size / 2), icon)
        painter.end()

    def _paint_around(self, painter: QPainter, centre: QPointF) -> None:
        seconds = self._since.elapsed() / 1000
        if self._state == "listening":
            halo = self._look.colour("accent")
            for share, alpha in ((1.0, 40), (0.55, 60)):
                halo.setAlpha(alpha)
                painter.setBrush(halo)
                radius = self._radius + 5 + self._room * self._shown_level * share
                painter.drawEllipse(centre, radius, radius)
        elif self._state == "working":
            painter.setPen(QPen(self._look.colour("accent"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            out = self._radius + 7
            ring = QRectF(centre.x() - out, centre.y() - out, 2 * out, 2 * out)
            painter.drawArc(ring, int(-seconds * 300 * 16) % (360 * 16), 80 * 16)
        elif self._state == "speaking":
            for offset in (0.0, 0.5):
                phase = (seconds * 0.7 + offset) % 1.0
                wave = self._look.colour("accent")
                wave.setAlpha(int(90 * (1 - phase)))
                painter.setPen(QPen(wave, 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                radius = self._radius + 3 + (self._room + 1) * math.sqrt(phase)
                painter.drawEllipse(centre, radius, radius)

    def _next_frame(self) -> None:
        # Up at once, down slowly: the ring follows speech without trembling.
        self._shown_level = max(self._level, self._shown_level * 0.86)
        self.update()

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self.pressed.emit()

    def _let_go(self) -> None:
        if self._held:
            self._held = False
            self.released.emit()
