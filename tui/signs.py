"""What a terminal can show: signs and frames spelled in ASCII, for terminals and locales without them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.cells import split_graphemes

from importers.texts import SPELLED, has_signs


def is_browser(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is a page of `obmen serve`."""
    return env.get("TEXTUAL_DRIVER", "").startswith("textual.drivers.web_driver:")


def is_plain(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal, or the locale in which it is written to, has letters only."""
    return not (is_browser(env) or has_signs(env))


def spelled(text: str) -> str:
    """`text` without signs: letters stay, lines and blocks become ASCII; as many cells as before."""
    spans, _width = split_graphemes(text)
    return "".join(_spell(text[start:end], cells) for start, end, cells in spans)


def _spell(grapheme: str, cells: int) -> str:
    first = grapheme[0]
    if first.isascii() or first.isalpha():
        return grapheme
    if "─" <= first <= "╿":  # frames
        return "-" if first in "─━┄┅┈┉╌╍═╴╶╸╺" else "|" if first in "│┃┆┇┊┋╎╏║╵╷╹╻" else "+"
    return SPELLED.get(first, "?" * cells).ljust(cells)
