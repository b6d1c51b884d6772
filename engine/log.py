"""Logging: one line a record on standard error, quiet unless asked.

`DEBUG=hark*` (or `--debug`) turns on debug lines. Secrets never reach a log line because nobody
formats them; a recording, transcript or key is logged by its length or id alone, and an error that Hark did not word
itself by its type, since such a one may quote what it fell over.
"""

from __future__ import annotations

import fnmatch
import logging
import os

ROOT = "hark"


def get_logger(name: str) -> logging.Logger:
    """A logger under `hark.`; `name` is the module's part, such as "worker"."""
    return logging.getLogger(f"{ROOT}.{name}")


def configure(debug: bool = False, level: int = logging.WARNING) -> None:
    """Send Hark's records to standard error; call once, from a program's entry point.

    `debug`, or an environment variable DEBUG that matches "hark", lowers the level to DEBUG.
    """
    wanted = debug or any(
        fnmatch.fnmatch(ROOT, part.strip()) for part in os.environ.get("DEBUG", "").split(",") if part.strip()
    )
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger(ROOT).setLevel(logging.DEBUG if wanted else level)
    # taskiq logs each job at INFO and each failed one with a traceback: the job's record has both.
    logging.getLogger("taskiq").setLevel(logging.INFO if wanted else logging.CRITICAL)


def without_tracebacks(logger: str) -> None:
    """From now on let this logger of a library's tell that something failed, and nothing of what its error says."""
    logging.getLogger(logger).addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Let the record pass without what its error says, which may be somebody's words."""
    record.exc_info = record.exc_text = None
    return True
