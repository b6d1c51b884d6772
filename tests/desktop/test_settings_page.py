"""The Settings page by itself, and with the bridge, the file and a real trial behind it."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import settings as console
from desktop.console.global_key import GlobalKey
from desktop.pages.setting_editors import ChoiceEditor, FieldEditor, SecretEditor, SwitchEditor
from desktop.pages.setting_row import SettingRow
from desktop.pages.setting_section import Service
from desktop.pages.settings import SettingsPage
from desktop.theme import Look
from desktop.voice.control import VoiceControl
from desktop.window import Window
from engine.settings import config_file, load_settings
from engine.settings.editing import change_setting
from engine.settings.views import setting_views
from tests.desktop.test_bridge import Emissions
from tests.keyrings import MemoryKeyring

SECRET = "planted-0123456789"


@pytest.fixture
def keeper() -> Iterator[MemoryKeyring]:
    """A keyring in memory."""
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(NoKeyring())


@pytest.fixture
def page(qtbot: QtBot, keeper: MemoryKeyring) -> SettingsPage:
    look = Look()
    look.dress()
    page = SettingsPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1100, 760)
    page.show_services([Service("redis", "Redis", "Redis")])
    page.show_settings(setting_views())
    qtbot.waitUntil(lambda: page.complete)
    page.show()
    return page


def row_of(page: SettingsPage, name: str) -> SettingRow:
    return next(section.rows[name] for section in page.sections.values() if name in section.rows)


def field_of(page: SettingsPage, name: str) -> QLineEdit:
    editor = row_of(page, name).editor
    assert isinstance(editor, FieldEditor | SecretEditor)
    return editor.field


def visible(page: SettingsPage) -> list[str]:
    return [name for section in page.sections.values() for name, row in section.rows.items() if row.isVisibleTo(page)]


def write(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)


class TestRows:
    def test_a_row_tells_value_unit_range_and_source(self, page: SettingsPage) -> None:
        change_setting("lease_ms", "20000")
        page.show_settings(setting_views())
        assert field_of(page, "lease_ms").text() == "20000"
        assert row_of(page, "lease_ms").source.text() == "From settings.toml · = 20s · allowed: 500 or more"
        assert row_of(page, "redis_port").source.text() == "Default · allowed: 1 to 65,535"

    def test_what_is_typed_is_saved_by_enter(self, page: SettingsPage, qtbot: QtBot) -> None:
        field = field_of(page, "lease_ms")
        write(qtbot, field, "40000")
        with qtbot.waitSignal(page.change_wanted) as asked:
            qtbot.keyClick(field, Qt.Key.Key_Return)
        assert asked.args == ["lease_ms", "40000"]

    def test_a_text_waits_for_save_and_goes_with_cancel(self, page: SettingsPage, qtbot: QtBot) -> None:
        row = row_of(page, "chat_model")
        assert not row.save.isVisibleTo(page)
        write(qtbot, field_of(page, "chat_model"), "other")
        with qtbot.waitSignal(page.change_wanted):
            qtbot.mouseClick(row.save, Qt.MouseButton.LeftButton)
        qtbot.mouseClick(row.undo, Qt.MouseButton.LeftButton)
        assert field_of(page, "chat_model").text() == "gpt-6-luna"
        assert not row.save.isVisibleTo(page)

    def test_a_refusal_stands_below_the_field_and_what_was_typed_stays(self, page: SettingsPage, qtbot: QtBot) -> None:
        write(qtbot, field_of(page, "lease_ms"), "1")
        page.show_refusal("lease_ms", "lease_ms: It must be 500 or more.")
        page.show_settings(setting_views())
        row = row_of(page, "lease_ms")
        assert row.fault.text() == "It must be 500 or more."
        assert field_of(page, "lease_ms").text() == "1"
        row.undo.click()
        assert not row.fault.isVisibleTo(page)

    def test_a_switch_and_a_choice_ask_at_once_and_move_when_it_is_done(self, page: SettingsPage, qtbot: QtBot) -> None:
        switch, box = row_of(page, "redis_tls").editor, row_of(page, "smtp_security").editor
        assert isinstance(switch, SwitchEditor)
        assert isinstance(box, ChoiceEditor)
        with qtbot.waitSignal(page.change_wanted) as asked:
            switch.switch.click()
        assert (asked.args, switch.switch.isChecked()) == (["redis_tls", "on"], False)
        with qtbot.waitSignal(page.change_wanted) as asked:
            box.box.textActivated.emit("tls")
        assert asked.args == ["smtp_security", "tls"]

    def test_what_the_environment_gives_is_disabled_with_the_reason(
        self, page: SettingsPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HARK_LEASE_MS", "9000")
        page.show_settings(setting_views())
        field = field_of(page, "lease_ms")
        assert (field.isEnabled(), field.text()) == (False, "9000")
        assert "HARK_LEASE_MS decides" in field.toolTip()
        assert "HARK_LEASE_MS decides" in row_of(page, "lease_ms").source.text()

    def test_a_value_of_the_file_goes_back_to_its_default(self, page: SettingsPage, qtbot: QtBot) -> None:
        row = row_of(page, "voice")
        assert (row.reset.isEnabled(), row.reset.toolTip()) == (False, "It is the default: not set")
        change_setting("voice", "en-gb")
        page.show_settings(setting_views())
        with qtbot.waitSignal(page.reset_wanted) as asked:
            qtbot.mouseClick(row.reset, Qt.MouseButton.LeftButton)
        assert asked.args == ["voice"]

    def test_a_secret_is_taken_hidden_and_never_shown(self, page: SettingsPage, qtbot: QtBot) -> None:
        row = row_of(page, "openai_api_key")
        editor = row.editor
        assert isinstance(editor, SecretEditor)
        assert editor.state.text() == "Not set"
        qtbot.mouseClick(editor.replace, Qt.MouseButton.LeftButton)
        assert editor.field.echoMode() is QLineEdit.EchoMode.Password
        qtbot.keyClicks(editor.field, SECRET)
        with qtbot.waitSignal(page.secret_wanted) as asked:
            qtbot.keyClick(editor.field, Qt.Key.Key_Return)
        assert asked.args == ["openai_api_key", SECRET]

    def test_without_a_keyring_a_secret_cannot_be_set_and_the_variable_is_named(self, page: SettingsPage) -> None:
        keyring.set_keyring(NoKeyring())
        page.show_settings(setting_views())
        editor = row_of(page, "openai_api_key").editor
        assert isinstance(editor, SecretEditor)
        assert not editor.replace.isEnabled()
        assert "OPENAI_API_KEY" in editor.replace.toolTip()


class TestPage:
    def test_the_filter_leaves_what_has_all_its_words(self, page: SettingsPage) -> None:
        page.filter.setText("imap user")
        assert visible(page) == ["imap_user"]
        page.filter.setText("HARK_LEASE_MS")
        assert visible(page) == ["lease_ms"]
        page.filter.setText("zebra")
        assert page.message.text() == "No setting has 'zebra' in it."

    def test_a_queue_shows_its_own_settings(self, page: SettingsPage, qtbot: QtBot) -> None:
        change_setting("queues.synthesis.attempts", "7")
        page.show_settings(setting_views())
        section = page.sections["Queues"]
        assert section.queues["synthesis"].text() == "Synthesis •"
        section.queues["synthesis"].click()
        qtbot.waitUntil(lambda: section.complete)
        assert {name.split(".")[1] for name in visible(page) if name.startswith("queues.")} == {"synthesis"}
        assert field_of(page, "queues.synthesis.attempts").text() == "7"

    def test_a_section_that_is_filtered_out_comes_back_when_it_is_chosen(self, page: SettingsPage) -> None:
        page.filter.setText("imap")
        page.show_group("Redis")
        assert page.sections["Redis"].isVisibleTo(page)
        assert page.filter.text() == ""

    def test_a_saved_change_says_that_it_waits_for_a_restart(self, page: SettingsPage, qtbot: QtBot) -> None:
        page.show_settings(setting_views(), "api_port")
        assert page.waiting.endswith("when “hark api” restarts.")
        assert not page.restart.isVisibleTo(page)
        page.show_settings(setting_views(), "lease_ms")
        with qtbot.waitSignal(page.restart_wanted):
            page.restart.click()
        page.show_restarted()
        assert page.waiting == ""

    def test_a_trial_is_busy_until_its_outcome_is_told(self, page: SettingsPage, qtbot: QtBot) -> None:
        line = page.sections["Redis"].trials["redis"]
        with qtbot.waitSignal(page.trial_wanted) as asked:
            qtbot.mouseClick(line.button, Qt.MouseButton.LeftButton)
        assert (asked.args, line.button.isEnabled(), line.outcome.text()) == (["redis"], False, "Trying…")
        page.show_trial("redis", False, "Redis does not answer. Start it.")
        assert (line.button.isEnabled(), line.outcome.property("tone")) == (True, "danger")

    def test_a_service_can_be_tried_from_elsewhere_even_before_its_section_is_there(self, qtbot: QtBot) -> None:
        page = SettingsPage(Look(), Actions())
        qtbot.addWidget(page)
        page.show_services([Service("redis", "Redis", "Redis")])
        page.try_service("redis")
        with qtbot.waitSignal(page.trial_wanted) as asked:
            page.show_settings(setting_views())
        assert asked.args == ["redis"]

    def test_a_file_that_cannot_be_read_is_told(self, page: SettingsPage) -> None:
        page.show_unreadable("settings.toml is not valid TOML.")
        assert page.message.text() == "settings.toml is not valid TOML."


async def test_the_page_that_a_start_shows_before_it_is_connected_is_filled(
    qtbot: QtBot, keeper: MemoryKeyring
) -> None:
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    page = window.settings
    window.open_page(page)
    window.show()
    bridge = Bridge(load_settings)
    answered = Emissions(bridge.answered)
    console.connect(page, bridge, window)
    await answered.next()
    assert "General" in page.sections
    await bridge.close()


async def test_what_is_changed_on_the_page_is_in_the_file_and_holds_after_a_restart(
    fresh_redis: str, qtbot: QtBot, keeper: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    page = window.settings
    bridge = Bridge(load_settings)
    console.connect(page, bridge, window)
    page.restart_wanted.connect(bridge.reopen)
    opened, answered, refused = Emissions(bridge.opened), Emissions(bridge.answered), Emissions(bridge.refused)

    # The settings need no connection: a wrong address can be mended here.
    window.open_page(page)
    window.show()
    await answered.next()
    qtbot.waitUntil(lambda: page.complete)
    assert field_of(page, "lease_ms").text() == "30000"
    bridge.start()
    await opened.next()

    page.change_wanted.emit("lease_ms", "20000")
    await answered.next()
    page.secret_wanted.emit("openai_api_key", SECRET)
    await answered.next()
    page.change_wanted.emit("lease_ms", "1")
    await refused.next()
    assert row_of(page, "lease_ms").fault.text() == "It must be 500 or more."
    assert config_file().read_text() == 'lease_ms = 20000\nin_keyring = ["openai_api_key"]\n'

    page.restart.click()
    (settings,) = await opened.next()
    assert (settings.lease_ms, settings.openai_api_key.get_secret_value()) == (20_000, SECRET)

    # The keyring of this test is in its own memory: the process of a trial has none.
    page.reset_wanted.emit("openai_api_key")
    await answered.next()
    page.trial_wanted.emit("tasks")
    topic, told = await answered.next()
    assert (topic, "can be read and written" in str(told)) == ("settings.trial tasks", True)
    assert "can be read and written" in page.sections["General"].trials["tasks"].outcome.text()
    await bridge.close()


def test_ctrl_comma_opens_it(qtbot: QtBot) -> None:
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    assert window.page is window.settings


async def test_a_talk_key_that_cannot_be_read_after_its_change_is_told(page: SettingsPage, qtbot: QtBot) -> None:
    window, voice, bridge = Window(Look(), Actions()), VoiceControl(), Bridge(load_settings)
    qtbot.addWidget(window)
    key = GlobalKey(window, voice, bridge)
    key.use(load_settings())
    key.connect_page(page)
    config_file().parent.mkdir(parents=True)
    config_file().write_text("hotkey = [")
    refused = Emissions(bridge.refused)
    page.talking_changed.emit()
    await refused.next()
    assert "settings.toml" in row_of(page, "hotkey").fault.text()
    key.stop()
    voice.close()
    await bridge.close()
