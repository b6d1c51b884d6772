"""Hearing, understanding and speaking without any network: pocketsphinx, hassil and espeak-ng.

Hides two child processes and the one grammar file that the recogniser and the understanding
share. Everything heavy is loaded when first used.
"""

from __future__ import annotations

from engine.providers import Providers
from engine.providers.offline.assistant import OfflineAssistant
from engine.providers.offline.grammar import SharedGrammar
from engine.providers.offline.synthesizer import DEFAULT_VOICE, OfflineSynthesizer
from engine.providers.offline.transcriber import OfflineTranscriber

__all__ = ["OfflineAssistant", "OfflineSynthesizer", "OfflineTranscriber", "open_offline"]


def open_offline(voice: str | None = None) -> Providers:
    """The three offline providers, for use in one event loop; `voice` is the default of spoken answers."""
    grammar = SharedGrammar()
    transcriber = OfflineTranscriber(grammar)
    synthesizer = OfflineSynthesizer(voice or DEFAULT_VOICE)

    async def close() -> None:
        await transcriber.close()
        await synthesizer.close()

    return Providers(transcriber, OfflineAssistant(grammar), synthesizer, "this machine", close)
