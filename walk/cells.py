"""What a terminal shows, cell by cell, read from `tmux capture-pane -e`: text, and parameters of SGR."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rich.cells import split_graphemes

SGR = re.compile(r"\x1b\[([\d;]*)m")
ANSI = (
    "#1c1f24", "#c65f5f", "#6fae76", "#c9a554", "#5f8fc6", "#a678b8", "#58a6a6", "#c5cbd3",
    "#6b727c", "#e58080", "#90cf97", "#e6c678", "#82aee0", "#c49ad4", "#7cc8c8", "#f2f4f7",
)  # fmt: skip
STEPS = (0, 95, 135, 175, 215, 255)
FOREGROUND, BACKGROUND = "#d3dae1", "#14181d"


@dataclass(frozen=True)
class Look:
    """Colours as #rrggbb, "" where the terminal's own is meant."""

    fore: str = ""
    back: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False

    def changed(self, parameters: str) -> Look:
        """After `ESC [ parameters m`."""
        look, numbers = self, [int(one or 0) for one in parameters.split(";")]
        while numbers:
            match numbers:
                case [38 | 48 as ground, 2, red, green, blue, *numbers]:
                    look = look._coloured(ground == 38, f"#{red:02x}{green:02x}{blue:02x}")
                case [38 | 48 as ground, 5, number, *numbers]:
                    look = look._coloured(ground == 38, _indexed(number))
                case [number, *numbers]:
                    look = look._switched(number)
        return look

    def _coloured(self, fore: bool, colour: str) -> Look:
        return replace(self, fore=colour) if fore else replace(self, back=colour)

    def _switched(self, number: int) -> Look:
        if 30 <= number <= 37 or 90 <= number <= 97:
            return replace(self, fore=_indexed(number - 30 if number < 40 else number - 82))
        if 40 <= number <= 47 or 100 <= number <= 107:
            return replace(self, back=_indexed(number - 40 if number < 50 else number - 92))
        match number:
            case 0:
                return Look()
            case 1:
                return replace(self, bold=True)
            case 2:
                return replace(self, dim=True)
            case 3:
                return replace(self, italic=True)
            case 4:
                return replace(self, underline=True)
            case 7:
                return replace(self, reverse=True)
            case 22:
                return replace(self, bold=False, dim=False)
            case 23:
                return replace(self, italic=False)
            case 24:
                return replace(self, underline=False)
            case 27:
                return replace(self, reverse=False)
            case 39:
                return replace(self, fore="")
            case 49:
                return replace(self, back="")
        return self

    @property
    def colours(self) -> tuple[str, str]:
        """Of the letters and behind them, as they are seen."""
        fore, back = self.fore or FOREGROUND, self.back or BACKGROUND
        if self.reverse:
            fore, back = back, fore
        return (_between(fore, back) if self.dim else fore), back

    @property
    def sgr(self) -> str:
        parts = ["0"]
        switches = ((1, self.bold), (2, self.dim), (3, self.italic), (4, self.underline), (7, self.reverse))
        parts += [str(number) for number, on in switches if on]
        for ground, colour in ((38, self.fore), (48, self.back)):
            if colour:
                parts.append(f"{ground};2;{';'.join(map(str, _parts(colour)))}")
        return f"\x1b[{';'.join(parts)}m"


@dataclass(frozen=True)
class Cell:
    """`text` is "" in the right half of a wide sign."""

    text: str = " "
    look: Look = Look()


Row = tuple[Cell, ...]


def rows_of(captured: str, width: int) -> list[Row]:
    """The rows of what `capture-pane -e -N -p` printed, each of so many cells."""
    look, rows = Look(), []
    for line in captured.split("\n"):
        cells: list[Cell] = []
        for number, part in enumerate(SGR.split(line)):
            if number % 2:
                look = look.changed(part)
                continue
            for start, end, room in split_graphemes(part)[0]:
                cells += [Cell(part[start:end], look), *[Cell("", look)] * (room - 1)]
        rows.append(tuple([*cells, *[Cell()] * (width - len(cells))][:width]))
    return rows


def _indexed(number: int) -> str:
    if number < 16:
        return ANSI[number]
    if number >= 232:
        return f"#{8 + 10 * (number - 232):02x}" + f"{8 + 10 * (number - 232):02x}" * 2
    red, rest = divmod(number - 16, 36)
    return "#" + "".join(f"{STEPS[one]:02x}" for one in (red, *divmod(rest, 6)))


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _between(one: str, other: str) -> str:
    both = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{(a * 6 + b * 4) // 10:02x}" for a, b in both)
