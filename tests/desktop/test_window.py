"""The window with its assistant page, keys and notices."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QStyle, QStyleOptionButton
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.late_pages import PAGES
from desktop.theme import Look
from desktop.widgets.page_area import PageArea
from desktop.window import Window
from engine.model import Action, CommandFailed, Heard, Replied, StageTimed, Waiting


@pytest.fixture
def actions() -> Actions:
    return Actions()


@pytest.fixture
def window(qtbot: QtBot, actions: Actions) -> Window:
    look = Look()
    look.dress()
    window = Window(look, actions)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    window.setFocus()
    return window


def scrolled(window: Window) -> set[str]:
    """The pages that do not fit into the window without scrolling, by their word in the rail."""
    found = set()
    for command in [known for known in window.catalogue.commands() if known.group == "Pages"]:
        window.catalogue.run(command)
        QApplication.processEvents()
        area = window.page.parentWidget().parentWidget()
        assert isinstance(area, PageArea)
        if area.horizontalScrollBar().maximum() or area.verticalScrollBar().maximum():
            found.add(command.text.removeprefix("Go to "))
    return found


def test_no_page_needs_scrolling_at_1280_by_800(window: Window) -> None:
    window.resize(1_280, 800)
    assert scrolled(window) == set()


def test_at_150_percent_on_a_small_screen_it_is_usable_and_the_wide_pages_scroll(window: Window) -> None:
    window.resize(853, 533)  # 1280 by 800 at 150 %
    assert (window.width(), window.height()) == (853, 533)
    assert window.rail.width() < 100
    assert scrolled(window) <= {"Queues", "Charts", "Workers", "Audit", "Settings"}


def test_every_button_has_room_for_its_letters(window: Window) -> None:
    """The "g" of "Recordings" had lost its foot."""
    cut = set()
    for number in range(len(PAGES)):
        window.show_page(number)
        QApplication.processEvents()
        for button in window.findChildren(QPushButton):
            option = QStyleOptionButton()
            button.initStyleOption(option)
            room = button.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, button)
            if button.isVisible() and button.text() and room.height() < button.fontMetrics().height():
                cut.add(button.text())
    assert cut == set()


def test_it_tells_whether_it_can_be_seen(window: Window) -> None:
    told: list[bool] = []
    window.watched.connect(told.append)
    window.hide()
    window.show()
    window.setWindowState(Qt.WindowState.WindowMinimized)
    QApplication.processEvents()
    window.setWindowState(Qt.WindowState.WindowNoState)
    assert (told[0], told[1], told[-1]) == (False, True, True)
    assert False in told[2:-1]


class TestTalkKey:
    def test_space_held_talks_and_let_go_ends(self, window: Window, qtbot: QtBot) -> None:
        with qtbot.waitSignal(window.talk_pressed):
            qtbot.keyPress(window, Qt.Key.Key_Space)
        with qtbot.waitSignal(window.talk_released):
            qtbot.keyRelease(window, Qt.Key.Key_Space)

    def test_auto_repeat_is_no_second_press(self, window: Window, qtbot: QtBot) -> None:
        presses: list[bool] = []
        window.talk_pressed.connect(lambda: presses.append(True))
        qtbot.keyPress(window, Qt.Key.Key_Space)
        repeat = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, " ", autorep=True)
        QApplication.sendEvent(window, repeat)
        qtbot.keyRelease(window, Qt.Key.Key_Space)
        assert presses == [True]

    def test_space_in_the_text_field_is_a_space(self, window: Window, qtbot: QtBot) -> None:
        field = window.assistant.typed
        field.setFocus()
        with qtbot.assertNotEmitted(window.talk_pressed):
            qtbot.keyClicks(field, "call anna")
        assert field.text() == "call anna"

    def test_space_talks_from_the_empty_text_field(self, window: Window, qtbot: QtBot) -> None:
        """Who has sent a typed command is still in the field."""
        field = window.assistant.typed
        field.setFocus()
        with qtbot.waitSignal(window.talk_pressed):
            qtbot.keyPress(field, Qt.Key.Key_Space)
        with qtbot.waitSignal(window.talk_released):
            qtbot.keyRelease(field, Qt.Key.Key_Space)
        assert field.text() == ""

    def test_space_talks_even_with_a_button_in_focus(self, window: Window, qtbot: QtBot) -> None:
        window.show_page(1)
        button = window.queues.pause_all
        button.setEnabled(True)
        window.activateWindow()
        button.setFocus()
        qtbot.waitUntil(button.hasFocus)
        with qtbot.waitSignal(window.talk_pressed), qtbot.assertNotEmitted(button.clicked):
            qtbot.keyPress(button, Qt.Key.Key_Space)
            qtbot.keyRelease(button, Qt.Key.Key_Space)

    def test_escape_cancels_and_the_key_is_let_go_of_all_the_same(self, window: Window, qtbot: QtBot) -> None:
        qtbot.keyPress(window, Qt.Key.Key_Space)
        with qtbot.waitSignal(window.talk_cancelled), qtbot.assertNotEmitted(window.talk_released):
            qtbot.keyClick(window, Qt.Key.Key_Escape)
        with qtbot.waitSignal(window.talk_released):
            qtbot.keyRelease(window, Qt.Key.Key_Space)

    def test_the_round_button_talks_while_it_is_held(self, window: Window, qtbot: QtBot) -> None:
        talk = window.assistant.talk
        with qtbot.waitSignal(window.talk_pressed):
            qtbot.mousePress(talk, Qt.MouseButton.LeftButton)
        with qtbot.waitSignal(window.talk_released):
            qtbot.mouseRelease(talk, Qt.MouseButton.LeftButton)


class TestConversation:
    def test_a_spoken_command_shows_what_was_heard_answered_and_done(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, None)
        for event in (
            StageTimed("t", "transcription", 3, 310),
            Heard("t", "add a task to call anna"),
            StageTimed("t", "voice-processing", 1, 20),
            Replied("t", "I added the task.", (Action("create_task", {"title": "Call Anna"}, "done"),)),
            StageTimed("t", "synthesis", 2, 50),
        ):
            page.conversation.show_event(1, event)
        exchange = page.exchange(1)
        assert exchange.said == "add a task to call anna"
        assert exchange.reply == "I added the task."
        assert exchange.timing == "heard 0.31 s · understood 0.02 s · spoken 0.05 s"
        assert exchange.done == ["Create task: Call Anna"]

    def test_where_commands_alone_are_understood_the_welcome_says_so(self, window: Window) -> None:
        page = window.assistant
        page.show_destination("Speech stays on this machine", commands_only=True)
        assert "one of the commands" in page.conversation.welcome_words.text()
        page.show_destination("Speech is sent to example.org")
        assert page.conversation.welcome_words.text().startswith("Speak or type.")

    def test_a_typed_command_is_sent_and_the_field_is_empty_again(
        self, window: Window, actions: Actions, qtbot: QtBot
    ) -> None:
        window.assistant.typed.setText("  what time is it ")
        with qtbot.waitSignal(actions.ask_requested) as asked:
            qtbot.keyClick(window.assistant.typed, Qt.Key.Key_Return)
        assert asked.args == ["what time is it"]
        assert window.assistant.typed.text() == ""

    def test_events_find_their_own_command(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, "first")
        page.begin(2, "second")
        page.conversation.show_event(2, Replied("b", "Second answer."))
        page.conversation.show_event(1, Waiting("a", "The queue is paused."))
        assert page.exchange(1).reply == "The queue is paused."
        assert page.exchange(2).reply == "Second answer."

    def test_why_a_command_waits_is_told_until_it_goes_on(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, None)
        page.conversation.show_event(1, Waiting("a", "No worker is running."))
        page.conversation.show_event(1, Waiting("a", ""))
        assert page.exchange(1).reply == "Listening to the recording…"

    def test_a_retry_does_not_read_as_one_that_failed(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, "retry the failed email jobs")
        retried = Action("retry_failed", {"queue": "email-processing"}, "2 failed jobs will run again.")
        page.conversation.show_event(1, Replied("a", "2 failed jobs will run again.", (retried,)))
        assert page.exchange(1).done == ["Retry the failed jobs: Email"]

    def test_what_was_looked_at_without_a_choice_is_told_by_the_answer_alone(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, "what's on my list")
        listed = Action("list_tasks", {"day": ""}, "Your list is empty.")
        page.conversation.show_event(1, Replied("a", "Your list is empty.", (listed,)))
        assert page.exchange(1).done == []

    def test_a_question_that_nobody_answers_goes_away_and_says_so(self, window: Window, qtbot: QtBot) -> None:
        page = window.assistant
        page.begin(1, "delete milk from my list")
        page.conversation.show_event(1, Replied("a", "Shall I delete milk?", asks=True))
        exchange = page.exchange(1)
        assert exchange.question is not None
        exchange.question.timer.start(0)
        qtbot.waitUntil(lambda: exchange.question is None)
        assert exchange.done == ["Not done: no answer came for 5 minutes."]

    def test_what_only_told_something_is_not_told_twice(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, "what time is it")
        told, failed = Action("tell_time", {}, "It is nine."), Action("read_mail", {}, "No account.", ok=False)
        page.conversation.show_event(1, Replied("a", "It is nine.", (told, failed)))
        assert page.exchange(1).done == ["Read mail"]

    def test_what_could_not_be_heard_can_be_tried_again_where_it_stands(self, window: Window, qtbot: QtBot) -> None:
        page = window.assistant
        for number, said in ((1, None), (2, "typed"), (3, None)):
            page.begin(number, said)
        page.conversation.show_event(3, Heard("c", "what time is it"))
        for number in (1, 2, 3):
            page.conversation.show_event(number, CommandFailed("a", "transcription", "The key was refused."))
        assert [page.exchange(number).again is not None for number in (1, 2, 3)] == [True, False, False]
        again = page.exchange(1).again
        assert again is not None
        with qtbot.waitSignal(page.recordings_wanted):
            again.click()

    def test_it_follows_the_newest_line_but_not_from_under_a_reader(self, window: Window, qtbot: QtBot) -> None:
        page = window.assistant
        bar = page.conversation.verticalScrollBar()
        for number in range(12):
            page.begin(number, f"command {number}")
        qtbot.waitUntil(lambda: 0 < bar.maximum() == bar.value())
        lane = page.exchange(0)
        assert lane.mapTo(page, lane.rect().topLeft()).x() == page.typed.mapTo(page, page.typed.rect().topLeft()).x()
        bar.setValue(10)
        high = bar.maximum()
        page.conversation.show_event(3, Replied("a", "A long answer. " * 60))
        qtbot.waitUntil(lambda: bar.maximum() > high)
        assert bar.value() == 10
        page.begin(13, "another")
        qtbot.waitUntil(lambda: bar.value() == bar.maximum())

    def test_in_a_low_window_the_conversation_has_the_room(self, window: Window, qtbot: QtBot) -> None:
        talk = window.assistant.talk
        tall = talk.height()
        window.resize(900, 480)
        qtbot.waitUntil(lambda: talk.height() < tall)
        window.resize(1280, 800)
        qtbot.waitUntil(lambda: talk.height() == tall)

    def test_speech_that_fails_leaves_the_answer_standing(self, window: Window) -> None:
        page = window.assistant
        page.begin(1, "what time is it")
        page.conversation.show_event(1, Replied("a", "It is nine."))
        page.conversation.show_event(1, CommandFailed("a", "synthesis", "No voice is installed."))
        assert page.exchange(1).reply == "It is nine."
        assert page.exchange(1).done == ["No voice is installed."]

    @pytest.mark.parametrize(
        ("state", "shown"),
        [("listening", "listening"), ("finishing", "listening"), ("working", "working"), ("speaking", "speaking")],
    )
    def test_the_button_shows_the_state_and_comes_to_rest(self, window: Window, state: str, shown: str) -> None:
        window.assistant.show_state(state)
        assert window.assistant.state == shown
        window.assistant.show_state("idle")
        assert window.assistant.state == "idle"


class TestTrouble:
    def test_redis_gone_is_said_with_its_remedy_until_it_is_back(self, window: Window) -> None:
        window.show_gone("Redis at localhost:6379 does not answer.", "Start it, or correct REDIS_URL.")
        assert window.trouble.isVisible()
        assert "correct REDIS_URL" in window.trouble.text
        window.show_connected("Connected", "redis://localhost:6379")
        assert not window.trouble.isVisible()

    def test_an_error_of_harks_own_is_shown_without_blocking(self, window: Window, qtbot: QtBot) -> None:
        window.show_error("An error in Hark: preview failed.", "Traceback ...")
        box = QApplication.activeModalWidget()
        assert box is not None
        box.close()

    def test_closing_hides_the_window_and_says_so_once(self, window: Window, qtbot: QtBot) -> None:
        with qtbot.waitSignal(window.closing):
            window.close()
        assert not window.isVisible()
        with qtbot.assertNotEmitted(window.closing):
            window.close()

    def test_light_and_dark_can_be_switched(self, window: Window, qtbot: QtBot) -> None:
        before = window.grab().toImage().pixelColor(700, 60)
        window.rail.toggle_colours.click()
        after = window.grab().toImage().pixelColor(700, 60)
        assert (before.lightness() > 200, after.lightness() < 60) == (True, True)
