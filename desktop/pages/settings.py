"""The Settings page, made from the declaration of the settings: sections, a filter, and what waits for a restart.

It writes nothing itself: whoever it is connected to answers each wish with the settings as they are then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.theme import Look
from desktop.widgets.text import Button, Text, set_property

if TYPE_CHECKING:
    from desktop.pages.setting_row import SettingRow
    from desktop.pages.setting_section import Service, SettingSection
    from engine.settings.views import SettingView

_WAITS = "What you changed takes effect when Hark connects anew and its worker restarts."
_OF_TALKING = frozenset({"hotkey", "talk_key", "hands_free", "longest_recording_s"})
"""No worker needs to know of these."""
_WAITS_API = "What you changed of the HTTP API takes effect when “hark api” restarts."


class SettingsPage(QWidget):
    """Give it the settings by `show_settings`; each wish names a setting as SettingView does."""

    settings_wanted = Signal()
    """The page is shown: the settings are to be read."""
    change_wanted = Signal(str, str)
    """Name and text; "" for the default."""
    secret_wanted = Signal(str, str)
    """Name, and the secret to keep."""
    reset_wanted = Signal(str)
    trial_wanted = Signal(str)
    """A service is to be tried out."""
    restart_wanted = Signal()
    """What was changed shall take effect."""
    talking_changed = Signal()
    """The talk key, or what it does, was changed: that waits for nothing."""
    pressing = Signal(bool)
    """A key is being pressed to be chosen: it shall do nothing else meanwhile."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._services: tuple[Service, ...] = ()
        self._views: dict[str, SettingView] = {}
        self.sections: dict[str, SettingSection] = {}
        self.jumps: dict[str, Button] = {}
        self._meant_trial = ""
        self._groups: list[str] = []
        """Those that are yet to be made."""
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        column.addWidget(self._build_waiting())
        self.message = Text(look, "Reading the settings…", tone="muted")
        self.message.setWordWrap(True)
        column.addWidget(self.message)
        self._jump_column = QVBoxLayout()
        self._jump_column.setSpacing(2)
        self._jump_column.addStretch(1)
        jumps = QWidget()
        jumps.setFixedWidth(132)
        jumps.setLayout(self._jump_column)
        self._jump_column.setContentsMargins(0, 0, 0, 0)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setMinimumSize(640, 200)
        inner = QWidget()
        self._cards = QVBoxLayout(inner)
        self._cards.setContentsMargins(0, 0, 8, 0)
        self._cards.setSpacing(12)
        self._cards.addStretch(1)
        self._area.setWidget(inner)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(jumps)
        body.addWidget(self._area, 1)
        column.addLayout(body, 1)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.filter.setFocus)

    # What it shows

    def show_services(self, services: Sequence[Service]) -> None:
        """Know which services can be tried out; before the first settings."""
        self._services = tuple(services)

    def show_settings(self, views: Sequence[SettingView], saved: str = "") -> None:
        """Show the settings as they are now; `saved` is the one whose change was taken."""
        self._views = {view.name: view for view in views}
        if not self.sections and not self._groups:
            self._groups = list(dict.fromkeys(view.group for view in views))
            self._make_section()
        for section in self.sections.values():
            section.show_views(self._views, saved)
        if saved in _OF_TALKING:
            self.talking_changed.emit()
        elif saved:
            self._wait_for(self._views[saved])
        self._filter()

    def show_remark(self, name: str, words: str, tone: str) -> None:
        """Tell something below a setting, in a tone of the theme, until the settings are read again."""
        for section in self.sections.values():
            if name in section.rows:
                section.rows[name].show_remark(words, tone)

    def show_refusal(self, name: str, message: str) -> None:
        """The change of a setting was not taken."""
        for section in self.sections.values():
            if name in section.rows:
                section.rows[name].show_refusal(message)

    def show_unreadable(self, message: str) -> None:
        """The settings cannot be read: say why, and keep what is known."""
        self._show_message(message, "danger")

    def show_trial(self, service: str, worked: bool, message: str) -> None:
        """What came of trying a service out."""
        for section in self.sections.values():
            if service in section.trials:
                section.trials[service].show_outcome(worked, message)

    def try_service(self, name: str) -> None:
        """Bring up the section of a service and try it out, as its button does."""
        self._meant_trial = name
        self._try_meant()

    def show_restarted(self) -> None:
        """Nothing waits for a restart of the worker any more."""
        self._waiting.hide()

    @property
    def waiting(self) -> str:
        """What waits to take effect, in words; "" where nothing does."""
        return self._waits.text() if self._waiting.isVisibleTo(self) else ""

    # Building

    def _build_head(self) -> QHBoxLayout:
        self.filter = QLineEdit()
        self.filter.setProperty("kind", "field")
        self.filter.setPlaceholderText("Filter, such as redis or timeout")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter the settings")
        self.filter.setToolTip("Show only settings with these words (Ctrl+F)")
        self.filter.setFixedSize(280, 34)
        self.filter.textChanged.connect(self._filter)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(Text(self._look, "Settings", "title"))
        row.addStretch(1)
        row.addWidget(self.filter)
        return row

    def _build_waiting(self) -> QFrame:
        self._waiting = QFrame()
        self._waiting.setObjectName("notice")
        set_property(self._waiting, "kind", "info")
        self._waits = Text(self._look, _WAITS)
        self._waits.setWordWrap(True)
        self.restart = Button(self._look, "Restart worker", icon="retry", font="label")
        self.restart.setToolTip("Connect anew; the worker of this app finishes what is active and starts anew")
        self.restart.clicked.connect(self.restart_wanted)
        row = QHBoxLayout(self._waiting)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(12)
        row.addWidget(self._waits, 1)
        row.addWidget(self.restart)
        self._waiting.hide()
        return self._waiting

    def _make_section(self) -> None:
        """Make the next section; when it has its rows, the one after it follows."""
        from desktop.pages.setting_section import SettingSection

        group, views = self._groups.pop(0), self._views.values()
        section = SettingSection(
            self._look,
            group,
            [view for view in views if view.group == group],
            [service for service in self._services if service.group == group],
        )
        section.trial_wanted.connect(self.trial_wanted)
        section.row_made.connect(self._connect_row)
        section.made.connect(self._on_made)
        jump = Button(self._look, group, kind="nav", font="label")
        jump.setAccessibleName(f"Go to the settings of {group}")
        jump.clicked.connect(lambda _=False, group=group: self.show_group(group))
        place = len(self.sections)
        self.sections[group], self.jumps[group] = section, jump
        self._cards.insertWidget(place, section)
        self._jump_column.insertWidget(place, jump)
        section.show_views(self._views, "")
        section.make_rows()

    def _on_made(self) -> None:
        self._filter()
        if self._groups:
            self._make_section()
        self._try_meant()

    @property
    def complete(self) -> bool:
        """Whether every section is there with its rows."""
        return bool(self.sections) and not self._groups and all(each.complete for each in self.sections.values())

    def _connect_row(self, row: SettingRow) -> None:
        from desktop.pages.setting_editors import KeyEditor

        row.change_wanted.connect(self.change_wanted)
        row.secret_wanted.connect(self.secret_wanted)
        row.reset_wanted.connect(self.reset_wanted)
        if isinstance(row.editor, KeyEditor):
            row.editor.pressing.connect(self.pressing)

    # Reacting

    def _try_meant(self) -> None:
        """Sections may still be on their way."""
        if self._meant_trial and self.complete:
            name, self._meant_trial = self._meant_trial, ""
            group = next(service.group for service in self._services if service.name == name)
            self.show_group(group)
            self.sections[group].trials[name].ask()

    def show_group(self, group: str) -> None:
        """Bring a section to the top."""
        section = self.sections[group]
        if not section.isVisibleTo(self):
            with QSignalBlocker(self.filter):
                self.filter.clear()
            self._filter()
        # The layout knows where it is only after its rows have come back.
        QTimer.singleShot(0, section, lambda: self._area.verticalScrollBar().setValue(section.y()))

    def _filter(self) -> None:
        words = self.filter.text().lower().split()
        found = [group for group, section in self.sections.items() if section.filter(words)]
        for group, jump in self.jumps.items():
            jump.setEnabled(group in found)
        if self.sections:
            found = found or self._groups  # those may have it
            self._show_message("" if found else f"No setting has {self.filter.text().strip()!r} in it.", "muted")

    def _show_message(self, words: str, tone: str) -> None:
        self.message.setText(words)
        self.message.set_tone(tone)
        self.message.setVisible(bool(words))

    def _wait_for(self, view: SettingView) -> None:
        waiting = not view.in_api or (self._waiting.isVisibleTo(self) and self.restart.isVisibleTo(self))
        self._waits.setText(_WAITS if waiting else _WAITS_API)
        self.restart.setVisible(waiting)
        self._waiting.show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.settings_wanted.emit()
