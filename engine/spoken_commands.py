"""One command on its way through the queues: sent once, followed to its answer, taken back where the person wants.

Hides how the recording travels (on disk first, then beside its job in Redis, a long one in parts), which jobs belong
to a command, and what their events mean to the person who said it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal
from uuid import uuid4

from engine import queues
from engine.audio import MAX_AUDIO_BYTES, PART_MS, Recording
from engine.errors import BadInputError, RedisGoneError
from engine.job_types import JobType, ProcessVoiceCommand, TranscribeRecording
from engine.log import get_logger
from engine.model import (
    Action,
    Cancelled,
    CommandFailed,
    Heard,
    Hearing,
    Job,
    JobOptions,
    JobState,
    Replied,
    Speaking,
    Spoken,
    StageTimed,
    VoiceEvent,
    Waiting,
    WorkerInfo,
)
from engine.recordings import Fate, KeptRecording, Recordings, new_recording
from engine.sampling import queue_sample
from engine.store import QueueEvent, Store
from engine.store.presence import alive

_log = get_logger("client")

Provider = Literal["", "offline", "openai"]

RECORDING_TTL_S = 86_400
"""How long a recording's bytes stay in Redis, in seconds."""
PATIENT_ATTEMPTS = 100
"""With the waits of `handlers/speech.py` a recording is tried for four hours: the network may come back."""
_TAKEN_BACK = "Taken back by the person who said it."
_STAGES = (queues.TRANSCRIPTION, queues.VOICE_PROCESSING, queues.SYNTHESIS)
_POLL_MS = 1_000
_LOOK_AGAIN_S = 3.0
"""How often a silent command is asked why it waits, after the first time."""


class SpokenCommands:
    """Sends and follows commands on one store. `add` puts a job on its queue."""

    def __init__(
        self, store: Store, recordings: Recordings, add: Callable[[JobType, JobOptions], Awaitable[object]]
    ) -> None:
        self._store = store
        self._recordings = recordings
        self._add = add
        self._taken_back: dict[str, bool] = {}
        """Traces that the person took back; True once Redis knows."""
        self._telling = asyncio.Lock()

    # --- sending ---

    async def ask_in_words(
        self, text: str, trace: str | None, *, conversation_id: str, user_id: str, speak: bool, answers: str | None
    ) -> AsyncIterator[VoiceEvent]:
        """Send a text. Raises BadInputError for an empty one."""
        if not text.strip():
            raise BadInputError("The command is empty.", "Say or type what Hark should do.")
        trace = trace or uuid4().hex
        payload = ProcessVoiceCommand(
            user_id=user_id, text=text, conversation_id=conversation_id, speak=speak, answers=answers
        )

        async def send() -> None:
            await self._add(payload, JobOptions(job_id=trace))

        async for event in _Command(self, trace, trace, send, speak).follow():
            yield event

    async def ask_aloud(
        self,
        recording: Recording,
        trace: str | None,
        *,
        conversation_id: str,
        user_id: str,
        speak: bool,
        language: str = "en",
    ) -> AsyncIterator[VoiceEvent]:
        """Keep a recording on disk, then send it. Raises BadInputError for an empty or a silent one."""
        recording.require_speech()
        trace = trace or uuid4().hex
        kept = new_recording(
            trace, recording, language=language, conversation_id=conversation_id, user_id=user_id, speak=speak
        )
        flac = await asyncio.to_thread(recording.to_flac)
        await asyncio.to_thread(self._recordings.keep, kept, flac)
        async for event in self._follow_recording(kept, flac):
            yield event

    async def ask_again(
        self, recording_id: str, *, provider: Provider = "", language: str = ""
    ) -> AsyncIterator[VoiceEvent]:
        """Send a kept recording once more, to another provider or as another language where they are given.

        Where it was never understood, its command is done once, however many tries may yet succeed. One that was
        understood, or taken back, is a new command. Raises NotFoundError where the recording is no longer kept.
        """
        flac = await asyncio.to_thread(self._recordings.flac, recording_id)
        kept = await asyncio.to_thread(self._recordings.find, recording_id)
        assert kept is not None
        if kept.next_trace == kept.trace:
            # An attempt that still waits would be a second transcript of the same words, and cost one.
            await self._store.cancel(queues.TRANSCRIPTION, kept.job_id, _TAKEN_BACK, actor=kept.user_id)
        kept = await asyncio.to_thread(
            self._recordings.change,
            recording_id,
            fate=Fate.WAITING,
            job_id=kept.next_job,
            trace=kept.next_trace,
            tries=kept.tries + 1,
            error="",
            language=language or kept.language,
        )
        assert kept is not None
        async for event in self._follow_recording(kept, flac, provider):
            yield event

    async def resume(self) -> tuple[KeptRecording, ...]:
        """Bring the history up to date with what happened while nobody followed; gives what still waits, oldest first.

        A recording whose job Redis does not know (the power went in between) is to be followed again: it was not sent.
        """
        waiting = []
        for kept in reversed(await asyncio.to_thread(self._recordings.all)):
            if kept.fate is not Fate.WAITING:
                continue
            (job,) = await self._store.records(queues.TRANSCRIPTION, [kept.job_id]) or (None,)
            if job is not None and job.state is JobState.COMPLETED:
                await self._note(kept.id, fate=Fate.HEARD, text=(job.result or {}).get("text", ""))
            elif job is not None and job.state is JobState.FAILED:
                await self._note(kept.id, fate=Fate.FAILED, error=job.error or "")
            else:
                waiting.append(kept)
        return tuple(waiting)

    async def follow(self, kept: KeptRecording) -> AsyncIterator[VoiceEvent]:
        """Go on with a recording that `resume` gave: sent where it was not, followed where it was."""
        flac = await asyncio.to_thread(self._recordings.flac, kept.id)
        async for event in self._follow_recording(kept, flac):
            yield event

    # --- taking back ---

    async def take_back(self, trace: str) -> None:
        """Cancel the command's jobs, and see to it that no further ones do anything.

        Where Redis is away, whoever follows the command does it later. What was done already stays done.
        """
        self._taken_back[trace] = False
        try:
            await self._tell_taken_back(trace)
        except RedisGoneError as error:
            _log.info("a command is taken back when Redis answers: %s", error.message)

    async def _tell_taken_back(self, trace: str) -> None:
        async with self._telling:  # whoever follows the command would tell it once more
            if self._taken_back.get(trace) is not False:
                return
            await self._store.put_blob(queues.VOICE_PROCESSING, f"{trace}.taken-back", b"1", RECORDING_TTL_S)
            kept_ones = await asyncio.to_thread(self._recordings.all)
            ids = [(queues.TRANSCRIPTION, trace), (queues.VOICE_PROCESSING, trace)]
            ids += [(queues.TRANSCRIPTION, kept.job_id) for kept in kept_ones if kept.trace == trace]
            ids += [(queues.VOICE_PROCESSING, f"{trace}.voice"), (queues.SYNTHESIS, f"{trace}.speech")]
            for queue, job_id in dict.fromkeys(ids):
                await self._store.cancel(queue, job_id, _TAKEN_BACK, actor="the speaker")
            self._taken_back[trace] = True

    # --- inside ---

    async def _note(self, recording_id: str, **news: Any) -> None:
        await asyncio.to_thread(lambda: self._recordings.change(recording_id, **news))

    async def _follow_recording(
        self, kept: KeptRecording, flac: bytes, provider: Provider = ""
    ) -> AsyncIterator[VoiceEvent]:
        async def send() -> None:
            parts = await self.put_sound(kept.job_id, flac, kept.duration_ms, lambda: self._recordings.sound(kept.id))
            payload = TranscribeRecording(
                user_id=kept.user_id,
                audio=kept.job_id,
                parts=parts,
                language=kept.language,
                provider=provider,
                conversation_id=kept.conversation_id,
                speak=kept.speak,
            )
            options = JobOptions(
                job_id=kept.job_id,
                trace=kept.trace,
                attempts=PATIENT_ATTEMPTS,
                timeout_ms=time_limit_ms(kept.duration_ms, long=parts > 1),
            )
            await self._add(payload, options)

        async for event in _Command(self, kept.trace, kept.job_id, send, kept.speak).follow():
            match event:
                case Heard(text=text):
                    await self._note(kept.id, fate=Fate.HEARD, text=text)
                case CommandFailed(queue=queues.TRANSCRIPTION, message=message):
                    await self._note(kept.id, fate=Fate.FAILED, error=message)
                case Cancelled():
                    await self._note(kept.id, fate=Fate.CANCELLED)
            yield event

    async def put_sound(self, blob: str, flac: bytes, duration_ms: int, whole: Callable[[], Recording]) -> int:
        """Put a recording beside the queue; returns in how many parts. `whole` gives the same, to be cut."""
        if duration_ms <= PART_MS and len(flac) <= MAX_AUDIO_BYTES:
            await self._store.put_blob(queues.TRANSCRIPTION, blob, flac, RECORDING_TTL_S)
            return 1
        parts = await asyncio.to_thread(lambda: whole().parts())
        for number, part in enumerate(parts, 1):
            data = await asyncio.to_thread(part.to_flac)
            await self._store.put_blob(queues.TRANSCRIPTION, f"{blob}.{number}", data, RECORDING_TTL_S)
        return len(parts)

    async def _why_waiting(self) -> str:
        """Words for a command that nothing moves, or "" while it runs."""
        workers: tuple[WorkerInfo, ...] | None = None
        for queue in reversed(_STAGES):
            reply = await self._store.sample(queue, 0)
            sample = queue_sample(reply)
            if sample.paused_at_ms >= 0 and sample.waiting:
                return f"The {queue} queue is paused: the command waits in it. Resume it to go on."
            if not sample.waiting and not sample.active:
                continue
            if workers is None:
                workers = alive(await self._store.workers(), int(reply[0]))
            if not any(queue in worker.queues for worker in workers):
                none = f"No worker serves the {queue} queue" if workers else "No worker is running"
                return f"{none}: the command is kept. Start one with `hark worker`."
        return ""


class _Command:
    """One command that is followed: `first_job` is the id of the job that `send` adds."""

    def __init__(
        self,
        commands: SpokenCommands,
        trace: str,
        first_job: str,
        send: Callable[[], Awaitable[None]],
        speak: bool,
    ) -> None:
        self._commands = commands
        self._store = commands._store
        self._trace = trace
        self._jobs = {first_job, f"{trace}.voice", f"{trace}.speech"}
        self._send = send
        self._last = Spoken if speak else Replied
        self._told_parts = 0

    async def follow(self) -> AsyncIterator[VoiceEvent]:
        """Send it, and tell what happens until its end; while Redis is away it waits, and goes on by itself."""
        positions: dict[str, str] | None = None
        submitted = False
        told = ""
        look_at = time.monotonic() + _POLL_MS / 1000
        taken_back = self._commands._taken_back
        while True:
            try:
                if self._trace in taken_back and not submitted:
                    yield Cancelled(self._trace)
                    return
                if positions is None:
                    positions = {queue: await self._store.last_event(queue) for queue in _STAGES}
                if not submitted:
                    await self._send()
                    submitted = True
                if taken_back.get(self._trace) is False:
                    await self._commands._tell_taken_back(self._trace)
                seen = await self._store.events(positions, _POLL_MS)
                if not seen and time.monotonic() > look_at:
                    reason = await self._commands._why_waiting()
                    look_at = time.monotonic() + _LOOK_AGAIN_S
                    if reason != told:
                        yield Waiting(self._trace, reason)
                    told = reason
                for event in seen:
                    if event.trace == self._trace and event.id in self._jobs:
                        async for news in self._tell(event):
                            yield news
                            if isinstance(news, (self._last, CommandFailed, Cancelled)):
                                taken_back.pop(self._trace, None)
                                return
                    positions[event.queue] = event.position
            except RedisGoneError as error:
                _log.warning("a command waits: %s", error)
                if error.message != told:
                    told = error.message
                    yield Waiting(self._trace, f"{error.message} The command is kept and goes on when Redis is back.")
                await asyncio.sleep(0.5)

    async def _tell(self, event: QueueEvent) -> AsyncIterator[VoiceEvent]:
        if event.event not in ("completed", "failed", "retrying", "progress"):
            return
        trace, job = self._trace, await self._store.find(event.id, (event.queue,))
        match event.event:
            case "progress":
                async for news in self._tell_progress(event.queue, job, job.progress):
                    yield news
            case "retrying":
                yield Waiting(trace, f"{job.error} Trying again.")
            case "failed" if trace in self._commands._taken_back or job.error == _TAKEN_BACK:
                yield Cancelled(trace)
            case "failed":
                yield CommandFailed(trace, event.queue, job.error or "It failed without a reason.")
            case "completed" if job.result.get("cancelled"):
                yield Cancelled(trace)
            case _:
                async for news in self._tell_result(event.queue, job):
                    yield news

    async def _tell_progress(self, queue: str, job: Job, progress: Any) -> AsyncIterator[VoiceEvent]:
        if not isinstance(progress, dict):
            return
        if queue == queues.TRANSCRIPTION and progress.get("heard"):
            yield Hearing(self._trace, progress["heard"])
        # Events may come together: all the parts that are there are told.
        while queue == queues.SYNTHESIS and self._told_parts < progress.get("parts", 0):
            part = await self._store.get_blob(queue, f"{job.id}.{self._told_parts + 1}")
            self._told_parts += 1
            if part is not None:
                yield Speaking(self._trace, part)

    async def _tell_result(self, queue: str, job: Job) -> AsyncIterator[VoiceEvent]:
        trace, started = self._trace, job.started_at_ms or job.created_at_ms
        yield StageTimed(trace, queue, started - job.created_at_ms, (job.finished_at_ms or started) - started)
        if queue == queues.TRANSCRIPTION:
            yield Heard(trace, job.result["text"], tuple(job.result.get("guessed", ())))
        elif queue == queues.VOICE_PROCESSING:
            actions = tuple(Action(**action) for action in job.result["actions"])
            yield Replied(trace, job.result["reply"], actions, job.result.get("asks", False))
        else:
            async for part in self._tell_progress(queue, job, job.result):
                yield part
            yield Spoken(trace, await sound_of(self._store, job))


async def is_taken_back(store: Store, trace: str) -> bool:
    """Whether the person has taken a command back, here or elsewhere."""
    return await store.get_blob(queues.VOICE_PROCESSING, f"{trace}.taken-back") is not None


def time_limit_ms(duration_ms: int, *, long: bool) -> int | None:
    """How long an attempt to hear it may take, None for the queue's own limit, which is for those that are not long."""
    return 120_000 + 2 * duration_ms if long else None


async def sound_of(store: Store, job: Job) -> bytes:
    """The FLAC bytes of a finished synthesis. Raises BadInputError once their hour is over."""
    flac = await store.get_blob(queues.SYNTHESIS, job.id)
    if flac is None:
        raise BadInputError("The spoken answer is no longer kept.", "Ask again.")
    return flac
