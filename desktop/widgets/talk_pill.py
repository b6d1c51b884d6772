"""A small bar over other programs that shows that Hark listens, works or speaks while its window is not seen."""

from __future__ import annotations

import math
from collections import deque

from PySide6.QtCore import QElapsedTimer, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCursor, QGuiApplication, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Button

_SIZE = QSize(420, 52)
_ABOVE_EDGE = 56
_FRAME_MS = 40
_BARS, _BAR_APART, _BAR_WIDTH = 12, 6, 3.0
_LEFT, _TEXT_LEFT, _RIGHT = 20, 118, 48
_TOLD_MS = 4_000
_ICONS = {"listening": "microphone", "working": "microphone", "speaking": "speaking"}
_WORDS = {"listening": "Listening", "working": "Working on it…", "speaking": "Speaking"}


class TalkPill(QWidget):
    """Never takes the keyboard from the program in use. A click opens Hark, its cross cancels.

    It shows itself by `show_state` and `tell`, and goes by `show_state("idle")` or, after what it tells, by itself.
    """

    opened = Signal()
    cancelled = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__(
            None,
            Qt.WindowType.Tool
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.WindowDoesNotAcceptFocus,
        )
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWindowTitle("Hark listens")
        self.setFixedSize(_SIZE)
        if QGuiApplication.platformName() == "xcb":
            # Nothing is translucent there without a compositor: the corners would be black.
            self.setMask(_rounded(_SIZE))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._look = look
        self._state = "idle"
        self._tone = "ink"
        self._level = 0.0
        self._bars: deque[float] = deque([0.0] * _BARS, maxlen=_BARS)
        self.words = ""
        """What it says."""
        self.cancel = Button(look, "", kind="quiet", icon="close", icon_role="muted")
        self.cancel.setIconSize(QSize(14, 14))
        self.cancel.setFixedSize(28, 28)
        self.cancel.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.cancel.setAccessibleName("Cancel")
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 12, 0)
        row.addStretch(1)
        row.addWidget(self.cancel)
        self._since = QElapsedTimer()
        self._frames = QTimer(self)
        self._frames.setInterval(_FRAME_MS)
        self._frames.timeout.connect(self._next_frame)
        self._leaves = QTimer(self)
        self._leaves.setSingleShot(True)
        self._leaves.setInterval(_TOLD_MS)
        self._leaves.timeout.connect(self._leave)
        self._told = ""
        look.changed.connect(self.update)

    def show_state(self, state: str) -> None:
        """Show "listening", "working" or "speaking"; "idle" hides it, unless it tells something."""
        self._state = state
        if state == "idle":
            self._frames.stop()
            if self._told:
                self._leaves.start()
            else:
                self.hide()
            self.update()
            return
        self._leaves.stop()
        if state != "speaking":
            self._told = ""
        self._level = 0.0
        self._bars.extend([0.0] * _BARS)
        self._since.restart()
        self._say(self._told or _WORDS[state], "ink")
        self._frames.start()
        self._come_up()

    def show_level(self, level: float) -> None:
        """The microphone's level, 0 to 1."""
        self._level = max(self._level, level)

    def show_hint(self, words: str, warns: bool = False) -> None:
        """Say more of the state that is shown, such as how a recording ends or, with `warns`, what is wrong."""
        if self._state == "listening":
            self._say(words or _WORDS[self._state], "caution" if warns else "ink")

    def tell(self, words: str, tone: str = "ink") -> None:
        """Say something, such as an answer, and stay for it to be read: while it is spoken, and some seconds."""
        self._told = words
        self._say(words, tone)
        if self._state == "idle":
            self._leaves.start()
        self._come_up()

    def _say(self, words: str, tone: str) -> None:
        self.words, self._tone = words, tone
        self.setAccessibleName(words)
        self.setToolTip(f"{words}\nClick to open Hark")
        self.update()

    def _come_up(self) -> None:
        if not self.isVisible():
            screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
            room = screen.availableGeometry()
            self.move(room.center().x() - self.width() // 2, room.bottom() - self.height() - _ABOVE_EDGE)
            self.show()

    def _leave(self) -> None:
        self._told = ""
        self.hide()

    def _next_frame(self) -> None:
        self._bars.append(self._level)
        self._level *= 0.5
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(self._look.colour("border"), 1))
        painter.setBrush(self._look.colour("surface"))
        painter.drawRoundedRect(frame, frame.height() / 2, frame.height() / 2)
        middle = self.height() / 2
        if self._state == "idle":
            role = "accent" if self._tone == "ink" else self._tone
            icon = "hark" if self._tone == "ink" else "warning"
            painter.drawPixmap(QPointF(_LEFT, middle - 10), self._look.pixmap(icon, role, 20))
        else:
            painter.drawPixmap(QPointF(_LEFT - 4, middle - 9), self._look.pixmap(_ICONS[self._state], "accent", 18))
            self._paint_bars(painter, _LEFT + 22, middle)
        left = _TEXT_LEFT if self._state != "idle" else _LEFT + 30
        room = QRectF(left, 0, self.width() - left - _RIGHT, self.height())
        painter.setFont(self._look.font("strong"))
        painter.setPen(self._look.colour(self._tone))
        words = painter.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        painter.end()

    def _paint_bars(self, painter: QPainter, left: float, middle: float) -> None:
        """The last half second of the voice; while Hark works or speaks, a wave."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._look.colour("accent"))
        seconds = self._since.elapsed() / 1000
        for place, level in enumerate(self._bars):
            if self._state != "listening":
                level = 0.25 + 0.2 * math.sin(6 * seconds - place * 0.7)
            height = 3.0 + 22.0 * level
            bar = QRectF(left + place * _BAR_APART * 0.9, middle - height / 2, _BAR_WIDTH, height)
            painter.drawRoundedRect(bar, _BAR_WIDTH / 2, _BAR_WIDTH / 2)


def _rounded(size: QSize) -> QRegion:
    """The pixels of a bar with round ends that lie more in it than beside it."""
    region, radius = QRegion(), size.height() / 2
    for y in range(size.height()):
        inset = round(radius - math.sqrt(radius**2 - (radius - y - 0.5) ** 2))
        region += QRect(inset, y, size.width() - 2 * inset, 1)
    return region
