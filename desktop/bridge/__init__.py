"""The only seam between the engine and the window: coroutines on one side, Qt signals on the other.

It owns every task. A HarkError becomes a notice with its remedy, anything else a log entry and `crashed`.
"""

from desktop.bridge.bridge import Bridge, in_thread, pause_s

__all__ = ["Bridge", "in_thread", "pause_s"]
