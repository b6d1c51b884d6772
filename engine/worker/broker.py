"""`QueueBroker`: taskiq's broker over Hark's store.

taskiq keeps what it is good at (tasks, labels, dependencies, middlewares, the Receiver); every state of
a job is the store's. The stock worker runs it too: `taskiq worker engine.worker.broker:broker -w 1`.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Any
from uuid import uuid4

from pydantic import ValidationError
from taskiq import AsyncBroker, BrokerMessage, Context, TaskiqDepends, TaskiqMessage, TaskiqResult
from taskiq.abc.middleware import TaskiqMiddleware

from engine.admin import Admin
from engine.client import Client
from engine.concurrency import TimeLimit, together
from engine.errors import HarkError, PermanentError, RetryableError
from engine.failures import last_frames
from engine.handlers import HANDLERS, Handler, JobContext, Services
from engine.handlers.speech import get_ready_to_hear
from engine.job_types import JobType, wrong_arguments
from engine.log import get_logger, without_tracebacks
from engine.monitor import Monitor
from engine.process import keep_what_is_loaded
from engine.providers import Providers, choose_providers
from engine.providers.mail import mail_account
from engine.providers.tasks_local import LocalTasks
from engine.queues import QUEUES, TRANSCRIPTION, require_queue
from engine.settings import Settings, load_settings
from engine.store import Claimed, FinishedJob, open_store
from engine.store.records import dumps
from engine.worker.claiming import Claiming
from engine.worker.leases import Leases
from engine.worker.messages import ClaimedMessage, claimed_message, kicked_job
from engine.worker.results import StoreResults
from engine.worker.scheduler import Scheduler
from engine.worker.settling import CANCELLED, Settling
from engine.worker.upkeep import Upkeep
from engine.write_lock import WriteLock

_log = get_logger("broker")

READY_AFTER_S = 3.0
"""An app's own worker loads the recogniser so long after it has started, in seconds."""
_LAST_WRITES_S = 10.0
"""A worker that ends gives Redis so long to take the last outcomes; after that leases bring their jobs back."""


class _Outcomes(TaskiqMiddleware):
    """Keeps each result until the job is acknowledged: taskiq's ack says nothing of the outcome."""

    def __init__(self) -> None:
        super().__init__()
        self._results: dict[tuple[str, str], TaskiqResult[Any]] = {}
        self.tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}
        """What runs each job now."""

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        task = asyncio.current_task()
        if task is not None:
            self.tasks[message.labels["queue"], message.task_id] = task
        return message

    def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        key = message.labels["queue"], message.task_id
        self.tasks.pop(key, None)
        self._results[key] = result

    def pop(self, job: Claimed) -> TaskiqResult[Any] | None:
        return self._results.pop((job.queue, job.id), None)


class QueueBroker(AsyncBroker):
    """One worker's broker, or a client's that only kicks. Use each in one event loop.

    `queues` names those it serves, all eight where None.
    """

    def __init__(self, settings: Settings | None = None, queues: Sequence[str] | None = None) -> None:
        super().__init__()
        self._own: dict[str, tuple[type[JobType], Handler]] = {}
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
        self.is_embedded = False
        """Whether a desktop app has started this worker as its child."""
        self._settings = settings
        self._queues = tuple(require_queue(queue) for queue in queues or QUEUES)
        self._outcomes = _Outcomes()
        self.add_middlewares(self._outcomes)
        self.result_backend = StoreResults(lambda: self._store)
        self._open = AsyncExitStack()
        self._contexts: dict[tuple[str, str], JobContext] = {}
        self._cancelled: set[tuple[str, str]] = set()
        self._providers: Providers | None = None
        self._readying: asyncio.Task[None] | None = None

    # --- life ---

    async def startup(self) -> None:
        """Connect; in a worker process also start renewing, settling and upkeep. Raises as `open_store` does."""
        settings = self._settings = self._settings or load_settings()
        without_tracebacks("taskiq.receiver.receiver")  # a job's record has its traceback
        self._store = await self._open.enter_async_context(open_store(settings))
        self._services = Services(
            self._store,
            Client(self._store, settings),
            Admin(self._store, WriteLock(settings.production, settings.production_name)),
            Monitor(self._store, settings),
            LocalTasks(settings.data_dir),
            self._use_providers,
            lambda: mail_account(settings),
            settings,
        )
        if self.is_worker_process:
            specs = [settings.queue_specs[queue] for queue in self._queues]
            self._leases = Leases(self._store.twin(), settings.lease_ms)
            self._settling = Settling(self._store, self._leases.drop)
            self._claiming = Claiming(self._store, specs, self.worker_id, settings.lease_ms, take=self._settling.take)
            self._upkeep = Upkeep(
                self._store,
                self._queues,
                settings,
                self.worker_id,
                lambda: self._claiming.active,
                self._obey,
                embedded=self.is_embedded,
            )
            self._leases.start()
            self._settling.start()
            self._upkeep.start()
            self._scheduler = Scheduler(self._store, self._queues)
            self._scheduler.start()
            if self.is_embedded and TRANSCRIPTION in self._queues:
                self._readying = asyncio.create_task(self._get_ready(), name="get ready to hear")
        await super().startup()

    async def shutdown(self) -> None:
        """Settle or give back every job in hand, then disconnect."""
        try:
            if self.is_worker_process and hasattr(self, "_claiming"):
                await self._end_work()
        finally:
            if self._readying is not None:
                self._readying.cancel()
                await asyncio.wait({self._readying})
            if self._providers is not None:
                await self._providers.close()
            await super().shutdown()
            await self._open.aclose()

    async def _end_work(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WRITES_S):
                await self._claiming.close()
                for job in self._leases.held:
                    if self._has(job):
                        await self._release(job)
                await self._settling.close()
        except TimeoutError:
            _log.error("Redis does not answer: what the last jobs came to is not written; they will run again")
        finally:
            await together(self._scheduler.stop(), self._upkeep.stop(), asyncio.to_thread(self._leases.stop))

    async def stop_claiming(self) -> None:
        """Claim no more, give back what was claimed and not handed out, and tell others; for 10 s at most."""
        try:
            async with asyncio.timeout(_LAST_WRITES_S):
                await together(self._claiming.close(), self._upkeep.tell_stopping())
        except TimeoutError:
            _log.warning("Redis does not answer: others do not hear yet that this worker ends")

    def _use_providers(self) -> Providers:
        if self._providers is None:
            assert self._settings is not None
            self._providers = choose_providers(self._settings)
        return self._providers

    async def _get_ready(self) -> None:
        """Whoever has opened the app may speak soon. The window, which opens now, comes first."""
        await asyncio.sleep(READY_AFTER_S)
        try:
            await get_ready_to_hear(self._services)
        except HarkError as error:
            _log.info("the first command will have to wait for the recogniser: %s", error)
        keep_what_is_loaded()

    # --- adding, by taskiq's own means ---

    async def kick(self, message: BrokerMessage) -> None:
        """Add the job; `kicked_job` tells its labels. A job whose id exists is not added."""
        assert self._settings is not None
        queue, job = kicked_job(message, self._settings.queue_specs)
        await self._store.add(queue, [job])

    # --- running ---

    def register(self, kind: type[JobType], handler: Handler) -> None:
        """Run jobs of a type with a handler. It is a taskiq task as well, for taskiq's own worker."""
        self._own[kind.job_name] = kind, handler
        self.register_task(_as_task(kind, handler), task_name=kind.job_name, queue=kind.queue)

    async def listen(self) -> AsyncGenerator[ClaimedMessage, None]:
        """Claimed jobs as taskiq's messages, each as soon as its queue has a free slot."""
        while True:
            for job in await self.claim():
                yield self.as_message(job)

    async def claim(self) -> list[Claimed]:
        """Wait for jobs that can start at once; each must then be run or given back."""
        jobs = await self._claiming.claim_all()
        self._leases.hold(jobs)
        for job in jobs:
            if (job.queue, job.id) in self._contexts:
                self._claiming.free(job.queue)  # its lease was lost while it runs here: that run ends unheard
            self._contexts[job.queue, job.id] = JobContext(job, self._services)
        return jobs

    def as_message(self, job: Claimed) -> ClaimedMessage:
        """A claimed job as taskiq's Receiver takes it."""
        return claimed_message(job, functools.partial(self._settle, job))

    def runs_itself(self, job: Claimed) -> bool:
        """Whether `run` can do without taskiq's message: a job of Hark's own, and no middleware that must see it."""
        return job.name in self._own and len(self.middlewares) == 1

    async def run(self, job: Claimed) -> None:
        """Run a job of Hark's own to its end, at a fifth of what taskiq's way through its models and tasks costs."""
        kind, handler = self._own[job.name]
        key = job.queue, job.id
        context = self._contexts[key]
        task = asyncio.current_task()
        assert task is not None
        self._outcomes.tasks[key] = task
        limit = TimeLimit(job.timeout_ms / 1000)
        try:
            result = await handler(_payload(kind, job.data), context)
        except asyncio.CancelledError as error:
            task.uncancel()  # what follows is not to be cut short
            outcome = self._fail(job, error, timed_out=True) if limit.reached else self._stopped(job)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a handler raises is its job's failure
            outcome = self._fail(job, error, timed_out=False)
        else:
            outcome = self._finish(job, result, context)
        finally:
            limit.lift()
            if self._outcomes.tasks.get(key) is task:
                del self._outcomes.tasks[key]  # a cancel from now on would hit the writing of the outcome
        try:
            await outcome
        finally:
            self._let_go(job)

    def context_of(self, message: TaskiqMessage) -> JobContext:
        """The running job of a taskiq message."""
        return self._contexts[message.labels["queue"], message.task_id]

    async def _settle(self, job: Claimed) -> None:
        """taskiq is through with the job: write its outcome, whatever it is."""
        result = self._outcomes.pop(job)
        context = self._contexts.get((job.queue, job.id))
        if context is None or not self._has(job):
            return  # given back already: the worker is stopping; or lost, and claimed here once more
        try:
            if result is None:
                await self._settling.fail(job, _no_outcome(self, job), permanent=True)
            elif isinstance(result.error, asyncio.CancelledError):
                await self._stopped(job)
            elif result.error is not None:
                await self._fail(job, result.error, timed_out=isinstance(result.error, TimeoutError))
            else:
                await self._finish(job, result.return_value, context)
        finally:
            self._let_go(job)

    async def _stopped(self, job: Claimed) -> None:
        """Its task was cancelled: by an operator, or because the worker ends."""
        if not self._has(job):
            return  # given back already
        if (job.queue, job.id) in self._cancelled:
            await self._settling.fail(job, "Cancelled by an operator.", permanent=True, kind=CANCELLED)
        else:
            await self._settling.release(job)

    async def _finish(self, job: Claimed, value: Any, context: JobContext) -> None:
        spent_ms = round((time.monotonic() - context.started_s) * 1000)
        try:
            result = "null" if value is None else dumps(value)
        except (TypeError, ValueError) as error:
            await self._settling.fail(job, f"The result of {job.name} is not JSON: {error}.", permanent=True)
            return
        await self._settling.finish(FinishedJob(job, result, spent_ms, tuple(context.outbox)))

    async def _fail(self, job: Claimed, error: BaseException, *, timed_out: bool) -> None:
        text = "".join(traceback.format_exception(error))
        log_as = ""
        if timed_out:
            message = f"{job.name} took longer than its time-out of {job.timeout_ms / 1000:g} s."
        elif isinstance(error, HarkError):
            message = str(error)
        else:
            # Such an error may quote what it fell over: somebody's words, which no log is to know.
            message, log_as = f"{type(error).__name__}: {error}", f"{type(error).__name__} (the job's record says more)"
        await self._settling.fail(
            job,
            message,
            text,
            permanent=isinstance(error, PermanentError),
            retry_after_ms=error.retry_after_ms if isinstance(error, RetryableError) else None,
            kind="TimeoutError" if timed_out else type(error).__name__,
            frames=last_frames(error.__traceback__),
            log_as=log_as,
        )

    def _obey(self, queue: str, concurrency: int | None, cancels: list[str]) -> None:
        """What an operator has changed: the number of jobs at once, and running jobs to stop."""
        self._claiming.limit(queue, concurrency)
        for job_id in cancels:
            task = self._outcomes.tasks.get((queue, job_id))
            if task is not None and (queue, job_id) not in self._cancelled:
                _log.info("job %s on %s is cancelled by an operator", job_id, queue)
                self._cancelled.add((queue, job_id))
                task.cancel()

    async def abandon(self, job: Claimed) -> None:
        """taskiq let go of a job. Where it did so without acknowledging it (a middleware raised), end it."""
        if self._has(job):
            reason = f"{job.name} was dropped before its end: a middleware raised. See the worker's log."
            await self._settling.fail(job, reason, permanent=True)
            self._let_go(job)

    async def _release(self, job: Claimed) -> None:
        await self._settling.release(job)
        self._let_go(job)

    def _has(self, job: Claimed) -> bool:
        """Whether the job is in hand under this very claim."""
        context = self._contexts.get((job.queue, job.id))
        return context is not None and context.job.token == job.token

    def _let_go(self, job: Claimed) -> None:
        if self._has(job):
            del self._contexts[job.queue, job.id]
            self._cancelled.discard((job.queue, job.id))
            self._claiming.free(job.queue)


def _no_outcome(broker: AsyncBroker, job: Claimed) -> str:
    if broker.find_task(job.name) is None:
        return f"This worker knows no job named {job.name!r}. Is it older than the program that added it?"
    return f"{job.name} ended without an outcome. Its message could not be read."


def _payload(kind: type[JobType], data: str) -> JobType:
    """The arguments of a job, checked. Raises BadInputError."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise wrong_arguments(kind, error) from error


def _as_task(kind: type[JobType], handler: Handler) -> Callable[..., Any]:
    async def run(context: Annotated[Context, TaskiqDepends()], **arguments: Any) -> Any:
        broker = context.broker
        assert isinstance(broker, QueueBroker)
        try:
            payload = kind(**arguments)
        except ValidationError as error:
            raise wrong_arguments(kind, error) from error
        return await handler(payload, broker.context_of(context.message))

    run.__name__ = handler.__name__
    return run


def create_broker(
    settings: Settings | None = None,
    queues: Sequence[str] | None = None,
    handlers: Mapping[type[JobType], Handler] = HANDLERS,
) -> QueueBroker:
    """A broker that knows every handler, or the given ones."""
    broker = QueueBroker(settings, queues)
    for kind, handler in handlers.items():
        broker.register(kind, handler)
    return broker


broker = create_broker()
"""For the stock `taskiq worker engine.worker.broker:broker`; settings are read when it starts."""
