"""An email by a command: whom it goes to is found among the contacts, read back, and sent after a yes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace

import pytest

from engine.client import Client
from engine.handlers.contacts import Contact, meant
from engine.providers.mail import mail_account
from engine.providers.mail.reading import read_mail
from engine.settings import Settings, load_settings
from engine.store import Store
from tests.engine.hands import running
from tests.mail_servers import PASSWORD, USER, SmtpServer, smtp_server

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

LIMIT_S = 30
PEOPLE = "Anna Berg <anna@example.test>, Peter Smith <p.smith@example.test>, Peter Jones <jones@example.test>"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@asynccontextmanager
async def speaking(settings: Settings, smtp: SmtpServer | None = None, **more: object) -> AsyncIterator[Settings]:
    """A worker with contacts, and with an account to send from where there is a server."""
    if smtp is not None:
        more |= {"smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_security": "none"}
        more |= {"smtp_user": USER, "smtp_password": PASSWORD}
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    mine = load_settings(redis_url=url, contacts=PEOPLE, **more)
    async with running(mine):
        yield mine


async def said(client: Client, text: str) -> str:
    """What Hark answers."""
    reply: str = (await (await client.process_voice_command("local", text)).result(LIMIT_S))["reply"]
    return reply


async def test_an_email_to_a_contact_is_read_back_and_sent_after_a_yes(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    async with speaking(settings, smtp) as mine:
        client = Client(store, mine)
        asked = await said(client, "send an email to anna saying i will be late")
        assert asked == "Shall I send “I will be late” to Anna Berg at anna@example.test?"
        assert smtp.accepted == []
        assert await said(client, "yes") == "The email to Anna Berg is sent."
    (mail,) = smtp.mails
    assert (mail["To"], mail["Subject"]) == ("anna@example.test", "I will be late")
    assert mail.get_content().strip() == "I will be late"


UNCLEAR = {
    "send an email to Peter saying hello": "Which one: Peter Smith at p.smith@example.test and Peter Jones at",
    "send an email to Zoe saying hello": "I know no address of “Zoe”.",
    "send an email to Anna": "What shall the email to Anna Berg say?",
    "write an email to Anna that Peter that we know is here": "Shall I send “Peter that we know is here” to Anna Berg",
    "write to bob@example.test saying hello": "Shall I send “Hello” to bob@example.test?",
}


async def test_what_is_not_clear_is_asked_and_nothing_is_sent(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    async with speaking(settings, smtp) as mine:
        client = Client(store, mine)
        answers = {command: await said(client, command) for command in UNCLEAR}
    assert [command for command, answer in answers.items() if not answer.startswith(UNCLEAR[command])] == []
    assert smtp.accepted == []


async def test_without_the_question_an_unknown_name_is_still_no_recipient(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    async with speaking(settings, smtp, confirm=False) as mine:
        client = Client(store, mine)
        assert "no address" in await said(client, "send an email to Zoe saying hello")
        assert await said(client, f"send an email to Anna saying {'a' * 70}") == "The email to Anna Berg is sent."
    assert [to for to, _ in smtp.accepted] == [["anna@example.test"]]
    assert smtp.mails[0]["Subject"] == f"A{'a' * 59}…", "a single word has no place to be cut at"


@pytest.mark.parametrize("words", ["send an email to Anna saying hello", "read my new mail"])
async def test_without_an_account_no_email_is_promised_nor_told_as_done(
    store: Store, settings: Settings, words: str
) -> None:
    async with speaking(settings) as mine:
        answer = await (await Client(store, mine).process_voice_command("local", words)).result(LIMIT_S)
    assert answer["reply"].startswith("No mail account is set up")
    assert [action["ok"] for action in answer["actions"]] == [False]


async def test_who_wrote_to_the_inbox_can_be_named_but_no_program_and_no_forger(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    async with speaking(settings, smtp, imap_host="127.0.0.1", imap_security="none") as mine:
        letter = b"From: Maria Lopez <maria@example.test>\r\nSubject: Hi\r\n\r\nHello"
        mail = read_mail(letter, 1, True).kept()
        kept = [
            mail,
            replace(mail, uid=2, sender_name="Eve Bell", sender="eve@example.test", unproven="spf"),
            replace(mail, uid=3, sender_name="Robot Shop", sender="shop@example.test", automatic="list"),
        ]
        texts = {one.uid: json.dumps(asdict(one)) for one in kept}
        await store.keep_mail(mail_account(mine).name, texts)
        client = Client(store, mine)
        assert "Maria Lopez at maria@example.test" in await said(client, "send an email to Maria saying hello")
        assert "no address of “Eve”" in await said(client, "send an email to Eve saying hello")
        assert "no address of “Robot”" in await said(client, "send an email to Robot saying hello")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("anna", ["Anna Berg"]),
        ("Ana", ["Anna Berg"]),
        ("emma", []),
        ("berg", ["Anna Berg"]),
        ("jim", ["Jim"]),
        ("jim beam", ["Jim Beam"]),
        ("me@example.test", [""]),
        ("zoe", ["zoe@example.test"]),
        ("!", []),
    ],
)
def test_a_name_is_meant_by_its_words_or_like_ones(words: str, names: list[str]) -> None:
    people = [("Anna Berg", "a@x.test"), ("Jim", "j@x.test"), ("Jim Beam", "jb@x.test"), ("", "me@example.test")]
    contacts = [Contact(name, address) for name, address in [*people, ("", "zoe@example.test")]]
    assert [contact.name or contact.address for contact in meant(words, contacts)] == [
        name or "me@example.test" for name in names
    ]
