"""`hark`: without arguments the window, else the command line. Imports only what is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.doctor import Check


def main() -> int:
    """Run Hark and return the exit code; 2 where there is no display to open the window on."""
    if len(sys.argv) > 1:
        from engine.cli import main as command_line

        return command_line(doctor_checks=_doctor_checks)
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not has_display:
        print(
            "hark: there is no display to open the window on. "
            "Use `hark ask TEXT` or `hark status`, or run it in a desktop session.",
            file=sys.stderr,
        )
        return 2
    from desktop.opening import run

    return run()


def _doctor_checks() -> Sequence[Check]:
    """What `hark doctor` looks at beyond the engine."""
    from desktop.voice.microphone_check import microphone_check

    return [microphone_check()]


if __name__ == "__main__":
    sys.exit(main())
