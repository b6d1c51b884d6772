"""The voice: `python -m tests.bench.voice ROLE OPTIONS`, by `cases._voice`.

`hear` says the commands and sentences of `tests/spoken_set.py` in several synthetic voices, with noise 20 dB below
them, to the offline recogniser, and tells what became of them and what CPU time it took; `voices` of them are used.
The everyday ones are said by one voice each, in turn.
`follow` sends spoken commands through a real worker whose models are a server on this machine that answers at once:
what a command takes is then Hark's own share. Each answers with one line of JSON when it is over. What was not heard
right is told on standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from itertools import cycle, product
from typing import Any

import psutil

from tests.spoken_set import (
    COMMANDS,
    EVERYDAY,
    EVERYDAY_SENTENCES,
    EVERYDAY_VOICES,
    OTHER_WORDINGS,
    SENTENCES,
    VOICES,
    Said,
    in_noise,
)

_WARM_UP = 3
_Voice = tuple[str, int]
"""A voice of espeak-ng's and its speed, in words a minute."""


async def _hear(voices: int = len(VOICES)) -> dict[str, Any]:
    from engine.providers.offline import OfflineSynthesizer, OfflineTranscriber
    from engine.providers.offline.grammar import SharedGrammar

    shared = SharedGrammar()
    grammar = await shared.load()
    spent_s = sound_s = 0.0
    slowest = 0.0

    def recogniser_s() -> float:
        """CPU time, so that other work on this machine does not count."""
        times = [psutil.Process(program.pid).cpu_times() for program in (transcriber.commands, transcriber.speech)]
        return time.process_time() + sum(float(spent.user + spent.system) for spent in times)

    async def heard(text: str, voice: _Voice) -> str:
        nonlocal spent_s, sound_s, slowest
        synthesizer = speakers[voice]
        recording = in_noise(await synthesizer.synthesize(text))
        began_s = recogniser_s()
        found = await transcriber.transcribe(recording)
        took = recogniser_s() - began_s
        spent_s += took
        sound_s += recording.duration_ms / 1000
        slowest = max(slowest, took / recording.duration_ms * 1000)
        return found

    async def right_percent(commands: Iterable[tuple[Said, _Voice]]) -> float:
        right = []
        for said, voice in commands:
            found = await heard(said.text, voice)
            right.append(said.is_meant_by(grammar.understand(found)))
            if not right[-1]:
                print(f"    {voice[0]}: {said.text!r} was heard as {found!r}", file=sys.stderr)
        return 100 * statistics.fmean(right)

    async def taken_percent(sentences: Iterable[tuple[str, _Voice]]) -> float:
        taken = []
        for sentence, voice in sentences:
            found = await heard(sentence, voice)
            understood = grammar.understand(found)
            taken.append(understood is not None)
            if understood is not None:
                print(f"    {sentence!r} was taken for {understood.tool}: {found!r}", file=sys.stderr)
        return 100 * statistics.fmean(taken)

    used = VOICES[:voices]
    speakers = {voice: OfflineSynthesizer(*voice) for voice in (*used, *EVERYDAY_VOICES)}
    transcriber = OfflineTranscriber(shared, speakers[used[0]].pronounce)
    await transcriber.transcribe(in_noise(await speakers[used[0]].synthesize("what time is it")))  # loads it
    try:
        figures = {
            "voice_right_percent": await right_percent(product(COMMANDS, used)),
            "voice_others_right_percent": await right_percent(product(OTHER_WORDINGS, used)),
            "voice_everyday_right_percent": await right_percent(zip(EVERYDAY, cycle(EVERYDAY_VOICES), strict=False)),
            "voice_taken_percent": await taken_percent(
                (sentence, used[(number + number // len(SENTENCES)) % len(used)])
                for number, sentence in enumerate(SENTENCES * 2)
            ),
            "voice_everyday_taken_percent": await taken_percent(
                zip(EVERYDAY_SENTENCES, cycle(EVERYDAY_VOICES), strict=False)
            ),
        }
    finally:
        await transcriber.close()
        for speaker in speakers.values():
            await speaker.close()
    return {**figures, "voice_real_time": spent_s / sound_s, "voice_slowest_real_time": slowest}


async def _follow(count: int = 30) -> dict[str, Any]:
    from engine import open_engine
    from engine.model import Spoken
    from engine.providers.offline import OfflineSynthesizer
    from engine.queues import TRANSCRIPTION
    from tests.servers import KEY, OpenAIDouble, serving

    synthesizer = OfflineSynthesizer()
    recording = await synthesizer.synthesize("pause the email queue")
    await synthesizer.close()
    double = OpenAIDouble()
    double.transcript = "what time is it"
    to_start, whole = [], []
    with serving(double):
        os.environ |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": double.base_url}
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine", "worker"), stdin=asyncio.subprocess.DEVNULL
        )
        try:
            async with open_engine() as engine:
                for number in range(count + _WARM_UP):
                    began_s, trace = time.time(), f"spoken-{number}"
                    async for event in engine.client.ask(recording, trace=trace):
                        if isinstance(event, Spoken):
                            ended_s = time.time()
                    job = await engine.monitor.job(trace, TRANSCRIPTION)
                    assert job.started_at_ms is not None
                    if number >= _WARM_UP:
                        to_start.append(job.started_at_ms - 1000 * began_s)
                        whole.append(1000 * (ended_s - began_s))
        finally:
            worker.terminate()
            await worker.wait()
    return {
        "voice_start_p50_ms": statistics.median(to_start),
        "voice_start_p95_ms": sorted(to_start)[len(to_start) * 95 // 100],
        "voice_own_p50_ms": statistics.median(whole),
        "voice_own_p95_ms": sorted(whole)[len(whole) * 95 // 100],
    }


def main() -> None:
    """Do what the command line names."""
    role, options = sys.argv[1], json.loads(sys.argv[2])
    os.environ["REDIS_URL"] = os.environ["BENCH_URL"]
    answer = asyncio.run((_hear if role == "hear" else _follow)(**options))
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
