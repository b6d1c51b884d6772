"""Servers that tests talk to over real sockets, with faults on demand.

`OpenAIDouble` is a small OpenAI-compatible server: real HTTP and websockets on a loopback port, real
multipart parsing and real audio. What it answers is scripted by the test; what it was sent is in `requests`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.audio import Recording

KEY = "sk-double-0123456789"
"""The key that the double accepts, unless it was started without one."""


@dataclass(frozen=True)
class Fault:
    """One misbehaviour, used up by the next request whose path contains `path`, and its chat's last text `prompt`.

    - `status`: that HTTP status with OpenAI's error body, with `headers` (such as retry-after)
    - `html`: 200 with a proxy's page; `badjson`: 200 with half a JSON document
    - `early_end`: an answer that ends before it is finished, cleanly
    - `cut`: half of the body, then the connection closes; `reset`: the connection is reset
    - `slow`: no answer until the client has gone; `stall`: half of the body, then nothing until the client has gone
    """

    kind: Literal["status", "html", "badjson", "early_end", "cut", "reset", "slow", "stall"]
    path: str = ""
    status: int = 500
    code: str | None = None
    param: str | None = None
    message: str = "injected"
    headers: dict[str, str] = field(default_factory=dict)
    prompt: str = ""


@dataclass(frozen=True)
class Sent:
    """What a client sent: the path, the JSON body or form fields, and an uploaded file's sound."""

    path: str
    body: dict[str, Any]
    upload: bytes = field(default=b"", repr=False)


def says(text: str) -> dict[str, Any]:
    """A chat message in words."""
    return {"role": "assistant", "content": text}


def calls(tool: str, arguments: dict[str, Any] | str) -> dict[str, Any]:
    """A chat message that calls a tool; `arguments` may be any text, to be wrong on purpose."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"call_{tool}", "type": "function", "function": {"name": tool, "arguments": text}}],
    }


class OpenAIDouble:
    """The server. `messages` are its next chat answers (then "Done."), `transcript` what it hears in any sound.

    `replies` are chat answers to certain prompts, before all others. Each chat request with the right key leaves its
    prompt in `prompts`, whatever is answered. An answer waits for its prompt's event in `gates`, and with `company`
    above 1 until so many were under way at the same time; `most_at_once` tells how many ever were.
    """

    def __init__(self, key: str | None = KEY) -> None:
        self.key = key
        self.requests: list[Sent] = []
        self.faults: deque[Fault] = deque()
        self.messages: deque[dict[str, Any]] = deque()
        self.replies: dict[str, dict[str, Any]] = {}
        self.prompts: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.company = 1
        self.most_at_once = 0
        self._at_once = 0
        self._together = asyncio.Condition()
        self.transcript = "turn on the lights"
        self.models = ["gpt-transcribe", "gpt-6-luna", "gpt-realtime-2.1-mini"]
        self.streaming: Literal["granted", "unheeded", "refused"] = "granted"
        """What is done about the wish for a transcript in pieces."""
        self.transcript_events: list[dict[str, Any]] | None = None
        """Events of such a transcript instead of its words one by one."""
        self.realtime_events: list[dict[str, Any]] | None = None
        """Events that answer `response.create` on the realtime socket instead of reading the text out."""
        self.base_url = ""
        self.connections: dict[tuple[str, int], asyncio.Transport] = {}

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/models", self._guarded(self._models)),
                Route("/v1/chat/completions", self._guarded(self._chat), methods=["POST"]),
                Route("/v1/audio/transcriptions", self._guarded(self._transcriptions), methods=["POST"]),
                Route("/v1/audio/speech", self._guarded(self._speech), methods=["POST"]),
                WebSocketRoute("/v1/realtime", self._realtime),
            ]
        )

    def _guarded(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """`answer`, behind the check of the key and the next fault."""

        async def handle(request: Request) -> Response:
            await request.body()
            if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
                # Some servers quote the key that they refuse.
                given = request.headers.get("authorization", "")
                return _error(401, f"Incorrect API key provided: {given}", "invalid_api_key")
            prompt = _prompt_of(await request.body()) if request.url.path.endswith("/chat/completions") else ""
            if prompt:
                self.prompts.append(prompt)
            fault = self._next_fault(request.url.path, prompt)
            if fault is None:
                return await answer(request)
            return await self._misbehave(fault, request, answer)

        return handle

    def _next_fault(self, path: str, prompt: str = "") -> Fault | None:
        """The first fault, where it is meant for this; those for certain prompts hold up no others."""
        for fault in self.faults:
            if fault.path in path and fault.prompt in prompt:
                self.faults.remove(fault)
                return fault
            if not fault.prompt:
                return None
        return None

    async def _misbehave(
        self, fault: Fault, request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        match fault.kind:
            case "status":
                return _error(fault.status, fault.message, fault.code, fault.param, fault.headers)
            case "html":
                return Response("<html><body>Welcome to the hotel network</body></html>", media_type="text/html")
            case "badjson":
                return Response('{"choices": [{"mess', media_type="application/json")
            case "slow":
                await request.receive()  # the body is read, so this is the client going away
                return Response()
            case "reset":
                assert request.client is not None
                transport = self.connections[tuple(request.client)]
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                transport.abort()
                return Response()
            case "early_end":
                whole = await answer(request)
                if whole.media_type == "text/event-stream":
                    return Response(bytes(whole.body).rpartition(b"data:")[0], media_type=whole.media_type)
                body = json.loads(whole.body)
                body["choices"][0]["finish_reason"] = None
                return JSONResponse(body)
            case "stall":
                whole = await answer(request)
                return _Stalled(bytes(whole.body), request, whole.media_type)
            case "cut":
                whole = await answer(request)
                return _Cut(bytes(whole.body), self.connections[tuple(request.client or ())], whole.media_type)

    async def _models(self, _request: Request) -> Response:
        listed = [{"id": model, "object": "model", "created": 1, "owned_by": "test"} for model in self.models]
        return JSONResponse({"object": "list", "data": listed})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(Sent(request.url.path, body))
        await self._wait_for_company()
        prompt = body["messages"][-1]["content"]
        if prompt in self.gates:
            await asyncio.to_thread(self.gates[prompt].wait, 30)
        message = self.replies.get(prompt)
        if message is None:
            message = self.messages.popleft() if self.messages else says("Done.")
        reason = message.get("finish_reason", "tool_calls" if "tool_calls" in message else "stop")
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [choice],
                "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
            }
        )

    async def _wait_for_company(self) -> None:
        async with self._together:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self._together.notify_all()
            try:
                await self._together.wait_for(lambda: self.most_at_once >= self.company)
            finally:
                self._at_once -= 1

    async def _transcriptions(self, request: Request) -> Response:
        async with request.form() as form:
            upload = form["file"]
            assert not isinstance(upload, str)
            sound = await upload.read()
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        self.requests.append(Sent(request.url.path, fields, sound))
        # A phone's or a browser's file is not looked into.
        silent = sound.startswith(b"fLaC") and Recording.decode(sound).peak_dbfs <= -60
        text = "" if silent else self.transcript
        if fields.get("stream") != "true" or self.streaming == "unheeded":
            return JSONResponse({"text": text})
        if self.streaming == "refused":
            return _error(400, "no streams here", "unsupported_value", "stream")
        events = self.transcript_events if self.transcript_events is not None else told_in_words(text)
        return Response("".join(map(_event, events)), media_type="text/event-stream")

    async def _speech(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(Sent(request.url.path, body))
        if len(body["input"]) > 4096:
            return _error(400, "string too long", "string_above_max_length", "input")
        return Response(tone(len(body["input"])).to_wav(), media_type="audio/wav")

    async def _realtime(self, ws: WebSocket) -> None:
        fault = self._next_fault(ws.url.path)
        if self.key is not None and ws.headers.get("authorization") != f"Bearer {self.key}":
            return await ws.send_denial_response(_error(401, "Incorrect API key provided", "invalid_api_key"))
        if fault is not None and fault.kind == "status":
            denial = _error(fault.status, fault.message, fault.code, fault.param, fault.headers)
            return await ws.send_denial_response(denial)
        await ws.accept()
        async for event in ws.iter_json():
            self.requests.append(Sent(ws.url.path, event))
            if event["type"] != "response.create":
                continue
            text = event["response"]["input"][0]["content"][0]["text"]
            answers = self.realtime_events if self.realtime_events is not None else list(read_out(text))
            for answer in answers[: 4 if fault is not None else None]:
                await ws.send_json({"event_id": "e", **answer})
            if fault is not None and fault.kind != "stall":
                return await ws.close()
        return None


def read_out(text: str, said: str | None = None) -> Iterator[dict[str, Any]]:
    """The realtime events of `text` read out, with `said` as the model's own transcript of it."""
    pcm = tone(len(text)).samples.astype("<i2").tobytes()
    for start in range(0, len(pcm), 4800):
        delta = base64.b64encode(pcm[start : start + 4800]).decode()
        yield {"type": "response.output_audio.delta", "delta": delta}
        if not start and said is None:
            yield {"type": "response.output_audio_transcript.delta", "delta": text}
    yield {"type": "response.output_audio_transcript.done", "transcript": text if said is None else said}
    yield {"type": "response.done", "response": {"status": "completed", "output": []}}


def told_in_words(text: str) -> Iterator[dict[str, Any]]:
    """The events of a transcript that comes word by word."""
    for word in re.findall(r"\s*\S+", text):
        yield {"type": "transcript.text.delta", "delta": word}
    yield {"type": "transcript.text.done", "text": text}


def tone(length: int) -> Recording:
    """10 ms of a 440 Hz tone at 24 kHz for each unit of `length`."""
    times = np.arange(240 * length) / 24_000
    return Recording((np.sin(2 * np.pi * 440 * times) * 8000).astype(np.int16), 24_000)


@contextmanager
def serving(double: OpenAIDouble) -> Iterator[OpenAIDouble]:
    """Serve `double` on a loopback port of its own, set its `base_url`, and stop it at the end."""

    class Protocol(H11Protocol):
        """Keeps the transport of each client, so that a fault can cut it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            double.connections[transport.get_extra_info("peername")[:2]] = transport

    # IPPROTO_TCP by name, or asyncio leaves Nagle's algorithm on and every call waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    double.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    server = _Server(
        uvicorn.Config(
            double.app, http=Protocol, ws="websockets-sansio", lifespan="off", log_config=None, access_log=False
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="openai-double")
    thread.start()
    assert server.ready.wait(10), "the double did not start"
    try:
        yield double
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class _Cut(StreamingResponse):
    """Promises the whole body, sends half of it and closes."""

    def __init__(self, body: bytes, transport: asyncio.Transport, media_type: str | None) -> None:
        async def half() -> AsyncIterator[bytes]:
            yield body[: len(body) // 2]
            transport.close()

        super().__init__(half(), headers={"content-length": str(len(body))}, media_type=media_type)


class _Stalled(StreamingResponse):
    """Promises the whole body, sends half of it, and then no more until the client goes."""

    def __init__(self, body: bytes, request: Request, media_type: str | None) -> None:
        async def half() -> AsyncIterator[bytes]:
            yield body[: len(body) // 2]
            await request.receive()

        super().__init__(half(), headers={"content-length": str(len(body))}, media_type=media_type)


def _event(event: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(event)}\n\n"


def _prompt_of(body: bytes) -> str:
    """The last text of a chat."""
    return str(json.loads(body)["messages"][-1]["content"])


def _error(
    status: int,
    message: str,
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    kind = "insufficient_quota" if code == "insufficient_quota" else "invalid_request_error"
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return JSONResponse(body, status, headers)
