"""Files that only ffmpeg opens. Not every machine has it: a small program stands where it would be."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInputError
from engine.handlers.foreign_sound import opened
from tests.servers import tone

SOUND = tone(100).at_rate(16_000)


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives `SOUND` for a file that holds "sound", and fails for any other, as the real one does."""
    (tmp_path / "sound").write_bytes(SOUND.samples.astype("<i2").tobytes())
    program = tmp_path / "ffmpeg"
    program.write_text(
        f"""#!/bin/sh
        while [ "$1" != -i ]; do [ "$1 $2" = "-f matroska" ] && known=yes; shift; done
        [ "$known" ] && [ "$(cat "$2")" = sound ] && exec cat {tmp_path}/sound
        exit 1
        """
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.usefixtures("ffmpeg")
async def test_a_file_is_opened_as_what_it_is_and_as_no_playlist() -> None:
    assert np.array_equal((await opened(b"sound", "webm")).samples, SOUND.samples)


@pytest.mark.usefixtures("ffmpeg")
async def test_what_is_no_sound_is_told() -> None:
    with pytest.raises(BadInputError, match="not audio that ffmpeg can read"):
        await opened(b"a letter", "webm")


async def test_without_ffmpeg_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInputError, match=r"of the kind m4a, which this machine cannot open.*install ffmpeg"):
        await opened(b"sound", "m4a")
