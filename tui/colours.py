"""The colours of the control room: calm, dark or light, the same meaning everywhere; or the terminal's own sixteen."""

from __future__ import annotations

import os

from rich.terminal_theme import TerminalTheme
from textual.theme import BUILTIN_THEMES, Theme

from importers.errors import SettingsError
from importers.settings import nearest
from importers.texts import N_

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

LIGHT = Theme(
    name="obmen-light",
    primary="#2f6ea5",
    secondary="#3d6f5d",
    accent="#1d5a91",
    foreground="#1f2830",
    background="#fafbfc",
    surface="#f1f4f6",
    panel="#e4e9ee",
    success="#256b35",
    warning="#7d5200",
    error="#b3261e",
    dark=False,
    variables={
        "block-cursor-background": "#2f6ea5",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#cfdbe6",
        "block-cursor-blurred-foreground": "#1f2830",
        "input-selection-background": "#b9d3ea",
    },
)

ANSI_DARK, ANSI_LIGHT = "ansi-dark", "ansi-light"
"""The terminal's own sixteen colours."""
AUTO = "auto"
# Known before the app is made: changing the theme of a made app parses all styles twice.
BUILTIN_THEMES |= {theme.name: theme for theme in (DARK, LIGHT)}


def _named(background: str, foreground: str, *others: str) -> TerminalTheme:
    """`others`: red, green, yellow, blue, magenta, cyan."""
    colours = [
        (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
        for colour in (background, *others, foreground)
    ]
    return TerminalTheme(colours[0], colours[-1], colours, colours)


NAMED_DARK = _named("#14181d", "#d3dae1", "#e2736d", "#7dbb7f", "#dcb063", "#5a99cd", "#b48ead", "#6fb3c0")
NAMED_LIGHT = _named("#fafbfc", "#1f2830", "#b3261e", "#256b35", "#7d5200", "#29659a", "#7a3e78", "#0b6674")
"""What the sixteen named colours look like in `obmen` and `obmen-light`; signs and words are styled by name."""

_wanted = AUTO


def use(name: str) -> None:
    """Begin with these colours from now on; "auto": those that suit the terminal. Raises SettingsError."""
    global _wanted
    if name not in {AUTO, *BUILTIN_THEMES}:
        raise SettingsError(
            N_("setting screen.colours: there are no colours of that name; {hint}"),
            hint=nearest(name, sorted((AUTO, *BUILTIN_THEMES))),
        )
    _wanted = name


def default() -> str:
    """The theme to start with.

    The terminal's own sixteen colours where it has no more, and over SSH without true colour: short escapes, looks that
    the operator knows. With NO_COLOR the same, of which nothing but bold, dim and reverse is left.
    """
    if "NO_COLOR" in os.environ:
        return ANSI_DARK
    if _wanted != AUTO:
        return _wanted
    own, terminals = (LIGHT.name, ANSI_LIGHT) if _is_light() else (DARK.name, ANSI_DARK)
    if os.environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return own
    has_256 = os.environ.get("TERM", "").endswith(("256color", "kitty", "direct"))
    return own if has_256 and "SSH_CONNECTION" not in os.environ else terminals


def _is_light() -> bool:
    """Whether the terminal says that its background is: COLORFGBG is "0;15", or "0;default;15"."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] in {
        "7",
        "9",
        "10",
        "11",
        "12",
        "13",
        "14",
        "15",
    }
