"""What the Recurring page asks of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from desktop.actions import REDIS_GONE
from desktop.bridge import Bridge
from desktop.pages.recurring import RecurringPage
from desktop.pages.recurring_words import exact_text
from desktop.pages.schedule_dialog import Draft
from desktop.window import Window
from engine.errors import HarkError, NotFoundError
from engine.model import Job, JobState, Schedule
from engine.queues import QUEUES

if TYPE_CHECKING:
    from engine import Engine

TOPIC = "recurring"


class Reading(NamedTuple):
    """The schedules at Redis's time `now_ms`, and those of their last jobs that are left, by id."""

    schedules: tuple[Schedule, ...]
    jobs: dict[str, Job]
    now_ms: int


def connect(page: RecurringPage, bridge: Bridge, window: Window) -> None:
    """Connect the page's wishes to the bridge, and the answers to the page."""
    completed: dict[str, Job] = {}

    async def read(engine: Engine) -> Reading:
        """All schedules; a last job that has completed is not read again."""
        schedules = await engine.admin.schedules()
        jobs: dict[str, Job] = {}
        for schedule in schedules:
            job_id = schedule.last_job
            if job_id is None:
                continue
            try:
                jobs[job_id] = completed.get(job_id) or await engine.monitor.job(job_id)
            except NotFoundError:
                continue  # ended long ago: its record's time is over
        completed.clear()
        completed.update({job_id: job for job_id, job in jobs.items() if job.state is JobState.COMPLETED})
        return Reading(schedules, jobs, (await engine.monitor.snapshot(fresh=False)).taken_at_ms)

    def refresh() -> None:
        bridge.request(TOPIC, read)

    def show(topic: str, answer: object) -> None:
        if topic == TOPIC and isinstance(answer, Reading):
            page.show_schedules(*answer)

    def show_refused(topic: str, message: str) -> None:
        if topic == TOPIC:
            page.show_gone(REDIS_GONE if bridge.is_gone else message)

    def saved() -> None:
        page.close_dialog()
        refresh()

    def switch(schedule_id: str, on: bool) -> None:
        async def act(engine: Engine, actor: str) -> str:
            one = await engine.admin.set_schedule_enabled(schedule_id, on, actor=actor)
            return f"{schedule_id} is on. {_next(one)}" if on else f"{schedule_id} is off."

        bridge.operate(f"switch {schedule_id}", act, then=refresh)

    def run(schedule_id: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            return f"{schedule_id} has added job {await engine.admin.run_schedule_now(schedule_id, actor=actor)}."

        bridge.operate(f"run {schedule_id}", act, then=refresh)

    def add(draft: Draft) -> None:
        async def act(engine: Engine, actor: str) -> str:
            try:
                one = await engine.admin.add_schedule(
                    draft.id,
                    draft.payload,
                    cron=draft.cron,
                    timezone=draft.timezone,
                    every_ms=draft.every_ms,
                    actor=actor,
                )
            except HarkError as error:
                page.show_refusal(str(error))
                raise
            return f"{draft.id} is added to {QUEUES[one.queue].title}. {_next(one)}"

        bridge.operate(f"add {draft.id}", act, then=saved)

    def update(draft: Draft, before: Schedule) -> None:
        async def act(engine: Engine, actor: str) -> str:
            # A time that is the same is not given: it would be counted anew from now.
            new_time = (draft.cron, draft.every_ms) != (before.cron, before.every_ms)
            try:
                one = await engine.admin.update_schedule(
                    draft.id,
                    payload=draft.payload,
                    cron=draft.cron if new_time else None,
                    timezone=draft.timezone if draft.timezone != before.timezone else None,
                    every_ms=draft.every_ms if new_time else None,
                    actor=actor,
                )
            except HarkError as error:
                page.show_refusal(str(error))
                raise
            return f"{draft.id} is changed. {_next(one)}".strip()

        bridge.operate(f"update {draft.id}", act, then=saved)

    def remove(schedule_id: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.remove_schedule(schedule_id, actor=actor)
            return f"{schedule_id} is removed. Jobs that it had added stay."

        bridge.operate(f"remove {schedule_id}", act, then=refresh)

    page.reading_wanted.connect(refresh)
    page.switched.connect(switch)
    page.run_wanted.connect(run)
    page.add_wanted.connect(add)
    page.update_wanted.connect(update)
    page.remove_wanted.connect(remove)
    bridge.answered.connect(show)
    bridge.refused.connect(show_refused)
    bridge.gone.connect(lambda *_: page.show_gone())


def _next(schedule: Schedule) -> str:
    if schedule.next_at_ms is None:
        return ""
    return f"It runs next on {exact_text(schedule.next_at_ms, schedule.timezone)}."
