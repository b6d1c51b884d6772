"""What is kept of what was said, and for how long."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from engine.audio import Recording
from engine.errors import HarkError, NotFoundError
from engine.recordings import Fate, KeptRecording, Recordings

NOW_MS = round(time.time() * 1000)
SOUND = Recording((np.sin(np.arange(16_000) / 8) * 8000).astype(np.int16))


def keep(recordings: Recordings, name: str, days_ago: float = 0, fate: Fate = Fate.WAITING) -> KeptRecording:
    kept = KeptRecording(name, NOW_MS - round(days_ago * 86_400_000), SOUND.duration_ms, fate)
    recordings.keep(kept, SOUND.to_flac())
    return kept


def test_a_recording_is_found_again_as_it_was_said(tmp_path: Path) -> None:
    kept = keep(Recordings(tmp_path), "one")
    other = Recordings(tmp_path)
    assert other.all() == (kept,)
    assert np.array_equal(other.sound("one").samples, SOUND.samples)


def test_only_the_user_can_read_them(tmp_path: Path) -> None:
    keep(Recordings(tmp_path / "recordings"), "one")
    paths = [tmp_path / "recordings", *(tmp_path / "recordings").iterdir()]
    assert [path.stat().st_mode & 0o077 for path in paths] == [0, 0, 0]


def test_a_recording_that_was_heard_goes_unless_it_is_to_stay(tmp_path: Path) -> None:
    for days, left in ((0, []), (1, ["hello"])):
        recordings = Recordings(tmp_path, keep_heard_days=days)
        keep(recordings, "one")
        recordings.change("one", fate=Fate.HEARD, text="hello")
        assert [kept.text for kept in recordings.all()] == left


def test_the_sweep_takes_what_was_kept_long_enough_and_nothing_that_waits(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, keep_heard_days=2, keep_unheard_days=7)
    keep(recordings, "waiting", 400)
    keep(recordings, "heard-yesterday", 1, Fate.HEARD)
    keep(recordings, "heard", 3, Fate.HEARD)
    keep(recordings, "failed-lately", 6, Fate.FAILED)
    keep(recordings, "failed", 8, Fate.FAILED)
    keep(recordings, "cancelled", 8, Fate.CANCELLED)
    assert recordings.sweep() == 3
    assert [kept.id for kept in recordings.all()] == ["heard-yesterday", "failed-lately", "waiting"]


def test_a_sound_without_its_note_is_not_lost(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path)
    keep(recordings, "one")
    (tmp_path / "one.json").unlink()
    (kept,) = recordings.all()
    assert (kept.id, kept.duration_ms, kept.fate) == ("one", SOUND.duration_ms, Fate.WAITING)


def test_one_spoilt_note_hides_no_other(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path)
    keep(recordings, "one")
    kept = keep(recordings, "two")
    (tmp_path / "one.json").write_text('{"fate": "eaten"}')
    assert recordings.all() == (kept,)


def test_a_recording_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no longer kept"):
        Recordings(tmp_path).sound("one")


def test_a_disk_that_refuses_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file in the way")
    with pytest.raises(HarkError, match=r"cannot be kept.*HARK_DATA_DIR"):
        keep(Recordings(tmp_path / "recordings"), "one")
