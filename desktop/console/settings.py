"""What the Settings page reads and writes: no Redis is needed for it, so that a wrong address can be mended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from desktop.bridge import Bridge, in_thread
from desktop.commands import Command
from desktop.pages.setting_section import Service
from desktop.pages.settings import SettingsPage
from desktop.window import Window
from engine.settings.editing import change_setting, keep_setting_secret, reset_setting
from engine.settings.views import SettingView, setting_views
from engine.trials import TRIALS, try_apart

_VIEWS, _CHANGE, _TRIAL = "settings.views", "settings.change ", "settings.trial "


def connect(page: SettingsPage, bridge: Bridge, window: Window) -> None:
    """Connect the page's wishes to the bridge; the restart is the app's."""
    _Wiring(page, bridge)

    def test(service: str) -> None:
        window.open_page(page)
        page.try_service(service)

    window.catalogue.add(
        *(
            Command(
                f"settings.test.{trial.name}",
                "Settings",
                f"Test {trial.title}",
                partial(test, trial.name),
                f"try check service {trial.name}",
            )
            for trial in TRIALS.values()
        )
    )


class _Wiring(QObject):
    """Lives as long as its page."""

    def __init__(self, page: SettingsPage, bridge: Bridge) -> None:
        super().__init__(page)
        self._page, self._bridge = page, bridge
        page.show_services([Service(trial.name, trial.title, trial.group) for trial in TRIALS.values()])
        page.settings_wanted.connect(lambda: bridge.consult(_VIEWS, in_thread(setting_views)))
        page.change_wanted.connect(lambda name, text: self._change(name, partial(change_setting, name, text)))
        page.secret_wanted.connect(lambda name, text: self._change(name, partial(keep_setting_secret, name, text)))
        page.reset_wanted.connect(lambda name: self._change(name, partial(reset_setting, name)))
        page.trial_wanted.connect(lambda name: bridge.consult(_TRIAL + name, partial(try_apart, name)))
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)
        if page.isVisible():
            # The page that was left is on the screen before anybody listens to its wishes.
            page.settings_wanted.emit()

    def _change(self, name: str, change: Callable[[], None]) -> None:
        def work() -> tuple[SettingView, ...]:
            change()
            return setting_views()

        self._bridge.consult(_CHANGE + name, in_thread(work))

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _VIEWS and isinstance(answer, tuple):
            self._page.show_settings(answer)
        elif topic.startswith(_CHANGE) and isinstance(answer, tuple):
            self._page.show_settings(answer, topic.removeprefix(_CHANGE))
        elif topic.startswith(_TRIAL):
            self._page.show_trial(topic.removeprefix(_TRIAL), True, str(answer))

    def _on_refused(self, topic: str, message: str) -> None:
        if topic == _VIEWS:
            self._page.show_unreadable(message)
        elif topic.startswith(_CHANGE):
            self._page.show_refusal(topic.removeprefix(_CHANGE), message)
        elif topic.startswith(_TRIAL):
            self._page.show_trial(topic.removeprefix(_TRIAL), False, message)
