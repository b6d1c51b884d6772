"""A voice command: from words to what is done and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.handlers.context import JobContext
from engine.handlers.tools import tools_for
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech
from engine.providers import Reply, Tool, Turn
from engine.store.records import dumps


async def process_voice_command(payload: ProcessVoiceCommand, context: JobContext) -> dict[str, Any]:
    """Let the assistant answer with Hark's tools at hand; the answer goes on to be spoken."""
    if await context.is_taken_back():
        return {"cancelled": True}
    tools = tools_for(payload.user_id, context)
    reply = await converse(context, payload.queue, payload.conversation_id, payload.text, tools)
    if payload.speak:
        context.follow_up(SynthesizeSpeech(text=reply.text), "speech")
    return {"reply": reply.text, "actions": [asdict(action) for action in reply.actions]}


async def converse(
    context: JobContext, queue: str, conversation_id: str, text: str, tools: Mapping[str, Tool]
) -> Reply:
    """Let the assistant answer `text` with the conversation in mind, and remember the turn; twice is once."""
    store = context.services.store
    history = [
        Turn(turn["said"], turn["replied"])
        for turn in map(json.loads, await store.recall(queue, conversation_id))
        if turn["trace"] != context.job.trace
    ]
    reply = await context.services.providers().assistant.respond(text, history, tools)
    turn = {"trace": context.job.trace, "said": text, "replied": reply.text}
    await store.remember(queue, conversation_id, dumps(turn))
    return reply
