"""Colours, type and icons: the only module that reads `resources/` and styles widgets.

A `Look` is handed to every widget that draws itself; `changed` tells it to draw again when the
person switches between light and dark.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
FAMILY = "Inter"
_DENSITY = 2


class Look(QObject):
    """The current colours and fonts, by role; roles are the keys of `resources/theme.toml`."""

    changed = Signal()

    def __init__(self, dark: bool = False) -> None:
        super().__init__()
        declared: dict[str, Any] = tomllib.loads((RESOURCES / "theme.toml").read_text("utf-8"))
        self._type: dict[str, list[int]] = declared["type"]
        self._colours: dict[bool, dict[str, str]] = {False: declared["light"], True: declared["dark"]}
        self._fonts: dict[str, QFont] = {}
        self._pixmaps: dict[tuple[str, str, int], QPixmap] = {}
        self.dark = dark
        self._system_dark = dark
        self.choice = "system"
        """ "light" or "dark" where the person has chosen, "system" where the desktop decides."""

    def hex(self, role: str) -> str:
        """The colour of `role` as #rrggbb."""
        return self._colours[self.dark][role]

    def colour(self, role: str) -> QColor:
        """The colour of `role`."""
        return QColor(self.hex(role))

    def font(self, role: str) -> QFont:
        """The font of `role`, with figures of equal width so that changing numbers stand still."""
        if role not in self._fonts:
            size, weight = self._type[role]
            font = self._fonts[role] = QFont(FAMILY)
            font.setPixelSize(size)
            font.setWeight(QFont.Weight(weight))
            font.setFeature(QFont.Tag("tnum"), 1)
        return QFont(self._fonts[role])

    def icon(self, name: str, role: str = "ink", disabled_role: str = "stale") -> QIcon:
        """The icon `resources/icons/<name>.svg` in the colour of `role`."""
        icon = QIcon()
        icon.addPixmap(self.pixmap(name, role, 24), QIcon.Mode.Normal)
        icon.addPixmap(self.pixmap(name, disabled_role, 24), QIcon.Mode.Disabled)
        return icon

    def pixmap(self, name: str, role: str, size: int) -> QPixmap:
        """The icon `name`, `size` logical pixels square, in the colour of `role`; sharp on dense screens."""
        key = name, self.hex(role), size
        if key not in self._pixmaps:
            self._pixmaps[key] = self._drawn(*key)
        return self._pixmaps[key]

    def _drawn(self, name: str, colour: str, size: int) -> QPixmap:
        drawing = (RESOURCES / "icons" / f"{name}.svg").read_text("utf-8").replace("#000000", colour)
        pixmap = QPixmap(QSize(size, size) * _DENSITY)
        pixmap.setDevicePixelRatio(_DENSITY)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, size, size))
        painter.end()
        return pixmap

    def set_dark(self, dark: bool) -> None:
        """Switch, restyle the application and tell every widget that draws itself."""
        if dark != self.dark:
            self.dark = dark
            self.dress()
            self.changed.emit()

    def choose(self, choice: str) -> None:
        """Take "light" or "dark", or "system": what the desktop says. Raises ValueError for another word."""
        if choice not in ("system", "light", "dark"):
            raise ValueError(f"{choice!r} is no choice of colours.")
        self.choice = choice
        self.set_dark(self._system_dark if choice == "system" else choice == "dark")

    def follow(self, system_dark: bool) -> None:
        """The desktop is dark now, or light: this counts while the person has chosen neither."""
        self._system_dark = system_dark
        if self.choice == "system":
            self.set_dark(system_dark)

    def memory(self) -> dict[str, Any]:
        """The choice, to be kept."""
        return {"colours": self.choice}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take a kept choice up again. Raises KeyError or ValueError for what is none."""
        self.choose(memory["colours"])

    def toggle(self) -> None:
        """Switch between light and dark, for good."""
        self.choose("light" if self.dark else "dark")

    def dress(self) -> None:
        """Give the application its style, palette and style sheet; fonts are loaded once."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            raise RuntimeError("A QApplication must exist before it can be dressed.")
        if FAMILY not in QFontDatabase.families():
            for file in sorted((RESOURCES / "fonts").glob("*.otf")):
                QFontDatabase.addApplicationFont(str(file))
        sheet = self._style_sheet()
        if app.styleSheet() == sheet:
            return
        app.setStyle("Fusion")
        app.setFont(self.font("body"))
        app.setPalette(self._palette())
        app.setStyleSheet(sheet)

    def _palette(self) -> QPalette:
        palette = QPalette()
        roles = QPalette.ColorRole
        for role, name in (
            (roles.Window, "window"),
            (roles.Base, "surface"),
            (roles.AlternateBase, "hover"),
            (roles.Button, "surface"),
            (roles.Text, "ink"),
            (roles.WindowText, "ink"),
            (roles.ButtonText, "ink"),
            (roles.ToolTipBase, "ink"),
            (roles.ToolTipText, "surface"),
            (roles.PlaceholderText, "muted"),
            (roles.Highlight, "accent"),
            (roles.HighlightedText, "on_accent"),
            (roles.Accent, "accent"),
        ):
            palette.setColor(role, self.colour(name))
        for role in (roles.Text, roles.WindowText, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.colour("stale"))
        return palette

    def _style_sheet(self) -> str:
        sheet = _STYLE_SHEET.replace("$icons", (RESOURCES / "icons").as_posix())
        # Longest first: no role may eat the beginning of another one's name.
        for role in sorted(self._colours[self.dark], key=len, reverse=True):
            sheet = sheet.replace(f"${role}", self.hex(role))
        return sheet


_STYLE_SHEET = """
QWidget#rail { background: $rail; border-right: 1px solid $line; }
QFrame#card, QFrame#dialogCard { background: $surface; border: 1px solid $line; border-radius: 10px; }
QFrame#rule { background: $line; border: none; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QScrollArea#turns { border: 2px solid transparent; border-radius: 8px; }
QScrollArea#turns:focus { border-color: $accent; }
QToolTip { background: $ink; color: $surface; border: none; padding: 6px 8px; }

QLabel[tone="ink"] { color: $ink; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="stale"] { color: $stale; }
QLabel[tone="accent"] { color: $accent; }
QLabel[tone="failed"] { color: $failed; }
QLabel[tone="caution"] { color: $caution; }
QLabel[tone="danger"] { color: $danger; }

QPushButton { background: $surface; color: $ink; border: 1px solid $border; border-radius: 7px; padding: 5px 12px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $neutral_soft; }
QPushButton:focus { border: 2px solid $accent; padding: 4px 11px; }
QPushButton:disabled { color: $stale; border-color: $line; background: transparent; }
QPushButton[kind="row"] { padding: 3px 8px; }
QPushButton[kind="row"]:focus { padding: 2px 7px; }
QPushButton[kind="primary"] { background: $accent; color: $on_accent; border-color: $accent; }
QPushButton[kind="primary"]:hover { background: $accent_hover; }
QPushButton[kind="primary"]:disabled { background: $neutral_soft; color: $stale; border-color: $line; }
QPushButton[kind="danger"] { background: $danger; color: $on_danger; border-color: $danger; }
QPushButton[kind="danger"]:hover { background: $danger_hover; }
QPushButton[kind="danger"]:focus { border-color: $ink; }
QPushButton[kind="danger"]:disabled { background: $neutral_soft; color: $stale; border-color: $line; }
QPushButton[kind="quiet"] { background: transparent; border: 1px solid transparent; }
QPushButton[kind="quiet"]:hover { background: $neutral_soft; }
QPushButton[kind="quiet"]:focus { border: 2px solid $accent; }
QPushButton[kind="quiet"][low="true"] { padding: 2px 12px; }
QPushButton[kind="quiet"][low="true"]:focus { padding: 1px 11px; }
QPushButton[kind="nav"] { background: transparent; border: 1px solid transparent; text-align: left; padding: 8px 10px; }
QPushButton[kind="nav"]:hover { background: $hover; }
QPushButton[kind="nav"]:checked { background: $accent_soft; color: $accent; }
QPushButton[kind="nav"]:focus { border: 2px solid $accent; padding: 7px 9px; }
QPushButton[kind="segment"] { background: transparent; border: 1px solid transparent; color: $muted; padding: 1px 7px; }
QPushButton[kind="segment"]:checked { background: $neutral_soft; color: $ink; }
QPushButton[kind="segment"]:focus { border-color: $accent; }
QPushButton[kind="figure"] { background: transparent; border: none; padding: 0; text-align: right; }
QPushButton[kind="figure"]:hover { text-decoration: underline; }
QPushButton[kind="figure"][tone="muted"] { color: $muted; }
QPushButton[kind="figure"][tone="stale"] { color: $stale; }
QPushButton[kind="figure"][tone="failed"] { color: $failed; }
QPushButton[kind="chip"] { background: $surface; border: 1px solid $line; border-radius: 15px; padding: 6px 14px; }
QPushButton[kind="chip"]:hover { border-color: $accent; color: $accent; }
QPushButton[kind="chip"]:focus { border: 2px solid $accent; padding: 5px 13px; }

QLineEdit { background: $surface; color: $ink; border: 1px solid $border; border-radius: 19px; padding: 0 16px;
    selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit:focus { border: 2px solid $accent; padding: 0 15px; }
QLineEdit[kind="field"] { border-radius: 7px; padding: 0 10px; }
QLineEdit[kind="field"]:focus { padding: 0 9px; }
QLineEdit:disabled { color: $stale; border-color: $line; background: transparent; }
QSpinBox, QComboBox { background: $surface; color: $ink; border: 1px solid $border; border-radius: 7px; }
QComboBox { padding: 0 10px; }
QSpinBox:disabled, QComboBox:disabled { color: $stale; border-color: $line; background: transparent; }
QSpinBox:focus, QComboBox:focus { border: 2px solid $accent; }
QComboBox:focus { padding: 0 9px; }
QSpinBox::up-button, QSpinBox::down-button { width: 0px; border: none; }
QSpinBox QLineEdit, QSpinBox QLineEdit:focus {
    border: none; padding: 0; background: transparent; border-radius: 0; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($icons/down.svg); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $surface; color: $ink; border: 1px solid $border; outline: none;
    selection-background-color: $accent_soft; selection-color: $ink; padding: 4px; }

QFrame#row { background: transparent; border: 2px solid transparent; border-radius: 8px; }
QFrame#row[pointed="true"] { background: $hover; }
QFrame#row[selected="true"] { background: $selected; }
QFrame#row:focus { border-color: $accent; }

QLabel#keyCap { background: $window; color: $muted; border: 1px solid $border; border-radius: 5px; padding: 1px 7px; }
QMenu { background: $surface; color: $ink; border: 1px solid $border; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 22px; border-radius: 5px; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $stale; }
QMenu::separator { height: 1px; background: $line; margin: 5px 8px; }

QFrame#said { background: $accent_soft; border-radius: 14px; }
QFrame#notice { border-radius: 9px; }
QFrame#notice[kind="info"] { background: $neutral_soft; }
QFrame#notice[kind="success"] { background: $accent_soft; }
QFrame#notice[kind="warning"] { background: $caution_soft; }
QFrame#notice[kind="error"] { background: $danger_soft; }

QProgressBar { background: $border; border: none; border-radius: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $border; border-radius: 3px; min-height: 32px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle:horizontal { background: $border; border-radius: 3px; min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
    background: none; width: 0; height: 0; }
"""
