"""A worker without what it never uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_fastapi() -> Iterator[None]:
    """Import taskiq in this block to keep FastAPI out of the process.

    taskiq's dependencies load FastAPI wherever it is installed, only to know its `Depends` when they meet one;
    no job of Hark's has one, and it costs each worker 0.2 s of its start and 7 MB.
    """
    if "fastapi" in sys.modules:
        yield
        return
    sys.modules["fastapi"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["fastapi"]
