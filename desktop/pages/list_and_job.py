"""The body of the Jobs page: the list, and beside it the job that is open; in a narrow window one of the two."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

_BOTH_FROM_PX = 850
"""Below this width an open job stands in the place of the list."""


class ListAndJob(QSplitter):
    """Remembers how the room was shared while a job was open."""

    def __init__(self, jobs: QWidget, job: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._jobs, self._job = jobs, job
        self.setHandleWidth(12)
        self.setChildrenCollapsible(False)
        self.addWidget(jobs)
        self.addWidget(job)
        self.setStretchFactor(0, 5)
        self.setStretchFactor(1, 3)
        self._shares = [655, 390]
        self.setSizes(self._shares)
        self.splitterMoved.connect(lambda *_: self._note_shares())

    @property
    def shares(self) -> list[int]:
        """How the room is shared, in pixels."""
        both = not self._jobs.isHidden() and not self._job.isHidden()
        return self.sizes() if both else self._shares

    def share(self, sizes: list[int]) -> None:
        """Share the room so."""
        self._shares = sizes
        self.setSizes(sizes)

    def open_job(self) -> None:
        """Show the job."""
        self._job.show()
        self._fit()

    def close_job(self) -> None:
        """Show the list alone."""
        self._job.hide()
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self._jobs.setVisible(self._job.isHidden() or self.width() >= _BOTH_FROM_PX)

    def _note_shares(self) -> None:
        self._shares = self.sizes()
