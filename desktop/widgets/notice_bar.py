"""One line at the top of the window that says what happened and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from desktop.theme import Look
from desktop.widgets.text import Button, Text, in_window, set_property

_ICONS = {"info": "info", "success": "done", "warning": "warning", "error": "warning"}
_TONES = {"info": "muted", "success": "accent", "warning": "caution", "error": "danger"}
_SHOWN_MS = 8_000
_OFFERED_MS = 60_000


class NoticeBar(QFrame):
    """Shows one notice; good news leaves by itself, trouble stays until it is closed or over.

    A notice may offer one thing to do about it, such as to undo what it tells of: see `offer`.
    """

    dismissed = Signal()
    """Somebody has closed the notice."""

    def __init__(self, look: Look, *, closable: bool = True) -> None:
        super().__init__()
        self.setObjectName("notice")
        self._look, self._kind = look, "info"
        self._mark = QLabel()
        self._text = Text(look, font="strong")
        self._remedy = Text(look, tone="muted")
        for label in (self._text, self._remedy):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._text)
        words.addWidget(self._remedy)
        self._taken: Callable[[], None] | None = None
        self._offer_tip = ""
        self.action = Button(look, "", font="label")
        self.action.clicked.connect(self._take)
        self.action.hide()
        self._close = Button(look, "", kind="quiet", icon="close", icon_role="muted")
        self._close.setIconSize(QSize(14, 14))
        self._close.setFixedSize(28, 28)
        self._close.setAccessibleName("Close this notice")
        self._close.clicked.connect(self.hide)
        self._close.clicked.connect(self.dismissed)
        self._close.setVisible(closable)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 10, 9)
        row.setSpacing(12)
        row.addWidget(self._mark)
        row.addLayout(words, 1)
        row.addWidget(self.action, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignVCenter)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        look.changed.connect(self._draw_mark)
        self.hide()

    @property
    def text(self) -> str:
        """What the bar says, remedy included."""
        return f"{self._text.text()} {self._remedy.text()}".strip()

    def show_notice(self, kind: str, text: str, remedy: str = "", *, stays: bool = False) -> None:
        """Show `text` and `remedy`; `kind` is "info", "success", "warning" or "error".

        What `stays` does not leave by itself.
        """
        self._kind, self._taken = kind, None
        text, remedy = in_window(text), in_window(remedy)
        self.action.hide()
        set_property(self, "kind", kind)
        self._text.setText(text)
        self._remedy.setText(remedy)
        self._remedy.setVisible(bool(remedy))
        self.setAccessibleName(f"{text} {remedy}".strip())
        self._draw_mark()
        self.show()
        if kind in ("info", "success") and not stays:
            self._timer.start(_SHOWN_MS)
        else:
            self._timer.stop()

    def withdraw(self, text: str) -> None:
        """Take the notice away if it still tells `text`."""
        if self._text.text() == in_window(text):
            self.hide()

    def offer(self, text: str, tooltip: str, take: Callable[[], None], *, icon: str = "", key: str = "") -> None:
        """Add a button to the notice that is shown: `take` is called once, and the notice goes.

        The notice stays longer for it. `key` is a shortcut that works while it is shown, as "Ctrl+Z".
        """
        self._taken, self._offer_tip = take, f"{tooltip} ({key})" if key else tooltip
        self.action.setText(text)
        self.action.set_icon(icon)
        self.action.setShortcut(QKeySequence(key))
        self.action.setAccessibleName(f"{text}: {self._text.text()}")
        self.refuse("")
        self.action.show()
        self._timer.start(_OFFERED_MS)

    def refuse(self, reason: str) -> None:
        """What is offered cannot be done now, and why; "" where it can again."""
        self.action.setEnabled(not reason)
        self.action.setToolTip(reason or self._offer_tip)

    def _take(self) -> None:
        take, self._taken = self._taken, None
        self.hide()
        if take is not None:
            take()

    def _draw_mark(self) -> None:
        self._mark.setPixmap(self._look.pixmap(_ICONS[self._kind], _TONES[self._kind], 20))
