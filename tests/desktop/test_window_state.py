"""The window opens as it was left: place, page, colours, columns; and whatever is in its file, it opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.theme import Look
from desktop.window import Window
from desktop.window_state import FILE, WindowState
from engine.model import JobState


def opened(qtbot: QtBot, folder: Path, *, show: bool = True) -> Window:
    """A window as the app opens it."""
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    state = WindowState(folder)
    window.page_made.connect(lambda word: state.restore_part(word, window.made[word]))
    state.restore(window, window.parts)
    if show:
        with qtbot.waitExposed(window):
            window.show()
    return window


def closed(window: Window, folder: Path) -> None:
    WindowState(folder).save(window, window.parts)
    window.hide()


def test_the_first_time_it_is_centred_on_the_screen(qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, show=False)
    middle = QGuiApplication.primaryScreen().availableGeometry().center()
    off = window.frameGeometry().center() - middle
    assert (abs(off.x()) <= 1, abs(off.y()) <= 1) == (True, True)


def test_size_and_place_come_back(qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path)
    window.setGeometry(60, 70, 1_200, 760)
    closed(window, tmp_path)
    again = opened(qtbot, tmp_path)
    qtbot.waitUntil(lambda: again.geometry() == window.geometry())


def test_a_window_left_on_a_screen_that_is_gone_comes_up_on_one_that_is_there(qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, show=False)
    window.setGeometry(9_000, 6_000, 1_000, 700)
    closed(window, tmp_path)
    again = opened(qtbot, tmp_path, show=False)
    assert QGuiApplication.primaryScreen().availableGeometry().contains(again.geometry().center())


def test_a_maximised_window_is_maximised_again(qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path, show=False)
    window.showMaximized()
    closed(window, tmp_path)
    assert opened(qtbot, tmp_path, show=False).isMaximized()


def test_the_page_the_queue_the_state_and_the_columns_come_back(qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path)
    window.open_page(window.jobs)
    window.jobs.choose("synthesis", JobState.FAILED)
    window.jobs.table.horizontalHeader().resizeSection(1, 210)
    closed(window, tmp_path)
    again = opened(qtbot, tmp_path)
    assert again.page is again.jobs
    assert (again.jobs.queue, again.jobs.state) == ("synthesis", JobState.FAILED)
    assert again.jobs.table.horizontalHeader().sectionSize(1) == 210


def test_the_last_commands_come_back(qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(qtbot, tmp_path)
    window.catalogue.remember(window.catalogue.command("window.quit"))
    closed(window, tmp_path)
    assert opened(qtbot, tmp_path).catalogue.offered("")[0].text == "Quit Hark"


@pytest.mark.parametrize("system_dark", [True, False])
def test_a_choice_of_colours_outlives_the_systems(system_dark: bool, qapp: object, tmp_path: Path) -> None:
    look = Look(dark=system_dark)
    look.choose("light" if system_dark else "dark")
    kept = look.memory()
    again = Look(dark=system_dark)
    again.recall(kept)
    again.follow(system_dark)
    assert again.dark is not system_dark
    again.choose("system")
    assert again.dark is system_dark


def test_a_file_that_makes_no_sense_is_passed_over(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        '[window]\ngeometry=nonsense\n[parts]\nJobs="{\\"columns\\": 3}"\nwindow="{\\"page\\": \\"Gone\\"}"\ncolours=]['
    )
    window = opened(qtbot, tmp_path)
    assert window.page is window.assistant
