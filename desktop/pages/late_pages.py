"""The window's pages, each imported and made when it is first asked for.

Most of a start is the making of pages that nobody looks at yet. The window is on the screen with one of them, and the
others follow; whoever asks for one that is not there yet, by its property, gets it made at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.actions import Actions
from desktop.theme import Look

if TYPE_CHECKING:
    from desktop.pages.alerts import AlertsPage
    from desktop.pages.assistant import AssistantPage
    from desktop.pages.audit import AuditPage
    from desktop.pages.charts import ChartsPage
    from desktop.pages.failures import FailuresPage
    from desktop.pages.jobs import JobsPage
    from desktop.pages.queues import QueuesPage
    from desktop.pages.recurring import RecurringPage
    from desktop.pages.settings import SettingsPage
    from desktop.pages.workers import WorkersPage

PAGES = (
    ("Assistant", "microphone"),
    ("Queues", "queues"),
    ("Charts", "charts"),
    ("Jobs", "jobs"),
    ("Failures", "failures"),
    ("Recurring", "recurring"),
    ("Workers", "workers"),
    ("Audit", "audit"),
    ("Alerts", "alerts"),
    ("Settings", "settings"),
)
"""Word and icon of each, in the order of the rail and of Ctrl+1, Ctrl+2, ..."""


class _Kind(Protocol):
    def __call__(self, look: Look, actions: Actions, /) -> QWidget: ...


_Page = TypeVar("_Page", bound=QWidget)


class LatePages(QWidget):
    """A widget that has the pages; a subclass shows them."""

    page_made = Signal(str)
    """The word of a page that is there from now on."""

    def __init__(self, look: Look, actions: Actions) -> None:
        super().__init__()
        self._look, self.queue_actions = look, actions
        self._made: dict[str, QWidget] = {}

    @property
    def made(self) -> dict[str, QWidget]:
        """The pages that are there, by their words."""
        return dict(self._made)

    def page_of(self, word: str) -> QWidget:
        """The page of this word, made where it is not there yet."""
        return cast(QWidget, getattr(self, word.lower()))

    def make_pages(self) -> Iterator[str]:
        """Make the pages that are not there yet, one each step; yields its word."""
        for word, _ in PAGES:
            if word not in self._made:
                self.page_of(word)
                yield word

    @property
    def assistant(self) -> AssistantPage:
        """The conversation."""
        from desktop.pages.assistant import AssistantPage

        return self._page("Assistant", AssistantPage)

    @property
    def queues(self) -> QueuesPage:
        """The dashboard."""
        from desktop.pages.queues import QueuesPage

        return self._page("Queues", QueuesPage)

    @property
    def charts(self) -> ChartsPage:
        """Figures over time."""
        from desktop.pages.charts import ChartsPage

        return self._page("Charts", ChartsPage)

    @property
    def jobs(self) -> JobsPage:
        """Jobs by queue and state, and one in detail."""
        from desktop.pages.jobs import JobsPage

        return self._page("Jobs", JobsPage)

    @property
    def failures(self) -> FailuresPage:
        """Failed jobs by their cause."""
        from desktop.pages.failures import FailuresPage

        return self._page("Failures", FailuresPage)

    @property
    def recurring(self) -> RecurringPage:
        """Recurring jobs."""
        from desktop.pages.recurring import RecurringPage

        return self._page("Recurring", RecurringPage)

    @property
    def workers(self) -> WorkersPage:
        """Workers, and how many jobs they run at once."""
        from desktop.pages.workers import WorkersPage

        return self._page("Workers", WorkersPage)

    @property
    def audit(self) -> AuditPage:
        """Who did what, and what can be taken back."""
        from desktop.pages.audit import AuditPage

        return self._page("Audit", AuditPage)

    @property
    def alerts(self) -> AlertsPage:
        """What is wrong now, and was."""
        from desktop.pages.alerts import AlertsPage

        return self._page("Alerts", AlertsPage)

    @property
    def settings(self) -> SettingsPage:
        """All settings."""
        from desktop.pages.settings import SettingsPage

        return self._page("Settings", SettingsPage)

    def _page(self, word: str, kind: type[_Page]) -> _Page:
        page = self._made.get(word)
        if page is None:
            page = self._made[word] = cast(_Kind, kind)(self._look, self.queue_actions)
            self._place(word, page)
            self.page_made.emit(word)
        return cast(_Page, page)

    def _place(self, word: str, page: QWidget) -> None:
        """Take a page that was made into the window."""
        raise NotImplementedError
