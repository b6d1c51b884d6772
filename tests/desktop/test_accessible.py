"""Everybody can use it: each control has a name for a screen reader, shows its focus and is reached by Tab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QAbstractSpinBox, QApplication, QComboBox, QDialog, QWidget
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.theme import Look
from desktop.widgets.chart import LineChart
from desktop.widgets.time_chart import TimeChart
from desktop.window import Window
from engine.model import JobState
from tests.desktop.snapshots import snapshot

PAGES = ("Assistant", "Queues", "Charts", "Jobs", "Failures", "Recurring", "Workers", "Audit", "Alerts")


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    now = snapshot(0, synthesis={"failed": 3, "waiting": 2}, email_processing={"paused": True})
    window.queues.show_snapshot(now)
    window.workers.show_snapshot(now)
    window.jobs.show_snapshot(now)
    window.show_connected("Connected", "redis://localhost:6379")
    return window


def show(window: Window, word: str) -> QWidget:
    """The page of this name in the rail, shown."""
    window.catalogue.run(window.catalogue.command(f"page.{word.lower()}"))
    QApplication.processEvents()
    return window.page


def controls(root: QWidget) -> Iterator[QWidget]:
    """What in it can have the focus, without the inner parts that Qt makes of one control."""
    for widget in root.findChildren(QWidget):
        parent = widget.parentWidget()
        inner = (
            widget.focusProxy() is not None
            or isinstance(parent, QAbstractSpinBox | QComboBox)
            or (isinstance(parent, QAbstractScrollArea) and parent.viewport() is widget)
        )
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisibleTo(root) and not inner:
            yield widget


def name_of(widget: QWidget) -> str:
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name).strip() if interface is not None else ""


def nameless(root: QWidget) -> list[str]:
    charts = [*root.findChildren(LineChart), *root.findChildren(TimeChart)]
    return [
        f"{type(widget).__name__} {widget.objectName()}" for widget in (*controls(root), *charts) if not name_of(widget)
    ]


def test_the_list_of_pages_here_is_the_windows(window: Window) -> None:
    words = [found.text.removeprefix("Go to ") for found in window.catalogue.commands() if found.group == "Pages"]
    assert [word for word in words if word not in PAGES] == []


@pytest.mark.parametrize("word", PAGES)
def test_every_control_and_chart_of_a_page_has_a_name(window: Window, word: str) -> None:
    assert nameless(show(window, word)) == []


def test_every_control_of_the_rail_the_palette_and_the_sheet_has_a_name(window: Window) -> None:
    window.command_palette.ask()
    window.key_sheet.ask()
    assert nameless(window.rail) + nameless(window.command_palette) + nameless(window.key_sheet) == []


def test_every_control_of_the_dialogs_has_a_name(window: Window) -> None:
    window.queues.open_clean_dialog("synthesis")
    window.recurring.show_schedules((), {}, 0)
    window.recurring.open_add()
    dialogs = window.findChildren(QDialog)
    assert len(dialogs) >= 2
    assert [nameless(dialog) for dialog in dialogs] == [[] for _ in dialogs]
    for dialog in dialogs:
        dialog.reject()


@pytest.mark.parametrize("word", PAGES)
def test_the_focus_is_seen_on_every_control_of_a_page(window: Window, qtbot: QtBot, word: str) -> None:
    page = show(window, word)
    if word == "Jobs":
        window.jobs.choose("synthesis", JobState.FAILED)
    unseen = []
    for widget in (*controls(page), *controls(window.rail)):
        if not widget.isEnabled() or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus or widget.height() < 4:
            continue
        window.setFocus()
        before = widget.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(widget.hasFocus)
        if widget.grab().toImage() == before:
            unseen.append(f"{type(widget).__name__} {name_of(widget)!r}")
    assert unseen == []


@pytest.mark.parametrize("word", PAGES)
def test_tab_reaches_every_control_of_a_page(window: Window, qtbot: QtBot, word: str) -> None:
    page = show(window, word)
    wanted = {
        widget for widget in controls(page) if widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    }
    reached: set[QWidget] = set()
    window.setFocus()
    for _ in range(200):
        window.focusNextChild()
        focused = QApplication.focusWidget()
        if focused is None or focused in reached:
            break
        reached.add(focused)
    # Of buttons that exclude each other Tab reaches the chosen one, the arrows the others.
    missed = {widget for widget in wanted - reached if not getattr(widget, "isCheckable", lambda: False)()}
    assert {name_of(widget) for widget in missed} == set()
