"""The palette, the sheet of keys and the menus: every command by name and by key, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.commands import Catalogue, Command
from desktop.console import commands as wiring
from desktop.console import jobs, queues, recurring, workers
from desktop.theme import Look
from desktop.tray import Tray
from desktop.window import Window
from engine.admin import Admin
from engine.job_types import job_payload
from engine.model import JobState
from engine.settings import load_settings
from engine.store import Store
from tests.desktop.failed_jobs import fail_jobs


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    window.setFocus()
    qtbot.waitUntil(window.isActiveWindow)  # shortcuts are for an active window only
    return window


def command(key: str, text: str, **more: object) -> Command:
    return Command(key, "Things", text, lambda: None, **more)  # type: ignore[arg-type]


class TestFinding:
    def test_the_words_of_a_command_find_it_in_any_order(self) -> None:
        catalogue = Catalogue()
        catalogue.add(command("a", "Pause Email"), command("b", "Resume Email"))
        assert [found.key for found in catalogue.offered("email res")] == ["b"]

    def test_its_other_words_find_it_after_those_that_say_so(self) -> None:
        catalogue = Catalogue()
        catalogue.add(command("halt", "Pause Email", keywords="stop"), command("stop", "Stop talking"))
        assert [found.key for found in catalogue.offered("stop")] == ["stop", "halt"]

    def test_the_first_letters_of_its_words_are_enough(self) -> None:
        catalogue = Catalogue()
        catalogue.add(command("all", "Pause all queues"), command("page", "Go to Queues"))
        assert [found.key for found in catalogue.offered("paq")] == ["all"]

    def test_what_was_run_last_comes_first_while_nothing_is_typed(self) -> None:
        catalogue = Catalogue()
        first, second = command("first", "First"), command("second", "Second")
        catalogue.add(first, second)
        catalogue.remember(second)
        assert [found.key for found in catalogue.offered("")] == ["second", "first"]

    def test_a_guard_forbids_what_writes_with_its_reason(self) -> None:
        done: list[str] = []
        catalogue = Catalogue()
        writing = Command("w", "Things", "Write", lambda: done.append("w"), writes=True)
        catalogue.guard(lambda asked: "It is read-only." if asked.writes else "")
        assert catalogue.run(writing) == "It is read-only."
        assert done == []

    def test_two_commands_cannot_have_one_key(self) -> None:
        catalogue = Catalogue()
        catalogue.add(command("a", "One"))
        with pytest.raises(ValueError, match="'a'"):
            catalogue.add(command("a", "Two"))


class TestPalette:
    def test_it_opens_over_any_page_and_goes_where_it_is_told(self, window: Window, qtbot: QtBot) -> None:
        qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        palette = window.command_palette
        qtbot.waitUntil(lambda: palette.typed.hasFocus())
        qtbot.keyClicks(palette.typed, "go wor")
        qtbot.keyClick(palette.typed, Qt.Key.Key_Return)
        assert window.page is window.workers
        assert not palette.isVisible()

    def test_the_arrows_choose_and_go_round(self, window: Window, qtbot: QtBot) -> None:
        palette = window.command_palette
        palette.ask()
        qtbot.keyClick(palette.typed, Qt.Key.Key_Down)
        assert palette.current == f"{palette.offered[1]}, Ctrl+2"
        for _ in range(2):
            qtbot.keyClick(palette.typed, Qt.Key.Key_Up)
        assert palette.current.startswith(palette.offered[-1])

    def test_escape_leaves_it_and_the_focus_goes_back(self, window: Window, qtbot: QtBot) -> None:
        window.open_page(window.jobs)
        window.jobs.search.typed.setFocus()
        window.command_palette.ask()
        with qtbot.assertNotEmitted(window.talk_cancelled):
            qtbot.keyClick(window.command_palette.typed, Qt.Key.Key_Escape)
        assert not window.command_palette.isVisible()
        assert window.jobs.search.typed.hasFocus()

    def test_space_is_a_letter_in_it_and_does_not_talk(self, window: Window, qtbot: QtBot) -> None:
        window.command_palette.ask()
        with qtbot.assertNotEmitted(window.talk_pressed):
            qtbot.keyClicks(window.command_palette.typed, "go to")
        assert window.command_palette.typed.text() == "go to"

    def test_what_cannot_be_done_comes_last_says_why_and_is_not_run(self, window: Window, qtbot: QtBot) -> None:
        run: list[bool] = []
        barred = Command("x", "Things", "Zebra barred", lambda: run.append(True), refusal=lambda: "It sleeps.")
        window.catalogue.add(barred, command("y", "Zebra free with a longer name"))
        window.command_palette.ask("zebra")
        assert window.command_palette.offered == ["Zebra free with a longer name", "Zebra barred"]
        qtbot.keyClick(window.command_palette.typed, Qt.Key.Key_Down)
        assert window.command_palette.current == "Zebra barred, not now: It sleeps."
        qtbot.keyClick(window.command_palette.typed, Qt.Key.Key_Return)
        assert window.command_palette.note.text() == "It sleeps."
        assert run == []

    def test_a_click_beside_it_closes_it(self, window: Window, qtbot: QtBot) -> None:
        window.command_palette.ask()
        qtbot.mouseClick(window.command_palette, Qt.MouseButton.LeftButton, pos=window.rect().bottomLeft())
        assert not window.command_palette.isVisible()


class TestSheet:
    @pytest.mark.parametrize("key", [Qt.Key.Key_F1, Qt.Key.Key_Question])
    def test_it_opens_and_closes_by_its_key(self, window: Window, qtbot: QtBot, key: Qt.Key) -> None:
        qtbot.keyClick(window, key)
        assert window.key_sheet.isVisible()
        qtbot.keyClick(window.key_sheet.area, key)
        assert not window.key_sheet.isVisible()

    def test_a_question_mark_in_a_text_field_is_a_question_mark(self, window: Window, qtbot: QtBot) -> None:
        window.assistant.typed.setFocus()
        qtbot.keyClicks(window.assistant.typed, "why?")
        assert window.assistant.typed.text() == "why?"
        assert not window.key_sheet.isVisible()

    def test_every_shortcut_of_the_window_is_on_it(self, window: Window) -> None:
        told = {key for _, keys, _ in window.key_sheet.rows for key in keys.split(", ")}
        heard = {shortcut.key().toString() for shortcut in window.findChildren(QShortcut)}
        assert heard - told == set()


class TestMenu:
    def test_another_part_can_enter_something(self, window: Window) -> None:
        done: list[bool] = []
        entry = window.add_menu_entry("Demo traffic", lambda: done.append(True))
        entry.trigger()
        assert (done, entry in window.menu.actions()) == ([True], True)

    def test_what_cannot_be_done_is_grey_with_the_reason(self, window: Window) -> None:
        window.catalogue.add(command("x", "Barred", refusal=lambda: "It sleeps."))
        window.add_menu_command("x")
        window.menu.aboutToShow.emit()
        entry = next(entry for entry in window.menu.actions() if entry.text() == "Barred")
        assert (entry.isEnabled(), entry.toolTip()) == (False, "It sleeps.")


async def until(holds: Callable[[], bool]) -> None:
    """Give both loops turns until `holds`."""
    async with asyncio.timeout(20):
        while not holds():
            QApplication.processEvents()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Window]:
    """A window on a real Redis, with the catalogue and the pages that it leads to."""
    look = Look()
    look.dress()
    actions = Actions()
    window, bridge, tray = Window(look, actions), Bridge(lambda: load_settings(redis_url=url)), Tray(look)
    wiring.connect(window, actions, bridge, tray)
    jobs.connect(window.jobs, bridge, window)
    queues.connect(window.queues, actions, bridge, window)
    recurring.connect(window.recurring, bridge, window)
    workers.connect(window.workers, bridge, window)
    bridge.noticed.connect(window.notices.show_notice)
    window.show()
    try:
        bridge.start()
        await until(lambda: "Pause Email" in {found.text for found in window.catalogue.commands()})
        yield window
    finally:
        window.hide()
        await bridge.close()
        tray.close()
        window.deleteLater()


def choose(window: Window, typed: str) -> None:
    """Type it into the palette and press Enter."""
    window.command_palette.ask(typed)
    QtBot.keyClick(window.command_palette.typed, Qt.Key.Key_Return)


async def test_a_queue_is_paused_and_then_only_its_resuming_is_possible(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        choose(window, "pause email")
        await until(lambda: "Email is paused" in window.notices.text)
        await until(lambda: not window.catalogue.refusal(window.catalogue.command("queue.resume.email-processing")))
        pause = window.catalogue.command("queue.pause.email-processing")
        assert window.catalogue.refusal(pause) == "Email is paused already."


async def test_a_typed_id_opens_the_job_wherever_it_is(qapp: object, fresh_redis: str) -> None:
    store = Store(fresh_redis)
    (job_id, *_) = await fail_jobs(store, "synthesis", 1)
    async with wired(fresh_redis) as window:
        window.command_palette.ask(job_id)
        assert window.command_palette.offered[0] == f"Open job {job_id}"
        QtBot.keyClick(window.command_palette.typed, Qt.Key.Key_Return)
        await until(lambda: window.jobs.detail.job is not None)
        assert (window.page, window.jobs.queue, window.jobs.state) == (window.jobs, "synthesis", JobState.FAILED)
    await store.close()


async def test_an_id_that_is_nowhere_is_told(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        choose(window, "nowhere-17")
        await until(lambda: "There is no job 'nowhere-17'" in window.notices.text)


async def test_the_schedules_are_offered_once_they_are_read(qapp: object, fresh_redis: str) -> None:
    store = Store(fresh_redis)
    await Admin(store).add_schedule(
        "morning", job_payload("create-task", {"title": "Water the plants"}), every_ms=3_600_000, actor="test"
    )
    async with wired(fresh_redis) as window:
        window.command_palette.ask("morning")
        await until(lambda: "Run morning now" in window.command_palette.offered)
        window.command_palette.close_over()
        choose(window, "switch morning off")
        await until(lambda: "morning is off." in window.notices.text)
    await store.close()


async def test_the_number_of_jobs_at_once_is_found_by_its_words(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.activateWindow()
        choose(window, "synthesis at once")
        await until(lambda: window.workers.concurrency["synthesis"].number.hasFocus())
        assert window.page is window.workers


async def test_a_dangerous_command_asks_as_its_button_does(qapp: object, fresh_redis: str) -> None:
    store = Store(fresh_redis)
    await fail_jobs(store, "synthesis", 2)
    async with wired(fresh_redis) as window:
        clean = window.catalogue.command("queue.clean.synthesis")
        await until(lambda: not window.catalogue.refusal(clean))
        choose(window, "clean synth")
        assert clean.dangerous
        assert window.page is window.queues
        dialog = window.queues.clean_dialog
        assert dialog is not None
        dialog.reject()
    await store.close()
