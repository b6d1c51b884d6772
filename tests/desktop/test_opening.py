"""The first paint waits for nothing that it does not need: measured by what is imported then, not by a clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.pages.late_pages import PAGES
from desktop.window_state import FILE

_HEAVY = ("asyncio", "numpy", "openai", "pydantic", "pyqtgraph", "qasync", "redis", "sounddevice", "taskiq")
_LOOK = f"""
import sys
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from desktop import opening
from desktop.actions import Actions
from desktop.theme import Look
from desktop.window import Window

def heavy():
    return set(sys.modules) & set({_HEAVY!r})

class Paint(QObject):
    seen = []
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            self.seen.append(heavy())
        return False

application = QApplication(["hark"])
unseen = Window(Look(), Actions())
made, at_making = list(unseen.make_pages()), heavy()
window, _ = opening.open_window(Look())
paint = Paint()
window.installEventFilter(paint)
opening._wait_for_paint(window)
print(made, at_making, list(window.made), paint.seen[0])
"""


def test_neither_the_first_paint_nor_any_page_needs_the_slow_imports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hark").mkdir()
    # The page with the most plots.
    (tmp_path / "hark" / FILE).write_text(f"[parts]\nwindow={json.dumps(json.dumps({'page': 'Charts'}))}\n")
    found = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"{[word for word, _ in PAGES]} set() ['Charts'] set()"
