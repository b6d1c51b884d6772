"""The commands on queues, jobs, recurring jobs and the worker, entered into the window's catalogue.

A command does what the button of its page does, with the same question before anything is destroyed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QObject

from desktop.actions import CLEAN, PAUSE, REDIS_GONE, RESUME, RETRY, Actions, QueueAction
from desktop.bridge import Bridge
from desktop.commands import Catalogue, Command
from desktop.tray import Tray
from desktop.widgets.queue_box import ALL_QUEUES
from desktop.window import Window
from engine.model import Job, JobState, QueueState, Schedule, Snapshot

_SCHEDULES, _JOB = "commands.schedules", "commands.job"
_NO_FIGURES = "There are no figures yet."
_NO_WORKER = "This app runs no worker."
_OTHER_WORDS = {
    "pause": "stop hold halt",
    "resume": "start continue unpause run",
    "clean": "remove delete purge old",
    "retry": "rerun again failed",
}
MENU = ("queues.pause-all", "queues.resume-all", "worker.restart")
TRAY = ("queues.pause-all", "queues.resume-all", "window.quit")


def connect(window: Window, actions: Actions, bridge: Bridge, tray: Tray) -> None:
    """Enter the commands, and keep them at the state that the snapshots tell of."""
    _Commands(window, actions, bridge)
    tray.fill(window.catalogue, TRAY)
    for key in MENU:
        window.add_menu_command(key)


class _Commands(QObject):
    """Lives as long as its window."""

    def __init__(self, window: Window, actions: Actions, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._actions, self._bridge = window, actions, bridge
        self._catalogue: Catalogue = window.catalogue
        self._snapshot: Snapshot | None = None
        self._schedules: tuple[Schedule, ...] = ()
        self._catalogue.add(
            Command(
                "queues.pause-all",
                "Queues",
                "Pause all queues",
                lambda: self._switch_all(pause=True),
                "stop hold everything",
                writes=True,
                refusal=lambda: self._all_refusal(pause=True),
            ),
            Command(
                "queues.resume-all",
                "Queues",
                "Resume all queues",
                lambda: self._switch_all(pause=False),
                "start continue everything",
                writes=True,
                refusal=lambda: self._all_refusal(pause=False),
            ),
            Command("jobs.failed", "Jobs", "Search failed jobs", self._search_failed, "find errors"),
            Command("jobs.removed", "Audit", "Show removed jobs", self._show_quarantine, "quarantine restore undo"),
            Command(
                "schedule.add",
                "Recurring",
                "Add a recurring job…",
                self._add_schedule,
                "new schedule cron interval",
                writes=True,
                refusal=lambda: "" if window.recurring.add.isEnabled() else window.recurring.add.toolTip(),
            ),
            Command(
                "worker.restart",
                "Workers",
                "Restart this app's worker",
                lambda: window.workers.restart_wanted.emit(),
                "reload process",
                refusal=lambda: "" if window.workers.restart.isEnabled() else window.workers.restart.toolTip(),
            ),
        )
        self._catalogue.add_source(self._queue_commands)
        self._catalogue.add_source(self._schedule_commands)
        self._catalogue.add_typed(self._typed)
        window.command_palette.opened.connect(
            lambda: bridge.request(_SCHEDULES, lambda engine: engine.admin.schedules())
        )
        bridge.sampled.connect(self._on_sampled)
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)

    # What there is

    def _queue_commands(self) -> Iterable[Command]:
        for queue in self._snapshot.queues if self._snapshot is not None else ():
            for action in (PAUSE, RESUME, RETRY, CLEAN):
                yield Command(
                    f"queue.{action.key}.{queue.name}",
                    "Queues",
                    f"{action.text.rstrip('…')} {queue.title}{'…' if action.text.endswith('…') else ''}",
                    partial(self._do, action, queue.name),
                    f"{queue.name} {_OTHER_WORDS[action.key]}",
                    writes=True,
                    dangerous=action.dangerous,
                    refusal=partial(self._refusal, action, queue.name),
                )
            yield Command(
                f"queue.jobs.{queue.name}",
                "Jobs",
                f"Show the jobs of {queue.title}",
                partial(self._actions.jobs_requested.emit, queue.name, JobState.WAITING),
                queue.name,
            )
            yield Command(
                f"queue.failures.{queue.name}",
                "Failures",
                f"Show why {queue.title} fails",
                partial(self._actions.failures_requested.emit, queue.name),
                f"{queue.name} errors failed jobs",
            )

            yield Command(
                f"queue.concurrency.{queue.name}",
                "Workers",
                f"Change how many of {queue.title} run at once…",
                partial(self._change_concurrency, queue.name),
                f"{queue.name} concurrency parallel workers",
                writes=True,
            )

    def _schedule_commands(self) -> Iterable[Command]:
        for schedule in self._schedules:
            yield Command(
                f"schedule.switch.{schedule.id}",
                "Recurring",
                f"Switch {schedule.id} {'off' if schedule.enabled else 'on'}",
                partial(self._window.recurring.switched.emit, schedule.id, not schedule.enabled),
                f"recurring schedule {schedule.queue} disable enable",
                writes=True,
                refusal=self._gone,
            )
            yield Command(
                f"schedule.run.{schedule.id}",
                "Recurring",
                f"Run {schedule.id} now",
                partial(self._window.recurring.run_wanted.emit, schedule.id),
                f"recurring schedule {schedule.queue}",
                writes=True,
                refusal=self._gone,
            )

    def _typed(self, typed: str) -> Iterable[Command]:
        if " " not in typed:
            yield Command("jobs.open", "Jobs", f"Open job {typed}", partial(self._look_up, typed), refusal=self._gone)
        yield Command(
            "jobs.search",
            "Jobs",
            f"Search failed jobs for {typed}",
            partial(self._search_failed, typed),
            refusal=self._gone,
        )

    # Why not

    def _gone(self) -> str:
        if self._bridge.is_gone:
            return REDIS_GONE
        return "" if self._snapshot is not None else _NO_FIGURES

    def _queue(self, name: str) -> QueueState | None:
        queues = self._snapshot.queues if self._snapshot is not None else ()
        return next((queue for queue in queues if queue.name == name), None)

    def _refusal(self, action: QueueAction, name: str) -> str:
        queue = self._queue(name)
        return self._gone() or (action.refusal(queue) if queue is not None else _NO_FIGURES)

    def _all_refusal(self, *, pause: bool) -> str:
        if self._gone() or self._snapshot is None:
            return self._gone()
        if any(queue.paused is not pause for queue in self._snapshot.queues):
            return ""
        return "Every queue is paused already." if pause else "No queue is paused."

    # Doing

    def _do(self, action: QueueAction, name: str) -> None:
        queue = self._queue(name)
        if queue is not None:
            if action.key in ("clean", "retry"):
                self._window.open_page(self._window.queues)  # where it asks
            self._actions.do(action, queue)

    def _switch_all(self, *, pause: bool) -> None:
        signal = self._actions.pause_requested if pause else self._actions.resume_requested
        for queue in self._snapshot.queues if self._snapshot is not None else ():
            if queue.paused is not pause:
                signal.emit(queue.name)

    def _search_failed(self, typed: str = "") -> None:
        jobs = self._window.jobs
        self._window.open_page(jobs)
        jobs.choose(ALL_QUEUES, JobState.FAILED, typed)
        jobs.search.typed.setFocus()

    def _show_quarantine(self) -> None:
        self._window.open_page(self._window.audit)
        self._window.audit.show_view("quarantine")

    def _add_schedule(self) -> None:
        self._window.open_page(self._window.recurring)
        self._window.recurring.open_add()

    def _change_concurrency(self, queue: str) -> None:
        workers = self._window.workers
        self._window.open_page(workers)
        workers.concurrency[queue].number.setFocus()
        workers.concurrency[queue].number.selectAll()

    def _look_up(self, job_id: str) -> None:
        self._bridge.request(_JOB, lambda engine: engine.monitor.job(job_id))

    # What comes back

    def _on_sampled(self, snapshot: Snapshot) -> None:
        before, self._snapshot = self._snapshot, snapshot
        if before is None or [queue.paused for queue in before.queues] != [queue.paused for queue in snapshot.queues]:
            self._catalogue.changed.emit()

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _SCHEDULES and isinstance(answer, tuple):
            if answer != self._schedules:
                self._schedules = answer
                self._catalogue.changed.emit()
        elif topic == _JOB and isinstance(answer, Job):
            self._window.open_page(self._window.jobs)
            self._window.jobs.choose(answer.queue, answer.state)
            self._window.jobs.open_job(answer.queue, answer.id)

    def _on_refused(self, topic: str, message: str) -> None:
        # What schedules there are stays as it was known: why they cannot be read is told elsewhere.
        if topic == _JOB:
            self._window.notices.show_notice("warning", message)
