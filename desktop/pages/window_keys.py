"""The keys that work wherever the focus is: Space held talks, Esc cancels, Enter presses the focused button."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class WindowKeys(QObject):
    """Hears the keys of a window between `listen` and `stop`: those of the window itself and of what has the focus.

    Not those of the whole application: a filter there is called for each event of each widget, a quarter of all work.
    """

    talk_pressed = Signal()
    talk_released = Signal()
    cancelled = Signal()

    def __init__(self, window: QWidget, taken: Callable[[], bool]) -> None:
        """`taken` tells whether a part of the window, such as the palette, has the keyboard for itself."""
        super().__init__(window)
        self._window, self._taken = window, taken
        self._focused: QWidget | None = None
        self._listening = False
        self._talking = False

    def listen(self) -> None:
        """Hear the keys from now on."""
        if not self._listening:
            self._listening = True
            self._window.installEventFilter(self)
            _application().focusChanged.connect(self._follow)
            self._follow(None, _application().focusWidget())

    def stop(self) -> None:
        """Hear them no more."""
        if self._listening:
            self._listening = False
            self._window.removeEventFilter(self)
            _application().focusChanged.disconnect(self._follow)
            self._follow(None, None)

    def _follow(self, _before: QWidget | None, focused: QWidget | None) -> None:
        if self._focused is not None and shiboken6.isValid(self._focused):
            self._focused.removeEventFilter(self)
        inside = focused is not None and focused is not self._window and focused.window() is self._window
        self._focused = focused if inside else None
        if self._focused is not None:
            self._focused.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.WindowDeactivate and watched is self._window:
            self._stop_talking()
        if (
            kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
            and isinstance(event, QKeyEvent)
            and isinstance(watched, QWidget)
            and watched.window() is self._window
            and event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        ):
            return self._on_key(watched, event, pressed=kind == QEvent.Type.KeyPress)
        return super().eventFilter(watched, event)

    def _on_key(self, focused: QWidget, event: QKeyEvent, *, pressed: bool) -> bool:
        key = event.key()
        if self._taken():
            return False
        if key == Qt.Key.Key_Space and (self._talking or not _takes_spaces(focused)):
            if not event.isAutoRepeat():
                self._start_talking() if pressed else self._stop_talking()
            return True
        if key == Qt.Key.Key_Escape and pressed:
            self.cancelled.emit()  # a talk key that is still held goes up later, and that is told
            if isinstance(focused, QLineEdit):
                self._window.setFocus()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(focused, QAbstractButton):
            if pressed and not event.isAutoRepeat():
                focused.click()
            return True
        return False

    def _start_talking(self) -> None:
        if not self._talking:
            self._talking = True
            self.talk_pressed.emit()

    def _stop_talking(self) -> None:
        if self._talking:
            self._talking = False
            self.talk_released.emit()


def _takes_spaces(focused: QWidget) -> bool:
    """Whether a space is typed there. Nothing begins with one: after a typed command, Space talks at once again."""
    if isinstance(focused, QLineEdit) and focused.echoMode() is QLineEdit.EchoMode.Normal:
        return bool(focused.text().strip())
    return isinstance(focused, _TEXT_FIELDS)


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
