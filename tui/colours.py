"""The colours of the control room: calm, dark, the same meaning everywhere. Over SSH the terminal's own are used."""

from __future__ import annotations

import os

from rich.terminal_theme import TerminalTheme
from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="obmen",
    primary="#4c8dc4",
    secondary="#6d9f8c",
    accent="#8fb8de",
    foreground="#d3dae1",
    background="#14181d",
    surface="#1b2128",
    panel="#232b34",
    success="#7dbb7f",
    warning="#dcb063",
    error="#e2736d",
    variables={
        "block-cursor-background": "#2c5074",
        "block-cursor-foreground": "#f2f6fa",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#26313d",
        "block-cursor-blurred-foreground": "#d3dae1",
        "input-selection-background": "#2c5074",
    },
)

ANSI_THEME = "ansi-dark"
BUILTIN_THEMES[DARK.name] = DARK
"""Known before the app is made: changing the theme of a made app parses all styles twice."""


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


_ANSI = [
    _rgb(colour)
    for colour in ("#14181d", "#e2736d", "#7dbb7f", "#dcb063", "#4c8dc4", "#b48ead", "#6fb3c0", "#d3dae1")
]
ANSI = TerminalTheme(_rgb("#14181d"), _rgb("#d3dae1"), _ANSI, _ANSI)
"""What the sixteen named colours look like in `obmen`; signs and words are styled by name."""


def default() -> str:
    """The theme to start with.

    The terminal's own sixteen colours where it has no more, and over SSH without true colour: short escapes, looks that
    the operator knows. With NO_COLOR the same, of which nothing but bold, dim and reverse is left.
    """
    if "NO_COLOR" in os.environ:
        return ANSI_THEME
    if os.environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return DARK.name
    has_256 = os.environ.get("TERM", "").endswith(("256color", "kitty", "direct"))
    return DARK.name if has_256 and "SSH_CONNECTION" not in os.environ else ANSI_THEME
