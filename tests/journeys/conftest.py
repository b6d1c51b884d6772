"""Qt without a screen, and the virtual microphone and loudspeaker."""

import os

from tests.journeys.person import at_the_window
from tests.virtual_audio import audio_server, virtual_audio

__all__ = ["at_the_window", "audio_server", "virtual_audio"]

if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
