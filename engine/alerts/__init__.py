"""Alerts by rules: the engine's judgement of what it sees, for the window, the command line and the workers' logs.

`rules` says what is wrong, `watch` since when and whom to tell. Nothing here speaks to Redis: who watches gives what
was read (a Snapshot and `AlertNotes`), and does with the changes what it has to.
"""

from engine.alerts.rules import RULES, Rule, alert_key, queue_of
from engine.alerts.watch import AlertNotes, Changes, Watch

__all__ = ["RULES", "AlertNotes", "Changes", "Rule", "Watch", "alert_key", "queue_of"]
