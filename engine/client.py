"""Adding jobs and following them: what the window, the command line and handlers submit work with."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import uuid4

from engine import queues
from engine.agenda import Agenda, CalendarMirror
from engine.answers import answers_of
from engine.audio import Recording, guessed_duration_ms, require_size, unopened_kind
from engine.conversations import conversation_turns, erase_all, erase_conversation, remembered_conversations
from engine.due import Due, due_text
from engine.errors import BadInputError
from engine.handle import JobHandle
from engine.job_types import (
    AskAI,
    AskAIBatch,
    AttachedFile,
    CancelEvent,
    CreateEvent,
    CreateTask,
    DeleteTask,
    EmailNotification,
    JobType,
    ProcessEmailCommand,
    ProcessVoiceCommand,
    PushNotification,
    Remind,
    SendEmail,
    SyncCalendar,
    SyncInbox,
    SyncTasks,
    SynthesizeSpeech,
    TranscribeRecording,
    UpdateEvent,
    UpdateTask,
    checked,
)
from engine.model import (
    Answered,
    Conversation,
    ConversationTurn,
    Job,
    JobOptions,
    Notice,
    Reminder,
    VoiceEvent,
    memory_name,
)
from engine.providers.calendar import calendar_account
from engine.providers.mail.compose import Attached, letter
from engine.providers.tasks_local import LocalTasks, Task
from engine.recordings import recordings_of
from engine.reminders import delay_until, drop_reminder, open_reminders, read_notice
from engine.settings import Settings
from engine.spoken_commands import RECORDING_TTL_S, SpokenCommands, sound_of, time_limit_ms
from engine.store import NewJob, Store
from engine.store.new_job import NO_OPTIONS, new_job

ATTACHMENT_TTL_S = 7 * 86_400
"""How long the files of an email stay in Redis, in seconds; they go once it is sent."""

_BULK = 500
"""Jobs that one call adds."""
_PARTS_UNDER_WAY = 2
_DEMO_STOP, _DEMO_STOP_TTL_S = "demo-stop", 3_600


class Client:
    """Submits jobs to one Redis. Methods raise RedisGoneError where it does not answer."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.recordings = recordings_of(settings)
        self.commands = SpokenCommands(store, self.recordings, self.add)

    def prepare(self, payload: JobType, options: JobOptions | None = None) -> NewJob:
        """The job that `add` would add: the defaults filled in, the id chosen."""
        spec = self._settings.queue_specs[payload.queue]
        return new_job(payload.job_name, payload.model_dump_json(exclude_defaults=True), spec, options or NO_OPTIONS)

    async def add(self, payload: JobType, options: JobOptions | None = None) -> JobHandle:
        """Add one job. Adding an id that exists changes nothing and gives the first one's handle."""
        job = self.prepare(payload, options)
        (added,) = await self._store.add(payload.queue, [job])
        return JobHandle(job.id, payload.queue, added, self._store)

    async def add_bulk(
        self, payloads: Iterable[JobType], options: Sequence[JobOptions | None] | None = None
    ) -> list[JobHandle]:
        """Add many jobs, in batches a queue; handles come back in the order given.

        `payloads` may be a generator: it is asked for the next ones while Redis takes the last ones in. One that raises
        ends the adding; those that it gave before may have been added.
        """
        if options is not None:
            payloads = list(payloads)
            if len(options) != len(payloads):
                raise BadInputError(f"There are {len(payloads)} jobs and {len(options)} options.", "Give one for each.")
        chosen = zip(payloads, itertools.repeat(None) if options is None else options, strict=False)
        handles: list[JobHandle] = []
        sending: deque[asyncio.Task[list[JobHandle]]] = deque()
        try:
            while prepared := [
                (payload.queue, self.prepare(payload, option)) for payload, option in itertools.islice(chosen, _BULK)
            ]:
                # While Redis takes one part in, the next is on its way, and the one after that is prepared.
                if len(sending) == _PARTS_UNDER_WAY:
                    handles += await sending.popleft()
                sending.append(asyncio.create_task(self._add_prepared(prepared)))
                await asyncio.sleep(0)
            while sending:
                handles += await sending.popleft()
        finally:
            for unheard in sending:
                unheard.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
        return handles

    async def _add_prepared(self, prepared: Sequence[tuple[str, NewJob]]) -> list[JobHandle]:
        by_queue: dict[str, list[NewJob]] = {}
        for queue, job in prepared:
            by_queue.setdefault(queue, []).append(job)
        added = {queue: iter(await self._store.add(queue, jobs)) for queue, jobs in by_queue.items()}
        return [JobHandle(job.id, queue, next(added[queue]), self._store) for queue, job in prepared]

    async def process_voice_command(self, user_id: str, text: str, conversation_id: str = "default") -> JobHandle:
        """Understand `text` and do it; the result holds the reply and the actions."""
        return await self.add(
            ProcessVoiceCommand(user_id=user_id, text=text, conversation_id=conversation_id, speak=False)
        )

    async def transcribe_audio(
        self, user_id: str, audio: bytes, mime_type: str = "", language: str = "en"
    ) -> JobHandle:
        """Speech to text of an audio file's bytes. Raises BadInputError where they are no audio.

        An m4a or webm file goes to the worker as it is: one that hears by a server sends it on, any other needs ffmpeg.
        """
        source = f"the {mime_type or 'audio'} recording"
        job_id = uuid4().hex
        payload = TranscribeRecording(user_id=user_id, audio=job_id, language=language)
        kind = unopened_kind(audio)
        if kind:
            require_size(audio, source)
            limit_ms = time_limit_ms(guessed_duration_ms(audio), long=True)
            await self._store.put_blob(queues.TRANSCRIPTION, job_id, audio, RECORDING_TTL_S)
            options = JobOptions(job_id=job_id, timeout_ms=limit_ms)
            return await self.add(payload.model_copy(update={"kind": kind}), options)
        recording = (await asyncio.to_thread(Recording.decode, audio, source)).require_speech()
        flac = await asyncio.to_thread(recording.to_flac)
        parts = await self.commands.put_sound(job_id, flac, recording.duration_ms, lambda: recording)
        limit_ms = time_limit_ms(recording.duration_ms, long=parts > 1)
        options = JobOptions(job_id=job_id, timeout_ms=limit_ms)
        return await self.add(payload.model_copy(update={"parts": parts}), options)

    async def synthesize_speech(self, text: str, voice: str | None = None) -> JobHandle:
        """Text to speech; `sound(handle)` gives the bytes."""
        return await self.add(SynthesizeSpeech(text=text, voice=voice))

    async def create_task(
        self, user_id: str, title: str, *, notes: str = "", due: Due | None = None, options: JobOptions | None = None
    ) -> JobHandle:
        """Put a task on the user's list; the job's id becomes the task's. `due`: a day, or a moment with its zone."""
        payload = CreateTask(user_id=user_id, title=title, notes=notes, due=due_text(due) if due is not None else "")
        return await self.add(payload, options)

    async def update_task(
        self,
        user_id: str,
        task_id: str,
        *,
        title: str | None = None,
        notes: str | None = None,
        due: Due | Literal[""] | None = None,
        done: bool | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Change what is given of a task; `due` "" takes its due away."""
        text = due_text(due) if isinstance(due, date) else due
        payload = UpdateTask(user_id=user_id, task_id=task_id, title=title, notes=notes, due=text, done=done)
        return await self.add(payload, options)

    async def delete_task(self, user_id: str, task_id: str, *, options: JobOptions | None = None) -> JobHandle:
        """Take a task off the list."""
        return await self.add(DeleteTask(user_id=user_id, task_id=task_id), options)

    async def tasks(self, user_id: str = "local") -> list[Task]:
        """The task list that is kept on this machine, with what is done, oldest first."""
        return await asyncio.to_thread(LocalTasks(self._settings.data_dir).all_tasks, user_id)

    async def send_email(
        self,
        user_id: str,
        to: str | Sequence[str],
        subject: str,
        body: str,
        *,
        html: str | None = None,
        cc: Sequence[str] = (),
        attachments: Sequence[Attached] = (),
        in_reply_to: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Send an email. The same job id and the same arguments are the same email: it is sent once.

        Raises BadInputError for what cannot be sent, such as an address that is none.
        """
        receivers = (to,) if isinstance(to, str) else tuple(to)
        letter(receivers, subject, body, html=html, cc=cc, in_reply_to=in_reply_to)
        options = options or JobOptions()
        job_id = options.job_id or uuid4().hex
        files = []
        for number, file in enumerate(attachments, 1):
            blob = f"{job_id}.{number}"
            await self._store.put_blob(queues.EMAIL_PROCESSING, blob, file.data, ATTACHMENT_TTL_S)
            files.append(AttachedFile(blob=blob, name=file.name, mime_type=file.mime_type))
        payload = SendEmail(
            user_id=user_id,
            to=receivers,
            subject=subject,
            body=body,
            html=html,
            cc=tuple(cc),
            attachments=tuple(files),
            in_reply_to=in_reply_to,
        )
        return await self.add(payload, replace(options, job_id=job_id))

    async def process_email_command(
        self, user_id: str, sender: str, text: str, *, subject: str = "", message_id: str
    ) -> JobHandle:
        """Take a mail as a command; it is obeyed where `sender` is one of those that the settings name."""
        return await self.add(
            ProcessEmailCommand(user_id=user_id, sender=sender, subject=subject, text=text, message_id=message_id)
        )

    async def sync_inbox(self, user_id: str = "local") -> JobHandle:
        """Look for new mail now."""
        return await self.add(SyncInbox(user_id=user_id))

    async def sync_calendar(self, user_id: str = "local") -> JobHandle:
        """Bring the calendar up to date now."""
        return await self.add(SyncCalendar(user_id=user_id))

    async def create_event(
        self,
        user_id: str,
        title: str,
        start: datetime | date,
        end: datetime | date | None = None,
        *,
        location: str = "",
        description: str = "",
        attendees: Sequence[str] = (),
        calendar: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Put an event into a calendar, an all-day one where `start` is a date; see `CreateEvent`.

        The same job id and the same arguments are the same event: it is made once.
        """
        payload = CreateEvent(
            user_id=user_id,
            title=title,
            start=start.isoformat(),
            end=None if end is None else end.isoformat(),
            location=location,
            description=description,
            attendees=tuple(attendees),
            calendar=calendar,
        )
        return await self.add(payload, options)

    async def update_event(
        self,
        user_id: str,
        uid: str,
        *,
        occurrence: str = "",
        title: str | None = None,
        start: datetime | date | None = None,
        end: datetime | date | None = None,
        location: str | None = None,
        description: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Change an event, or the `occurrence` of a series that one of `events` names; see `UpdateEvent`."""
        payload = UpdateEvent(
            user_id=user_id,
            uid=uid,
            occurrence=occurrence,
            title=title,
            start=None if start is None else start.isoformat(),
            end=None if end is None else end.isoformat(),
            location=location,
            description=description,
        )
        return await self.add(payload, options)

    async def cancel_event(
        self, user_id: str, uid: str, *, occurrence: str = "", options: JobOptions | None = None
    ) -> JobHandle:
        """Take an event, or one occurrence of a series, out of its calendar."""
        return await self.add(CancelEvent(user_id=user_id, uid=uid, occurrence=occurrence), options)

    async def events(self, start: datetime, end: datetime) -> Agenda | None:
        """What happens between two (aware) moments, by what was last seen of the calendars; None without an account."""
        account = calendar_account(self._settings)
        return None if account is None else await CalendarMirror(self._store, account).events(start, end)

    async def sync_tasks(self, user_id: str = "local") -> JobHandle:
        """Bring the task list and its Airtable table up to date with each other now."""
        return await self.add(SyncTasks(user_id=user_id))

    async def ask_ai(
        self,
        user_id: str,
        prompt: str,
        *,
        instructions: str = "",
        model: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Ask the model something, without tools or memory; see `AskAI`. `model` None is the one of the settings.

        Raises BadInputError for an empty prompt or one of more than 20,000 characters.
        """
        payload = {"user_id": user_id, "prompt": prompt, "instructions": instructions, "model": model}
        return await self.add(checked(AskAI, payload), options)

    async def ask_ai_batch(
        self,
        user_id: str,
        prompts: Sequence[str],
        *,
        instructions: str = "",
        model: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Ask the model many things in one job; see `AskAIBatch`, and `ai_answers` for what has come so far.

        Where the options do not say otherwise, the job has time for all its prompts, and ten attempts: each goes on
        where the last one ended. Raises BadInputError for more than 1,000 prompts, or 1,000,000 characters in all.
        """
        payload = {"user_id": user_id, "prompts": tuple(prompts), "instructions": instructions, "model": model}
        return await self.add(checked(AskAIBatch, payload), options)

    async def ai_answers(self, job: JobHandle | str) -> tuple[Answered, ...]:
        """The answers that an AI job (its handle or id) has got so far, also where it failed or was cancelled.

        Raises NotFoundError where the job is not kept any more.
        """
        return await answers_of(self._store, job if isinstance(job, str) else job.id)

    async def conversations(self, user_id: str | None = "local") -> tuple[Conversation, ...]:
        """The user's conversations that are remembered, the latest first; None is everybody's."""
        return await remembered_conversations(self._store, user_id)

    async def conversation(
        self, conversation_id: str = "default", *, user_id: str = "local"
    ) -> tuple[ConversationTurn, ...]:
        """What is remembered of a conversation, oldest first; it goes along with the conversation's next command."""
        memory = memory_name(user_id, conversation_id)
        return await conversation_turns(self._store, memory, self._settings.memory_bounds)

    async def erase_conversation(self, conversation_id: str, *, user_id: str = "local") -> None:
        """Forget a conversation, and what waits for a yes in it. Raises NotFoundError where nothing is remembered.

        The records of its jobs stay until their own retention ends.
        """
        await erase_conversation(self._store, memory_name(user_id, conversation_id))

    async def erase_conversations(self, user_id: str | None = "local") -> int:
        """Forget all of the user as `erase_conversation` forgets one; returns how many. None is everybody's."""
        return await erase_all(self._store, user_id)

    async def notify(self, user_id: str, title: str, message: str = "", *, urgent: bool = False) -> JobHandle:
        """Tell the user something wherever the settings say; in quiet hours later, unless it is urgent."""
        return await self.add(PushNotification(user_id=user_id, title=title, message=message, urgent=urgent))

    async def notify_by_email(
        self, user_id: str, title: str, message: str = "", *, to: Sequence[str] = (), urgent: bool = False
    ) -> JobHandle:
        """Tell by email: `to`, or the user's own address."""
        return await self.add(
            EmailNotification(user_id=user_id, title=title, message=message, to=tuple(to), urgent=urgent)
        )

    async def remind(self, user_id: str, text: str, when: datetime, options: JobOptions | None = None) -> JobHandle:
        """Remind the user at a moment, once; where no worker runs then, as soon as one does.

        The same job id is the same reminder. Raises BadInputError for a moment that has passed or has no zone.
        """
        delay_ms = delay_until(when, datetime.now(UTC))
        payload = Remind(user_id=user_id, text=text, due_at_ms=round(when.timestamp() * 1000))
        return await self.add(payload, replace(options or NO_OPTIONS, delay_ms=delay_ms))

    async def reminders(self, user_id: str = "local") -> tuple[Reminder, ...]:
        """The user's reminders that have not fired, the next first."""
        return await open_reminders(self._store, user_id)

    async def cancel_reminder(self, user_id: str, reminder_id: str) -> None:
        """Take a reminder back. Raises NotFoundError where it has fired or never was."""
        await drop_reminder(self._store, user_id, reminder_id)

    async def take_notices(self, user_id: str = "local") -> tuple[Notice, ...]:
        """The notifications that wait to be shown on the desktop, oldest first; each is given once, to one window."""
        return tuple(map(read_notice, await self._store.take_notices(user_id)))

    async def ask(
        self,
        said: str | Recording,
        *,
        conversation_id: str = "default",
        user_id: str = "local",
        speak: bool = True,
        answers: str | None = None,
        trace: str | None = None,
        language: str = "en",
    ) -> AsyncIterator[VoiceEvent]:
        """Send one command through the queues and tell what happens to it.

        `answers`, where a text is the yes or no to a question (`Replied.asks`), is the trace of that question's
        command: no other question is answered by it then. `trace` is the command's id where the caller has chosen
        it, to take the command back by it; `language` is that of a recording.

        A recording is saved to disk before anything else and stays there until its transcript has
        come. While Redis is away the command waits (`Waiting`) and then goes on. Ends after the
        answer (`Spoken`, or `Replied` without `speak`), `Cancelled` or `CommandFailed`. Raises BadInputError for
        an empty text or an empty or silent recording.
        """
        own: dict[str, Any] = {"conversation_id": conversation_id, "user_id": user_id, "speak": speak}
        events = (
            self.commands.ask_in_words(said, trace, answers=answers, **own)
            if isinstance(said, str)
            else self.commands.ask_aloud(said, trace, language=language, **own)
        )
        async for event in events:
            yield event

    async def stop_demo(self) -> None:
        """Tell whoever makes demo traffic on this Redis to end it."""
        await self._store.put_blob(queues.NOTIFICATION, _DEMO_STOP, uuid4().hex.encode(), _DEMO_STOP_TTL_S)

    async def demo_stop(self) -> bytes | None:
        """What the last `stop_demo` has left: another value means that there was one meanwhile."""
        return await self._store.get_blob(queues.NOTIFICATION, _DEMO_STOP)

    async def sound(self, job: Job) -> bytes:
        """The FLAC bytes of a finished synthesis. Raises BadInputError once their hour is over."""
        return await sound_of(self._store, job)
