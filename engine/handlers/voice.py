"""A voice command: from words to what is done and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.handlers.confirming import Gate, answer_of, do_held
from engine.handlers.context import JobContext
from engine.handlers.tools import tools_for
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech
from engine.model import MemoryName, memory_name
from engine.providers import Reply, Tool, Turn

NOT_DONE = "All right, I have not done it."


async def process_voice_command(payload: ProcessVoiceCommand, context: JobContext) -> dict[str, Any]:
    """Let the assistant answer with Hark's tools at hand; the answer goes on to be spoken."""
    if await context.is_taken_back():
        return {"cancelled": True}
    tools = tools_for(payload.user_id, context)
    memory = memory_name(payload.user_id, payload.conversation_id)
    reply = await converse(context, payload.queue, memory, payload.text, tools, payload.answers)
    if payload.speak:
        context.follow_up(SynthesizeSpeech(text=reply.text), "speech")
    return {"reply": reply.text, "actions": [asdict(action) for action in reply.actions], "asks": reply.asks}


async def converse(
    context: JobContext,
    queue: str,
    memory: MemoryName,
    text: str,
    tools: Mapping[str, Tool],
    answers: str | None = None,
) -> Reply:
    """Let the assistant answer `text` with the conversation `memory` in mind, and remember the turn; twice is once.

    What sends or destroys is only held and read back; the next text of the conversation then decides over it.
    """
    store = context.services.store
    trace = context.job.trace or context.job.id
    held = await store.take_held(queue, memory, trace, answers)
    said_yes = answer_of(text) if held is not None else None
    if held is not None and said_yes is not None:
        reply = await do_held(held, tools) if said_yes else Reply(NOT_DONE)
    elif answers is not None:
        reply = Reply("There is nothing left to say yes or no to. Say the command again.")
    else:
        reply = await _respond(context, queue, memory, text, tools)
    bounds = context.services.settings.memory_bounds
    await store.remember(queue, memory, trace, text, reply.text, bounds)
    return reply


async def _respond(context: JobContext, queue: str, memory: MemoryName, text: str, tools: Mapping[str, Tool]) -> Reply:
    services, bounds = context.services, context.services.settings.memory_bounds
    trace = context.job.trace or context.job.id
    history = [
        Turn(turn["said"], turn["replied"])
        for turn in map(json.loads, await services.store.recall(queue, memory, bounds))
        if turn["trace"] != trace
    ]
    assistant = services.providers().assistant
    if not services.settings.confirm:
        return await assistant.respond(text, history, tools)
    gate = Gate(tools)
    reply = await assistant.respond(text, history, gate.tools)
    if not gate.calls:
        return reply
    if await services.store.hold(queue, memory, trace, gate.calls):
        return gate.asked(reply)
    return Reply("I have not done it: another command came between.")
