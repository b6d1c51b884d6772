"""Rubbish in, a plain word out: on the command line, in labels and arguments, and in Redis itself.

HARK_TEST_EXAMPLES=200 tries ten times as many examples as usual.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from taskiq.exceptions import SendTaskError
from taskiq.kicker import AsyncKicker

from engine.cli import hark, main
from engine.errors import HarkError
from engine.model import JobState
from engine.monitor import Monitor
from engine.queues import QUEUES
from engine.settings import load_settings
from engine.store import NewJob, Store, keys
from engine.worker.broker import QueueBroker
from tests.chaos.jobs import CHILDREN, PARENTS
from tests.chaos.server import Server

LIMIT_S = 15
_T = TypeVar("_T")

fuzzed = settings(
    max_examples=int(os.environ.get("HARK_TEST_EXAMPLES", "20")),
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # an example costs too much here to make it smaller
    suppress_health_check=list(HealthCheck),
)

# --- command lines ---

_GO_ON = {"worker", "ask", "serve", "api", "schedules", "doctor"}
"""Commands that may run for long (or start what does) when they are given no wrong option."""
_words = st.one_of(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12),
    st.sampled_from(["", "-", "--", "-1", "0", "1e9", "9" * 20, "nan", "caf\udce9", "--=", "-h", "\u202e"]),
    st.sampled_from(sorted(QUEUES)),
    st.sampled_from([state.value for state in JobState]),
    st.sampled_from(["j0", "j1", "no-such-job"]),
    st.sampled_from(
        sorted(
            {
                option
                for command in hark.commands.values()
                for parameter in command.params
                for option in parameter.opts
                # The last two wait for a worker.
                if option.startswith("-") and option not in ("--debug", "--follow", "--canary")
            }
        )
    ),
)
_lines = st.builds(
    lambda command, words: [command, *words] + (["--no-such-option"] if command in _GO_ON else []),
    st.one_of(st.sampled_from(sorted(hark.commands)), _words),
    st.lists(_words, max_size=5),
)


@pytest.fixture
def on_redis(fresh_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Commands of the test find the emptied server, and leave their files in a folder of its own."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.chdir(tmp_path)
    return fresh_redis


def _say(argv: list[str]) -> tuple[int, str]:
    """Run a command line with streams as strict as a terminal's; gives its exit code and all that it printed."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(argv)
    return code, (out.buffer.getvalue() + err.buffer.getvalue()).decode("utf-8", "replace")  # type: ignore[attr-defined]


def test_no_command_line_ends_in_a_traceback(on_redis: str) -> None:
    _do(_with_store(on_redis, lambda store: store.add(PARENTS, [_job("j0"), _job("j1")])))

    @settings(fuzzed, max_examples=5 * fuzzed.max_examples)
    @given(_lines)
    def check(argv: list[str]) -> None:
        code, printed = _say(argv)
        assert code in (0, 1, 2), printed
        assert "Traceback" not in printed
        assert "an error of its own" not in printed, printed

    check()


# --- what people put into jobs ---

_texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\x00", "nan", "1e999", "{}", "null", "-1", "0"])
_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=10,
)
_label_names = st.sampled_from(
    ["queue", "priority", "attempts", "backoff", "backoff_ms", "delay_ms", "timeout", "jitter", "trace", "parent"]
)


def _job(job_id: str, data: str = '{"pause_s":0}', **changes: Any) -> NewJob:
    return NewJob(job_id, "steady", data, 4, 1, "fixed", 0, 60_000, **changes)


def _do(coroutine: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(coroutine)


async def _with_store(url: str, call: Any) -> Any:
    store = Store(url)
    try:
        return await call(store)
    finally:
        await store.close()


class _Worker:
    """A worker process that must outlive everything, and the server that it works on."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.raw: Any = redis.Redis.from_url(url)
        self._number = 0
        queues = {queue: {"concurrency": 20, "keep_completed_count": 1000} for queue in (PARENTS, CHILDREN)}
        environment = os.environ | {
            "REDIS_URL": url,
            "HARK_LEASE_MS": "500",
            "HARK_QUEUES": json.dumps(queues),
            "HARK_TEST_TRAIL": str(folder / "trail"),
        }
        self.log = folder / "worker.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.jobs"], stdin=subprocess.DEVNULL, stderr=log, env=environment
            )

    def must_still_work(self) -> None:
        """A good job added now runs, and nothing that was there before is left to run."""
        self._number += 1
        name = f"good{self._number}"
        _do(_with_store(self.url, lambda store: store.add(PARENTS, [_job(name)])))
        key = keys.job(PARENTS, name)
        self._until(lambda: self.raw.hget(key, "state") == b"completed", "the good job does not run")
        self._until(lambda: not self._unended(), "jobs are left that never end")

    def _unended(self) -> int:
        return sum(int(self.raw.zcard(keys.state(PARENTS, JobState(state)))) for state in ("waiting", "active"))

    def _until(self, condition: Any, complaint: str) -> None:
        end_s = time.monotonic() + LIMIT_S
        while not condition():
            assert self.process.poll() is None, f"the worker has ended: {self.log.read_text(errors='replace')[-3000:]}"
            assert time.monotonic() < end_s, f"{complaint}: {self.log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.01)


@pytest.fixture
def worker(fresh_redis: str, tmp_path: Path) -> Iterator[_Worker]:
    """A worker on the emptied server."""
    own = _Worker(fresh_redis, tmp_path)
    try:
        yield own
    finally:
        own.process.kill()
        own.process.wait()
        own.raw.close()


def test_labels_of_any_kind_are_refused_in_plain_words_or_run(worker: _Worker) -> None:
    async def kick(labels: dict[str, Any], arguments: dict[str, Any]) -> None:
        broker = QueueBroker(load_settings(redis_url=worker.url))
        broker.register_task(_nothing, task_name="steady", queue=PARENTS)
        await broker.startup()
        try:
            kicker: AsyncKicker[Any, Any] = AsyncKicker("steady", broker, {"queue": PARENTS, "attempts": 1})
            try:
                await kicker.with_labels(**labels).kiq(**arguments)
            except SendTaskError as error:
                # taskiq's wrapping: of our refusal, or of its own where the text cannot be written as UTF-8.
                if not isinstance(error.__cause__, (HarkError, UnicodeEncodeError)):
                    raise
        finally:
            await broker.shutdown()

    @fuzzed
    @given(st.dictionaries(_label_names, _values, max_size=4), st.dictionaries(_texts, _values, max_size=3))
    def check(labels: dict[str, Any], arguments: dict[str, Any]) -> None:
        _do(kick(labels, arguments))
        worker.must_still_work()

    check()


async def _nothing() -> None:
    pass


def test_arguments_of_any_kind_end_their_job_and_nothing_else(worker: _Worker) -> None:
    @fuzzed
    @given(st.lists(_texts | _values.map(json.dumps), min_size=1, max_size=8))
    def check(texts: list[str]) -> None:
        jobs = [_job(f"a{number}", text) for number, text in enumerate(texts)]
        with contextlib.suppress(HarkError, UnicodeEncodeError):
            _do(_with_store(worker.url, lambda store: store.add(PARENTS, jobs)))
        worker.must_still_work()
        worker.raw.delete(*(keys.job(PARENTS, job.id) for job in jobs))

    check()


# --- what somebody's hand, or a fault, put into Redis ---

_FIELDS = [
    "name",
    "data",
    "options",
    "made",
    "created",
    "queued",
    "trace",
    "parent",
    "token",
    "score",
    "stalled",
    "state",
    "history",
    "progress",
    "result",
    "error",
    "due",
    "started",
    "finished",
    "signature",
    "worker",
]
_rubbish = st.one_of(
    st.none(),  # the field is missing
    st.binary(max_size=12),
    _values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"\xff\xfe", b"", b"1e999", b"nan", b"-1", b"99999999999999999999999", b"[[[[", b"null", b"[1]"]),
)
_records = st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _rubbish))
_kinds = st.sampled_from(["hash", "hash", "hash", "hash", "string", "list", "none"])
_ids = st.binary(min_size=1, max_size=8).map(lambda part: b"x" + part) | st.integers(0, 99).map(lambda n: b"c%d" % n)
_Spoilt = tuple[bytes, str, dict[str, bytes | None]]
_spoilt: st.SearchStrategy[_Spoilt] = st.tuples(_ids, _kinds, _records)
_SOUND = {
    "name": b"steady",
    "data": b'{"pause_s":0}',
    "options": b'{"priority":4,"attempts":1,"backoff":"fixed","backoff_ms":0,"timeout_ms":60000}',
    "created": b"1",
}


def _spoil(raw: Any, queue: str, state: JobState, spoilt: _Spoilt, score: float) -> None:
    """Put a record that is not as it should be into a state."""
    job_id, kind, record = spoilt
    key = keys.job(queue, "").encode() + job_id
    raw.delete(key)
    if kind == "hash":
        fields = {**_SOUND, "state": state.encode(), **record}
        fields = {name: value for name, value in fields.items() if value is not None}
        if fields:
            raw.hset(key, mapping=fields)
    elif kind == "string":
        raw.set(key, b"rubbish")
    elif kind == "list":
        raw.rpush(key, b"rubbish")
    raw.zadd(keys.state(queue, state), {job_id: score})


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.DELAYED, JobState.ACTIVE])
def test_spoilt_records_neither_kill_nor_hold_up_the_worker(worker: _Worker, state: JobState) -> None:
    @settings(fuzzed, max_examples=max(1, fuzzed.max_examples // 2))
    @given(st.lists(_spoilt, min_size=1, max_size=6))
    def check(spoilt: list[_Spoilt]) -> None:
        for number, one in enumerate(spoilt):
            _spoil(worker.raw, PARENTS, state, one, number)
        worker.raw.zadd(keys.marker(PARENTS), {"0": 0})
        worker.must_still_work()

    check()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("string", JobState.WAITING),
        ("list", JobState.WAITING),
        ("none", JobState.WAITING),
        ("string", JobState.DELAYED),
        ("none", JobState.DELAYED),
        ("list", JobState.ACTIVE),
        ("none", JobState.ACTIVE),
    ],
)
def test_good_jobs_beside_a_spoilt_one_are_not_lost(worker: _Worker, kind: str, state: JobState) -> None:
    for number in range(7):
        name = b"c%d" % number
        _spoil(worker.raw, PARENTS, state, (name, kind if number == 3 else "hash", {}), number)
    worker.raw.zadd(keys.marker(PARENTS), {"0": 0})
    worker.must_still_work()
    assert {member for member, _ in worker.raw.zscan_iter(keys.state(PARENTS, JobState.COMPLETED))} >= {
        b"c%d" % number for number in range(7) if number != 3
    }


@pytest.mark.parametrize(
    "rubbish",
    [b"nan", b"-1e999", b"1e999", b"rubbish"],
)
def test_times_and_numbers_that_are_none_do_not_keep_a_job_from_its_end(worker: _Worker, rubbish: bytes) -> None:
    options = b'{"priority":"1e999","attempts":2,"backoff_ms":1e999,"timeout_ms":1e999}'
    spoilt: dict[str, bytes | None] = {"queued": rubbish, "created": rubbish, "made": rubbish, "options": options}
    _spoil(worker.raw, PARENTS, JobState.WAITING, (b"fails", "hash", {**spoilt, "name": b"refusing"}), 1)
    _spoil(worker.raw, PARENTS, JobState.WAITING, (b"works", "hash", spoilt), 2)
    worker.raw.zadd(keys.marker(PARENTS), {"0": 0})
    worker.must_still_work()
    now_ms = worker.raw.time()[0] * 1000
    due_ms = worker.raw.zscore(keys.state(PARENTS, JobState.DELAYED), "fails")
    assert due_ms is not None  # it is tried again, after a back-off that somebody can wait for
    assert due_ms < now_ms + 60_000
    assert worker.raw.zscore(keys.state(PARENTS, JobState.COMPLETED), "works") is not None


@pytest.mark.parametrize("place", ["inf", "1e40", "-inf"])
def test_a_job_at_an_impossible_place_does_not_hang_the_server(
    tmp_path: Path, redis_binary: Path | None, place: str
) -> None:
    server = Server(tmp_path / "redis", redis_binary)
    server.start()
    try:
        with server.client() as client:
            client.zadd(keys.state(PARENTS, JobState.WAITING), {"a": place})
        sample = _do(_with_store(server.url, lambda store: store.sample(PARENTS, 1)))
        assert sample[1] == 1
    finally:
        server.kill()


def test_spoilt_records_are_shown_as_far_as_they_can_be_read(on_redis: str) -> None:
    raw: Any = redis.Redis.from_url(on_redis)

    async def look(ids: list[str]) -> None:
        chosen = load_settings()

        async def read(store: Store) -> None:
            monitor = Monitor(store, chosen)
            await monitor.snapshot()
            for state in JobState:
                await monitor.jobs(PARENTS, state)
            for job_id in ids:
                with contextlib.suppress(HarkError):
                    await monitor.job(job_id)

        await _with_store(on_redis, read)

    @fuzzed
    @given(st.lists(st.tuples(st.sampled_from(list(JobState)), _spoilt), min_size=1, max_size=6))
    def check(spoilt: list[tuple[JobState, _Spoilt]]) -> None:
        raw.flushdb()
        for number, (state, one) in enumerate(spoilt):
            _spoil(raw, PARENTS, state, one, number)
        _do(look([one[0].decode("utf-8", "replace") for _, one in spoilt]))
        for line in (["jobs", PARENTS], ["jobs", PARENTS, "--json"], ["status"], ["job", "c1"]):
            code, printed = _say(line)
            assert code in (0, 1), printed
            assert "an error of its own" not in printed, printed

    check()
    raw.close()
