"""What was said into the microphone, on disk until nobody needs it again: nothing is to be said twice.

Two files a recording, in a folder that only the user can read: `<id>.flac`, the sound, and `<id>.json`, what became
of it. The sound is there, safe from a power cut, before anything is sent. All of it may wait for a disk: call it in a
thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.audio import Recording
from engine.errors import HarkError, NotFoundError
from engine.log import get_logger
from engine.private_files import private_folder, write_private

if TYPE_CHECKING:
    from engine.settings import Settings

_log = get_logger("recordings")
_DAY_S = 86_400


class Fate(StrEnum):
    """What became of a recording."""

    WAITING = "waiting"
    """It was sent, and its transcript has not come yet."""
    HEARD = "heard"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """One recording of the history.

    `job_id` is the job that hears it, the latest where it was tried again, `trace` the command that it then belongs to.
    """

    id: str
    at_ms: int
    duration_ms: int
    fate: Fate = Fate.WAITING
    job_id: str = ""
    trace: str = ""
    tries: int = 1
    text: str = ""
    error: str = ""
    language: str = "en"
    conversation_id: str = "default"
    user_id: str = "local"
    speak: bool = True

    @property
    def next_job(self) -> str:
        """The id of the job that hears it, should it be tried once more."""
        return f"{self.id}.again{self.tries}"

    @property
    def next_trace(self) -> str:
        """The command that it belongs to then: the same as before, and so done once, where it was never understood."""
        return self.trace if self.fate in (Fate.WAITING, Fate.FAILED) else self.next_job


def new_recording(trace: str, recording: Recording, **more: Any) -> KeptRecording:
    """What there is to say of a recording that was just made."""
    now_ms = round(time.time() * 1000)
    return KeptRecording(trace, now_ms, recording.duration_ms, job_id=trace, trace=trace, **more)


class Recordings:
    """The folder. `keep_heard_days` and `keep_unheard_days`: for how long after being said; see `sweep`."""

    def __init__(self, folder: Path, keep_heard_days: float = 0, keep_unheard_days: float = 7) -> None:
        self._folder = folder
        self._keep_heard_days = keep_heard_days
        self._keep_unheard_days = keep_unheard_days

    def keep(self, kept: KeptRecording, flac: bytes) -> None:
        """Write a new recording; it is safe on disk when this returns. Raises HarkError where the disk refuses."""
        try:
            private_folder(self._folder)
            write_private(self._sound(kept.id), flac)
            write_private(self._note(kept.id), json.dumps(asdict(kept)).encode())
            _sync_folder(self._folder)
        except OSError as error:
            raise HarkError(
                f"The recording cannot be kept in {self._folder}: {error.strerror or error}.",
                "Make room on the disk, or choose another folder by HARK_DATA_DIR.",
            ) from error

    def change(self, recording_id: str, **news: Any) -> KeptRecording | None:
        """Note what became of a recording. None: it is gone, such as one that is heard and need not be kept longer."""
        kept = self.find(recording_id)
        if kept is None:
            return None
        kept = replace(kept, **news)
        if kept.fate is Fate.HEARD and not self._keep_heard_days:
            self.delete(recording_id)
            return None
        write_private(self._note(recording_id), json.dumps(asdict(kept)).encode())
        return kept

    def find(self, recording_id: str) -> KeptRecording | None:
        """What is known of a recording, None where it is not kept."""
        if not self._sound(recording_id).is_file():
            return None
        try:
            noted = json.loads(self._note(recording_id).read_bytes())
            return KeptRecording(**noted | {"fate": Fate(noted["fate"])})
        except FileNotFoundError:
            # The power went between the two files: the sound is what counts.
            at_ms = round(self._sound(recording_id).stat().st_mtime * 1000)
            return replace(new_recording(recording_id, self.sound(recording_id)), at_ms=at_ms)
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.warning("what is known of recording %s cannot be read: %s", recording_id, type(error).__name__)
            return None

    def all(self) -> tuple[KeptRecording, ...]:
        """Every recording, newest first."""
        found = [kept for recording_id in self._ids() if (kept := self.find(recording_id)) is not None]
        return tuple(sorted(found, key=lambda kept: kept.at_ms, reverse=True))

    def sound(self, recording_id: str) -> Recording:
        """The recording itself, at 16 kHz. Raises NotFoundError once it is gone."""
        if not self._sound(recording_id).is_file():
            raise _gone()
        return Recording.read(self._sound(recording_id))

    def flac(self, recording_id: str) -> bytes:
        """The recording as it lies on the disk. Raises NotFoundError once it is gone."""
        try:
            return self._sound(recording_id).read_bytes()
        except FileNotFoundError:
            raise _gone() from None

    def delete(self, recording_id: str) -> None:
        """Take a recording off the disk; nothing happens where it is gone."""
        self._note(recording_id).unlink(missing_ok=True)
        self._sound(recording_id).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Delete what was kept long enough; returns how many. What still waits for its transcript stays."""
        now_ms = time.time() * 1000
        gone = 0
        for kept in self.all():
            days = self._keep_heard_days if kept.fate is Fate.HEARD else self._keep_unheard_days
            if kept.fate is not Fate.WAITING and now_ms - kept.at_ms > days * _DAY_S * 1000:
                self.delete(kept.id)
                gone += 1
        return gone

    def _ids(self) -> Iterator[str]:
        if self._folder.is_dir():
            yield from (path.stem for path in self._folder.glob("*.flac"))

    def _sound(self, recording_id: str) -> Path:
        return self._folder / f"{recording_id}.flac"

    def _note(self, recording_id: str) -> Path:
        return self._folder / f"{recording_id}.json"


def recordings_of(settings: Settings) -> Recordings:
    """The folder that the settings name."""
    return Recordings(settings.data_dir / "recordings", settings.keep_recordings_days, settings.keep_unheard_days)


def _gone() -> NotFoundError:
    return NotFoundError("The recording is no longer kept.", "Say it again.")


def _sync_folder(folder: Path) -> None:
    """Make the new names in `folder` safe, too; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
