"""Looking at queues, jobs and workers: frozen snapshots, nothing changed."""

from engine.monitor.monitor import HISTORY_MINUTES, RECENT_MINUTES, Monitor

__all__ = ["HISTORY_MINUTES", "RECENT_MINUTES", "Monitor"]
