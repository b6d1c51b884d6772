"""The job state machine in Redis: each transition is one Lua script, atomic, by Redis's own clock.

`Store` is the only part of Hark that speaks Redis. `open_store` finds the Redis that the settings
name, or starts Hark's own.
"""

from __future__ import annotations

from engine.store.records import Claimed, FinishedJob, NewJob, QueueEvent
from engine.store.store import Store, open_store

__all__ = ["Claimed", "FinishedJob", "NewJob", "QueueEvent", "Store", "open_store"]
