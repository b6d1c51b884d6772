"""The command line against a real Redis: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from engine.audio import Recording
from engine.cli import main
from engine.errors import NotFoundError, did_you_mean
from engine.figures import failure_rate, jobs_per_minute
from engine.job_types import CreateTask
from engine.model import JobOptions, JobState, MinuteCounts, QueueState
from engine.queues import QUEUES, require_queue
from engine.settings import load_settings
from engine.store import FinishedJob, Store, open_store

HARK = [sys.executable, "-m", "engine"]


@pytest.fixture(autouse=True)
def own_redis(fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of these tests find the test's Redis, and leave the log levels as they were."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.delenv("DEBUG", raising=False)


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """`main` sets log levels; other tests want theirs."""
    loggers = [logging.getLogger("hark"), logging.getLogger("taskiq")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line; gives its exit code, its output and its errors."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return code, *capsys.readouterr()

    return run


Said = Callable[..., tuple[int, str, str]]


def tasks(*ids: str, then: str = "waiting") -> None:
    """Put jobs on the tasks queue; `then` takes them to "completed" or "failed" as a worker would."""

    async def work() -> None:
        from engine.client import Client

        settings = load_settings()
        async with open_store(settings) as store:
            payloads = [CreateTask(title=f"buy {job_id}") for job_id in ids]
            await Client(store, settings).add_bulk(payloads, [JobOptions(job_id=job_id) for job_id in ids])
            if then != "waiting":
                await _end(store, len(ids), then)

    asyncio.run(work())


async def _end(store: Store, count: int, state: str) -> None:
    queue = CreateTask.queue
    taken = await store.take(queue, count, lease_ms=30_000, token=uuid4().hex, worker="w")
    for job in taken.jobs:
        if state == "completed":
            await store.finish(queue, [FinishedJob(job, "{}", 1, ())])
        else:
            await store.fail(job, "The list is full.", "Traceback: ...", permanent=True)


def queue_json(said: Said, queue: str) -> dict[str, Any]:
    """What `hark status QUEUE --json` tells of the queue."""
    code, out, _ = said("status", queue, "--json")
    assert code == 0
    [state] = json.loads(out)["queues"]
    return dict(state)


# --- status ---


def test_status_tells_all_queues_and_that_no_worker_runs(said: Said) -> None:
    code, out, err = said("status")
    assert (code, err) == (0, "")
    assert all(queue in out for queue in QUEUES)
    assert "No worker is running. Start one with `hark worker`." in out


def test_status_as_json_keeps_its_documented_shape(said: Said) -> None:
    tasks("milk")
    code, out, _ = said("status", "--json")
    told = json.loads(out)
    assert code == 0
    assert set(told) == {"taken_at_ms", "redis", "workers", "queues"}
    assert [queue["name"] for queue in told["queues"]] == list(QUEUES)
    assert set(told["queues"][0]) == {
        "name", "title", "paused", "concurrency", "concurrency_set", "waiting", "delayed", "active", "completed",
        "failed",
        "oldest_waiting_ms", "workers", "jobs_per_minute", "failure_rate", "completed_total", "failed_total",
        "paused_since_ms", "drained_in_ms",
    }  # fmt: skip
    assert sum(queue["waiting"] for queue in told["queues"]) == 1


def test_status_never_shows_the_password(said: Said, fresh_redis: str) -> None:
    password = fresh_redis.partition("://:")[2].partition("@")[0]
    _, plain, _ = said("status")
    _, as_json, _ = said("status", "--json")
    assert password
    assert password not in plain + as_json


def test_jobs_per_minute_is_the_mean_of_the_last_five_full_minutes() -> None:
    minutes = (*(MinuteCounts(minute, completed=2, failed=1) for minute in range(5)), MinuteCounts(5, completed=90))
    assert jobs_per_minute(_state(minutes)) == 3


def test_the_failure_rate_is_unknown_where_no_job_has_ended() -> None:
    assert failure_rate([_state((MinuteCounts(0), MinuteCounts(1)))]).share is None
    assert failure_rate([_state((MinuteCounts(0, completed=3), MinuteCounts(1, failed=1)))]).share == 0.25


def _state(minutes: tuple[MinuteCounts, ...]) -> QueueState:
    return QueueState("notification", "", False, 1, 0, 0, 0, 0, 0, None, 0, minutes=minutes)


# --- the operator's actions ---


def test_pause_and_resume_say_what_changed(said: Said) -> None:
    assert said("pause", "transcription")[:2] == (0, "transcription is paused.\n")
    assert queue_json(said, "transcription")["paused"] is True
    assert said("pause", "transcription")[:2] == (0, "transcription was paused already.\n")
    assert said("resume", "transcription")[:2] == (0, "transcription is running.\n")
    assert queue_json(said, "transcription")["paused"] is False


def test_pause_all_pauses_the_eight(said: Said) -> None:
    code, _, _ = said("pause", "--all")
    assert code == 0
    assert all(queue_json(said, queue)["paused"] for queue in QUEUES)


def test_retry_runs_all_failed_jobs_again(said: Said) -> None:
    tasks("milk", "bread", then="failed")
    assert said("retry", "task-processing")[:2] == (0, "2 failed jobs of task-processing run again.\n")
    assert queue_json(said, "task-processing")["waiting"] == 2


def test_retry_of_named_jobs_tells_which_could_not_be(said: Said) -> None:
    tasks("milk", "bread", then="failed")
    code, out, err = said("retry", "task-processing", "milk", "cheese")
    assert code == 1
    assert out == "1 failed job of task-processing runs again.\n"
    assert err.startswith("hark: 1 of the 2 named jobs is not among the failed jobs")
    assert said("retry", "task-processing", "gone")[1:] == (
        "",
        "hark: Job gone is not among the failed jobs of task-processing. "
        "List those with `hark jobs task-processing --state failed`.\n",
    )
    assert queue_json(said, "task-processing")["failed"] == 1


def test_clean_in_a_script_removes_without_asking(said: Said) -> None:
    tasks("milk", "bread", "jam", then="completed")
    code, out, _ = said("clean", "task-processing", "--status", "completed", "--limit", "2")
    assert code == 0
    assert out.startswith("Removed 2 completed jobs from task-processing. Undo it with `hark restore task-processing ")
    assert queue_json(said, "task-processing")["completed"] == 1


def test_clean_keeps_what_is_younger_than_the_grace(said: Said) -> None:
    tasks("milk", then="failed")
    _, out, _ = said("clean", "task-processing", "--status", "failed", "--grace", "3600000")
    assert out == "Removed 0 failed jobs from task-processing.\n"


@pytest.mark.parametrize(("answer", "left", "last_line"), [("n", 1, "Nothing was removed."), ("y", 0, "Removed 1 ")])
def test_clean_on_a_terminal_shows_the_count_and_asks(said: Said, answer: str, left: int, last_line: str) -> None:
    tasks("milk", then="failed")
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [*HARK, "clean", "task-processing", "--status", "failed"], stdin=inner, stdout=inner, stderr=inner
    )
    os.close(inner)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(outer, 4096)
    os.write(outer, answer.encode() + b"\n")
    assert process.wait(30) == (0 if answer == "y" else 1)
    shown += os.read(outer, 4096)
    os.close(outer)
    assert "Remove 1 failed job from the task-processing queue into the quarantine?" in shown.decode()
    assert 'milk create-task {"title": "buy milk"} The list is full.' in shown.decode()
    assert last_line in shown.decode()
    assert queue_json(said, "task-processing")["failed"] == left


# --- where it writes ---


def shown_on_a_terminal(*argv: str, columns: int) -> str:
    """What a command that asks nothing shows on a terminal of this width."""
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [*HARK, *argv], stdin=inner, stdout=inner, stderr=inner, env={**os.environ, "COLUMNS": str(columns)}
    )
    os.close(inner)
    shown = b""
    with contextlib.suppress(OSError), os.fdopen(outer, "rb", buffering=0) as terminal:
        while part := terminal.read(4096):
            shown += part
    assert process.wait(30) == 0
    return shown.decode().replace("\r", "")


def test_a_table_that_is_too_wide_for_the_terminal_is_told_in_paragraphs() -> None:
    tasks("milk", then="failed")
    assert shown_on_a_terminal("status", "task-processing", columns=120).startswith("QUEUE            STATE  ")
    narrow = shown_on_a_terminal("status", "task-processing", columns=50)
    assert re.match(
        "task-processing\n"
        "  state running  waiting 0  delayed 0  active 0\n"
        r"  completed 0  failed 1  jobs/min 0\.\d\n"
        r"  failing 100\.0%  workers 0\n",
        narrow,
    )
    lines = shown_on_a_terminal("jobs", "task-processing", columns=40).splitlines()
    assert lines[:2] == ["milk", "  name create-task  state failed"]
    assert lines[-1] == "  error The list is full."


@pytest.mark.parametrize(
    ("columns", "beginning"),
    [
        (50, "WARNING  workers:\n  No worker runs.\n  -> Open Hark, or run `hark worker` on any\n  machine.\n"),
        (
            80,
            "WARNING  workers:        No worker runs.\n"
            + " " * 25
            + "-> Open Hark, or run `hark worker` on any machine.\n",
        ),
    ],
)
def test_what_the_doctor_tells_is_broken_between_words_on_a_terminal(columns: int, beginning: str) -> None:
    shown = shown_on_a_terminal("doctor", columns=columns)
    assert beginning in shown
    assert all(len(line) <= columns for line in shown.splitlines() if len(line.split()) > 1)  # a path stays whole


@pytest.mark.parametrize("argv", [("status",), ("status", "--json"), ("settings",), ("schedules", "--json")])
def test_an_output_that_takes_no_more_is_told(argv: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run([*HARK, *argv], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert process.returncode == 1
    assert process.stderr == "hark: The output cannot be written: No space left on device. Send it elsewhere.\n"


@pytest.mark.parametrize("argv", [("status",), ("settings",), ("jobs", "task-processing"), ("--help",)])
def test_whoever_reads_no_further_hears_nothing_of_it(argv: tuple[str, ...]) -> None:
    tasks("milk")
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run([*HARK, *argv], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (process.returncode, process.stderr) == (1, "")


def test_a_command_that_would_ask_needs_no_input(said: Said) -> None:
    tasks("milk", then="failed")
    command = f"{' '.join(HARK)} clean task-processing --status failed <&-"
    process = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")
    assert queue_json(said, "task-processing")["failed"] == 0


# --- looking at jobs ---


def test_jobs_lists_what_matches_state_and_words(said: Said) -> None:
    tasks("milk", "bread", then="failed")
    tasks("jam")
    code, out, _ = said("jobs", "task-processing", "--state", "failed", "--search", "BUY milk", "--json")
    [job] = json.loads(out)
    assert code == 0
    assert (job["id"], job["state"], job["error"]) == ("milk", "failed", "The list is full.")
    assert len(said("jobs", "task-processing")[1].splitlines()) == 1 + 3


def test_job_shows_the_whole_record(said: Said) -> None:
    tasks("milk", then="failed")
    code, out, _ = said("job", "milk")
    assert code == 0
    assert '{"title": "buy milk"}' in out
    assert "The list is full." in out
    assert json.loads(said("job", "milk", "--json")[1])["state"] == JobState.FAILED


def test_a_job_cannot_steer_the_terminal(said: Said) -> None:
    tasks("evil\x1b[2J")
    _, out, _ = said("jobs", "task-processing")
    assert "evil\N{REPLACEMENT CHARACTER}[2J" in out
    assert "\x1b" not in out


# --- ask ---


@pytest.fixture
def sound(tmp_path: Path) -> Callable[[bytes], str]:
    """Write bytes to a file; gives its path."""

    def write(data: bytes) -> str:
        path = tmp_path / "said.wav"
        path.write_bytes(data)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty (0 bytes)"),
        (b"hello", "is not audio that Hark can read"),
        (Recording(np.zeros(16_000, dtype=np.int16)).to_wav(), "the recording is silent"),
        (Recording(np.full(160, 9_000, dtype=np.int16)).to_wav(), "The recording is empty (10 ms)"),
    ],
)
def test_a_file_without_speech_is_refused_by_name(
    said: Said, sound: Callable[[bytes], str], data: bytes, why: str
) -> None:
    path = sound(data)
    code, out, err = said("ask", "--audio", path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"hark: {path}")
    assert why in err


def test_a_missing_sound_file_is_told_in_one_line(said: Said) -> None:
    assert said("ask", "--audio", "/nowhere.wav") == (
        1, "", "hark: /nowhere.wav cannot be read: No such file or directory. Give a sound file.\n",
    )  # fmt: skip


def test_ask_refuses_a_place_for_the_answer_that_cannot_be_written(said: Said) -> None:
    code, _, err = said("ask", "what time is it", "--speak", "/nowhere/answer.wav")
    assert code == 1
    assert "/nowhere/answer.wav cannot be written" in err


@pytest.mark.parametrize("command", [("ask",), ("ai", "ask"), ("ai", "batch")])
def test_an_input_that_is_no_text_or_is_not_there_is_told(command: tuple[str, ...]) -> None:
    for line, told in (("printf '\\377' | {}", "The input cannot be read: "), ("{} <&-", "There is no input.")):
        line = line.format(" ".join([*HARK, *command, "-"]))
        process = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
        assert (process.returncode, process.stdout, process.stderr.count("\n")) == (1, "", 1)
        assert process.stderr.startswith(f"hark: {told}")


@pytest.mark.parametrize(("command", "what"), [(("ask",), "command"), (("ai", "ask"), "prompt")])
def test_words_that_are_no_text_are_told(said: Said, command: tuple[str, ...], what: str) -> None:
    assert said(*command, "a\udcff") == (
        1, "", f"hark: The {what} cannot be read: it is no text. Give one in UTF-8.\n",
    )  # fmt: skip


def test_ask_takes_its_words_from_the_input(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("what time is it\n"))
    code, out, _ = said("ask", "-")
    assert code == 0
    assert out.startswith("Heard:  what time is it\nHark:   It is ")


def test_ask_wants_words(said: Said) -> None:
    assert said("ask", "  ")[0] == 1
    assert said("ask")[0] == 2
    assert said("ask", "hello", "--audio", "too.wav")[0] == 2


def test_a_group_alone_shows_its_help_as_it_is(said: Said) -> None:
    code, _, err = said("ai")
    assert code == 2
    assert err.startswith("Usage: hark ai ")
    assert "\n  batch " in err


# --- how it fails ---


@pytest.mark.parametrize("command", ["status", "pause", "jobs", "retry"])
def test_an_unknown_queue_is_told_with_the_known_ones(said: Said, command: str) -> None:
    code, out, err = said(command, "speling")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "no queue named 'speling'" in err
    assert "voice-processing" in err


@pytest.mark.parametrize(
    ("given", "guess"),
    [
        ("email", "Did you mean email-processing? "),
        ("calender", "Did you mean calendar-sync? "),
        ("Tasks", "Did you mean task-processing? "),
        ("voice_processing", "Did you mean voice-processing? "),
        ("ai", "Did you mean ai-processing? "),
        ("processing", ""),
        ("", ""),
        ("nope", ""),
    ],
)
def test_a_queue_that_may_have_been_meant_is_named(given: str, guess: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        require_queue(given)
    assert caught.value.remedy == f"{guess}The queues are: {', '.join(QUEUES)}."


def test_two_that_are_as_near_are_both_named() -> None:
    assert did_you_mean("morning", ["morning-mail", "morning-run", "x"]) == "Did you mean morning-mail or morning-run? "
    assert did_you_mean("a", ["a.1", "a.2", "a.3"]) == "Did you mean a.1, a.2 or a.3? "
    assert did_you_mean("a", ["a.1", "a.2", "a.3", "a.4"]) == ""


@pytest.mark.parametrize("words", [("staus",), ("jbs",), ("ai", "btach"), ("status", "--jsn")])
def test_a_slip_in_a_command_or_an_option_is_told_in_one_sentence(said: Said, words: tuple[str, ...]) -> None:
    code, out, err = said(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(r"'\. \(?Did you mean .+\?\)? See `hark.* --help`\.$", err)


def test_an_unknown_job_is_told(said: Said) -> None:
    code, _, err = said("job", "nobody")
    assert code == 1
    assert "There is no job 'nobody'." in err


def test_a_redis_that_is_away_is_told_with_its_address(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1")
    code, _, err = said("status")
    assert (code, err.count("\n")) == (1, 1)
    assert "Redis at redis://127.0.0.1:1 does not answer" in err
    assert "hunter2" not in err


def test_a_wrong_password_is_told_without_showing_it(
    said: Said, fresh_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = fresh_redis.partition("://:")[2].partition("@")[0]
    monkeypatch.setenv("REDIS_URL", fresh_redis.replace(password, "hunter2"))
    code, _, err = said("status")
    assert (code, err.count("\n")) == (1, 1)
    assert "refused the password" in err
    assert "hunter2" not in err


def test_debug_shows_the_traceback_wherever_it_stands(said: Said) -> None:
    for line in (["--debug", "status", "nope"], ["status", "nope", "--debug"]):
        code, _, err = said(*line)
        assert code == 1
        assert "Traceback" in err
        assert err.splitlines()[-1].startswith("hark: There is no queue")


def test_both_a_queue_and_all_is_wrong_usage(said: Said) -> None:
    assert said("pause", "transcription", "--all")[0] == 2
    assert said("pause")[0] == 2
    assert said("clean", "transcription", "--status", "stuck")[0] == 2


def test_wrong_usage_is_told_in_one_line_that_says_where_to_read_on(said: Said) -> None:
    for line, command in (
        (["clean", "transcription", "--grce", "5"], "hark clean"),
        (["pause"], "hark pause"),
        (["frobnicate"], "hark"),
        (["jobs", "transcription", "--state", "stuck"], "hark jobs"),
    ):
        code, out, err = said(*line)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("hark: ")
        assert err.endswith(f"See `{command} --help`.\n")


def test_python_m_engine_without_a_command_prints_help() -> None:
    done = subprocess.run(HARK, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: hark" in done.stdout
    assert "retry" in done.stdout


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    code = "import engine.cli, sys; print([m for m in ('redis', 'numpy', 'pydantic', 'asyncio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


# --- the worker ---


def test_a_worker_shows_in_status_and_sigterm_ends_it_well(said: Said) -> None:
    process = subprocess.Popen([*HARK, "worker", "--queue", "task-processing"], stderr=subprocess.PIPE)
    try:
        while queue_json(said, "task-processing")["workers"] == 0:
            assert process.poll() is None
        assert queue_json(said, "transcription")["workers"] == 0
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    lines = [line.split()[2] for line in errors.decode().splitlines()]
    assert set(lines) == {"INFO"}


@pytest.mark.parametrize("option", ["--embedded", "--quiet"])
def test_a_worker_of_another_program_is_quiet(said: Said, option: str) -> None:
    process = subprocess.Popen([*HARK, "worker", option], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while queue_json(said, "task-processing")["workers"] == 0:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, b"")


def test_a_worker_refuses_an_unknown_queue(said: Said) -> None:
    assert said("worker", "--queue", "speling")[0] == 1


def test_ctrl_c_during_ask_ends_with_130_and_keeps_the_command(said: Said) -> None:
    said("pause", "voice-processing")
    # Tests that a shell runs in the background ignore Ctrl-C, and a program goes on with what it is started with.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen([*HARK, "ask", "what time is it"], stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, ignored)
    try:
        while queue_json(said, "voice-processing")["waiting"] == 0:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert queue_json(said, "voice-processing")["waiting"] == 1
