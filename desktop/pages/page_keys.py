"""The keys that pages, tables and charts listen for by themselves, for the sheet that tells of all keys."""

from __future__ import annotations

from desktop.actions import CLEAN, PAUSE, RETRY
from desktop.commands import Key

PAGE_KEYS = (
    Key("Anywhere", "Move to the next part, and press it", "Tab, Return"),
    Key("Anywhere", "Stop talking, leave a field, close a dialog", "Esc"),
    Key("Anywhere", "Take up what a notice offers, such as an undo", "Ctrl+Z"),
    Key("Assistant page", "Answer Hark's question with yes or no", "Y, N"),
    Key("Queues page, the chosen queue", "Pause or resume", PAUSE.shortcut),
    Key("Queues page, the chosen queue", "Clean…", CLEAN.shortcut),
    Key("Queues page, the chosen queue", "Retry all failed jobs", RETRY.shortcut),
    Key("Queues page, the chosen queue", "Show its waiting jobs", "W"),
    Key("Queues page, the chosen queue", "Show its active jobs", "A"),
    Key("Queues page, the chosen queue", "Show its delayed jobs", "D"),
    Key("Queues page, the chosen queue", "Show its failed jobs", "F"),
    Key("Lists", "Choose another row, and open it", "Up, Down, Return"),
    Key("Jobs page", "Search", "Ctrl+F"),
    Key("Jobs page", "Open the current job", "Return"),
    Key("Jobs page", "Retry the selected jobs", "R"),
    Key("Jobs page", "Remove the selected jobs…", "Del"),
    Key("Jobs page", "Mean all, also those that are not loaded", "Ctrl+A"),
    Key("Jobs page", "Copy the ids of the selected jobs", "Ctrl+C"),
    Key("Failures page", "Retry the chosen group", "R"),
    Key("Failures page", "Retry it gradually…", "G"),
    Key("Failures page", "Clean it…", "C"),
    Key("Recurring page", "Add a recurring job…", "Ctrl+N"),
    Key("Recurring page", "Read them again", "F5"),
    Key("Recurring page", "Remove the chosen one…", "Del"),
    Key("Audit page", "Restore the chosen batch…", "Return"),
    Key("Charts", "Move the crosshair", "Left, Right, Home, End"),
    Key("Charts", "Zoom in and out, and back", "+, -, Esc"),
    Key("Charts", "Save as a picture, as figures", "S, C"),
)
