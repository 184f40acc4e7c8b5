"""Pictures of the room as text: what each cell shows, and below it how the cell looks.

    == 80x24
     #15 Stocks                                     completed
    --
    a   bbbbbb
    "
    --
    a: bold
    b: #d3dae1 on #14181d

A letter stands for a look, a blank for the one that most cells have, `"` for a row that looks like the one above it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path
from string import ascii_letters, digits

from rich.console import COLOR_SYSTEMS
from textual._context import visible_screen_stack

from tui.app import ObmenApp
from tui.painting import Cell, Frame

HEAD, DITTO = "== ", '"'
LETTERS = ascii_letters + digits
SWITCHES = {"1": "bold", "2": "dim", "3": "italic", "4": "underline", "7": "reverse", "9": "strike"}
NAMED = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "", "default")
PARAMETERS = re.compile(r"([34])8;2;(\d+);(\d+);(\d+)|(\d+)")


def taken(app: ObmenApp) -> str:
    """A picture of what a terminal of true colour would be given."""
    width, height = app.size
    frame = Frame(width, height, COLOR_SYSTEMS["truecolor"], ascii_only=app.ascii_only)
    visible_screen_stack.set(app._background_screens)
    for y, strips in enumerate(app.screen._compositor.render_full_update().strips):
        x = 0
        for strip in strips:
            frame.put(x, y, strip)
            x += strip.cell_length
    return described(frame._wanted)


def described(rows: list[list[Cell]]) -> str:
    shown = ["".join(text for text, _look in row).rstrip() for row in rows]
    counted = Counter(look for row in rows for _text, look in row)
    usual = max(counted, key=lambda look: counted[look])
    letters = dict(zip([look for look in counted if look != usual], LETTERS, strict=False)) | {usual: " "}
    looks = ["".join(letters[look] for _text, look in row).rstrip() for row in rows]
    ditto = [looks[0], *(DITTO if one == above and one else one for above, one in pairwise(looks))]
    legend = [f"{letter}: {words(look)}".rstrip() for look, letter in letters.items()]
    return "\n".join([*shown, "--", *ditto, "--", *legend]) + "\n"


def words(look: str) -> str:
    """Parameters of SGR as Rich writes styles."""
    said = []
    for layer, red, green, blue, number in PARAMETERS.findall(look):
        if layer:
            said.append(("on " if layer == "4" else "") + f"#{int(red):02x}{int(green):02x}{int(blue):02x}")
        elif number in SWITCHES:
            said.append(SWITCHES[number])
        else:
            tens, ones = divmod(int(number), 10)
            bright = "bright_" if tens >= 9 else ""
            said.append(("on " if tens in {4, 10} else "") + bright + NAMED[ones])
    return " ".join(said)


def written(pictures: Mapping[str, str]) -> str:
    """A file of them, each under its title."""
    return "".join(f"{HEAD}{title}\n{picture}" for title, picture in pictures.items())


def read(path: Path) -> dict[str, str]:
    """Those of a file, by title; none of a file that is not there."""
    text = path.read_text() if path.exists() else ""
    parts = re.split(f"^{HEAD}(.*)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def difference(expected: str, found: str, name: str) -> str:
    """The rows that differ; "" when none does."""
    lines = expected.splitlines(), found.splitlines()
    return "\n".join(unified_diff(*lines, f"{name}, accepted", f"{name}, now", n=1, lineterm=""))
