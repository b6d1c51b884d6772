"""Everybody can use it: each control has a name for a screen reader, shows its focus and is reached by Tab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
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


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
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
    yield window
    # Now: the walk has made Python's wrappers of Qt's inner parts, which must not outlive or precede their owners.
    shiboken6.delete(window)


def pages(window: Window) -> Iterator[tuple[str, QWidget]]:
    """Each page of the rail with its word, while it is shown."""
    for command in [known for known in window.catalogue.commands() if known.group == "Pages"]:
        window.catalogue.run(command)
        QApplication.processEvents()
        yield command.text.removeprefix("Go to "), window.page


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


def test_every_control_and_chart_of_every_page_has_a_name(window: Window) -> None:
    assert {word: nameless(page) for word, page in pages(window) if nameless(page)} == {}


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


def is_active(window: Window) -> bool:
    """Whether the window has the keyboard; it asks for it again where the screen has given it to nobody."""
    if not window.isActiveWindow():
        window.activateWindow()
    return window.isActiveWindow()


def test_the_focus_is_seen_on_every_control(window: Window, qtbot: QtBot) -> None:
    window.jobs.choose("synthesis", JobState.FAILED)
    unseen = []
    for word, page in pages(window):
        for widget in (*controls(page), *controls(window.rail)):
            if not widget.isEnabled() or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                continue
            window.setFocus()
            qtbot.waitUntil(lambda: is_active(window))
            before = widget.grab().toImage()
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            qtbot.waitUntil(lambda widget=widget: is_active(window) and widget.hasFocus())  # type: ignore[misc]
            if widget.grab().toImage() == before:
                unseen.append(f"{word}: {type(widget).__name__} {name_of(widget)!r}")
    assert unseen == []


def test_tab_reaches_every_control(window: Window) -> None:
    missed = {}
    for word, page in pages(window):
        wanted = [one for one in controls(page) if one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        reached: set[QWidget] = set()
        window.setFocus()
        focused = QApplication.focusWidget()
        while focused is not None and focused not in reached:
            reached.add(focused)
            window.focusNextChild()
            focused = QApplication.focusWidget()
        # Of buttons that exclude each other Tab reaches the chosen one, the arrows the others.
        left = [one for one in wanted if one not in reached and not getattr(one, "isCheckable", lambda: False)()]
        if left:
            missed[word] = [name_of(one) for one in left]
    assert missed == {}
