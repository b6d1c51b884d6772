"""How old the figures of a page are where Redis is gone: one clock and one wording for all pages.

A page asks it also why nothing can be done now, so that no page keeps that twice.
"""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from desktop.actions import REDIS_GONE
from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.two_lines import ElidedText

_TICK_MS = 1_000


class Freshness(ElidedText):
    """The note in a page's head: nothing while what is shown is fresh, its age where it is not.

    Call `renew` with each answer, `note_gone` where there was none.
    """

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(look, "", "strong", "caution")
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        self._gone = ""
        self._since = QElapsedTimer()
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._draw)

    @property
    def gone(self) -> str:
        """Why nothing new can be had, and nothing done; "" while all is well."""
        return self._gone

    @property
    def known(self) -> bool:
        """Something has been shown at least once."""
        return self._since.isValid()

    def renew(self) -> None:
        """What the page shows is as it is now."""
        self._gone = ""
        self._since.start()
        self._clock.stop()
        self._draw()

    def note_gone(self, reason: str = REDIS_GONE) -> None:
        """Nothing new can be had; the window tells once for all pages where it is Redis that does not answer."""
        self._gone = reason
        if self.isVisible():
            self._clock.start()
        self._draw()

    def _draw(self) -> None:
        if not self._gone:
            self.show_text("")
            return
        age = f"As of {age_text(self._since.elapsed())} ago" if self.known else "Nothing known yet"
        self.show_text(age if self._gone == REDIS_GONE else f"{age}: {self._gone}", self._gone)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._gone:
            self._clock.start()
            self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()
