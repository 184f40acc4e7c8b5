"""Frames as an SVG that stands still or moves (without a script), and as a cast of asciinema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar
from xml.sax.saxutils import escape
from zlib import crc32

from walk.cells import BACKGROUND, Cell, Look, Row

Kind = TypeVar("Kind")
WIDTH, HEIGHT, FONT, EDGE = 8.4, 18, 14, 10
"""Of a cell, of its letters, and around the terminal, in pixels."""
FONTS = "ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace"


@dataclass(frozen=True)
class Frame:
    """`name`: of the picture that it is; `keys`: what was pressed for it; `seconds`: in a recording."""

    name: str
    keys: str
    rows: tuple[Row, ...]
    seconds: float


def svg(frames: Sequence[Frame], *, caption: bool = False) -> str:
    """Rows that several frames share are drawn once. The frames stand below each other, and the strip is moved."""
    width, height = round(len(frames[0].rows[0]) * WIDTH, 1), len(frames[0].rows) * HEIGHT
    whole = height + (HEIGHT + 6 if caption else 0)
    known: dict[Row, str] = {}
    strip = []
    for number, frame in enumerate(frames):
        top = number * whole
        for y, row in enumerate(frame.rows):
            name = known.setdefault(row, _name(row))
            strip.append(f'<use href="#{name}" y="{top + y * HEIGHT}"/>')
        if caption and frame.keys:
            strip.append(f'<text x="0" y="{top + whole - 3}" class="keys">{escape(frame.keys)}</text>')
    defined = "\n".join(f'<g id="{name}">{"".join(_row(row))}</g>' for row, name in known.items())
    outer = f"{width + 2 * EDGE:g} {whole + 2 * EDGE:g}"
    style = "rect{shape-rendering:crispEdges}text{white-space:pre}.keys{fill:#8fa3b8;font-size:13px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {outer}" font-family="{FONTS}" font-size="{FONT}">\n'
        f"<style>{style}{_moves(frames, whole)}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>\n<defs>\n{defined}\n</defs>\n'
        f'<svg x="{EDGE}" y="{EDGE}" width="{width:g}" height="{whole}"><g class="strip">\n'
        + "\n".join(strip)
        + "\n</g></svg>\n</svg>\n"
    )


def _moves(frames: Sequence[Frame], height: int) -> str:
    """The one animation: each frame stands for its seconds."""
    if len(frames) == 1:
        return ""
    total, at, steps = sum(frame.seconds for frame in frames), 0.0, []
    for number, frame in enumerate(frames):
        steps.append(f"{at / total:.3%}{{transform:translateY({-number * height}px)}}")
        at += frame.seconds
    return f"@keyframes film{{{''.join(steps)}}}.strip{{animation:film {total:g}s step-end infinite}}"


def _row(row: Row) -> Iterator[str]:
    for at, back, cells in _runs(row, lambda cell: cell.look.colours[1]):
        if back != BACKGROUND:
            yield f'<rect x="{_px(at)}" width="{_px(len(cells))}" height="{HEIGHT}" fill="{back}"/>'
    for at, look, cells in _runs(row, lambda cell: cell.look):
        text = "".join(cell.text for cell in cells)
        if words := text.strip(" "):
            start = at + len(text) - len(text.lstrip(" "))
            room = len(cells) - (len(text) - len(words))
            yield (
                f'<text x="{_px(start)}" y="{FONT}" textLength="{_px(room)}" '
                f'fill="{look.colours[0]}"{_shape(look)}>{escape(words)}</text>'
            )


def _runs(row: Row, key: Callable[[Cell], Kind]) -> Iterator[tuple[int, Kind, list[Cell]]]:
    """Cells beside each other that are the same in this, and where they begin."""
    at = 0
    for same, cells in groupby(row, key):
        run = list(cells)
        yield at, same, run
        at += len(run)


def _px(cells: int) -> str:
    return f"{round(cells * WIDTH, 1):g}"


def _name(row: Row) -> str:
    """The same in every picture, so that another row elsewhere changes no line of this one."""
    return f"r{crc32(repr(row).encode()):08x}"


def _shape(look: Look) -> str:
    return (
        (' font-weight="bold"' if look.bold else "")
        + (' font-style="italic"' if look.italic else "")
        + (' text-decoration="underline"' if look.underline else "")
    )


def cast(frames: Sequence[Frame], title: str) -> str:
    """Version 2 of asciinema's format; only rows that changed are written."""
    height, width = len(frames[0].rows), len(frames[0].rows[0])
    lines: list[object] = [{"version": 2, "width": width, "height": height, "title": title}]
    at = 0.0
    shown: list[Row] = [()] * height
    for frame in frames:
        changed = [
            f"\x1b[{y + 1}H{_written(row)}"
            for y, (row, old) in enumerate(zip(frame.rows, shown, strict=True))
            if row != old
        ]
        lines.append([round(at, 2), "o", "".join(["\x1b[?25l", *changed])])
        shown, at = list(frame.rows), at + frame.seconds
    lines.append([round(at, 2), "o", ""])  # the last frame has its time, too
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _written(row: Row) -> str:
    runs = _runs(row, lambda cell: cell.look)
    return "".join(look.sgr + "".join(cell.text for cell in cells) for _at, look, cells in runs) + "\x1b[0m"
