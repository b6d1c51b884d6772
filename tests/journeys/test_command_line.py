"""`hark ask` as a person runs it: no window, no key, no Redis of their own, no worker running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.audio import Recording
from engine.providers.offline import OfflineSynthesizer


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment of a new user: own folders, nothing configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "OPENAI_", "HARK_"))}
    return kept | {"HARK_DATA_DIR": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def hark(home: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `hark` with `arguments`."""
    command = [sys.executable, "-m", "engine", *arguments]
    return subprocess.run(command, env=home, capture_output=True, text=True, timeout=100, check=False)


async def test_a_spoken_question_is_answered_aloud_and_no_log_knows_it(home: dict[str, str], tmp_path: Path) -> None:
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    synthesizer = OfflineSynthesizer()
    try:
        question.write_bytes((await synthesizer.synthesize("what are my tasks")).to_wav())
    finally:
        await synthesizer.close()

    done = hark(home | {"DEBUG": "hark*"}, "ask", "--audio", str(question), "--speak", str(answer))

    assert done.returncode == 0, done.stderr
    assert "What are my tasks" in done.stdout
    assert "Your list is empty." in done.stdout
    assert Recording.decode(answer.read_bytes()).require_speech().duration_ms > 500
    assert " DEBUG " in done.stderr
    assert not [words for words in ("my tasks", "list is empty") if words in done.stderr.lower()]


def test_a_task_that_was_created_is_listed(home: dict[str, str]) -> None:
    assert hark(home, "ask", "create a task to buy milk").returncode == 0
    assert "buy milk" in hark(home, "ask", "what are my tasks").stdout


def test_the_console_is_commanded_in_words(home: dict[str, str]) -> None:
    assert hark(home, "ask", "pause the email queue").returncode == 0
    status = json.loads(hark(home, "status", "email-processing", "--json").stdout)
    assert '"paused": true' in json.dumps(status)
    assert "paused" in hark(home, "ask", "what's the state of the email queue").stdout


def test_what_it_cannot_do_is_said(home: dict[str, str]) -> None:
    done = hark(home, "ask", "paint my house blue")
    assert done.returncode == 0
    assert "what can you do" in done.stdout
