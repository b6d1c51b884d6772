"""What could not be heard, or was heard wrongly, needs not be said again: it is tried another way, or mended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop.pages.recordings import RecordingsDialog
from desktop.voice.push_to_talk import TalkState
from desktop.widgets.said import Said
from engine.audio import Recording
from engine.model import CommandFailed, Heard, Replied, Spoken, Waiting
from engine.providers.offline.synthesizer import OfflineSynthesizer
from engine.recordings import recordings_of
from engine.settings import load_settings
from tests.journeys.person import Person, until
from tests.journeys.test_voice_journeys import AtTheWindow, questions, server, speech, uploads
from tests.mail_servers import PASSWORD, USER, SmtpServer, smtp_server
from tests.servers import Fault, OpenAIDouble, says

__all__ = ["server"]
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


@pytest.fixture
def smtp(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    with smtp_server() as server:
        for name, value in {
            "HARK_SMTP_HOST": "127.0.0.1",
            "HARK_SMTP_PORT": str(server.port),
            "HARK_SMTP_SECURITY": "none",
            "HARK_SMTP_USER": USER,
            "HARK_SMTP_PASSWORD": PASSWORD,
            "HARK_CONTACTS": "Anna Berg <anna@example.test>",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


async def said(words: str) -> Recording:
    """A voice that says these words."""
    synthesizer = OfflineSynthesizer()
    try:
        return await synthesizer.synthesize(words)
    finally:
        await synthesizer.close()


def test_what_the_server_refused_is_heard_on_this_machine(at_the_window: AtTheWindow, server: OpenAIDouble) -> None:
    server.faults.append(Fault("status", "transcriptions", 401))
    server.messages.append(says("The email queue is paused."))

    async def journey(person: Person) -> None:
        window = person.app.window
        await person.say_it(await said("pause the email queue"))
        await until(lambda: any(isinstance(event, CommandFailed) for event in person.events))
        person.events.clear()
        again = person.exchange.again
        assert again is not None
        again.click()
        dialog = window.findChild(RecordingsDialog)
        await until(lambda: dialog.isVisible() and len(dialog.rows) == 1)
        (row,) = dialog.rows.values()
        next(way for way in row.ways.actions() if way.text().startswith("On this machine")).trigger()
        await until(lambda: person.event(Spoken))
        assert person.exchange.said in ("Pause the email queue", "Pause the mail queue")
        assert person.exchange.reply == "The email queue is paused."
        await until(lambda: window.assistant.show_recordings.text() == "Recordings")

    at_the_window(journey)
    assert (uploads(server), server.faults) == ([], deque()), "it went to the server once, which would not have it"
    assert len(questions(server)) == 1
    assert recordings_of(load_settings()).all() == ()


def test_a_network_that_is_gone_is_waited_for_and_its_answer_is_talked_over(
    at_the_window: AtTheWindow, server: OpenAIDouble
) -> None:
    server.transcript = "tell me a story"
    server.messages.append(says("There was once a king. " * 40))
    server.faults.extend(Fault("reset", "transcriptions") for _ in range(2))

    async def journey(person: Person) -> None:
        voice = person.app.voice
        await person.say_it(await speech())
        await until(lambda: person.event(Waiting))
        await until(lambda: voice.state == TalkState.SPEAKING)
        await person.press()
        assert voice.state == TalkState.LISTENING
        assert not voice.speaker.is_playing
        person.escape()
        person.release()

    at_the_window(journey)
    assert server.faults == deque()
    assert len(uploads(server)) == len(questions(server)) == 1
    assert recordings_of(load_settings()).all() == ()


def test_what_waited_when_hark_was_closed_goes_on_and_says_where_it_belongs(
    at_the_window: AtTheWindow, server: OpenAIDouble
) -> None:
    server.transcript = "put milk on my list"
    later = {"retry-after": "2"}
    server.faults.extend(Fault("status", "transcriptions", 503, headers=later) for _ in range(20))

    async def close_while_it_waits(person: Person) -> None:
        await person.say_it(await speech())
        await until(lambda: person.event(Waiting))
        person.app.window.assistant.head.new.click()

    async def open_again(person: Person) -> None:
        page = person.app.window.assistant
        await until(lambda: person.exchanges)
        exchange = person.exchange
        assert not exchange.origin.isHidden()
        server.messages.append(says("Done it."))
        server.faults.clear()
        await until(lambda: person.event(Replied))
        assert (exchange.said, exchange.reply) == ("put milk on my list", "Done it.")
        exchange.origin.findChild(QPushButton).click()
        await until(lambda: [turn.accessibleName() for turn in page.conversation.turns])
        assert page.conversation_id == "default"

    at_the_window(close_while_it_waits)
    (kept,) = recordings_of(load_settings()).all()
    assert kept.conversation_id == "default"
    at_the_window(open_again)
    assert len(questions(server)) == 1
    assert recordings_of(load_settings()).all() == ()


def test_guessed_words_are_mended_by_hand_and_the_recipient_is_confirmed(
    at_the_window: Callable[..., None], smtp: SmtpServer
) -> None:
    async def journey(person: Person) -> None:
        window, page = person.app.window, person.app.window.assistant
        window.activateWindow()
        await until(window.isActiveWindow)
        await person.say_it(await said("send an email to anna saying i am late"))
        await until(lambda: person.event(Replied))
        heard = person.event(Heard)
        assert isinstance(heard, Heard)
        assert heard.guessed
        assert not any("email to" in part or "saying" in part for part in heard.guessed), heard
        person.events.clear()

        person.exchange.findChild(Said).correct.click()
        assert page.typed.text() == heard.text
        assert page.typed.selectedText() == heard.guessed[0]
        page.typed.setText("send an email to anna saying I will be there at noon")
        QTest.keyClick(page.typed, Qt.Key.Key_Return)
        asked = "Shall I send “I will be there at noon” to Anna Berg at anna@example.test?"
        await until(lambda: person.exchange.reply == asked)
        assert smtp.accepted == []
        window.setFocus()
        QTest.keyClick(window, Qt.Key.Key_Y)
        await until(lambda: person.exchange.reply == "The email to Anna Berg is sent.")

    at_the_window(journey)
    assert [mail["To"] for mail in smtp.mails] == ["anna@example.test"]
