"""Hearing, understanding, speaking and answering by the OpenAI API or a compatible server.

`open_openai(settings)` is the door. Nothing is imported or connected before the first request.
"""

from __future__ import annotations

from engine.providers import Providers, Synthesizer
from engine.providers.openai.answering import OpenAIAnswerer
from engine.providers.openai.hearing import OpenAITranscriber
from engine.providers.openai.realtime import RealtimeSpeaker
from engine.providers.openai.service import Service
from engine.providers.openai.speaking import SpeechEndpoint
from engine.providers.openai.understanding import OpenAIAssistant
from engine.settings import Settings


def open_openai(settings: Settings) -> Providers:
    """The four providers over one connection. Raises SettingsError for an unusable key or address."""
    service = Service(settings.openai_api_key, settings.openai_base_url)
    synthesizer: Synthesizer = (
        RealtimeSpeaker(service, settings.speech_model, settings.voice)
        if service.is_openai
        else SpeechEndpoint(service, settings.speech_model, settings.voice)
    )
    return Providers(
        transcriber=OpenAITranscriber(service, settings.transcription_model),
        assistant=OpenAIAssistant(service, settings.chat_model),
        synthesizer=synthesizer,
        destination=service.host,
        close=service.close,
        answerer=OpenAIAnswerer(service, settings.chat_model, settings.ai_timeout_s),
    )
