"""The operator's console by voice, through the very `Admin` that its buttons use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import Field

from engine.errors import WriteLockedError
from engine.handlers.context import JobContext
from engine.handlers.tools.arguments import Arguments, Nothing, QueueOrAll
from engine.handlers.tools.wording import count, listed, spoken_queue
from engine.model import QueueState
from engine.providers import NotDone, Tool
from engine.queues import QUEUES, SYNTHESIS, TRANSCRIPTION, VOICE_PROCESSING, require_queue

_Given = TypeVar("_Given", bound=Arguments)

VOICE_QUEUES = (VOICE_PROCESSING, TRANSCRIPTION, SYNTHESIS)
"""What a spoken command and its answer run on: "pause all queues" leaves them, or nobody could say "resume"."""


class OneQueue(Arguments):
    """Arguments of a tool for one queue."""

    queue: str = Field(description=f"One of: {', '.join(QUEUES)}")


def console_tools(user_id: str, context: JobContext) -> tuple[Tool, ...]:
    """The tools that look at the queues and operate them as `user_id`."""
    services = context.services
    actor = f"voice ({user_id})"

    async def queue_state(arguments: OneQueue) -> str:
        queue = require_queue(arguments.queue)
        snapshot = await services.monitor.snapshot()
        return _spoken_state(next(state for state in snapshot.queues if state.name == queue))

    async def pause_queue(arguments: OneQueue) -> str:
        title = spoken_queue(arguments.queue)
        if not await services.admin.pause(arguments.queue, actor=actor):
            return f"The {title} queue is paused already."
        if arguments.queue in (VOICE_PROCESSING, TRANSCRIPTION):
            return f"The {title} queue is paused. I cannot take commands until you resume it in the window."
        return f"The {title} queue is paused."

    async def resume_queue(arguments: OneQueue) -> str:
        title = spoken_queue(arguments.queue)
        changed = await services.admin.resume(arguments.queue, actor=actor)
        return f"The {title} queue is running again." if changed else f"The {title} queue was not paused."

    async def retry_failed(arguments: QueueOrAll) -> str:
        if not arguments.queue:
            return await retry_wherever()
        retried = await services.admin.retry(arguments.queue, actor=actor)
        title = spoken_queue(arguments.queue)
        return (
            f"{count(retried, 'failed job')} of the {title} queue will run again."
            if retried
            else (f"The {title} queue has no failed jobs.")
        )

    async def failed_by_queue() -> dict[str, int]:
        """How many jobs have failed, by their queues, most first."""
        failed = {state.name: state.failed for state in (await services.monitor.snapshot()).queues if state.failed}
        return dict(sorted(failed.items(), key=lambda one: -one[1]))

    async def ask_to_retry(arguments: QueueOrAll) -> str:
        """Only where nobody named a queue and several have failed jobs: more may run again than was thought of."""
        failed = {} if arguments.queue else await failed_by_queue()
        if len(failed) < 2:
            return ""
        told = listed([f"{failed[queue]} in {spoken_queue(queue)}" for queue in failed])
        return f"Shall I run {count(sum(failed.values()), 'failed job')} again: {told}?"

    async def retry_wherever() -> str:
        failed = await failed_by_queue()
        if len(failed) == 1:
            return await retry_failed(QueueOrAll(queue=next(iter(failed))))
        retried = {queue: await services.admin.retry(queue, actor=actor) for queue in failed}
        told = [f"{number} in {spoken_queue(queue)}" for queue, number in retried.items() if number]
        if not told:
            return "Nothing has failed."
        return f"{count(sum(retried.values()), 'failed job')} will run again: {listed(told)}."

    async def pause_all(_: Nothing) -> str:
        paused = [
            queue for queue in QUEUES if queue not in VOICE_QUEUES and await services.admin.pause(queue, actor=actor)
        ]
        if not paused:
            return "All queues but the voice's own are paused already."
        names = listed([spoken_queue(queue) for queue in paused])
        return f"Paused: {names}. The voice's own queues run on, so that you can say resume all queues."

    async def resume_all(_: Nothing) -> str:
        resumed = [queue for queue in QUEUES if await services.admin.resume(queue, actor=actor)]
        if not resumed:
            return "No queue was paused."
        return f"Running again: {listed([spoken_queue(queue) for queue in resumed])}."

    def operating(act: Callable[[_Given], Awaitable[str]]) -> Callable[[_Given], Awaitable[str]]:
        """A locked production connection stays so for voices: what was heard may be wrong, and gives no reason."""

        async def refused_by_voice(arguments: _Given) -> str:
            try:
                return await act(arguments)
            except WriteLockedError as error:
                return NotDone(f"I cannot do that. {error.message} Unlock it in the window, and do it there.")

        return refused_by_voice

    return (
        Tool("queue_state", "Tell how a job queue is doing.", OneQueue, queue_state),
        Tool("pause_queue", "Pause a job queue: it starts nothing more.", OneQueue, operating(pause_queue)),
        Tool("resume_queue", "Let a paused job queue run again.", OneQueue, operating(resume_queue)),
        Tool("pause_all", "Pause all job queues but those of the voice.", Nothing, operating(pause_all)),
        Tool("resume_all", "Let all paused job queues run again.", Nothing, operating(resume_all)),
        Tool(
            "retry_failed",
            "Run the failed jobs of a queue again; without a queue, those of all.",
            QueueOrAll,
            operating(retry_failed),
            ask_to_retry,
        ),
    )


def _spoken_state(state: QueueState) -> str:
    doing = "paused" if state.paused else "running" if state.workers else "without a worker"
    return (
        f"The {spoken_queue(state.name)} queue is {doing}: {state.waiting} waiting, {state.active} active, "
        f"{state.delayed} delayed and {state.failed} failed."
    )
