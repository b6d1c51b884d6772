"""What the window does by itself, as commands: pages, talking, palette, keys, menu, colours and quitting.

What works on queues and jobs is entered by the console.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from desktop.commands import Command
from desktop.pages.late_pages import PAGES
from desktop.theme import Look


def page_key(index: int) -> str:
    """Ctrl+1 for the first page, ... Ctrl+0 for the tenth; those after it have none."""
    return f"Ctrl+{(index + 1) % 10}" if index < 10 else ""


def window_commands(
    look: Look,
    *,
    show_page: Callable[[int], None],
    talk: Callable[[], None],
    open_palette: Callable[[], None],
    open_keys: Callable[[], None],
    open_menu: Callable[[], None],
    leave: Callable[[], None],
) -> list[Command]:
    """The commands, each with what the window does for it."""
    pages = [
        Command(
            f"page.{word.lower()}",
            "Pages",
            f"Go to {word}",
            partial(show_page, index),
            "open show page",
            shortcut=f"{page_key(index)}, Ctrl+," if word == "Settings" else page_key(index),
        )
        for index, (word, _) in enumerate(PAGES)
    ]
    return [
        *pages,
        Command(
            "window.talk",
            "Voice",
            "Talk",
            talk,
            "speak microphone record say",
            shortcut="Space",
            held="anywhere but in a text field, while it is held",
        ),
        Command("window.palette", "Window", "Commands…", open_palette, shortcut="Ctrl+K", listed=False),
        Command("window.keys", "Window", "Keys…", open_keys, "shortcuts help keyboard sheet", shortcut="?, F1"),
        Command("window.menu", "Window", "Open the menu", open_menu, "more", shortcut="F10"),
        Command(
            "window.colours",
            "Window",
            "Switch between light and dark colours",
            look.toggle,
            "theme mode toggle",
            shortcut="Ctrl+Shift+L",
        ),
        Command(
            "window.system-colours",
            "Window",
            "Light or dark as the system",
            partial(look.choose, "system"),
            "theme follow colours",
        ),
        Command("window.quit", "Window", "Quit Hark", leave, "exit close", shortcut="Ctrl+Q"),
    ]
