"""The palette: every command by a few typed letters, with its key, or why it cannot be run now."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QFontMetrics, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QLineEdit, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.commands import Catalogue, Command
from desktop.theme import Look
from desktop.widgets.overlay import Overlay
from desktop.widgets.text import Text

_WIDTH, _HEIGHT = 660, 520
_ROW_HEIGHT = 36
_REASON = Qt.ItemDataRole.UserRole
_Index = QModelIndex | QPersistentModelIndex


class _Offers(QAbstractListModel):
    """The commands that fit what is typed."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._shown: list[tuple[Command, str]] = []

    def show_fitting(self, typed: str) -> None:
        """Offer what fits; what cannot be run now is told after what can, the groups aside."""
        self.beginResetModel()
        self._shown = [(command, self._catalogue.refusal(command)) for command in self._catalogue.offered(typed)]
        self._shown.sort(key=lambda pair: bool(pair[1]))
        self.endResetModel()

    def command(self, row: int) -> Command | None:
        """The command in a row."""
        return self._shown[row][0] if 0 <= row < len(self._shown) else None

    def rowCount(self, parent: _Index | None = None) -> int:
        """How many are offered."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Its words; for screen readers with its key and, where there is one, the reason against it."""
        command, reason = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return command.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (command.text, shown_key(command.shortcut), f"not now: {reason}" if reason else "")
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return reason or None
        return reason if role == _REASON else None


class _Row(QStyledItemDelegate):
    """One line: the words, then quietly the group or the reason, and the key at the right."""

    def __init__(self, look: Look, offers: _Offers) -> None:
        super().__init__()
        self._look, self._offers = look, offers

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """All rows are of one height."""
        return QSize(0, _ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw it in the theme's colours."""
        command, reason = self._offers.command(index.row()), str(index.data(_REASON))
        if command is None:
            return
        look, area = self._look, QRect(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("accent_soft"))
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 7, 7)
            painter.setBrush(look.colour("accent"))
            painter.drawRoundedRect(QRect(area.left() + 1, area.top() + 9, 3, area.height() - 18), 1.5, 1.5)
        inner = area.adjusted(14, 0, -12, 0)
        key = shown_key(command.shortcut)
        if key:
            inner.setRight(_draw_key(painter, look, inner, key) - 12)
        quiet = reason or command.group
        font = look.font("body")
        painter.setFont(font)
        words = QFontMetrics(font).elidedText(command.text, Qt.TextElideMode.ElideRight, inner.width())
        painter.setPen(look.colour("stale" if reason else "danger" if command.dangerous else "ink"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, left, words)
        inner.setLeft(inner.left() + QFontMetrics(font).horizontalAdvance(words) + 14)
        if inner.width() > 40:
            small = look.font("caption")
            painter.setFont(small)
            painter.setPen(look.colour("caution" if reason else "muted"))
            shown = QFontMetrics(small).elidedText(quiet, Qt.TextElideMode.ElideRight, inner.width())
            painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


class Palette(Overlay):
    """Open it with `ask`. Enter runs the chosen command, the arrows choose, Esc leaves."""

    opened = Signal()
    """Sources may look for what is new; `Catalogue.changed` brings it in."""

    def __init__(self, look: Look, catalogue: Catalogue, parent: QWidget) -> None:
        super().__init__(look, parent, _WIDTH, _HEIGHT)
        self._catalogue = catalogue
        self.setAccessibleName("Commands")
        self.typed = QLineEdit()
        self.typed.setFixedHeight(42)
        self.typed.setProperty("kind", "field")
        self.typed.setFont(look.font("speech"))
        self.typed.setPlaceholderText("What shall be done? A command, or a job's id")
        self.typed.setAccessibleName("Command or job id")
        self.typed.setMaxLength(200)
        self.typed.textChanged.connect(self._look_up)
        self.typed.installEventFilter(self)
        self._offers = _Offers(catalogue)
        self.list = QListView()
        self.list.setModel(self._offers)
        self._row = _Row(look, self._offers)
        self.list.setItemDelegate(self._row)
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Commands that fit")
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setStyleSheet("QListView { background: transparent; outline: none; }")
        self.list.clicked.connect(lambda index: self._run(index.row()))
        self.list.selectionModel().currentChanged.connect(lambda now, _: self._announce(now.row()))
        self.note = Text(look, "", "caption", "muted")
        self.column.setContentsMargins(14, 14, 14, 10)
        self.column.setSpacing(8)
        self.column.addWidget(self.typed)
        self.column.addWidget(self.list, 1)
        self.column.addWidget(self.note)
        catalogue.ran.connect(self._on_ran)
        catalogue.changed.connect(self._renew)

    @property
    def offered(self) -> list[str]:
        """The words of what is offered, in order."""
        return [str(self._offers.index(row, 0).data()) for row in range(self._offers.rowCount())]

    @property
    def current(self) -> str:
        """The words of the chosen command, for a screen reader; "" where there is none."""
        index = self.list.currentIndex()
        return str(index.data(Qt.ItemDataRole.AccessibleTextRole)) if index.isValid() else ""

    def ask(self, typed: str = "") -> None:
        """Open it, or close it where it is open."""
        if self.isVisible():
            self.close_over()
            return
        self.typed.blockSignals(True)
        self.typed.setText(typed)
        self.typed.blockSignals(False)
        self._look_up(typed)
        self.open_over(self.typed)
        self.opened.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.typed and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_key(event.key())
        return super().eventFilter(watched, event)

    def _on_key(self, key: int) -> bool:
        page = max(1, self.list.viewport().height() // _ROW_HEIGHT - 1)
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        if key in steps:
            self._choose(self.list.currentIndex().row() + steps[Qt.Key(key)], wrap=abs(steps[Qt.Key(key)]) == 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self.list.currentIndex().row())
        elif key == Qt.Key.Key_Escape:
            self.close_over()
        else:
            return key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        return True

    def _on_ran(self, key: str) -> None:
        if key != "window.palette":  # which closes it by itself
            self.close_over()

    def _choose(self, row: int, *, wrap: bool = False) -> None:
        count = self._offers.rowCount()
        if count:
            row = row % count if wrap else max(0, min(row, count - 1))
            self.list.setCurrentIndex(self._offers.index(row, 0))

    def _run(self, row: int) -> None:
        command = self._offers.command(row)
        if command is None:
            return
        reason = self._catalogue.refusal(command)
        if reason:
            self._say(reason, "caution")
            return
        self._catalogue.remember(command)
        self.close_over()  # before it runs: it may want the focus for itself
        self._catalogue.run(command)

    def _look_up(self, typed: str) -> None:
        self._offers.show_fitting(typed)
        self._choose(0)
        self._say("" if self._offers.rowCount() else "No command fits these letters.", "muted")
        self.list.scrollToTop()

    def _renew(self) -> None:
        """What is offered has changed: show it, with the same one chosen if it is still there."""
        if self.isVisible():
            chosen = self._offers.command(self.list.currentIndex().row())
            self._offers.show_fitting(self.typed.text())
            rows = (row for row in range(self._offers.rowCount()) if self._offers.command(row) == chosen)
            self._choose(next(rows, 0))

    def _say(self, words: str, tone: str) -> None:
        self.note.setText(words or "Enter runs it · ↑ ↓ choose · Esc leaves")
        self.note.set_tone(tone)
        if words:
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.typed, words))

    def _announce(self, row: int) -> None:
        # The focus stays in the field: a screen reader hears of the choice by this alone.
        if row >= 0 and self.isVisible():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.typed, self.current))


def shown_key(shortcut: str) -> str:
    """A key as this system writes it: "Ctrl+K", or its sign on a Mac."""
    if not shortcut or shortcut.startswith("hold "):
        return shortcut.removeprefix("hold ")
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText) or shortcut


def _draw_key(painter: QPainter, look: Look, area: QRect, key: str) -> int:
    """A key cap at the right of `area`; its left edge."""
    font = look.font("caption")
    width = QFontMetrics(font).horizontalAdvance(key) + 14
    cap = QRect(area.right() - width, area.center().y() - 10, width, 21)
    painter.setPen(look.colour("border"))
    painter.setBrush(look.colour("window"))
    painter.drawRoundedRect(cap, 5, 5)
    painter.setPen(look.colour("muted"))
    painter.setFont(font)
    painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, key)
    return cap.left()
