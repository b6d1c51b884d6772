"""The operator's commands against a real Redis: clean and undo, gradual retry, cancel, figures, failures, audit."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.client import Client
from engine.job_types import CreateTask
from engine.model import JobOptions
from engine.queues import QUEUES
from engine.settings import load_settings
from engine.store import Claimed, FinishedJob, Store, keys, open_store
from tests.engine.test_cli import HARK, Said, log_levels, own_redis, queue_json, said, tasks

__all__ = ["log_levels", "own_redis", "said"]

QUEUE = "task-processing"


def ids(said: Said, state: str) -> list[str]:
    """Ids of the tasks queue's jobs in one state, as the command line lists them."""
    return [job["id"] for job in json.loads(said("jobs", QUEUE, "--state", state, "--json")[1])]


def told_json(said: Said, *argv: str) -> Any:
    """What a command prints as JSON."""
    code, out, err = said(*argv, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def in_store(work: Callable[[Store], Any]) -> None:
    """Do something that only a worker does."""

    async def run() -> None:
        async with open_store(load_settings()) as store:
            await work(store)

    asyncio.run(run())


def delayed(*job_ids: str) -> None:
    """Put jobs on the tasks queue that are due in a minute."""

    async def work(store: Store) -> None:
        client = Client(store, load_settings())
        for job_id in job_ids:
            await client.add(CreateTask(title=f"buy {job_id}"), JobOptions(job_id, delay_ms=60_000))

    in_store(work)


def claimed() -> None:
    """A worker takes what waits, leaves a line in each log, and goes on working."""

    async def work(store: Store) -> None:
        for job in (await store.take(QUEUE, 100, lease_ms=60_000, token="claimed", worker="w")).jobs:
            await store.write_log(job, "halfway \x1b[2J")
            await store.progress(job, 50)

    in_store(work)


def batch_of(out: str) -> str:
    """The batch in "Undo it with `hark restore QUEUE BATCH`."."""
    return out.rpartition("`.")[0].rpartition(" ")[2]


@pytest.fixture
def on_terminal() -> Iterator[Callable[..., tuple[int, str]]]:
    """Run a command on a terminal, giving `answer` once `question` is shown; gives exit code and what was shown."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(question: str, answer: str, *argv: str) -> tuple[int, str]:
        outer, inner = pty.openpty()
        process = subprocess.Popen([*HARK, *argv], stdin=inner, stdout=inner, stderr=inner)
        processes.append(process)
        os.close(inner)
        shown = b""
        while question.encode() not in shown:
            shown += os.read(outer, 4096)
        os.write(outer, answer.encode() + b"\n")
        code = process.wait(30)
        shown += os.read(outer, 4096)
        os.close(outer)
        return code, shown.decode()

    yield run
    for process in processes:
        process.kill()
        process.wait()


# --- clean, quarantine, restore, export ---


def test_what_was_cleaned_is_listed_and_brought_back(said: Said) -> None:
    tasks("milk", "bread", then="failed")
    _, out, _ = said("clean", QUEUE, "--state", "failed", "--where", "milk", "--reason", "spoilt")
    assert ids(said, "failed") == ["bread"]
    (batch,) = told_json(said, "quarantine", QUEUE)
    assert (batch["id"], batch["counts"], batch["left"], batch["reason"]) == (batch_of(out), {"failed": 1}, 1, "spoilt")
    assert batch["id"] in said("quarantine")[1]
    assert said("restore", QUEUE, batch["id"])[:2] == (0, "Restored 1 job of task-processing.\n")
    assert sorted(ids(said, "failed")) == ["bread", "milk"]
    assert said("quarantine")[1] == "The quarantine is empty.\n"


def test_a_job_whose_id_is_taken_stays_in_the_quarantine_and_is_told(said: Said) -> None:
    tasks("milk")
    batch = batch_of(said("drain", QUEUE)[1])
    tasks("milk")
    code, out, err = said("restore", QUEUE, batch)
    assert (code, out) == (1, "Restored 0 jobs of task-processing.\n")
    assert "1 stay in the quarantine" in err


def test_an_unknown_batch_is_told(said: Said) -> None:
    for line in (["restore", QUEUE, "nope"], ["export", QUEUE, "--batch", "nope"]):
        code, out, err = said(*line)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "has no 'nope'" in err


def test_purged_jobs_cannot_be_restored(said: Said) -> None:
    tasks("milk", then="failed")
    assert said("clean", QUEUE, "--state", "failed", "--purge")[1] == "Removed 1 failed job from task-processing.\n"
    assert told_json(said, "quarantine") == []


def test_drain_takes_what_waits_and_only_when_told_what_is_delayed(said: Said) -> None:
    tasks("milk")
    delayed("bread")
    said("drain", QUEUE)
    assert (ids(said, "waiting"), ids(said, "delayed")) == ([], ["bread"])
    said("drain", QUEUE, "--delayed")
    assert ids(said, "delayed") == []


def test_a_batch_is_exported_as_json_lines(said: Said) -> None:
    tasks("milk", "caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    batch = batch_of(said("drain", QUEUE)[1])
    code, out, _ = said("export", QUEUE, "--batch", batch)
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["milk", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"]


def test_jobs_of_a_state_that_match_are_exported_to_a_file(said: Said, tmp_path: Path) -> None:
    tasks("milk", "bread", then="failed")
    file = tmp_path / "failed.jsonl"
    _, out, _ = said("export", QUEUE, "--state", "failed", "--where", "milk", "-o", str(file))
    assert out == f"Wrote 1 job to {file}.\n"
    (line,) = file.read_text().splitlines()
    assert (json.loads(line)["id"], json.loads(line)["error"]) == ("milk", "The list is full.")
    assert [path.name for path in tmp_path.iterdir()] == ["failed.jsonl"]


def test_an_export_of_nothing_says_so_beside_the_output(said: Said) -> None:
    assert said("export", QUEUE, "--state", "failed") == (0, "", "There are no such jobs.\n")


def test_an_export_that_cannot_be_written_is_told_and_leaves_nothing(said: Said, tmp_path: Path) -> None:
    assert "cannot be written" in said("export", QUEUE, "--state", "failed", "-o", "/nowhere/x")[2]
    assert "is a folder" in said("export", QUEUE, "--state", "failed", "-o", str(tmp_path))[2]
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_nothing_named_is_wrong_usage(said: Said) -> None:
    assert said("export", QUEUE)[0] == 2
    assert said("export", QUEUE, "--batch", "x", "--state", "failed")[0] == 2


def test_a_clean_on_a_terminal_shows_five_samples_and_the_age(
    said: Said, on_terminal: Callable[..., tuple[int, str]]
) -> None:
    tasks(*(f"job-{number}" for number in range(7)), then="failed")
    code, shown = on_terminal("[y/N]", "n", "clean", QUEUE, "--state", "failed", "--purge")
    assert code == 1
    assert "Remove 7 failed jobs from the task-processing queue for good?" in shown
    assert shown.count("create-task") == 5
    assert "  from 20" in shown
    assert len(ids(said, "failed")) == 7


@pytest.mark.parametrize(("answer", "left"), [("y", 1001), ("transcription", 1001), (QUEUE, 0)])
def test_beyond_a_thousand_jobs_the_queue_is_to_be_typed(
    said: Said, on_terminal: Callable[..., tuple[int, str]], answer: str, left: int
) -> None:
    tasks(*(str(number) for number in range(1001)))
    code, _ = on_terminal(f"Type {QUEUE} to do it", answer, "drain", QUEUE)
    assert (code, queue_json(said, QUEUE)["waiting"]) == (1 if left else 0, left)


# --- retry ---


def test_completed_jobs_that_match_run_again(said: Said) -> None:
    tasks("milk", "bread", then="completed")
    out = said("retry", QUEUE, "--state", "completed", "--where", "args.title:milk")[1]
    assert out == "1 completed job of task-processing runs again.\n"
    assert ids(said, "waiting") == ["milk"]


def test_a_gradual_retry_tells_how_many(said: Said) -> None:
    tasks("milk", "bread", "jam", then="failed")
    code, out, _ = said("retry", QUEUE, "--rate", "1000/s")
    assert code == 0
    assert out.splitlines()[-1] == "Retried 3 of 3 failed jobs of task-processing."
    assert len(ids(said, "waiting")) == 3


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "1/h", "nan", "1e3", ""])
def test_a_rate_that_is_none_is_refused(said: Said, rate: str) -> None:
    code, _, err = said("retry", QUEUE, f"--rate={rate}")
    assert (code, err.count("\n")) == (1, 1)
    assert "is no rate" in err


def test_named_jobs_with_a_rate_are_wrong_usage(said: Said) -> None:
    assert said("retry", QUEUE, "milk", "--rate", "1/s")[0] == 2


def test_a_canary_that_fails_again_holds_the_rest_back(said: Said) -> None:
    tasks("milk", "bread", "jam", then="failed")
    process = subprocess.Popen(
        [*HARK, "retry", QUEUE, "--canary", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    async def fail_the_first(store: Store) -> None:
        while not (jobs := (await store.take(QUEUE, 1, lease_ms=60_000, token=os.urandom(8).hex(), worker="w")).jobs):
            await store.wait_for_work([QUEUE], "w", 1)
        await store.fail(jobs[0], "The list is still full.", permanent=True)

    try:
        in_store(fail_the_first)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert out == "Retried 1 of 3 as a canary; waiting for their end.\n"
    assert "hark: The canary failed again: the other 2 stay as they are." in err
    assert len(ids(said, "failed")) == 3


def test_ctrl_c_stops_a_gradual_retry_between_two_steps(said: Said) -> None:
    tasks("milk", "bread", "jam", then="failed")
    process = subprocess.Popen(
        [*HARK, "retry", QUEUE, "--rate", "1/m"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while queue_json(said, QUEUE)["waiting"] == 0:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == "Stopped: 1 of 3 failed jobs of task-processing were retried.\n"
    assert len(ids(said, "failed")) == 2


# --- single jobs, concurrency ---


def test_jobs_are_cancelled_and_what_cannot_be_is_told(said: Said) -> None:
    tasks("milk", "bread")
    code, out, err = said("cancel", QUEUE, "milk", "nobody", "bread", "--reason", "spoilt")
    assert (code, out) == (1, "milk is cancelled.\nbread is cancelled.\n")
    assert "no job 'nobody'" in err
    (job, _) = json.loads(said("jobs", QUEUE, "--state", "failed", "--json")[1])
    assert job["error"].startswith("Cancelled by cli:")
    assert job["error"].endswith(" spoilt")


def test_a_running_job_is_told_to_end(said: Said) -> None:
    tasks("milk")
    claimed()
    assert said("cancel", QUEUE, "milk")[:2] == (0, "milk is told to end.\n")


def test_a_delayed_job_is_promoted(said: Said) -> None:
    delayed("milk")
    assert said("promote", QUEUE, "milk")[:2] == (0, "milk waits to run now.\n")
    assert ids(said, "waiting") == ["milk"]
    assert said("promote", QUEUE, "milk")[0] == 1


def test_a_removed_job_can_be_restored(said: Said) -> None:
    tasks("milk")
    batch = batch_of(said("remove", QUEUE, "milk")[1])
    assert ids(said, "waiting") == []
    said("restore", QUEUE, batch)
    assert ids(said, "waiting") == ["milk"]


def test_concurrency_is_set_and_undone(said: Said) -> None:
    assert said("concurrency", QUEUE, "7")[0] == 0
    assert queue_json(said, QUEUE)["concurrency"] == 7
    assert said("concurrency", QUEUE, "default")[0] == 0
    assert queue_json(said, QUEUE)["concurrency"] == QUEUES[QUEUE].concurrency


@pytest.mark.parametrize("number", ["0", "many", "1001", "\N{SUPERSCRIPT TWO}", "1.5"])
def test_a_concurrency_that_is_none_is_refused(said: Said, number: str) -> None:
    code, out, err = said("concurrency", QUEUE, number)
    assert (code, out, err.count("\n")) == (1, "", 1)


# --- figures, failures, audit ---


def test_metrics_as_json_keep_their_documented_shape(said: Said) -> None:
    tasks("milk", then="completed")
    tasks("bread", then="failed")
    tasks("jam")
    told = told_json(said, "metrics", QUEUE)
    assert set(told) == {
        "queue", "from_ms", "span_ms", "total", "types", "waiting", "oldest_waiting_ms", "drained_in_ms",
    }  # fmt: skip
    assert set(told["total"]) == {
        "added", "completed", "failed", "retried", "stalled", "jobs_per_minute", "failure_rate", "processing",
        "waiting",
    }  # fmt: skip
    assert set(told["total"]["processing"]) == {"count", "mean_ms", "p50_ms", "p95_ms", "p99_ms"}
    assert told["types"] == {"create-task": told["total"]}
    assert (told["total"]["completed"], told["total"]["failed"], told["total"]["failure_rate"]) == (1, 1, 0.5)
    assert (told["total"]["processing"]["mean_ms"], told["waiting"]) == (1, 1)


@pytest.mark.parametrize("window", ["1m", "24h", "7d", "90d"])
def test_metrics_of_any_window_are_shown(said: Said, window: str) -> None:
    tasks("milk", then="completed")
    code, out, _ = said("metrics", QUEUE, "--window", window)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["TYPE", "all", "create-task"]


def test_metrics_tell_that_no_worker_serves_the_jobs(said: Said) -> None:
    tasks("milk")
    assert said("metrics", QUEUE)[1].endswith("; no worker serves the queue: they wait for one\n")


def test_metrics_tell_that_the_jobs_of_a_paused_queue_wait_for_its_resuming(said: Said) -> None:
    tasks("milk")
    said("pause", QUEUE)
    assert said("metrics", QUEUE)[1].endswith(f"; the queue is paused: they wait until `hark resume {QUEUE}`\n")


@pytest.mark.parametrize("window", ["1", "0h", "91d", "30s", "-1h", "long"])
def test_a_window_that_is_not_kept_is_refused(said: Said, window: str) -> None:
    code, out, err = said("metrics", QUEUE, f"--window={window}")
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_failures_that_are_alike_are_one_group(said: Said) -> None:
    async def work(store: Store) -> None:
        group = {"signature": "51616161", "title": "Full at <n>", "kind": "OSError"}
        for job in (await store.take(QUEUE, 9, lease_ms=60_000, token="t", worker="w")).jobs:
            await store.fail(job, f"Full at {job.id}", permanent=True, group=group)

    tasks("1", "2")
    in_store(work)
    (group,) = told_json(said, "failures", QUEUE)
    assert (group["signature"], group["failed_now"], group["count"]) == ("51616161", 2, 2)
    _, out, _ = said("failures")
    assert "Full at <n>" in out
    assert out.endswith("Act on one: hark retry task-processing --where signature:51616161\n")
    assert said("retry", QUEUE, "--where", "signature:51616161")[1].startswith("2 failed jobs")


def test_nothing_failed_is_told(said: Said) -> None:
    assert said("failures")[:2] == (0, "Nothing has failed.\n")
    assert told_json(said, "failures") == []


def test_the_audit_trail_tells_who_what_and_why(said: Said) -> None:
    tasks("milk")
    said("drain", QUEUE, "--reason", "spoilt")
    (entry,) = told_json(said, "audit", QUEUE)
    assert (entry["action"], entry["touched"], entry["reason"]) == ("clean", 1, "spoilt")
    assert entry["actor"].startswith("cli:")
    assert "waiting 1 -> 0" in said("audit")[1]
    assert told_json(said, "audit", "notification") == []


# --- jobs and job ---


def test_a_search_that_stops_early_says_where_to_go_on(said: Said) -> None:
    tasks("a", "b", "c")
    code, out, err = said("jobs", QUEUE, "--state", "waiting", "--limit", "2", "--json")
    assert [job["id"] for job in json.loads(out)] == ["a", "b"]
    assert err.startswith("searched 2 of 3 waiting jobs; go on with --state waiting --after ")
    position = err.split()[-1]
    rest = json.loads(said("jobs", QUEUE, "--state", "waiting", "--after", position, "--json")[1])
    assert (code, [job["id"] for job in rest]) == (0, ["c"])


def test_a_search_that_has_looked_at_enough_stops_and_says_so(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.cli.looking._MOST_LOOKED_AT", 500)
    tasks(*(f"{number:04}" for number in range(600)))
    code, out, err = said("jobs", QUEUE, "--search", "id:0599")
    assert (code, out) == (0, "There are no such jobs.\n")
    assert err.startswith("searched 500 of 600 waiting jobs; go on with --state waiting --after ")
    assert "0599" in said("jobs", QUEUE, "--search", "id:0599", "--state", "waiting", "--after", err.split()[-1])[1]


def test_a_search_goes_on_within_one_state_only(said: Said) -> None:
    assert said("jobs", QUEUE, "--after", "1.1")[0] == 2
    assert said("jobs", QUEUE, "--state", "failed", "--after", "nonsense")[0] == 1


def test_a_search_of_an_unknown_field_is_told(said: Said) -> None:
    code, _, err = said("jobs", QUEUE, "--search", "colour:red")
    assert (code, err.count("\n")) == (1, 1)
    assert "knows no 'colour'" in err


def test_a_job_is_shown_with_its_attempts_and_its_log(said: Said) -> None:
    tasks("milk")
    claimed()
    _, out, _ = said("job", "milk")
    assert "halfway \N{REPLACEMENT CHARACTER}[2J" in out
    assert [line["text"] for line in told_json(said, "job", "milk")["log"]] == ["halfway \x1b[2J"]
    tasks("bread", then="failed")
    assert "attempt 1: " in said("job", "bread")[1]
    assert told_json(said, "job", "bread")["history"][0]["error"] == "The list is full."


def test_a_followed_job_tells_its_log_until_it_ends(said: Said, fresh_redis: str) -> None:
    tasks("milk")
    process = subprocess.Popen([*HARK, "job", "milk", "--follow"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while not process.stdout.readline().startswith("state:"):
            assert process.poll() is None
        claimed()
        seen = ""
        while "halfway" not in seen:
            seen = process.stdout.readline()
        with redis.Redis.from_url(fresh_redis, decode_responses=True) as raw:
            assert raw.hget(keys.job(QUEUE, "milk"), "state") == "active"

        async def finish(store: Store) -> None:
            job = Claimed("milk", QUEUE, "create-task", "{}", "claimed", 1, 60_000, 0, "milk", "")
            await store.finish(QUEUE, [FinishedJob(job, "{}", 1)])

        in_store(finish)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "It is completed." in rest


def test_following_a_failed_job_ends_with_1(said: Said) -> None:
    tasks("milk", then="failed")
    assert said("job", "milk", "--follow")[0] == 1
    assert said("job", "milk", "--follow", "--json")[0] == 2


# --- how it fails ---


@pytest.mark.parametrize(
    "line",
    [
        "cancel nope a", "promote nope a", "remove nope a", "concurrency nope 1", "drain nope", "quarantine nope",
        "restore nope b", "export nope --state failed", "audit nope", "failures nope", "metrics nope",
    ],
)  # fmt: skip
def test_an_unknown_queue_is_told_by_every_command(said: Said, line: str) -> None:
    code, out, err = said(*line.split())
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "no queue named 'nope'" in err
