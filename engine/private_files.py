"""Files that only their owner may read, and folders that nobody else may enter."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def private_folder(folder: Path) -> None:
    """Make the folder, closed to others, where there is none. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def touch_private(path: Path) -> None:
    """Make an empty file, or close the one that is there to others. Raises OSError.

    A file that belongs to somebody else stays as its owner has it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if os.name == "posix":
            status = os.fstat(handle)
            if status.st_mode & 0o077 and status.st_uid == os.geteuid():
                os.fchmod(handle, status.st_mode & 0o700)
    finally:
        os.close(handle)


def write_private(path: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody ever reads half of it; its bytes are on the disk when this returns.

    Raises OSError; what was there before then stays.
    """
    # mkstemp makes a file that only its owner may read.
    handle, draft = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
