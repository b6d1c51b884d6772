"""Which part of the charts' time is looked at: all of it, or a stretch that somebody has zoomed into."""

from __future__ import annotations

from desktop.widgets.time_axis import Stretch

_LEAST_SPANS = 4
"""No zoom shows less than so many points."""


class Zoom:
    """`span_ms` is the length of one point, `whole` the time that there is to see."""

    def __init__(self) -> None:
        self._part: Stretch | None = None

    def __bool__(self) -> bool:
        """Whether less than all is shown."""
        return self._part is not None

    def stretch(self, whole: Stretch) -> Stretch:
        """The time that is shown."""
        return self._part or whole

    def show_all(self) -> None:
        """Show the whole time again."""
        self._part = None

    def show_by(self, factor: float, around_ms: float, whole: Stretch, span_ms: float) -> None:
        """Show `factor` times as much as now, with `around_ms` in its place."""
        part = self.stretch(whole).zoomed(factor, around_ms, whole, _LEAST_SPANS * span_ms)
        self.show_stretch(part, whole, span_ms)

    def show_stretch(self, stretch: Stretch, whole: Stretch, span_ms: float) -> None:
        """Show this stretch, or what is nearest to it."""
        least_ms = _LEAST_SPANS * span_ms
        if stretch.length_ms < least_ms:
            middle = (stretch.from_ms + stretch.to_ms) / 2
            stretch = Stretch(middle - least_ms / 2, middle + least_ms / 2)
        stretch = stretch.moved_into(whole)
        self._part = None if stretch.length_ms >= whole.length_ms else stretch

    def follow(self, at_ms: float, whole: Stretch) -> bool:
        """Move to where `at_ms` is seen; whether that was needed."""
        part = self._part
        if part is None or part.from_ms <= at_ms <= part.to_ms:
            return False
        start = at_ms - part.length_ms / 2
        self._part = Stretch(start, start + part.length_ms).moved_into(whole)
        return True
