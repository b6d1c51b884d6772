"""Qt without a screen, and the virtual microphone and loudspeaker."""

import os

from tests.virtual_audio import audio_server, virtual_audio

__all__ = ["audio_server", "virtual_audio"]

if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
