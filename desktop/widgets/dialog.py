"""The frame of every question: a heading, what it means, `body` for its own part, and two buttons at the foot."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractSpinBox, QDialog, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Button, Text

FIELD_HEIGHT = 36


class Dialog(QDialog):
    """Open it with `open()`. `cancel` leaves everything as it is; a subclass connects `confirm` to its order.

    Enter confirms unless the order is a `danger`.
    """

    def __init__(
        self,
        look: Look,
        heading: str,
        words: str = "",
        *,
        keep: str = "Cancel",
        order: str = "",
        danger: bool = False,
        title: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title or heading)
        self.cancel = Button(look, keep)
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(look, order, kind="danger" if danger else "primary", font="strong")
        self.confirm.setAutoDefault(False)
        self.confirm.setDefault(not danger)
        self.body = QVBoxLayout()
        self.body.setSpacing(6)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.confirm)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(Text(look, heading, "heading"))
        self.words = wrapped(look, words)
        self.words.setVisible(bool(words))
        column.addWidget(self.words)
        column.addSpacing(6)
        column.addLayout(self.body, 1)
        column.addSpacing(8)
        column.addLayout(buttons)

    def allow(self, refusal: str, tip: str = "") -> None:
        """Let `confirm` be pressed where `refusal` is "", and say why not where it is not."""
        self.confirm.setEnabled(not refusal)
        self.confirm.setToolTip(refusal or tip)


def wrapped(look: Look, words: str = "", font: str = "body", tone: str = "muted") -> Text:
    """Text that breaks into lines."""
    label = Text(look, words, font, tone)
    label.setWordWrap(True)
    return label


def form_layout() -> QFormLayout:
    """A form with words to the left and fields that take the rest."""
    form = QFormLayout()
    form.setHorizontalSpacing(18)
    form.setVerticalSpacing(12)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def fit_field(field: QWidget) -> None:
    """Give a field the height that all have, and a number room to its left."""
    field.setFixedHeight(FIELD_HEIGHT)
    if isinstance(field, QLineEdit):
        field.setProperty("kind", "field")
    elif isinstance(field, QAbstractSpinBox):
        field.lineEdit().setTextMargins(9, 0, 0, 0)


def reason_field() -> QLineEdit:
    """Where somebody may say why."""
    field = QLineEdit()
    fit_field(field)
    field.setMaxLength(500)
    field.setPlaceholderText("Why (goes into the audit trail; may stay empty)")
    field.setAccessibleName("Reason for the audit trail")
    return field
