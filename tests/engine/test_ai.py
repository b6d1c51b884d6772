"""General requests to a model: what is asked, what is kept, and that nothing that was answered is paid for twice."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.admin import Admin
from engine.cli import main
from engine.client import Client
from engine.errors import BadInputError, HarkError, PermanentError, RedisGoneError, RetryableError
from engine.handlers import HANDLERS
from engine.job_types import AskAI, AskAIBatch
from engine.model import Answered, JobOptions, JobState
from engine.queues import AI_PROCESSING
from engine.settings import Settings, load_settings
from engine.store import FinishedJob, Store, keys, open_store
from engine.worker.broker import create_broker
from engine.worker.scheduler import Scheduler
from tests.engine.hands import Hands, hands, worker_thread
from tests.engine.worker_process import worker_process
from tests.redis_topologies import until as wait_for
from tests.servers import KEY, Fault, OpenAIDouble, says, serving

LIMIT_S = 30
FOUR = ("one", "two", "three", "four")


@pytest.fixture
def server() -> Iterator[OpenAIDouble]:
    """It answers each prompt with a text of its own."""
    with serving(OpenAIDouble()) as double:
        double.replies = {prompt: says(f"about {prompt}") for prompt in (*FOUR, "five", "six")}
        yield double


@pytest.fixture
def settings(fresh_redis: str, server: OpenAIDouble) -> Settings:
    """They name the double; two prompts of a batch are asked at the same time."""
    return load_settings(
        redis_url=fresh_redis, openai_api_key=KEY, openai_base_url=server.base_url, ai_at_once=2, ai_timeout_s=20
    )


@pytest.fixture
async def worker(settings: Settings, store: Store) -> AsyncIterator[Hands]:
    async with hands(settings, store) as made:
        yield made


def text_of(answers: tuple[Answered, ...]) -> dict[int, str]:
    """What was answered, by number."""
    return {answer.number: answer.text or f"refused: {answer.error}" for answer in answers}


async def until(store: Store, found: Callable[[], Awaitable[bool]]) -> None:
    """Look again with each event of the queue until it is found."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            position = await store.last_event(AI_PROCESSING)
            if await found():
                return
            await store.events({AI_PROCESSING: position}, 1000)


async def until_answered(store: Store, job_id: str, count: int) -> None:
    """Wait until a job has so many answers."""

    async def enough() -> bool:
        return len(await store.answers(AI_PROCESSING, job_id)) >= count

    await until(store, enough)


# --- asking ---


async def test_a_request_goes_to_the_model_with_its_instructions(worker: Hands, server: OpenAIDouble) -> None:
    payload = AskAI(prompt="one", instructions="Be short.", model="big-model")
    assert await worker.run(payload) == {
        "answer": "about one",
        "cut": False,
        "model": "big-model",
        "tokens": {"prompt": 9, "answer": 9},
    }
    assert server.requests[0].body == {
        "model": "big-model",
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "one"}],
    }


async def test_a_batch_keeps_the_order_tells_its_progress_and_asks_no_more_at_once_than_set(
    worker: Hands, server: OpenAIDouble, client: Client, store: Store
) -> None:
    server.company = 2
    context = await worker.claim(AskAIBatch(prompts=FOUR))
    told = await HANDLERS[AskAIBatch](AskAIBatch(prompts=FOUR), context)
    assert [answer["answer"] for answer in told["answers"]] == [f"about {prompt}" for prompt in FOUR]
    assert (told["answered"], told["refused"], told["tokens"]) == (4, 0, {"prompt": 36, "answer": 36})
    assert (await store.find("a")).progress == {"done": 4, "of": 4}
    assert server.most_at_once == 2
    assert server.requests[0].body["model"] == "gpt-6-luna"


async def test_an_answer_that_the_model_could_not_end_says_so(worker: Hands, server: OpenAIDouble) -> None:
    server.replies["one"] = {**says("about"), "finish_reason": "length"}
    assert (await worker.run(AskAI(prompt="one")))["cut"] is True


async def test_a_prompt_refused_for_good_is_told_beside_the_answers_and_asked_once_in_all_attempts(
    worker: Hands, server: OpenAIDouble, store: Store
) -> None:
    server.replies["two"] = {**says(""), "finish_reason": "content_filter"}
    server.faults += [Fault("status", prompt="three", status=400), Fault("status", prompt="four", status=503)]
    payload = AskAIBatch(prompts=FOUR)
    context = await worker.claim(payload)
    with pytest.raises(RetryableError, match="cannot answer now") as caught:
        await HANDLERS[AskAIBatch](payload, context)
    assert (await store.fail(context.job, str(caught.value)))[0] == "retrying"
    told = await worker.run(payload)
    assert [answer.get("answer") for answer in told["answers"]] == ["about one", None, None, "about four"]
    assert "refused to answer this" in told["answers"][1]["error"]
    assert "did not accept the answer (400)" in told["answers"][2]["error"]
    assert (told["answered"], told["refused"]) == (2, 2)
    assert Counter(server.prompts) == {"one": 1, "two": 1, "three": 1, "four": 2}


async def test_a_job_whose_prompts_are_all_refused_fails_for_good_and_asks_again_when_it_is_run_again(
    worker: Hands, server: OpenAIDouble, store: Store, admin: Admin
) -> None:
    server.replies |= {prompt: {**says(""), "finish_reason": "content_filter"} for prompt in FOUR}
    with pytest.raises(PermanentError, match="refused to answer this"):
        await worker.run(AskAI(prompt="three"), "b")
    payload = AskAIBatch(prompts=FOUR[:2])
    context = await worker.claim(payload)
    with pytest.raises(PermanentError, match=r"None of the 2 prompts was answered\. .* refused to answer this"):
        await HANDLERS[AskAIBatch](payload, context)
    await store.fail(context.job, "None was answered.", permanent=True)
    server.replies["one"] = says("about one")
    await admin.retry(AI_PROCESSING, ["a"], actor="ada")
    assert (await worker.run(payload))["answered"] == 1


async def test_without_a_model_a_job_fails_for_good_and_says_what_to_set(store: Store, fresh_redis: str) -> None:
    async with hands(load_settings(redis_url=fresh_redis), store) as offline:
        with pytest.raises(PermanentError, match="need a model, and none is set up") as caught:
            await offline.run(AskAIBatch(prompts=FOUR))
    assert "OPENAI_API_KEY" in caught.value.remedy


async def test_what_no_model_should_be_asked_is_refused_at_once(client: Client) -> None:
    with pytest.raises(BadInputError, match="ask-ai are wrong: prompt"):
        await client.ask_ai("ada", "")
    with pytest.raises(BadInputError, match="1200000 characters together"):
        await client.ask_ai_batch("ada", ["x" * 20_000] * 60)


async def test_a_batch_has_time_for_all_its_prompts(client: Client) -> None:
    job = await (await client.ask_ai_batch("ada", ["a"] * 1000)).job()
    assert (job.timeout_ms, job.attempts) == (500 * 20_000, 10)
    own = JobOptions(timeout_ms=1_000, attempts=1)
    job = await (await client.ask_ai_batch("ada", ["a"] * 1000, options=own)).job()
    assert (job.timeout_ms, job.attempts) == (1_000, 1)


async def test_a_batch_has_the_same_time_however_it_is_added(settings: Settings) -> None:
    prompts = ["a"] * 1000
    kicking = create_broker(settings)
    await kicking.startup()
    task = kicking.find_task("ask-ai-batch")
    assert task is not None
    kicked = (await task.kiq(prompts=prompts)).task_id
    await task.kiq(prompts="no list")  # whoever runs it refuses it
    await kicking.shutdown()
    async with open_store(settings) as store:
        batch, admin = AskAIBatch(prompts=tuple(prompts)), Admin(store)
        due = await admin.add_schedule("nightly", batch, every_ms=100, timezone="UTC", actor="ada")
        await until(store, functools.partial(_fired, store))
        by_hand = await admin.run_schedule_now("nightly", actor="ada")
        for job_id in (kicked, f"nightly:{due.next_at_ms}", by_hand):
            job = await store.find(job_id, (AI_PROCESSING,))
            assert (job.timeout_ms, job.attempts) == (500 * 20_000, 10)


async def _fired(store: Store) -> bool:
    await Scheduler(store, [AI_PROCESSING]).fire_due()
    (seen,) = (await store.schedules(AI_PROCESSING))[1]
    return seen.schedule.last_job is not None


# --- faults ---


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", prompt="three", status=429, headers={"retry-after": "7"}),
        Fault("status", prompt="three", status=503),
        Fault("cut", prompt="three"),
        Fault("early_end", prompt="three"),
        Fault("html", prompt="three"),
        Fault("slow", prompt="three"),
    ],
    ids=lambda fault: f"{fault.kind}{fault.status}",
)
async def test_a_batch_goes_on_after_a_fault_and_asks_nothing_twice(
    fresh_redis: str, store: Store, client: Client, server: OpenAIDouble, fault: Fault
) -> None:
    server.faults.append(fault)
    settings = load_settings(
        redis_url=fresh_redis,
        openai_api_key=KEY,
        openai_base_url=server.base_url,
        ai_at_once=1,
        ai_timeout_s=1 if fault.kind == "slow" else 20,
    )
    payload = AskAIBatch(prompts=FOUR)
    async with hands(settings, store) as worker:
        context = await worker.claim(payload)
        with pytest.raises(RetryableError, match="2 of 4 prompts are done, and kept") as caught:
            await HANDLERS[AskAIBatch](payload, context)
        assert caught.value.retry_after_ms == (7000 if fault.status == 429 else None)
        assert text_of(await client.ai_answers("a")) == {0: "about one", 1: "about two"}
        await store.fail(context.job, str(caught.value))
        assert (await worker.run(payload))["answered"] == 4
    assert Counter(server.prompts) == {"one": 1, "two": 1, "three": 2, "four": 1}


async def test_a_job_waits_for_as_long_as_the_server_asks(
    settings: Settings, client: Client, store: Store, server: OpenAIDouble
) -> None:
    server.faults.append(Fault("status", status=429, headers={"retry-after": "3600"}))
    with worker_thread(settings):
        handle = await client.ask_ai("ada", "one")

        async def put_off() -> bool:
            return await handle.state() is JobState.DELAYED

        await until(store, put_off)
    job = await handle.job()
    assert job.due_at_ms is not None
    assert job.due_at_ms - job.created_at_ms >= 3_600_000
    assert "is asked too often" in (job.error or "")


async def test_what_is_under_way_when_another_fails_is_waited_for_and_kept(
    worker: Hands, server: OpenAIDouble, client: Client, store: Store
) -> None:
    server.gates["two"] = threading.Event()
    server.faults.append(Fault("status", prompt="one", status=503))
    handler = asyncio.ensure_future(worker.run(AskAIBatch(prompts=FOUR)))

    async def told() -> bool:
        return bool(await store.log(AI_PROCESSING, "a"))

    await until(store, told)
    server.gates["two"].set()
    with pytest.raises(RetryableError, match="1 of 4 prompts are done"):
        await handler
    assert text_of(await client.ai_answers("a")) == {1: "about two"}
    assert sorted(server.prompts) == ["one", "two"]


@pytest.mark.expect_errors
async def test_a_key_refused_in_the_middle_keeps_what_came_and_a_retry_by_hand_goes_on(
    settings: Settings, client: Client, store: Store, server: OpenAIDouble, admin: Admin
) -> None:
    server.faults.append(Fault("status", prompt="three", status=401))
    with worker_thread(settings):
        handle = await client.ask_ai_batch("ada", FOUR)
        with pytest.raises(HarkError, match=r"refused the API key \(401\)\. . of 4 prompts are done") as caught:
            await handle.result(LIMIT_S)
        assert "Set OPENAI_API_KEY" in str(caught.value)
        before = len(await client.ai_answers(handle))
        assert before >= 1
        await admin.retry(AI_PROCESSING, [handle.id], actor="ada")
        assert (await handle.result(LIMIT_S))["answered"] == 4
    assert Counter(server.prompts) == {"one": 1, "two": 1, "three": 2, "four": 1}


async def test_an_answer_waits_for_redis_and_is_not_paid_for_again(
    worker: Hands, server: OpenAIDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, refusals = Store.keep_answer, [RedisGoneError("Redis is away."), RedisGoneError("Redis is away.")]

    async def keep_late(self: Store, *arguments: Any) -> bool:
        if refusals:
            raise refusals.pop()
        return await keep(self, *arguments)

    monkeypatch.setattr(Store, "keep_answer", keep_late)
    assert (await worker.run(AskAI(prompt="one")))["answer"] == "about one"
    assert server.prompts == ["one"]


async def test_a_worker_killed_in_the_middle_of_a_batch_loses_no_answer(
    settings: Settings,
    client: Client,
    store: Store,
    server: OpenAIDouble,
    monkeypatch: pytest.MonkeyPatch,
    fresh_redis: str,
) -> None:
    for name, value in {
        "REDIS_URL": fresh_redis,
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": server.base_url,
        "HARK_AI_AT_ONCE": "2",
    }.items():
        monkeypatch.setenv(name, value)
    prompts = (*FOUR, "five", "six")
    server.faults += [Fault("slow", prompt="four"), Fault("slow", prompt="five")]
    handle = await client.ask_ai_batch("ada", prompts)
    with worker_process("-m", "engine", "worker", "--queue", AI_PROCESSING) as process:
        await until_answered(store, handle.id, 3)
        await asyncio.to_thread(wait_for, lambda: {"four", "five"} <= set(server.prompts), "they were not asked")
        process.kill()
        process.wait()
    assert (await handle.job()).state is JobState.ACTIVE
    with redis.Redis.from_url(fresh_redis) as raw:
        raw.zadd(keys.state(AI_PROCESSING, "active"), {handle.id: 0})  # its lease has run out
    assert await store.recover(AI_PROCESSING, 1) == ([handle.id], [])
    async with hands(settings, store) as worker:
        told = await worker.run(AskAIBatch(prompts=prompts), handle.id)
    assert [answer["answer"] for answer in told["answers"]] == [f"about {prompt}" for prompt in prompts]
    assert Counter(server.prompts) == {"one": 1, "two": 1, "three": 1, "four": 2, "five": 2, "six": 1}


async def test_a_cancel_in_the_middle_keeps_what_came(
    settings: Settings, client: Client, store: Store, server: OpenAIDouble, admin: Admin
) -> None:
    server.faults += [Fault("slow", prompt="three"), Fault("slow", prompt="four")]
    with worker_thread(settings):
        handle = await client.ask_ai_batch("ada", FOUR)
        await until_answered(store, handle.id, 2)
        await admin.cancel(AI_PROCESSING, handle.id, actor="ada")
        with pytest.raises(HarkError, match="Cancelled"):
            await handle.result(LIMIT_S)
        assert text_of(await client.ai_answers(handle)) == {0: "about one", 1: "about two"}


async def test_two_workers_on_one_job_keep_all_answers_but_only_one_goes_on(
    worker: Hands, store: Store, fresh_redis: str, client: Client
) -> None:
    payload = AskAIBatch(prompts=FOUR)
    late = await worker.claim(payload)
    with redis.Redis.from_url(fresh_redis) as raw:
        raw.hset(keys.job(AI_PROCESSING, "a"), "token", "of another")
    with pytest.raises(RetryableError, match="Another worker has taken over"):
        await HANDLERS[AskAIBatch](payload, late)
    assert text_of(await client.ai_answers("a")) == {0: "about one", 1: "about two"}


# --- how long answers live ---


async def answered(worker: Hands, store: Store, job_id: str = "a") -> Any:
    """A job in hand with one answer."""
    context = await worker.claim(AskAIBatch(prompts=FOUR), job_id)
    await store.keep_answer(context.job, 0, {"answer": "about one"}, 4)
    return context.job


async def test_answers_go_into_the_result_and_a_completed_job_that_runs_again_asks_anew(
    worker: Hands, server: OpenAIDouble, store: Store, client: Client, admin: Admin, fresh_redis: str
) -> None:
    payload = AskAIBatch(prompts=FOUR)
    context = await worker.claim(payload)
    result = await HANDLERS[AskAIBatch](payload, context)
    await store.finish(AI_PROCESSING, [FinishedJob(context.job, json.dumps(result), 1)])
    with redis.Redis.from_url(fresh_redis) as raw:
        assert not raw.exists(keys.answers(AI_PROCESSING, "a"))
    assert text_of(await client.ai_answers("a"))[3] == "about four"
    await admin.retry(AI_PROCESSING, ["a"], state=JobState.COMPLETED, actor="ada")
    await worker.run(payload)
    assert Counter(server.prompts) == dict.fromkeys(FOUR, 2)


async def test_answers_go_with_their_jobs_record(
    worker: Hands, store: Store, client: Client, admin: Admin, fresh_redis: str
) -> None:
    await store.fail(await answered(worker, store), "It failed.", permanent=True)
    removed = await admin.remove(AI_PROCESSING, "a", actor="ada")
    assert await store.answers(AI_PROCESSING, "a") == {}
    assert removed.batch is not None
    await admin.restore(AI_PROCESSING, removed.batch, actor="ada")
    assert text_of(await client.ai_answers("a")) == {0: "about one"}
    with redis.Redis.from_url(fresh_redis) as raw:
        assert raw.ttl(keys.answers(AI_PROCESSING, "a")) == -1
        await admin.clean(AI_PROCESSING, JobState.FAILED, purge=True, actor="ada")
        assert not [key for key in raw.scan_iter() if b"answers" in key]


async def test_answers_of_a_failed_job_end_with_its_retention(worker: Hands, store: Store, fresh_redis: str) -> None:
    job = await answered(worker, store)
    with redis.Redis.from_url(fresh_redis) as raw:
        await store.fail(job, "It failed.", permanent=True)
        raw.zadd(keys.state(AI_PROCESSING, "failed"), {"a": 1})  # a day ago, and longer
        await store.retain(AI_PROCESSING)
        assert not [key for key in raw.scan_iter() if b"answers" in key]


# --- the command line ---


@pytest.mark.expect_errors
def test_the_command_line_asks_one_and_many_and_shows_what_came(
    settings: Settings,
    server: OpenAIDouble,
    fresh_redis: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    server.replies["two"] = {**says(""), "finish_reason": "content_filter"}
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("one\n\n two \nthree\n")
    with worker_thread(settings):
        assert main(["ai", "ask", "one"]) == 0
        assert capsys.readouterr().out == "about one\n"
        assert main(["ai", "batch", str(prompts), "--job", "mine"]) == 1
        told = capsys.readouterr()
        assert "job mine" in told.err
        assert told.out.splitlines()[0] == "1: about one"
        assert told.out.splitlines()[1].startswith("2 was refused: ")
        prompts.write_text("four\n")
        assert main(["ai", "batch", str(prompts), "--job", "mine"]) == 1
        assert "The job mine has other prompts." in capsys.readouterr().err
        server.faults.append(Fault("status", status=401))
        assert main(["ai", "batch", str(prompts), "--job", "failed"]) == 1
        assert "refused the API key" in capsys.readouterr().err
        assert main(["ai", "batch", str(prompts), "--job", "failed"]) == 0
        assert capsys.readouterr().out == "1: about four\n"
    assert main(["ai", "answers", "mine", "--json"]) == 0
    assert [answer["number"] for answer in json.loads(capsys.readouterr().out)] == [0, 1, 2]
    assert Counter(server.prompts) == {"one": 2, "two": 1, "three": 1, "four": 2}


def test_the_command_line_says_why_a_request_waits(settings: Settings, server: OpenAIDouble, fresh_redis: str) -> None:
    """It had waited without a word for as long as the queue was paused."""
    environment = {**os.environ, "REDIS_URL": fresh_redis}
    hark = [sys.executable, "-m", "engine"]
    with worker_thread(settings):
        subprocess.run([*hark, "pause", AI_PROCESSING], env=environment, check=True, capture_output=True)
        with subprocess.Popen(
            [*hark, "ai", "ask", "one"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as asking:
            assert asking.stdout is not None
            assert asking.stderr is not None
            assert asking.stderr.readline() == (
                "The ai-processing queue is paused: the request waits in it. "
                "Run `hark resume ai-processing` to go on.\n"
            )
            subprocess.run([*hark, "resume", AI_PROCESSING], env=environment, check=True, capture_output=True)
            assert asking.stdout.read() == "about one\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("\n \n", "holds no prompts"), ('["one", 2]', "other things than texts"), ("[", "is no JSON")],
)
def test_a_file_without_prompts_is_refused(
    tmp_path: Path, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prompts").write_text(text)
    assert main(["ai", "batch", str(tmp_path / "prompts")]) == 1
    assert complaint in capsys.readouterr().err
