"""A voice command: from words to what is done and what is answered."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engine.handlers.context import JobContext
from engine.handlers.tools import tools_for
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech
from engine.providers import Turn
from engine.store.records import dumps


async def process_voice_command(payload: ProcessVoiceCommand, context: JobContext) -> dict[str, Any]:
    """Let the assistant answer with Hark's tools at hand; the answer goes on to be spoken."""
    store = context.services.store
    history = [
        Turn(turn["said"], turn["replied"])
        for turn in map(json.loads, await store.recall(payload.queue, payload.conversation_id))
        if turn["trace"] != context.job.trace
    ]
    tools = tools_for(payload.user_id, context)
    reply = await context.services.providers().assistant.respond(payload.text, history, tools)
    turn = {"trace": context.job.trace, "said": payload.text, "replied": reply.text}
    await store.remember(payload.queue, payload.conversation_id, dumps(turn))
    if payload.speak:
        context.follow_up(SynthesizeSpeech(text=reply.text), "speech")
    return {"reply": reply.text, "actions": [asdict(action) for action in reply.actions]}
