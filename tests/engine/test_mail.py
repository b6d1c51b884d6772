"""Email against real servers: what is sent and how often, what is read, which mail is a command, what each fault is."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from engine.client import Client
from engine.errors import BadInputError, HarkError, PermanentError, RetryableError, SettingsError
from engine.handlers.mail import COMMANDS_AN_HOUR, process_email_command, send_email
from engine.handlers.tools import tools_for
from engine.job_types import ProcessEmailCommand, SendEmail, SyncInbox
from engine.providers.mail import mail_account, try_mail
from engine.providers.mail.compose import Attached, address_of, letter, message_bytes, message_id
from engine.providers.mail.reading import read_mail, why_no_command
from engine.queues import EMAIL_PROCESSING
from engine.settings import Settings, load_settings
from engine.store import Store
from tests.engine.hands import hands, running
from tests.engine.worker_process import worker_process
from tests.mail_servers import (
    PASSWORD,
    USER,
    ImapServer,
    SmtpServer,
    imap_server,
    scripted_server,
    smtp_server,
)
from tests.redis_topologies import Certificates, free_port, make_certificates

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

LIMIT_S = 30
SENDERS = ("boss@example.test", "friend@example.test")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture(scope="module")
def imap(certificates: Certificates) -> Iterator[ImapServer]:
    with imap_server((certificates.server, certificates.server_key)) as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A mailbox of the test's own."""
    return f"{abs(hash(request.node.name)):x}@example.test"


def account(settings: Settings, **more: Any) -> Settings:
    """These settings with a mail account on this machine."""
    mail = {
        "smtp_host": "127.0.0.1",
        "smtp_security": "none",
        "smtp_user": USER,
        "smtp_password": PASSWORD,
        "imap_security": "none",
        "mail_timeout_s": 5,
        "mail_command_senders": ",".join(SENDERS),
    }
    return load_settings(redis_url=settings.redis_url.get_secret_value() if settings.redis_url else None, **mail | more)


def hello(**more: Any) -> SendEmail:
    return SendEmail(**{"to": ("anna@example.test",), "subject": "Lunch", "body": "At noon?"} | more)


def received(
    sender: str = SENDERS[0], subject: str = "Hark", text: str = "what are my tasks", **headers: str
) -> EmailMessage:
    """A mail as it lies in an inbox."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = USER
    message["Subject"] = subject
    message["Date"] = "Wed, 25 Nov 2026 08:00:00 +0000"
    message["Message-ID"] = f"<{abs(hash((sender, subject, text))):x}@example.test>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


# ---- what is sent


async def test_an_email_is_sent_with_text_html_and_files(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    settings = account(settings, smtp_port=smtp.port, mail_from="Ada Lovelace <ada@example.test>")
    client = Client(store, settings)
    async with running(settings):
        handle = await client.send_email(
            "local",
            ["Anna Müller <anna@example.test>"],
            "Grüße aus Köln ☀",
            "Hallo Anna,\nbis morgen.",
            html="<p>Hallo Anna</p>",
            cc=["bob@example.test"],
            attachments=[Attached("Rechnung März.pdf", "application/pdf", b"%PDF\x00\xff")],
            in_reply_to="<1@example.test>",
        )
        result = await handle.result(LIMIT_S)
    (mail,) = smtp.mails
    everyone = ["anna@example.test", "bob@example.test"]
    assert result == {"message_id": mail["Message-ID"], "sent": everyone, "refused": {}}
    assert smtp.accepted[0][0] == everyone
    assert (mail["From"], mail["To"]) == ("Ada Lovelace <ada@example.test>", "Anna Müller <anna@example.test>")
    assert (mail["Subject"], mail["In-Reply-To"], mail["References"]) == (
        "Grüße aus Köln ☀",
        "<1@example.test>",
        "<1@example.test>",
    )
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().split() == ["Hallo", "Anna,", "bis", "morgen."]
    assert "<p>Hallo Anna</p>" in page.get_content()
    ((name, data),) = [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]
    assert (name, data) == ("Rechnung März.pdf", b"%PDF\x00\xff")
    assert await store.get_blob(EMAIL_PROCESSING, f"{handle.id}.1") is None, "the file was kept after it was sent"
    assert "Auto-Submitted" not in mail


async def test_a_job_that_runs_twice_sends_once(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        context = await worker.claim(hello())
        first = await send_email(hello(), context)
        second = await send_email(hello(), context)
    assert first == second
    assert len(smtp.accepted) == 1
    assert smtp.logins == 1, "the second run had nothing to say to the server"


def test_a_messages_id_is_its_jobs_and_its_words() -> None:
    sender = address_of("ada@example.test")
    assert message_id("report", "one", sender) == message_id("report", "one", sender)
    assert message_id("report", "two", sender) != message_id("report", "one", sender)
    assert message_id("report", "one", sender).endswith(".hark@example.test>")


async def test_a_worker_that_lost_its_job_sends_nothing(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        context = await worker.claim(hello())
        stale = replace(context, job=context.job._replace(token="another worker has it"))
        with pytest.raises(RetryableError, match="taken over"):
            await send_email(hello(), stale)
    assert smtp.accepted == []


async def test_a_reply_lost_after_the_server_took_the_email_is_settled_by_the_sent_folder(
    store: Store, settings: Settings, smtp: SmtpServer, imap: ImapServer, user: str
) -> None:
    smtp.on_accept = lambda data: imap.append(user, data, "Sent")
    smtp.drops_reply = True
    mail = {"smtp_port": smtp.port, "imap_host": "127.0.0.1", "imap_port": imap.port, "imap_user": user}
    async with hands(account(settings, **mail), store) as worker:
        context = await worker.claim(hello())
        with pytest.raises(RetryableError, match="broke off"):
            await send_email(hello(), context)
        result = await send_email(hello(), context)
    assert result["sent"] == ["anna@example.test"]
    assert len(smtp.accepted) == 1


async def test_without_a_sent_folder_such_an_email_goes_out_again_under_the_same_id(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    smtp.drops_reply = True
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        context = await worker.claim(hello())
        with pytest.raises(RetryableError):
            await send_email(hello(), context)
        await send_email(hello(), context)
    first, second = smtp.mails
    assert first["Message-ID"] == second["Message-ID"]
    (line,) = await store.log(EMAIL_PROCESSING, "a")
    assert "it is not known whether the server took" in line.text


async def test_a_worker_killed_after_the_server_took_the_email_sends_no_second_one(
    store: Store,
    settings: Settings,
    smtp: SmtpServer,
    imap: ImapServer,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = {
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
        "HARK_LEASE_MS": "600",
        "HARK_SMTP_HOST": "127.0.0.1",
        "HARK_SMTP_PORT": str(smtp.port),
        "HARK_SMTP_SECURITY": "none",
        "HARK_SMTP_USER": USER,
        "HARK_SMTP_PASSWORD": PASSWORD,
        "HARK_IMAP_HOST": "127.0.0.1",
        "HARK_IMAP_PORT": str(imap.port),
        "HARK_IMAP_SECURITY": "none",
        "HARK_IMAP_USER": user,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    handle = await Client(store, settings).add(hello())
    with worker_process("-m", "engine", "worker") as victim:

        def keep_and_kill(data: bytes) -> None:
            imap.append(user, data, "Sent")
            victim.kill()

        smtp.on_accept = keep_and_kill
        await asyncio.to_thread(victim.wait, LIMIT_S)
    smtp.on_accept = lambda _: None
    with worker_process("-m", "engine", "worker"):
        result = await handle.result(LIMIT_S)
    assert (result["sent"], len(smtp.accepted)) == (["anna@example.test"], 1)
    assert (await handle.job()).stalled == 1


async def test_a_refused_recipient_is_told_and_the_others_get_the_email(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    smtp.replies["nobody@example.test"] = "550 5.1.1 no such user here"
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        result = await worker.run(hello(to=("anna@example.test", "nobody@example.test")))
    assert result["sent"] == ["anna@example.test"]
    assert result["refused"] == {"nobody@example.test": "550 5.1.1 no such user here"}


async def test_a_recipient_put_off_is_tried_again_without_the_others(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    smtp.replies["bob@example.test"] = "451 4.7.1 greylisted, try again in 2 minutes"
    payload = hello(to=("anna@example.test", "bob@example.test"))
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        context = await worker.claim(payload)
        with pytest.raises(RetryableError, match="greylisted") as caught:
            await send_email(payload, context)
        result = await send_email(payload, context)
    assert caught.value.retry_after_ms == 120_000
    assert "anna@example.test got it" in str(caught.value)
    assert [recipients for recipients, _ in smtp.accepted] == [["anna@example.test"], ["bob@example.test"]]
    assert result["sent"] == ["anna@example.test", "bob@example.test"]


# ---- what cannot be sent


@pytest.mark.parametrize(
    "text",
    [
        "anna",
        "anna@",
        "@example.org",
        "anna@exa mple.org",
        "anna@example..org",
        "a@b.c, d@e.f",
        "Anna <a@b.c> <d@e.f>",
        "anna@example.org\r\nBcc: all@example.org",
        "Anna\n <anna@example.org>",
        "<script>@example.org",
        f"{'a' * 65}@example.org",
        "änna@example.org",
        "",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="is not an email address"):
        address_of(text)


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("anna@example.org", "anna@example.org"),
        ("Anna <anna+hark@example.org>", "anna+hark@example.org"),
        ('"Müller, Anna" <anna@example.org>', "anna@example.org"),
        ("root@localhost", "root@localhost"),
        ("anna@müller.example", "anna@xn--mller-kva.example"),
    ],
)
def test_an_address_may_have_a_name_and_any_domain(text: str, email: str) -> None:
    assert address_of(text).email == email


@pytest.mark.parametrize(
    "parts",
    [
        {"subject": "Hi\r\nBcc: all@example.org"},
        {"subject": "Hi\x0bthere"},
        {"in_reply_to": "<1@a>\r\nX-Evil: 1"},
        {"cc": ("x@example.org\nX-Evil: 1",)},
    ],
)
async def test_no_header_can_be_smuggled_in(store: Store, settings: Settings, parts: dict[str, Any]) -> None:
    given = {"subject": "Hi"} | parts
    with pytest.raises(BadInputError):
        await Client(store, settings).send_email("local", "anna@example.org", given.pop("subject"), "text", **given)


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1.txt", "", "x" * 201])
def test_a_file_cannot_smuggle_a_header_in_either(name: str) -> None:
    mail = letter(["anna@example.org"], "Hi", "text")
    with pytest.raises(BadInputError, match="A file cannot be sent as"):
        message_bytes(mail, address_of("ada@example.org"), "<1@a>", 0, [Attached(name, "text/plain", b"")])


async def test_without_an_account_a_send_says_what_to_set(store: Store, settings: Settings) -> None:
    async with hands(settings, store) as worker:
        with pytest.raises(SettingsError, match="Set HARK_SMTP_HOST"):
            await worker.run(hello())


def test_a_password_goes_to_no_other_machine_unencrypted(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"HARK_IMAP_SECURITY is none, and mail\.example\.org is another"):
        mail_account(account(settings, imap_host="mail.example.org"))
    assert mail_account(account(settings, imap_host="mail.example.org", mail_allow_plain=True)).incoming is not None


# ---- faults of the server that sends


async def failure_of_sending(store: Store, settings: Settings) -> HarkError:
    async with hands(settings, store) as worker:
        with pytest.raises(HarkError) as caught:
            await worker.run(hello())
    assert PASSWORD not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("where", "reply", "kind", "told", "retry_after_ms"),
    [
        ("anna@example.test", "550 5.1.1 no such user", PermanentError, "Check the addresses", None),
        ("anna@example.test", "450 4.2.1 mailbox busy", RetryableError, "mailbox busy", None),
        ("anna@example.test", "451 4.7.1 greylisted", RetryableError, "greylisted", 300_000),
        ("data", "554 5.7.1 this is spam", PermanentError, "refuses the email", None),
        ("data", "552 5.3.4 too big", PermanentError, "Make the email smaller", None),
        ("data", "452 4.3.1 disk full, wait 90 seconds", RetryableError, "does not take the email now", 90_000),
    ],
)
async def test_each_refusal_is_told_and_known_to_heal_or_not(
    store: Store,
    settings: Settings,
    smtp: SmtpServer,
    where: str,
    reply: str,
    kind: type[HarkError],
    told: str,
    retry_after_ms: int | None,
) -> None:
    smtp.replies[where] = reply
    error = await failure_of_sending(store, account(settings, smtp_port=smtp.port))
    assert type(error) is kind
    assert told in str(error)
    assert getattr(error, "retry_after_ms", None) == retry_after_ms
    marks = [await store.mail_marks(mail["Message-ID"]) for mail in smtp.mails]
    assert marks == [], "what the server refused is known not to be sent"


async def test_a_wrong_password_fails_at_once_with_a_remedy(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    error = await failure_of_sending(store, account(settings, smtp_port=smtp.port, smtp_password="wrong-one"))
    assert type(error) is PermanentError
    assert "HARK_SMTP_PASSWORD" in str(error)
    assert "wrong-one" not in str(error)


async def test_a_server_that_is_not_there_is_tried_again(store: Store, settings: Settings) -> None:
    error = await failure_of_sending(store, account(settings, smtp_port=free_port()))
    assert type(error) is RetryableError
    assert "nothing listens there" in str(error)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([None], "did not answer within 0.3 s"),
        ([b"220 test\r\n", None], "did not answer within 0.3 s"),
        ([b"220 te"], "broke off"),
        ([b"220 test\r\n", b"250-test\r\n250-AUTH PL"], "broke off"),
        ([b"421 4.3.2 too many connections, try again in 30 s\r\n"], "421 4.3.2 too many"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "what is no SMTP"),
    ],
    ids=["silent", "silent-later", "cut", "cut-later", "421", "http"],
)
async def test_a_server_that_answers_badly_is_tried_again(
    store: Store, settings: Settings, steps: list[bytes | None], told: str
) -> None:
    with scripted_server(steps) as port:
        error = await failure_of_sending(store, account(settings, smtp_port=port, mail_timeout_s=0.3))
    assert type(error) is RetryableError
    assert told in str(error)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_over_tls_to_a_server_that_proves_itself(
    store: Store, settings: Settings, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates.server, certificates.server_key)
    with smtp_server(tls, security) as server:
        mine = account(settings, smtp_port=server.port, smtp_security=security)
        error = await failure_of_sending(store, mine)
        assert type(error) is PermanentError
        assert "could not prove who it is" in str(error)
        assert "SSL_CERT_FILE" in str(error)
        assert server.logins == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        async with hands(mine, store) as worker:
            await worker.run(hello(), "b")
        assert len(server.accepted) == 1


async def test_a_server_without_starttls_gets_no_password(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    error = await failure_of_sending(store, account(settings, smtp_port=smtp.port, smtp_security="starttls"))
    assert type(error) is PermanentError
    assert "offers no STARTTLS" in str(error)
    assert smtp.logins == 0


async def test_tls_on_a_port_without_it_is_told(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    error = await failure_of_sending(store, account(settings, smtp_port=smtp.port, smtp_security="tls"))
    assert "does not speak TLS on this port" in str(error)
    assert type(error) is PermanentError


# ---- what is read


def reading(settings: Settings, imap: ImapServer, user: str, **more: Any) -> Settings:
    return account(settings, imap_host="127.0.0.1", imap_port=imap.port, imap_user=user, **more)


async def test_a_sync_fetches_what_is_new_and_only_that(
    store: Store, settings: Settings, imap: ImapServer, user: str
) -> None:
    async with hands(reading(settings, imap, user), store) as worker:
        assert await worker.run(SyncInbox(), "1") == {"new": 0, "unread": 0, "commands": 0, "passed_over": 0}
        imap.append(user, bytes(received("Änne <anne@example.test>", "Wann?", "Morgen um zehn.")))
        imap.append(user, bytes(received("bob@example.test", "News", "Much of it.")))
        assert (await worker.run(SyncInbox(), "2"))["new"] == 2
        assert (await worker.run(SyncInbox(), "3"))["new"] == 0
        kept = [json.loads(text) for text in (await store.kept_mail(f"{user}@127.0.0.1:{imap.port}")).values()]
    assert [(mail["sender"], mail["subject"], mail["snippet"]) for mail in kept] == [
        ("anne@example.test", "Wann?", "Morgen um zehn."),
        ("bob@example.test", "News", "Much of it."),
    ]
    with imap.session(user) as client:
        client.select("INBOX")
        assert client.search(None, "UNSEEN")[1] == [b"1 2"], "looking made mail read"


async def test_what_was_read_or_deleted_elsewhere_is_new_no_more(
    store: Store, settings: Settings, imap: ImapServer, user: str
) -> None:
    for number in range(3):
        imap.append(user, bytes(received("anna@example.test", f"Mail {number}")))
    async with hands(reading(settings, imap, user), store) as worker:
        assert (await worker.run(SyncInbox(), "1"))["unread"] == 3
        imap.flag(user, 1, r"(\Seen)")
        imap.flag(user, 2, r"(\Deleted)")
        assert (await worker.run(SyncInbox(), "2"))["unread"] == 1
        kept = await store.kept_mail(f"{user}@127.0.0.1:{imap.port}")
    assert [(uid, json.loads(text)["seen"]) for uid, text in kept.items()] == [(1, True), (3, False)]


async def test_a_renumbered_inbox_is_read_anew_and_obeys_nothing_old(
    store: Store, settings: Settings, imap: ImapServer, user: str
) -> None:
    async with hands(reading(settings, imap, user), store) as worker:
        await worker.run(SyncInbox(), "1")
        imap.append(user, bytes(received()))
        assert (await worker.run(SyncInbox(), "2"))["commands"] == 1
        imap.renumber(user)
        again = await worker.run(SyncInbox(), "3")
    assert (again["new"], again["commands"]) == (1, 0)


async def test_a_large_message_is_read_only_as_far_as_its_text(
    store: Store, settings: Settings, imap: ImapServer, user: str
) -> None:
    message = received("anna@example.test", "Photos", "Here they are.")
    message.add_attachment(os.urandom(2_000_000), maintype="image", subtype="jpeg", filename="a.jpg")
    imap.append(user, message.as_bytes())
    async with hands(reading(settings, imap, user), store) as worker:
        assert (await worker.run(SyncInbox()))["new"] == 1
    (text,) = (await store.kept_mail(f"{user}@127.0.0.1:{imap.port}")).values()
    assert json.loads(text)["snippet"] == "Here they are."


async def test_a_long_inbox_is_read_from_its_end_in_batches(
    store: Store, settings: Settings, imap: ImapServer, user: str
) -> None:
    with imap.session(user) as client:
        for number in range(120):
            client.append("INBOX", "", "", bytes(received("anna@example.test", f"Mail {number}")))
    async with hands(reading(settings, imap, user), store) as worker:
        result = await worker.run(SyncInbox())
    assert result == {"new": 100, "unread": 120, "commands": 0, "passed_over": 20}
    assert list(await store.kept_mail(f"{user}@127.0.0.1:{imap.port}")) == list(range(21, 121))
    assert (await store.find("a")).progress == {"done": 100, "total": 100}


async def test_new_mail_is_read_out_and_counted(store: Store, settings: Settings, imap: ImapServer, user: str) -> None:
    imap.append(user, bytes(received("Anna <anna@example.test>", "Lunch", "Friday at noon?")))
    mine = reading(settings, imap, user)
    client = Client(store, mine)
    async with running(mine):
        count = await (await client.process_voice_command("local", "how many new emails do I have")).result(LIMIT_S)
        read = await (await client.process_voice_command("local", "read my new mail")).result(LIMIT_S)
    assert count["reply"] == "You have 1 unread email."
    assert read["reply"] == "You have 1 unread email. From Anna, “Lunch”: Friday at noon?"
    assert [action["name"] for action in read["actions"]] == ["read_mail"]


async def test_an_inbox_that_does_not_answer_is_not_said_to_be_empty(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.handlers.inbox.SYNC_WAIT_S", 0.1)
    mine = account(settings, imap_host="127.0.0.1", imap_port=free_port())
    async with hands(mine, store) as worker:
        context = await worker.claim(ProcessEmailCommand(sender=SENDERS[0], text="count", message_id="<1@a>"))
        count = tools_for("local", context)["count_mail"]
        told = await count.call(count.arguments())
    assert told == "The inbox has not answered yet. It had no unread email."


# ---- faults of the server that is read


@pytest.mark.parametrize(
    ("steps", "kind", "told"),
    [
        ([None], RetryableError, "did not answer within 0.3 s"),
        ([b"* OK ready\r\n", None], RetryableError, "did not answer within 0.3 s"),
        ([b"* OK rea"], RetryableError, "broke off"),
        ([b"* BYE too many connections\r\n"], RetryableError, "lets nobody in now"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], RetryableError, "answered what is no IMAP"),
    ],
    ids=["silent", "silent-later", "cut", "bye", "http"],
)
async def test_an_inbox_that_answers_badly_is_explained(
    store: Store, settings: Settings, steps: list[bytes | None], kind: type[HarkError], told: str
) -> None:
    with scripted_server(steps) as port:
        mine = account(settings, imap_host="127.0.0.1", imap_port=port, mail_timeout_s=0.3)
        async with hands(mine, store) as worker:
            with pytest.raises(HarkError) as caught:
                await worker.run(SyncInbox())
    assert type(caught.value) is kind
    assert told in str(caught.value)


async def test_a_wrong_password_for_the_inbox_fails_at_once(
    store: Store, settings: Settings, imap: ImapServer, user: str
) -> None:
    async with hands(reading(settings, imap, user, imap_password="wröng-one"), store) as worker:
        with pytest.raises(PermanentError, match="HARK_IMAP_PASSWORD") as caught:
            await worker.run(SyncInbox())
    assert "wröng" not in str(caught.value)


async def test_an_inbox_over_starttls_must_prove_itself(
    settings: Settings, imap: ImapServer, user: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = reading(settings, imap, user, smtp_host=None, imap_security="starttls")
    with pytest.raises(PermanentError, match="could not prove who it is"):
        await try_mail(mine)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    assert await try_mail(mine) == f"127.0.0.1:{imap.port} holds 0 unread messages."


async def test_tls_on_an_imap_port_without_it_is_told(settings: Settings, imap: ImapServer, user: str) -> None:
    with pytest.raises(PermanentError, match="does not speak TLS on this port"):
        await try_mail(reading(settings, imap, user, smtp_host=None, imap_security="tls"))


async def test_a_sync_that_is_cancelled_leaves_no_thread_behind(store: Store, settings: Settings) -> None:
    silent = threading.Event()
    steps = [b"* OK ready\r\n", b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n", b"{tag} OK done\r\n", None]
    with scripted_server(steps, silent) as port:
        mine = account(settings, imap_host="127.0.0.1", imap_port=port, mail_timeout_s=100)
        async with hands(mine, store) as worker:
            syncing = asyncio.create_task(worker.run(SyncInbox()))
            await asyncio.to_thread(silent.wait, LIMIT_S)
            syncing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await syncing
            async with asyncio.timeout(LIMIT_S):
                await asyncio.get_running_loop().shutdown_default_executor()


async def test_the_trial_logs_in_on_both_sides_and_sends_nothing(
    settings: Settings, smtp: SmtpServer, imap: ImapServer, user: str
) -> None:
    told = await try_mail(reading(settings, imap, user, smtp_port=smtp.port))
    assert told == (
        f"127.0.0.1:{smtp.port} would send mail from {USER}. 127.0.0.1:{imap.port} holds 0 unread messages."
    )
    assert (smtp.logins, smtp.accepted) == (1, [])


# ---- mail that is a command


async def test_a_mail_of_an_allowed_sender_is_obeyed_and_answered_in_its_thread(
    store: Store, settings: Settings, smtp: SmtpServer, imap: ImapServer, user: str
) -> None:
    mine = reading(settings, imap, user, smtp_port=smtp.port)
    client = Client(store, mine)
    async with running(mine):
        await (await client.sync_inbox()).result(LIMIT_S)
        mail = received("Boss <BOSS@example.test>", "A task", "add buy milk to my list", References="<0@example.test>")
        imap.append(user, bytes(mail))
        assert (await (await client.sync_inbox()).result(LIMIT_S))["commands"] == 1
        await _until(lambda: bool(smtp.accepted))
    (answer,) = smtp.mails
    assert (answer["To"], answer["Subject"]) == ("boss@example.test", "Re: A task")
    assert answer["In-Reply-To"] == mail["Message-ID"]
    assert answer["References"] == f"<0@example.test> {mail['Message-ID']}"
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer.get_content().strip() == "“buy milk” is on your list."


async def _until(holds: Any) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("mail", "why"),
    [
        (received("stranger@example.test"), "not among those"),
        (received('"boss@example.test" <stranger@example.test>'), "not among those"),
        (received("boss@example.test, stranger@example.test"), "not among those"),
        (received(USER), "Hark's own address"),
        (received(Auto_Submitted="auto-replied"), "a program sent it"),
        (received(Precedence="bulk"), "a program sent it"),
        (received(List_Id="<all.example.test>"), "a program sent it"),
        (received(Return_Path="<>"), "a program sent it"),
        (received(Authentication_Results="mx.example.test; dmarc=fail; spf=pass"), "may be forged"),
        (received(Authentication_Results="mx.example.test; dkim=fail"), "may be forged"),
        (received(text="x" * 3000), "longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_command_is_not_obeyed(mail: EmailMessage, why: str) -> None:
    allowed = frozenset({*SENDERS, USER})
    assert why in why_no_command(read_mail(bytes(mail), 1, False), allowed, frozenset({USER}))


def test_an_answer_of_hark_is_no_command_to_any_hark() -> None:
    answer = message_bytes(
        letter(["ada@example.test"], "Re: Hark", "Done.", automatic=True), address_of(SENDERS[0]), "<1@a>", 0
    )
    assert "a program sent it" in why_no_command(read_mail(answer, 1, False), frozenset(SENDERS), frozenset())


@pytest.mark.parametrize(
    "results", ["mx; dmarc=pass; dkim=fail", "mx; spf=pass; dkim=pass", "mx; spf=softfail", "mx; none"]
)
def test_a_sender_that_no_check_rules_out_is_obeyed(results: str) -> None:
    mail = read_mail(bytes(received(Authentication_Results=results)), 1, False)
    assert why_no_command(mail, frozenset(SENDERS), frozenset()) == ""


def test_the_quoted_mail_and_the_signature_are_no_part_of_a_command() -> None:
    text = "add buy milk to my list\n\nOn Tue, Nov 24, 2026, Hark wrote:\n> pause everything\n-- \nBoss"
    assert read_mail(bytes(received(text=text)), 1, False).command == "add buy milk to my list"


def test_an_empty_mail_is_its_subject() -> None:
    assert read_mail(bytes(received(subject="Re: what are my tasks", text="\n")), 1, False).command == (
        "what are my tasks"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?utf-8?b?////?=\r\nFrom: =?x-unknown?q?a?= <a@b.c>\r\nDate: nonsense\r\n\r\n\xff",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nhello",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>hel",
        b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG",
        b"Subject: \xed\xa0\x80\r\n\r\n" + "\ud83d".encode("utf-8", "surrogatepass"),
    ],
)
def test_whatever_a_mail_holds_it_can_be_read_and_kept(data: bytes) -> None:
    mail = read_mail(data, 1, False)
    json.dumps([mail.sender, mail.subject, mail.snippet], ensure_ascii=False).encode()


async def test_a_mail_may_not_command_the_queues(store: Store, settings: Settings, smtp: SmtpServer) -> None:
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        command = ProcessEmailCommand(sender=SENDERS[0], text="pause the email queue", message_id="<1@a>")
        result = await worker.run(command)
    assert "I cannot do that here" in result["reply"]
    assert result["actions"] == []


async def test_two_programs_that_find_each_other_fall_silent(
    store: Store, settings: Settings, smtp: SmtpServer
) -> None:
    async with hands(account(settings, smtp_port=smtp.port), store) as worker:
        command = ProcessEmailCommand(sender=SENDERS[0], text="what time is it", message_id="<1@a>")
        context = await worker.claim(command)
        for number in range(COMMANDS_AN_HOUR):
            await store.count_mail_command(SENDERS[0], f"<{number}@loop>", 3600)
        result = await process_email_command(command, context)
    assert "within an hour" in result["ignored"]
    assert context.outbox == []
