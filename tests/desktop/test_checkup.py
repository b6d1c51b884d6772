"""Check everything: the doctor's findings in the window."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import checkup
from desktop.pages.checkup import CheckupDialog
from desktop.theme import Look
from desktop.window import Window
from engine.doctor import Finding, Level
from engine.settings import load_settings

FOUND = (
    Finding("redis", Level.ERROR, "Redis does not answer at 127.0.0.1:6379.", "Start it, or set REDIS_URL."),
    Finding("disk", Level.OK, "40 GB are free."),
)


@pytest.fixture
def dialog(qtbot: QtBot) -> CheckupDialog:
    dialog = CheckupDialog(Look())
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_each_finding_tells_what_to_do_the_worst_first_and_all_can_be_copied(
    dialog: CheckupDialog, qtbot: QtBot
) -> None:
    dialog.show_findings(FOUND)
    assert dialog.verdict.text() == "1 error: Hark does not work as it should."
    first = dialog.list.rows.itemAt(0).widget()
    assert first.accessibleName() == (
        "Error: Redis: Redis does not answer at 127.0.0.1:6379. Start it, or set REDIS_URL."
    )
    qtbot.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().splitlines()[1] == "Fine: disk: 40 GB are free."


def test_it_can_look_again_but_not_twice_at_once(dialog: CheckupDialog, qtbot: QtBot) -> None:
    dialog.show_findings(FOUND)
    with qtbot.waitSignal(dialog.wanted):
        qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
    assert not dialog.confirm.isEnabled()
    dialog.show_findings(FOUND[1:])
    assert dialog.verdict.text() == "All is well."
    assert dialog.confirm.isEnabled()


async def test_the_command_shows_what_the_doctor_finds(
    qapp: object, fresh_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    look = Look()
    window = Window(look, Actions())
    bridge = Bridge(load_settings)
    checkup.connect(look, window, bridge)
    window.show()
    try:
        window.catalogue.run(window.catalogue.command("window.check"))
        dialog = window.findChild(CheckupDialog)
        assert isinstance(dialog, CheckupDialog)
        await _until(dialog.confirm.isEnabled)
        assert "Redis" in dialog.text
        assert "workers" in dialog.text
        dialog.reject()
    finally:
        window.hide()
        await bridge.close()
        window.deleteLater()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            QApplication.processEvents()
            await asyncio.sleep(0.01)
