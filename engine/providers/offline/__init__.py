"""Hearing, understanding and speaking without any network: pocketsphinx, Moonshine, hassil and espeak-ng.

Hides the child processes, and the one grammar that the recogniser and the understanding share. Everything heavy is
loaded when first used.
"""

from __future__ import annotations

from pathlib import Path

from engine.providers import Providers
from engine.providers.offline.assistant import OfflineAssistant
from engine.providers.offline.grammar import SharedGrammar
from engine.providers.offline.synthesizer import DEFAULT_VOICE, OfflineSynthesizer
from engine.providers.offline.transcriber import OfflineTranscriber
from engine.providers.offline.whisper import WhisperTranscriber

__all__ = ["OfflineAssistant", "OfflineSynthesizer", "OfflineTranscriber", "WhisperTranscriber", "open_offline"]


def open_offline(voice: str | None = None, whisper_model: Path | None = None) -> Providers:
    """The three offline providers, for use in one event loop.

    `voice` is the default of spoken answers; with `whisper_model`, a ggml file, that model listens.
    """
    grammar = SharedGrammar()
    synthesizer = OfflineSynthesizer(voice or DEFAULT_VOICE)
    transcriber = (
        WhisperTranscriber(whisper_model) if whisper_model else OfflineTranscriber(grammar, synthesizer.pronounce)
    )

    async def close() -> None:
        await transcriber.close()
        await synthesizer.close()

    return Providers(transcriber, OfflineAssistant(grammar), synthesizer, "this machine", close)
