"""Submitting work: defaults, order, waiting for results, and a command that nobody runs yet."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import redis

from engine.audio import Recording
from engine.client import Client
from engine.errors import BadInputError, HarkError, NotFoundError
from engine.job_types import CreateTask, ProcessVoiceCommand, SynthesizeSpeech
from engine.model import JobOptions, JobState, Waiting, WorkerInfo
from engine.queues import QUEUES
from engine.settings import Settings, load_settings
from engine.store import Claimed, FinishedJob, Store, keys
from engine.store.presence import sign_of_life
from tests.redis_topologies import until

TASKS = "task-processing"


async def _claim(store: Store, queue: str = TASKS, token: str = "t") -> Claimed:
    (job,) = (await store.take(queue, 1, lease_ms=60_000, token=token, worker="w")).jobs
    return job


def test_a_job_gets_its_queues_defaults(client: Client) -> None:
    job = client.prepare(CreateTask(title="milk"))
    assert (job.name, job.priority, job.attempts, job.backoff, job.backoff_ms, job.timeout_ms) == (
        ("create-task", 4, 3, "exponential", 2000, 120_000)
    )
    assert job.trace == job.id


def test_a_settings_file_changes_the_defaults(fresh_redis: str, store: Store) -> None:
    settings = load_settings(redis_url=fresh_redis, queues={TASKS: {"attempts": 7, "timeout_ms": 500}})
    job = Client(store, settings).prepare(CreateTask(title="milk"))
    assert (job.attempts, job.timeout_ms) == (7, 500)


def test_options_win_over_defaults(client: Client) -> None:
    options = JobOptions("my-id", priority=1, attempts=5, backoff="fixed", backoff_ms=0, delay_ms=10, timeout_ms=20)
    job = client.prepare(CreateTask(title="milk"), options)
    assert (job.id, job.priority, job.attempts, job.backoff) == ("my-id", 1, 5, "fixed")
    assert (job.backoff_ms, job.delay_ms, job.timeout_ms) == (0, 10, 20)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (JobOptions(priority=0), "priority 0 is not from 1"),
        (JobOptions(priority=17), "priority 17 is not from 1"),
        (JobOptions(delay_ms=-1), "delay_ms -1 is not from 0"),
        (JobOptions(job_id="x" * 201), "1 to 200 characters"),
    ],
)
def test_options_out_of_range_are_refused(client: Client, options: JobOptions, complaint: str) -> None:
    with pytest.raises(BadInputError, match=complaint):
        client.prepare(CreateTask(title="milk"), options)


async def test_handles_of_a_bulk_come_in_the_order_given(client: Client) -> None:
    payloads = [CreateTask(title="a"), SynthesizeSpeech(text="b"), CreateTask(title="c"), SynthesizeSpeech(text="d")]
    handles = await client.add_bulk(payloads, [JobOptions(name) for name in "abcd"])
    assert [(handle.id, handle.queue) for handle in handles] == [
        ("a", TASKS),
        ("b", "synthesis"),
        ("c", TASKS),
        ("d", "synthesis"),
    ]


async def test_a_bulk_of_many_may_come_one_by_one(client: Client, store: Store) -> None:
    handles = await client.add_bulk(CreateTask(title=f"buy {number}") for number in range(1_200))
    titles = [(await handle.job()).arguments["title"] for handle in (handles[0], handles[700], handles[-1])]
    assert titles == ["buy 0", "buy 700", "buy 1199"]
    assert len({handle.id for handle in handles if handle.added}) == 1_200


@pytest.mark.parametrize("given", [3, 1_700])
async def test_a_generator_that_raises_ends_the_adding_and_leaves_nothing_half_done(
    client: Client, store: Store, given: int
) -> None:
    def tasks() -> Iterator[CreateTask]:
        for number in range(given):
            yield CreateTask(title=f"buy {number}")
        raise ValueError("the file ends here")

    at_work = asyncio.all_tasks()
    with pytest.raises(ValueError, match="the file ends here"):
        await client.add_bulk(tasks())
    assert {task for task in asyncio.all_tasks() - at_work if task.get_name() != "redis lane"} == set()
    # What is on its way to Redis comes in order: nothing is added after this.
    await client.add(CreateTask(title="the last"))
    jobs = await store.jobs(TASKS, JobState.WAITING, 0, 3_000)
    titles = [job.arguments["title"] for job in jobs]
    *earlier, last = titles
    assert last == "the last"
    assert len(earlier) in ((0,) if given == 3 else (0, 500, 1_000, 1_500))
    assert earlier == [f"buy {number}" for number in range(len(earlier))]


async def test_adding_an_id_again_gives_the_first_jobs_handle(client: Client) -> None:
    first = await client.add(CreateTask(title="first"), JobOptions("once"))
    again = await client.add(CreateTask(title="again"), JobOptions("once"))
    assert (first.added, again.added) == (True, False)
    assert (await again.job()).arguments == {"title": "first"}


async def test_a_bulk_with_one_bad_job_adds_none(client: Client, store: Store) -> None:
    with pytest.raises(BadInputError):
        await client.add_bulk([CreateTask(title="a")] * 2, [None, JobOptions(priority=99)])
    assert await store.jobs(TASKS, JobState.WAITING, 0, 10) == ()


async def test_the_result_is_waited_for(client: Client, store: Store) -> None:
    handle = await client.create_task("ada", "milk")
    waiting = asyncio.create_task(handle.result(timeout_s=30))
    await store.finish(TASKS, [FinishedJob(await _claim(store), '{"id":1}', 1)])
    assert await waiting == {"id": 1}


async def test_the_result_of_a_finished_job_is_there_at_once(client: Client, store: Store) -> None:
    handle = await client.create_task("ada", "milk")
    await store.finish(TASKS, [FinishedJob(await _claim(store), "null", 1)])
    assert await handle.result() is None


async def test_waiting_for_a_job_that_fails_raises_its_reason(client: Client, store: Store) -> None:
    handle = await client.create_task("ada", "milk")
    waiting = asyncio.create_task(handle.result(timeout_s=30))
    await store.fail(await _claim(store), "The list is full.", permanent=True)
    with pytest.raises(HarkError, match="The list is full"):
        await waiting


async def test_waiting_too_long_leaves_the_job_alone(client: Client) -> None:
    handle = await client.create_task("ada", "milk")
    with pytest.raises(TimeoutError, match=r"has not ended within 0\.05 s"):
        await handle.result(timeout_s=0.05)
    assert await handle.state() is JobState.WAITING


# --- jobs whose record goes at their end ---


GOES_AT_ONCE = JobOptions(keep_completed_count=0, keep_failed_count=0)


async def test_the_result_of_a_job_that_is_not_kept_reaches_who_waits(client: Client, store: Store) -> None:
    handle = await client.add(CreateTask(title="milk"), GOES_AT_ONCE)
    waiting = asyncio.create_task(handle.result(timeout_s=30))
    await _until_awaited(store, handle.id)
    await store.finish(TASKS, [FinishedJob((await _claim(store))._replace(keep_count=0), '{"id":1}', 1)])
    assert await waiting == {"id": 1}
    with pytest.raises(NotFoundError):
        await handle.job()


async def test_an_awaited_job_may_end_before_anybody_waits(client: Client, store: Store, fresh_redis: str) -> None:
    handle = await client.add(CreateTask(title="milk"), replace(GOES_AT_ONCE, awaited=True))
    await store.finish(TASKS, [FinishedJob((await _claim(store))._replace(keep_count=0), '{"id":1}', 1)])
    assert await handle.result(timeout_s=30) == {"id": 1}
    with redis.Redis.from_url(fresh_redis) as raw:
        (left,) = [key for key in raw.scan_iter() if b"result:" in key]
        assert 0 < int(raw.pttl(left)) <= 300_000


async def test_the_failure_of_a_job_that_is_not_kept_is_told_with_its_reason(client: Client, store: Store) -> None:
    handle = await client.add(CreateTask(title="milk"), replace(GOES_AT_ONCE, awaited=True))
    await store.fail(await _claim(store), "The list is full.", permanent=True)
    with pytest.raises(HarkError, match="The list is full"):
        await handle.result(timeout_s=30)


async def test_the_cancel_of_an_awaited_job_is_told(client: Client, store: Store) -> None:
    handle = await client.add(CreateTask(title="milk"), replace(GOES_AT_ONCE, awaited=True))
    await store.cancel(TASKS, handle.id, "Not wanted any more.", actor="ada")
    with pytest.raises(HarkError, match="Not wanted any more"):
        await handle.result(timeout_s=30)


async def test_of_more_jobs_ending_together_than_are_kept_each_result_reaches_who_waits(
    client: Client, store: Store
) -> None:
    count = QUEUES[TASKS].keep_completed_count + 5
    handles = await client.add_bulk([CreateTask(title="milk")] * count, [JobOptions(awaited=True)] * count)
    taken = await store.take(TASKS, count, lease_ms=60_000, token="t", worker="w")
    await store.finish(TASKS, [FinishedJob(job, f'"{job.id}"', 1) for job in taken.jobs])
    assert [await handle.result(timeout_s=30) for handle in handles] == [handle.id for handle in handles]


async def test_what_is_not_kept_and_was_not_awaited_is_said_with_the_remedy(client: Client, store: Store) -> None:
    handle = await client.add(CreateTask(title="milk"), GOES_AT_ONCE)
    await store.finish(TASKS, [FinishedJob((await _claim(store))._replace(keep_count=0), "1", 1)])
    with pytest.raises(NotFoundError, match="not kept any more") as caught:
        await handle.result(timeout_s=30)
    assert "awaited=True" in caught.value.remedy


async def test_a_new_job_does_not_come_to_what_an_old_one_of_its_id_came_to(client: Client, store: Store) -> None:
    options = replace(GOES_AT_ONCE, job_id="a", awaited=True)
    await client.add(CreateTask(title="milk"), options)
    await store.finish(TASKS, [FinishedJob((await _claim(store))._replace(keep_count=0), "1", 1)])
    again = await client.add(CreateTask(title="milk"), replace(options, awaited=False))
    waiting = asyncio.create_task(again.result(timeout_s=30))
    await _until_awaited(store, "a")
    await store.fail(await _claim(store, token="second"), "The list is full.", permanent=True)
    with pytest.raises(HarkError, match="The list is full"):
        await waiting


async def _until_awaited(store: Store, job_id: str) -> None:
    """Wait until somebody waits for the job."""
    with redis.Redis.from_url(store._url) as raw:
        marked = functools.partial(raw.hget, keys.job(TASKS, job_id), "awaited")
        await asyncio.to_thread(until, lambda: marked() is not None, "nobody waits")


async def test_a_handle_tells_progress(client: Client, store: Store) -> None:
    handle = await client.create_task("ada", "milk")
    assert await handle.progress() is None
    await store.progress(await _claim(store), 50)
    assert await handle.progress() == 50


@pytest.mark.parametrize("said", ["", "  \n", Recording(np.zeros(16_000, np.int16)), Recording(np.zeros(0, np.int16))])
async def test_nothing_said_is_refused(client: Client, store: Store, said: str | Recording) -> None:
    with pytest.raises(BadInputError):
        await anext(client.ask(said))
    assert await store.jobs("voice-processing", JobState.WAITING, 0, 10) == ()


async def test_bytes_that_are_no_audio_are_refused(client: Client) -> None:
    with pytest.raises(BadInputError):
        await client.transcribe_audio("ada", b"not a sound", "audio/wav")


async def test_a_command_without_a_worker_waits_and_is_kept(client: Client, store: Store) -> None:
    event = await anext(client.ask("add milk to my list"))
    assert isinstance(event, Waiting)
    assert event.message == "No worker is running: the command is kept. Start one with `hark worker`."
    (job,) = await store.jobs("voice-processing", JobState.WAITING, 0, 10)
    assert (job.id, job.arguments["text"]) == (event.trace, "add milk to my list")


async def test_a_command_whose_worker_leaves_in_the_middle_says_so(client: Client, store: Store) -> None:
    await store.tell_alive("w", sign_of_life(WorkerInfo("w", "here", 1, tuple(QUEUES), 0, 2**52, 0)))
    asking = client.ask("add milk to my list")
    told = asyncio.ensure_future(anext(asking))
    assert await store.wait_for_work(["voice-processing"], "w", 10) == "voice-processing"
    taken = await _claim(store, "voice-processing")
    await store.forget_worker("w")
    event = await told
    assert isinstance(event, Waiting)
    assert (event.trace, event.message[:24]) == (taken.id, "No worker is running: th")


async def test_a_command_on_a_paused_queue_says_which(client: Client, store: Store) -> None:
    await store.set_paused("voice-processing", True, actor="ada")
    event = await anext(client.ask("add milk to my list"))
    assert isinstance(event, Waiting)
    assert event.message.startswith("The voice-processing queue is paused")


async def test_a_command_that_goes_on_after_it_waited_says_so(client: Client, store: Store) -> None:
    asking = client.ask("add milk to my list")
    waited = await anext(asking)
    await store.tell_alive("w", sign_of_life(WorkerInfo("w", "here", 1, tuple(QUEUES), 0, 2**52, 0)))
    assert await anext(asking) == Waiting(waited.trace, "")


async def test_a_recording_is_on_disk_before_it_is_sent(client: Client, settings: Settings) -> None:
    tone = (np.sin(np.arange(16_000) / 8) * 8000).astype(np.int16)
    event = await anext(client.ask(Recording(tone)))
    kept = settings.data_dir / "recordings" / f"{event.trace}.flac"
    assert np.array_equal(Recording.decode(kept.read_bytes()).samples, tone)


async def test_a_voice_command_is_queued_first(client: Client) -> None:
    handle = await client.process_voice_command("ada", "what is next?")
    job = await handle.job()
    assert (job.name, job.priority, handle.queue) == (ProcessVoiceCommand.job_name, 1, "voice-processing")


async def test_a_bulk_whose_first_part_is_refused_leaves_nothing_under_way(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An error that nobody takes would be logged, which fails a test.
    async def refuse(*_: object) -> list[bool]:
        raise HarkError("Refused.")

    monkeypatch.setattr(Store, "add", refuse)
    with pytest.raises(HarkError, match="Refused"):
        await client.add_bulk([CreateTask(title="milk")] * 2000)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
