"""Notifications: who is told what and how often, what waits for the morning, and what each fault of a service is."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.client import Client
from engine.errors import BadInputError, HarkError, NotFoundError, PermanentError, RetryableError, SettingsError
from engine.handlers import HANDLERS
from engine.handlers.context import JobContext
from engine.job_types import EmailNotification, PushNotification, Remind
from engine.model import JobOptions, JobState
from engine.providers.notifications import Push, push_targets
from engine.queues import NOTIFICATION
from engine.quiet import quiet_until
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.store.notices import MOST_NOTICES
from engine.trials import try_service
from tests.engine.hands import hands
from tests.mail_servers import PASSWORD, USER, SmtpServer, smtp_server
from tests.push_servers import TOKEN, TOPIC, PushFault, PushServer, push_server
from tests.redis_topologies import Certificates, free_port, make_certificates

# Apprise's own import of a module that Python 3.13 has no more; the mail double's note that it does without TLS.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def ntfy() -> Iterator[PushServer]:
    with push_server(TOKEN) as server:
        yield server


@pytest.fixture
def other() -> Iterator[PushServer]:
    """The receiver of Apprise's json://."""
    with push_server() as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls") / "certificates")


def with_ntfy(settings: Settings, server: PushServer, **more: Any) -> Settings:
    """These settings with a topic on a server."""
    assert settings.redis_url is not None
    given = {"ntfy_url": server.url, "ntfy_topic": TOPIC, "ntfy_token": TOKEN, "notify_timeout_s": 5}
    return load_settings(redis_url=settings.redis_url.get_secret_value(), **given | more)


async def shown(client: Client) -> list[tuple[str, str]]:
    """What the desktop is given now."""
    return [(notice.title, notice.text) for notice in await client.take_notices()]


LUNCH = PushNotification(title="Lunch", message="Anna waits at noon.")


# --- the desktop ---


async def test_the_desktop_is_given_a_notification_once(settings: Settings, store: Store, client: Client) -> None:
    async with hands(settings, store) as worker:
        assert await worker.run(LUNCH) == {"told": ["desktop"], "failed": {}}
    assert await shown(client) == [("Lunch", "Anna waits at noon.")]
    assert await shown(client) == []


async def test_a_job_that_runs_again_gives_the_desktop_nothing_more(
    settings: Settings, store: Store, client: Client
) -> None:
    async with hands(settings, store) as worker:
        context = await worker.claim(LUNCH)
        await HANDLERS[PushNotification](LUNCH, context)
        await HANDLERS[PushNotification](LUNCH, context)
    assert len(await shown(client)) == 1


async def test_each_user_is_given_their_own(settings: Settings, store: Store, client: Client) -> None:
    async with hands(settings, store) as worker:
        await worker.run(LUNCH.model_copy(update={"user_id": "anna"}))
    assert await shown(client) == []
    assert [notice.title for notice in await client.take_notices("anna")] == ["Lunch"]


async def test_of_many_that_nobody_takes_the_last_are_kept(store: Store, client: Client) -> None:
    for number in range(MOST_NOTICES + 1):
        await store.leave_notice(
            "local", f"n{number}", json.dumps({"id": "", "title": str(number), "text": "", "at_ms": 0})
        )
    kept = [title for title, _ in await shown(client)]
    assert (kept[0], len(kept)) == ("1", MOST_NOTICES)


async def test_a_spoilt_notice_is_shown_as_it_is(store: Store, client: Client) -> None:
    await store.leave_notice("local", "n", "no JSON")
    assert await shown(client) == [("Notification", "no JSON")]


# --- ntfy ---


async def test_ntfy_is_told_once_with_its_token_and_title(settings: Settings, store: Store, ntfy: PushServer) -> None:
    async with hands(with_ntfy(settings, ntfy), store) as worker:
        context = await worker.claim(LUNCH)
        assert await HANDLERS[PushNotification](LUNCH, context) == {"told": ["desktop", "ntfy"], "failed": {}}
        await HANDLERS[PushNotification](LUNCH, context)
    (message,) = ntfy.taken
    assert (message["topic"], message["title"], message["message"]) == (TOPIC, "Lunch", "Anna waits at noon.")
    assert "priority" not in message


async def test_an_urgent_one_has_the_highest_priority(settings: Settings, store: Store, ntfy: PushServer) -> None:
    async with hands(with_ntfy(settings, ntfy), store) as worker:
        await worker.run(PushNotification(title="Fire", urgent=True))
    assert ntfy.taken[0]["priority"] == 5


async def test_a_long_text_is_cut_before_the_server_makes_a_file_of_it(settings: Settings, ntfy: PushServer) -> None:
    (target,) = push_targets(with_ntfy(settings, ntfy))
    await target.send(Push("n", "Long", "ü" * 3000))
    assert ntfy.taken[0]["message"].endswith("ü…")
    assert len(ntfy.taken[0]["message"].encode()) <= 4000


async def test_killed_between_acknowledgement_and_note_ntfy_shows_it_once(
    settings: Settings, store: Store, ntfy: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hands(with_ntfy(settings, ntfy), store) as worker:
        context = await worker.claim(LUNCH)

        async def die(*_: object) -> None:
            raise RetryableError("killed")

        with monkeypatch.context() as patched:
            patched.setattr(type(store), "mark_notified", die)
            with pytest.raises(RetryableError):
                await HANDLERS[PushNotification](LUNCH, context)
        await HANDLERS[PushNotification](LUNCH, context)
    assert (len(ntfy.taken), len(ntfy.shown)) == (2, 1)


async def test_a_worker_whose_lease_was_lost_pushes_nothing(settings: Settings, store: Store, ntfy: PushServer) -> None:
    async with hands(with_ntfy(settings, ntfy), store) as worker:
        context = await worker.claim(LUNCH)
        lost = JobContext(context.job._replace(token="another"), context.services)
        with pytest.raises(RetryableError, match="Another worker"):
            await HANDLERS[PushNotification](LUNCH, lost)
    assert ntfy.taken == []


FAULTS: list[tuple[PushFault, type[HarkError], str]] = [
    (PushFault("status", 429, {"retry-after": "7"}), RetryableError, "is asked too often"),
    (PushFault("status", 503), RetryableError, "cannot take notifications now"),
    (PushFault("status", 400), PermanentError, "did not take the notification"),
    (PushFault("status", 404), PermanentError, "takes no notifications at this address"),
    (PushFault("html"), RetryableError, "something that no ntfy server says"),
    (PushFault("cut"), RetryableError, "broke off"),
    (PushFault("reset"), RetryableError, "broke off"),
    (PushFault("slow"), RetryableError, "did not answer within"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS, ids=lambda value: getattr(value, "kind", ""))
async def test_a_fault_of_ntfy_is_told_for_what_it_is(
    settings: Settings, ntfy: PushServer, fault: PushFault, kind: type[HarkError], told: str
) -> None:
    ntfy.faults.append(fault)
    (target,) = push_targets(with_ntfy(settings, ntfy, notify_timeout_s=0.5 if fault.kind == "slow" else 5))
    with pytest.raises(kind, match=told) as caught:
        await target.send(Push("n", "Lunch", "At noon"))
    assert TOPIC not in str(caught.value)
    if fault.status == 429:
        assert isinstance(caught.value, RetryableError)
        assert caught.value.retry_after_ms == 7000


async def test_a_refused_token_is_permanent_and_not_repeated(settings: Settings, ntfy: PushServer) -> None:
    (target,) = push_targets(with_ntfy(settings, ntfy, ntfy_token="tk_wrong_0123456789"))
    with pytest.raises(PermanentError, match=r"refused the token \(403\)") as caught:
        await target.send(Push("n", "Lunch", ""))
    assert "tk_wrong" not in str(caught.value)
    assert "HARK_NTFY_TOKEN" in caught.value.remedy


async def test_a_server_that_is_not_there_is_tried_again(settings: Settings, ntfy: PushServer) -> None:
    (target,) = push_targets(with_ntfy(settings, ntfy, ntfy_url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(RetryableError, match="cannot be reached"):
        await target.send(Push("n", "Lunch", ""))


async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    settings: Settings, certificates: Certificates
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.server, certificates.server_key)
    with push_server(TOKEN, tls) as server:
        (target,) = push_targets(with_ntfy(settings, server, ntfy_url=f"https://127.0.0.1:{server.port}"))
        with pytest.raises(PermanentError, match="could not prove who it is"):
            await target.send(Push("n", "Lunch", ""))
        assert server.taken == []


@pytest.mark.parametrize("url", ["ntfy.sh", "ftp://ntfy.sh", "http://ntfy.example.org"])
def test_an_address_that_cannot_be_used_is_told(settings: Settings, ntfy: PushServer, url: str) -> None:
    with pytest.raises(SettingsError, match="HARK_NTFY_URL"):
        push_targets(with_ntfy(settings, ntfy, ntfy_url=url))


async def test_what_the_others_got_is_told_while_one_is_tried_again(
    settings: Settings, store: Store, client: Client, ntfy: PushServer, other: PushServer
) -> None:
    ntfy.faults.append(PushFault("status", 429, {"retry-after": "3"}))
    both = with_ntfy(settings, ntfy, notify_urls=f"json://127.0.0.1:{other.port}")
    async with hands(both, store) as worker:
        context = await worker.claim(LUNCH)
        with pytest.raises(RetryableError, match=r"It was told by: desktop, json [0-9a-f]{6}") as caught:
            await HANDLERS[PushNotification](LUNCH, context)
        assert caught.value.retry_after_ms == 3000
        again = await HANDLERS[PushNotification](LUNCH, context)
    assert (len(again["told"]), again["failed"]) == (3, {})
    assert (len(ntfy.taken), len(other.taken), len(await shown(client))) == (1, 1, 1)


async def test_a_target_that_refuses_for_good_does_not_hold_up_the_others(
    settings: Settings, store: Store, ntfy: PushServer
) -> None:
    async with hands(with_ntfy(settings, ntfy, ntfy_token="wrong"), store) as worker:
        result = await worker.run(LUNCH)
    assert result["told"] == ["desktop"]
    assert "refused the token" in result["failed"]["ntfy"]


async def test_where_nobody_can_be_told_the_job_fails_for_good(
    settings: Settings, store: Store, ntfy: PushServer
) -> None:
    async with hands(with_ntfy(settings, ntfy, ntfy_token="wrong", notify_targets="push"), store) as worker:
        with pytest.raises(PermanentError, match="refused the token"):
            await worker.run(LUNCH)
    async with hands(load_settings(redis_url=str(settings.external_redis_url), notify_targets="push"), store) as worker:
        with pytest.raises(PermanentError, match="nowhere to tell"):
            await worker.run(LUNCH, "b")


# --- Apprise ---


async def test_another_service_is_told_by_apprise(settings: Settings, other: PushServer) -> None:
    (target,) = push_targets(load_settings(notify_urls=f"json://127.0.0.1:{other.port}"))
    await target.send(Push("n", "Lunch", "At noon"))
    assert [(message["title"], message["message"], message["type"]) for message in other.taken] == [
        ("Lunch", "At noon", "info")
    ]


async def test_a_service_that_does_not_take_it_is_tried_again_and_its_address_is_not_told(other: PushServer) -> None:
    other.faults += [PushFault("status", 403), PushFault("slow")]
    address = f"json://user:planted-secret@127.0.0.1:{other.port}"
    (target,) = push_targets(load_settings(notify_urls=address, notify_timeout_s=0.5))
    for _ in range(2):
        with pytest.raises(RetryableError, match=r"json [0-9a-f]{6} did not") as caught:
            await target.send(Push("n", "Lunch", ""))
        assert "planted-secret" not in f"{caught.value} {target!r}"


async def test_an_address_that_apprise_does_not_know_is_a_fault_of_the_settings() -> None:
    (target,) = push_targets(load_settings(notify_urls="nonsense://planted-secret"))
    with pytest.raises(SettingsError, match="none that Apprise knows") as caught:
        await target.send(Push("n", "Lunch", ""))
    assert "planted-secret" not in str(caught.value)


def test_several_services_are_parted_by_spaces_or_commas_and_told_apart() -> None:
    targets = push_targets(load_settings(notify_urls="json://one, json://two\nxml://three?to=a,b"))
    names = [target.name for target in targets]
    assert [name.split()[0] for name in names] == ["json", "json", "xml"]
    assert len(set(names)) == 3


# --- email ---


def by_mail(settings: Settings, smtp: SmtpServer, **more: Any) -> Settings:
    given = {"smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_security": "none", "smtp_user": USER}
    return load_settings(redis_url=str(settings.external_redis_url), smtp_password=PASSWORD, **given | more)


async def test_an_email_notification_goes_to_the_users_own_address_once(
    settings: Settings, store: Store, smtp: SmtpServer
) -> None:
    told = EmailNotification(title="Disk full", message="Clean up.")
    async with hands(by_mail(settings, smtp), store) as worker:
        context = await worker.claim(told)
        await HANDLERS[EmailNotification](told, context)
        await HANDLERS[EmailNotification](told, context)
    (mail,) = smtp.mails
    assert (mail["to"], mail["subject"], mail.get_content().strip()) == (USER, "Disk full", "Clean up.")


async def test_a_notification_is_mailed_as_well_where_the_settings_say_so(
    settings: Settings, store: Store, smtp: SmtpServer, client: Client
) -> None:
    async with hands(by_mail(settings, smtp, notify_targets="desktop,email"), store) as worker:
        assert (await worker.run(LUNCH))["told"] == ["desktop", "email"]
        mailed = await store.find("a.email.a")
        assert (mailed.name, mailed.arguments["title"]) == ("email-notification", "Lunch")


# --- quiet hours ---


@pytest.mark.parametrize(
    ("now", "until"),
    [("21:59", None), ("22:00", "07:00"), ("23:30", "07:00"), ("06:59", "07:00"), ("07:00", None), ("12:00", None)],
)
def test_quiet_hours_go_over_midnight(now: str, until: str | None) -> None:
    moment = datetime.fromisoformat(f"2026-11-29 {now}").replace(tzinfo=BERLIN)
    over = quiet_until("22:00", "07:00", moment)
    assert (over.strftime("%H:%M") if over else None) == until
    assert over is None or timedelta(0) < over - moment <= timedelta(hours=9)


def test_without_both_ends_there_are_no_quiet_hours() -> None:
    night = datetime(2026, 11, 29, 3, 0, tzinfo=BERLIN)
    assert quiet_until(None, "07:00", night) is quiet_until("22:00", None, night) is quiet_until("3:00", "3:00", night)


def test_quiet_hours_end_by_the_clock_also_in_the_night_it_changes() -> None:
    over = quiet_until("22:00", "07:00", datetime(2027, 3, 27, 23, 0, tzinfo=BERLIN))
    assert over is not None
    assert over.astimezone(UTC) == datetime(2027, 3, 28, 5, 0, tzinfo=UTC)


def always_quiet(settings: Settings, **more: Any) -> Settings:
    """Quiet hours around the present moment."""
    now = datetime.now(UTC)
    start, end = (now - timedelta(hours=1)).strftime("%H:%M"), (now + timedelta(hours=2)).strftime("%H:%M")
    given = {"quiet_start": start, "quiet_end": end, "calendar_timezone": "UTC"}
    return load_settings(redis_url=str(settings.external_redis_url), **given | more)


async def test_what_comes_in_quiet_hours_is_told_at_their_end(settings: Settings, store: Store, client: Client) -> None:
    async with hands(always_quiet(settings), store) as worker:
        context = await worker.claim(LUNCH)
        result = await HANDLERS[PushNotification](LUNCH, context)
        held = [json.loads(line) for line in context.outbox]
    assert datetime.fromisoformat(result["held_until"]) > datetime.now(UTC) + timedelta(minutes=100)
    assert [line["job"]["id"] for line in held] == ["a.held.a"]
    assert 100 * 60_000 < held[0]["job"]["delay_ms"] <= 120 * 60_000
    assert await shown(client) == []


async def test_an_urgent_one_passes_quiet_hours(settings: Settings, store: Store, client: Client) -> None:
    async with hands(always_quiet(settings), store) as worker:
        await worker.run(PushNotification(title="Fire", urgent=True))
    assert await shown(client) == [("Fire", "")]


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="quiet_start"):
        load_settings(quiet_start="25:00")


# --- reminders ---


def remind_at(moment: datetime, text: str = "Call Anna") -> Remind:
    return Remind(text=text, due_at_ms=round(moment.timestamp() * 1000))


async def test_a_reminder_is_a_delayed_job_that_is_there_once(client: Client) -> None:
    when = datetime.now(UTC) + timedelta(hours=1)
    for _ in range(2):
        handle = await client.remind("local", "Call Anna", when, JobOptions(job_id="r1"))
    assert await handle.state() is JobState.DELAYED
    (reminder,) = await client.reminders()
    assert (reminder.id, reminder.text) == ("r1", "Call Anna")
    assert reminder.due_at_ms == (await handle.job()).arguments["due_at_ms"]


async def test_reminders_are_told_in_order_and_each_user_theirs(client: Client) -> None:
    now = datetime.now(UTC)
    for hours, text in ((3, "later"), (1, "sooner")):
        await client.remind("local", text, now + timedelta(hours=hours))
    await client.remind("anna", "hers", now + timedelta(hours=2))
    await client.notify("local", "No reminder")
    assert [reminder.text for reminder in await client.reminders()] == ["sooner", "later"]


async def test_a_cancelled_reminder_is_gone(client: Client) -> None:
    handle = await client.remind("local", "Call Anna", datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(NotFoundError):
        await client.cancel_reminder("anna", handle.id)
    await client.cancel_reminder("local", handle.id)
    assert await client.reminders() == ()
    with pytest.raises(NotFoundError):
        await client.cancel_reminder("local", handle.id)


@pytest.mark.parametrize("when", [timedelta(minutes=-1), timedelta(days=3000)])
async def test_a_moment_that_cannot_be_waited_for_is_refused(client: Client, when: timedelta) -> None:
    with pytest.raises(BadInputError, match="That moment"):
        await client.remind("local", "Call Anna", datetime.now(UTC) + when)


async def test_a_moment_without_a_zone_is_refused(client: Client) -> None:
    with pytest.raises(BadInputError, match="no time zone"):
        await client.remind("local", "Call Anna", datetime(2030, 1, 1))


async def test_a_reminder_at_its_moment_is_told_also_in_quiet_hours(
    settings: Settings, store: Store, client: Client
) -> None:
    async with hands(always_quiet(settings), store) as worker:
        await worker.run(remind_at(datetime.now(UTC)))
    assert await shown(client) == [("Reminder", "Call Anna")]


async def test_a_late_reminder_says_when_it_was_due(settings: Settings, store: Store, client: Client) -> None:
    due = datetime(2026, 1, 5, 16, 0, tzinfo=UTC)
    zoned = load_settings(redis_url=str(settings.external_redis_url), calendar_timezone="Europe/Berlin")
    async with hands(zoned, store) as worker:
        await worker.run(remind_at(due))
    assert await shown(client) == [("Reminder", "Call Anna\n(This was due on Monday, January 5, 2026 at 5 PM.)")]


async def test_a_late_reminder_waits_for_the_end_of_quiet_hours(
    settings: Settings, store: Store, client: Client
) -> None:
    async with hands(always_quiet(settings), store) as worker:
        assert "held_until" in await worker.run(remind_at(datetime.now(UTC) - timedelta(hours=3)))
    assert await shown(client) == []


# --- trial ---


async def test_the_trial_pushes_to_every_service(settings: Settings, ntfy: PushServer, other: PushServer) -> None:
    told = await try_service("notifications", with_ntfy(settings, ntfy, notify_urls=f"json://127.0.0.1:{other.port}"))
    assert told.startswith("A notification was taken by: ntfy, json ")
    assert (len(ntfy.taken), len(other.taken)) == (1, 1)


async def test_the_trial_says_that_nothing_is_set_up(settings: Settings) -> None:
    assert "No push service is set up" in await try_service("notifications", settings)


async def test_notifications_are_on_their_queue(client: Client) -> None:
    handle = await client.notify("local", "Lunch")
    mailed = await client.notify_by_email("local", "Lunch", to=["anna@example.org"])
    assert (handle.queue, mailed.queue) == (NOTIFICATION, NOTIFICATION)
