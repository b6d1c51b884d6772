"""The bar over all pages of a production connection, read-only or unlocked for so long, and the question before."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QSpinBox, QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, fit_field, form_layout
from desktop.widgets.text import Button, Text, set_property


class ProductionBar(QFrame):
    """Hidden until `show_locked` or `show_unlocked`; one of its two buttons fits each."""

    unlock_wanted = Signal(str, float)
    """Why, and for how many minutes."""
    lock_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("notice")
        self._look = look
        self._minutes = 15.0
        self._icon = "pause"
        self.dialog: UnlockDialog | None = None
        self._mark = QLabel()
        self.words = Text(look, font="strong")
        self._more = Text(look, tone="muted")
        self._more.setMinimumWidth(1)
        self.button = Button(look, "", font="label")
        self.button.clicked.connect(self._press)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 10, 6)
        row.setSpacing(12)
        for widget, stretch in ((self._mark, 0), (self.words, 0), (self._more, 1), (self.button, 0)):
            row.addWidget(widget, stretch, Qt.AlignmentFlag.AlignVCenter)
        look.changed.connect(self._draw_mark)
        self.locked = True
        self.hide()

    def show_locked(self, title: str, minutes: float) -> None:
        """Nothing can be changed on the connection called `title`; an unlocking lasts `minutes` by default."""
        self._minutes = minutes
        self._show(True, f"{title[:1].upper()}{title[1:]}, read-only", "Nothing can be changed here.", "Unlock\u2026")
        self.button.setToolTip("Allow changes for some minutes; it asks why")

    def show_unlocked(self, title: str, left_s: float) -> None:
        """Changes are allowed for `left_s` seconds more."""
        whole = max(0, round(left_s))
        words = f"{title[:1].upper()}{title[1:]}, unlocked: {whole // 60}:{whole % 60:02d} left"
        self._show(False, words, "What you change here changes production.", "Lock now")
        self.button.setToolTip("Allow no more changes")

    def ask(self) -> None:
        """Ask why it is to be unlocked."""
        self.dialog = dialog = UnlockDialog(self._look, self._minutes, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(self.unlock_wanted)
        dialog.finished.connect(self._forget_dialog)
        dialog.open()

    def _show(self, locked: bool, words: str, more: str, action: str) -> None:
        if self.isHidden() or locked is not self.locked:
            self.locked = locked
            set_property(self, "kind", "warning" if locked else "error")
            self._more.setText(more)
            self.button.setText(action)
            self.button.setAccessibleName(action.rstrip("\u2026"))
            self._draw_mark()
        self.words.setText(words)
        self.setAccessibleName(words)
        self.show()

    def _press(self) -> None:
        if self.locked:
            self.ask()
        else:
            self.lock_wanted.emit()

    def _forget_dialog(self) -> None:
        self.dialog = None

    def _draw_mark(self) -> None:
        self._mark.setPixmap(self._look.pixmap("warning", "caution" if self.locked else "danger", 20))


class UnlockDialog(Dialog):
    """Asks for a reason and a time; `confirmed(reason, minutes)` is the order. Open it with `open()`."""

    confirmed = Signal(str, float)

    def __init__(self, look: Look, minutes: float, parent: QWidget | None = None) -> None:
        words = "The reason stays in the audit trail. It locks by itself when the time is over."
        super().__init__(
            look, "Unlock production", words, keep="Stay read-only", order="Unlock", danger=True, parent=parent
        )
        self.confirm.setDefault(True)
        self.setFixedWidth(480)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Such as: ticket 4711, tasks are stuck")
        self.reason.setMaxLength(500)
        self.reason.setAccessibleName("Reason")
        self.reason.textChanged.connect(self._draw)
        self.minutes = QSpinBox()
        self.minutes.setRange(1, 480)
        self.minutes.setValue(round(minutes))
        self.minutes.setSuffix(" min")
        self.minutes.setAccessibleName("Minutes until it locks by itself")
        for field in (self.reason, self.minutes):
            fit_field(field)
        form = form_layout()
        form.addRow(Text(look, "Why", tone="muted"), self.reason)
        form.addRow(Text(look, "For", tone="muted"), self.minutes)
        self.confirm.clicked.connect(self._confirm)
        self.body.addLayout(form)
        self._draw()

    def _draw(self) -> None:
        self.allow("" if self.reason.text().strip() else "Say why first.")

    def _confirm(self) -> None:
        self.confirmed.emit(self.reason.text().strip(), float(self.minutes.value()))
        self.accept()
