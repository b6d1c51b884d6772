"""The store against a small model: whatever the order of operations, every job is in exactly one place."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from engine.model import JobState
from engine.store import Claimed, FinishedJob, NewJob, Store, keys

QUEUE = "email-processing"
MAX_STALLED = 1
ATTEMPTS = 2
LONG_MS = 3_600_000
_T = TypeVar("_T")

_numbers = st.integers(0, 30)
_priorities = st.integers(1, 3)


class StoreMachine(RuleBasedStateMachine):
    """Does at random what workers and operators do, and keeps beside it what must have come of it.

    Delays and leases are an hour or nothing, so that time itself changes nothing unseen.
    """

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.raw: Any = redis.Redis.from_url(self.url, decode_responses=True)
        self.raw.flushall()
        self.loop = asyncio.new_event_loop()
        self.store = Store(self.url)
        self.order = itertools.count()
        self.tokens = itertools.count()
        self.paused = False
        self.states: dict[str, JobState] = {}
        self.priority: dict[str, int] = {}
        self.place: dict[str, int] = {}
        self.made: dict[str, int] = {}
        self.stalled: dict[str, int] = {}
        self.held: dict[str, Claimed] = {}
        self.stale: list[Claimed] = []
        self.cancelling: set[str] = set()
        self.batches: dict[str, dict[str, tuple[JobState, int, int, int, int]]] = {}

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()
        self.raw.close()

    def do(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(coroutine)

    def of(self, state: JobState) -> list[str]:
        """Ids that the model has in `state`, those waiting in the order in which they will run."""
        ids = [job_id for job_id, its in self.states.items() if its is state]
        return sorted(ids, key=lambda job_id: (self.priority[job_id], self.place[job_id]))

    def to_waiting(self, job_id: str, *, old_place: bool = False) -> None:
        self.states[job_id] = JobState.WAITING
        if not old_place:
            self.place[job_id] = next(self.order)

    def forget(self, job_id: str) -> None:
        for table in (self.states, self.priority, self.place, self.made, self.stalled):
            table.pop(job_id)

    def put_away(self, batch: str, job_id: str) -> None:
        """Into the quarantine, from where it can come back as it was."""
        kept = (self.states[job_id], self.priority[job_id], self.place[job_id], self.made[job_id], self.stalled[job_id])
        self.batches.setdefault(batch, {})[job_id] = kept
        self.forget(job_id)

    def drop_token(self, job_id: str) -> Claimed:
        """The job is nobody's any more; what was its token is stale from now on."""
        claimed = self.held.pop(job_id)
        self.cancelled = job_id in self.cancelling
        self.cancelling.discard(job_id)
        self.stale.append(claimed)
        return claimed

    # --- producers ---

    @rule(number=_numbers, priority=_priorities, delayed=st.booleans())
    def add(self, number: int, priority: int, delayed: bool) -> None:
        job_id = f"j{number}"
        job = NewJob(
            job_id, "n", "{}", priority, ATTEMPTS, "fixed", LONG_MS, LONG_MS, delay_ms=LONG_MS if delayed else 0
        )
        is_new = job_id not in self.states
        assert self.do(self.store.add(QUEUE, [job])) == [is_new]
        if is_new:
            self.priority[job_id], self.made[job_id], self.stalled[job_id] = priority, 0, 0
            self.place[job_id] = next(self.order)
            self.states[job_id] = JobState.DELAYED if delayed else JobState.WAITING

    # --- workers ---

    @rule(count=st.integers(1, 4))
    def take(self, count: int) -> None:
        expected = [] if self.paused else self.of(JobState.WAITING)[:count]
        taken = self.do(self.store.take(QUEUE, count, lease_ms=LONG_MS, token=f"t{next(self.tokens)}", worker="w")).jobs
        assert [job.id for job in taken] == expected
        for job in taken:
            assert job.attempt == self.made[job.id] + 1
            self.states[job.id] = JobState.ACTIVE
            self.held[job.id] = job

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def finish(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.held)))
        assert self.do(self.store.finish(QUEUE, [FinishedJob(self.drop_token(job_id), "1", 1)])) == [True]
        self.states[job_id] = JobState.COMPLETED
        self.made[job_id] += 1

    @rule(data=st.data(), permanent=st.booleans())
    @precondition(lambda self: self.held)
    def fail(self, data: st.DataObject, permanent: bool) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.held)))
        claimed = self.drop_token(job_id)
        group = {"signature": "alike", "title": "broken", "kind": "Failure"}
        outcome = self.do(self.store.fail(claimed, "broken", permanent=permanent, group=group))
        self.made[job_id] += 1
        for_good = permanent or self.cancelled or self.made[job_id] >= ATTEMPTS
        assert outcome == (("failed", 0) if for_good else ("retrying", LONG_MS))
        self.states[job_id] = JobState.FAILED if for_good else JobState.DELAYED

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def release(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.held)))
        assert self.do(self.store.release(QUEUE, [self.drop_token(job_id)])) == 1
        if self.cancelled:
            self.states[job_id] = JobState.FAILED
        else:
            self.to_waiting(job_id, old_place=True)

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def a_worker_dies_and_its_job_is_recovered(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.held)))
        assert self.do(self.store.extend(QUEUE, [self.held[job_id]], 0)) == []
        recovered, failed = self.do(self.store.recover(QUEUE, MAX_STALLED))
        self.drop_token(job_id)
        self.stalled[job_id] += 1
        if self.cancelled or self.stalled[job_id] > MAX_STALLED:
            assert (recovered, failed) == ([], [job_id])
            self.states[job_id] = JobState.FAILED
        else:
            assert (recovered, failed) == ([job_id], [])
            self.to_waiting(job_id, old_place=True)

    @rule(data=st.data())
    @precondition(lambda self: self.stale)
    def a_stale_token_does_nothing(self, data: st.DataObject) -> None:
        stale = data.draw(st.sampled_from(self.stale))
        assert self.do(self.store.extend(QUEUE, [stale], LONG_MS)) == [stale.id]
        assert self.do(self.store.finish(QUEUE, [FinishedJob(stale, "1", 1)])) == [False]
        assert self.do(self.store.fail(stale, "stale")) == ("lost", 0)
        assert self.do(self.store.release(QUEUE, [stale])) == 0
        assert self.do(self.store.progress(stale, 1)) is False

    # --- operators ---

    @rule(paused=st.booleans())
    def set_paused(self, paused: bool) -> None:
        assert self.do(self.store.set_paused(QUEUE, paused, actor="op")) is (paused != self.paused)
        self.paused = paused

    @rule(number=_numbers)
    def promote_now(self, number: int) -> None:
        job_id = f"j{number}"
        delayed = self.states.get(job_id) is JobState.DELAYED
        assert self.do(self.store.promote(QUEUE, job_id, actor="op")) == int(delayed)
        if delayed:
            self.to_waiting(job_id)

    @rule(data=st.data(), state=st.sampled_from([JobState.FAILED, JobState.COMPLETED]))
    def retry_named(self, data: st.DataObject, state: JobState) -> None:
        named = data.draw(st.lists(_numbers.map("j{}".format), unique=True, max_size=5))
        finished = [job_id for job_id in named if self.states.get(job_id) is state]
        assert self.do(self.store.retry(QUEUE, named, state=state, actor="op")) == len(finished)
        for job_id in finished:
            self.made[job_id] = self.stalled[job_id] = 0
            self.to_waiting(job_id)

    @rule(state=st.sampled_from([state for state in JobState if state is not JobState.ACTIVE]))
    def clean(self, state: JobState) -> None:
        preview, _, _ = self.do(self.store.clean(QUEUE, state, dry_run=True))
        cleaned, _, batch = self.do(self.store.clean(QUEUE, state, actor="op"))
        assert cleaned == preview
        assert preview.count == len(self.of(state))
        for job_id in self.of(state):
            self.put_away(batch, job_id)

    @rule(data=st.data())
    @precondition(lambda self: self.batches)
    def restore(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(list(self.batches)))
        jobs = self.batches.pop(batch)
        back = {job_id: kept for job_id, kept in jobs.items() if job_id not in self.states}
        assert self.do(self.store.restore(QUEUE, batch, actor="op")) == (len(back), len(jobs) - len(back))
        for job_id, (state, priority, place, made, stalled) in back.items():
            self.states[job_id], self.priority[job_id], self.place[job_id] = state, priority, place
            self.made[job_id], self.stalled[job_id] = made, stalled

    @rule(number=_numbers)
    def cancel(self, number: int) -> None:
        job_id = f"j{number}"
        state = self.states.get(job_id)
        assert self.do(self.store.cancel(QUEUE, job_id, "cancelled", actor="op")) == (state or "")
        if state in (JobState.WAITING, JobState.DELAYED):
            self.states[job_id] = JobState.FAILED
        elif state is JobState.ACTIVE:
            self.cancelling.add(job_id)

    @rule()
    def a_worker_hears_what_to_cancel(self) -> None:
        promoted, concurrency, cancels = self.do(self.store.tick(QUEUE))
        assert (promoted, concurrency, set(cancels)) == (0, None, self.cancelling)

    @rule(number=_numbers)
    def remove(self, number: int) -> None:
        job_id = f"j{number}"
        state = self.states.get(job_id)
        found, batch = self.do(self.store.remove(QUEUE, job_id, actor="op"))
        assert found == (state or "")
        if state and state is not JobState.ACTIVE:
            self.put_away(batch, job_id)

    # --- what always holds ---

    @invariant()
    def every_job_is_in_its_states_set_and_in_no_other(self) -> None:
        for state in JobState:
            members = self.raw.zrange(keys.state(QUEUE, state), 0, -1)
            assert set(members) == set(self.of(state)), state
            if state is JobState.WAITING:
                assert members == self.of(state)

    @invariant()
    def every_record_agrees(self) -> None:
        records = {key.rpartition(":")[2]: self.raw.hgetall(key) for key in self.raw.keys(keys.job(QUEUE, "*"))}
        assert {job_id: record["state"] for job_id, record in records.items()} == self.states
        for job_id, record in records.items():
            assert int(record.get("made", 0)) == self.made[job_id]
            assert int(record.get("stalled", 0)) == self.stalled[job_id]
            assert bool(record.get("token")) is (self.states[job_id] is JobState.ACTIVE)

    @invariant()
    def a_group_holds_failed_jobs_of_its_signature_and_no_other(self) -> None:
        failed = self.of(JobState.FAILED)
        signed = {job_id for job_id in failed if self.raw.hget(keys.job(QUEUE, job_id), "signature") == "alike"}
        assert set(self.raw.zrange(keys.group_ids(QUEUE, "alike"), 0, -1)) == signed

    @invariant()
    def the_counts_agree(self) -> None:
        states = (JobState.WAITING, JobState.DELAYED, JobState.ACTIVE, JobState.COMPLETED, JobState.FAILED)
        counts = self.do(self.store.sample(QUEUE, 0))[1:6]
        assert counts == [len(self.of(state)) for state in states]


def test_no_order_of_operations_loses_or_doubles_a_job(fresh_redis: str) -> None:
    class OnThisRedis(StoreMachine):
        url = fresh_redis

    run_state_machine_as_test(
        OnThisRedis,
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            deadline=None,
            derandomize="CI" in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
