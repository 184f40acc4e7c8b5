"""Telling those who look elsewhere: the bell, and notifications of terminals that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

    from importers.settings import Screen

SEQUENCES = {"off": "", "osc9": "\x1b]9;{text}\x07", "osc777": "\x1b]777;notify;obmen;{text}\x07"}
"""iTerm2, Windows Terminal, kitty and others show OSC 9; rxvt-unicode, foot and VTE take OSC 777."""


def alert(app: App[int], wanted: Screen, text: str) -> None:
    """As far as the settings want it. `text` is one line."""
    if wanted.bell:
        app.bell()
    printable = "".join(c for c in text.replace("\N{NO-BREAK SPACE}", " ") if c.isprintable())
    sequence = SEQUENCES[wanted.notify].format(text=printable)
    if sequence and app._driver is not None and not app.is_headless:
        app._driver.write(sequence)
