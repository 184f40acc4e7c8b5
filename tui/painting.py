"""How frames get to the terminal: only the cells that changed, in one write, the next when the last one was drawn.

Textual writes every region that was refreshed, changed or not, and queues thirty writes in front of an operator's key
on a slow line. Here each frame is compared with what the terminal shows; while an answer of the terminal to the last
frame is awaited, later ones only change what the next one will be.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import rich._wrap
from rich.cells import get_character_cell_size, split_graphemes
from rich.console import COLOR_SYSTEMS
from textual import events, messages
from textual._compositor import ChopsUpdate, LayoutUpdate

from tui.signs import spelled
from tui.turns import TurnsApp

if TYPE_CHECKING:
    from rich.color import ColorSystem
    from rich.console import RenderableType
    from rich.segment import Segment
    from rich.style import Style
    from textual.screen import Screen
    from textual.strip import Strip
    from textual.timer import Timer

ANSWER_SECONDS = 2.0
"""So long an answer is awaited; one that is lost must not stop the screen."""
PATIENCE = 2
"""After so many that did not come none is awaited, until the terminal answers again."""
RESIZED_SECONDS = 0.05
"""A terminal is dragged to its size in many steps: so long none may come before the screen is laid out, and so long
after that it is painted."""
GAP = 6
"""Cells that stay the same are written rather than jumped over when they are no more than this."""
SYNC_START, SYNC_END, ASK = "\x1b[?2026h", "\x1b[?2026l", "\x1b[?2026$p"

rich._wrap.re_word = re.compile(r"[^\S\xa0]*[\S\xa0]+[^\S\xa0]*")
"""Rich, and Textual with it, breaks lines at no-break spaces as well: "180 003 records" was read as 180."""

CODE = re.compile(r"[34]8;(?:5;\d+|2;\d+;\d+;\d+)|\d+")
COLOURS = {"3": "letters", "9": "letters", "4": "behind", "10": "behind"}
"""By how their parameters begin."""
OFF = {"letters": "39", "behind": "49", "1": "22", "2": "22", "7": "27"}
"""What ends colours, bold, dim, reverse."""

Cell = tuple[str, str]
"""The characters of a cell, and how they look (parameters of SGR). The right half of a wide one is empty."""
UNKNOWN: Cell = ("", "?")


class Frame:
    """Cells as they should be, and as the terminal shows them."""

    def __init__(self, width: int, height: int, colours: ColorSystem | None, *, ascii_only: bool) -> None:
        self.size = (width, height)
        self._colours = colours
        self._ascii = ascii_only
        self._wanted: list[list[Cell]] = [[(" ", "")] * width for _ in range(height)]
        self._shown: list[list[Cell]] = []
        self._looks: dict[Style | None, str] = {}
        self._erasable: dict[str, bool] = {"": True}
        self._has_bce = not os.environ.get("TERM", "").startswith("screen") or "TMUX" in os.environ
        """Whether the terminal erases in the background colour that is set."""
        self.forget()

    def forget(self) -> None:
        """What the terminal shows is not known any more: all is written by the next `changes`."""
        self._shown = [[UNKNOWN] * self.size[0] for _ in range(self.size[1])]

    def put(self, x: int, y: int, segments: Iterable[Segment]) -> None:
        """From this cell on the row should hold `segments`, as far as it goes."""
        width, height = self.size
        if not 0 <= y < height:
            return
        row = self._wanted[y]
        for text, style, control in segments:
            if control or not text:
                continue
            look = self._look(style)
            if self._ascii and not text.isascii():
                text = spelled(text)
            if text.isascii():
                cells: list[Cell] = [(character, look) for character in text]
            else:
                cells = _cells(text, look)
            row[x : x + len(cells)] = cells
            x += len(cells)
        del row[width:]

    def changes(self) -> str:
        """What to write so that the terminal shows what it should; "" when it does."""
        out: list[str] = []
        look = ""
        at = (-1, -1)
        for y, (wanted, shown) in enumerate(zip(self._wanted, self._shown, strict=True)):
            if wanted == shown:
                continue
            for start, end in _ranges(wanted, shown):
                if at != (start, y):
                    out.append(f"\x1b[{y + 1};{start + 1}H")
                stop = self._blank_from(wanted, start, end)
                for x, (text, other) in enumerate(wanted[start:stop], start):
                    if other != look:
                        out.append(_turn(look, other))
                        look = other
                    if len(text) > 1:  # terminals take signs of several characters for one cell or two
                        after = x + (2 if wanted[x + 1 : x + 2] == [("", other)] else 1)
                        text = f"{' ' * (after - x)}\x1b[{x + 1}G{text}\x1b[{after + 1}G"
                    out.append(text)
                if stop < end:
                    if wanted[stop][1] != look:
                        out.append(_turn(look, wanted[stop][1]))
                        look = wanted[stop][1]
                    out.append("\x1b[K")
                at = (stop, y)
            self._shown[y] = wanted.copy()
        if look:
            out.append("\x1b[m")
        return "".join(out)

    def _look(self, style: Style | None) -> str:
        if (look := self._looks.get(style)) is None:
            painted = style.render("x", color_system=self._colours) if style else "x"
            look = painted[2 : painted.index("m")] if painted.startswith("\x1b[") else ""
            self._looks[style] = look
            self._erasable[look] = not style or (
                not (style.reverse or style.underline or style.underline2 or style.strike or style.overline)
                and (self._has_bce or style.bgcolor is None or style.bgcolor.is_default)
            )
        return look

    def _blank_from(self, row: list[Cell], start: int, end: int) -> int:
        """Where the rest of the row is blank and can be erased rather than written; `end` when it is not."""
        if end != len(row) or row[-1][0] != " " or not self._erasable[row[-1][1]]:
            return end
        blank, stop = row[-1], end
        while stop > start and row[stop - 1] == blank:
            stop -= 1
        return stop if end - stop > 3 else end


@lru_cache(2000)
def _turn(look: str, other: str) -> str:
    """The shortest way from one look to another."""
    if not other:
        return "\x1b[m"
    before, after = _parts(look), _parts(other)
    anew = f"0;{other}"
    if (gone := before.keys() - after.keys()) <= OFF.keys():
        off = {OFF[part] for part in gone}
        on = [code for part, code in after.items() if code != before.get(part) or OFF.get(part) in off]
        anew = min(";".join([*sorted(off), *on]), anew, key=len)
    return f"\x1b[{anew}m"


def _parts(look: str) -> dict[str, str]:
    """The parameters of a look by what they set: a colour, or something of their own."""
    return {
        COLOURS.get(code[:-1].partition(";")[0].removesuffix("8"), code): code for code in CODE.findall(look)
    }


def _cells(text: str, look: str) -> list[Cell]:
    if all(get_character_cell_size(character) == 1 for character in text):
        return [(character, look) for character in text]
    cells: list[Cell] = []
    for start, end, room in split_graphemes(text)[0]:
        cells.append((text[start:end], look))
        cells += [("", look)] * (room - 1)
    return cells


def _ranges(wanted: list[Cell], shown: list[Cell]) -> list[tuple[int, int]]:
    """Which cells to write. A row with characters that terminals take for wider or narrower is written as a whole."""
    if any(len(text) != 1 for row in (wanted, shown) for text, look in row if look != "?"):
        return [(0, len(wanted))]
    found: list[tuple[int, int]] = []
    for x, (one, other) in enumerate(zip(wanted, shown, strict=True)):
        if one != other:
            if found and x - found[-1][1] <= GAP:
                found[-1] = (found[-1][0], x + 1)
            else:
                found.append((x, x + 1))
    return found


class PaintingApp(TurnsApp, inherit_bindings=False):
    """Paints through a `Frame`. Two of Textual's internals are used here and nowhere else: the hook that displays an
    update, and the two kinds of updates."""

    resting = False
    """Whether the terminal is another program's for now."""
    ascii_only = False
    """Whether the terminal shows nothing but ASCII."""
    _frame: Frame | None = None
    _unanswered = 0
    _answer_due: asyncio.TimerHandle | None = None
    _answers = False
    """Whether the terminal answers."""
    _resizing: Timer | None = None
    """Until the terminal has its size, and the screen is laid out for it, nothing is painted."""
    _resized: events.Resize | None = None
    """What may go on to Textual."""

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.resting:
            return
        if self._batch_count or not isinstance(renderable, LayoutUpdate | ChopsUpdate) or not self._paints():
            super()._display(screen, renderable)
            return
        width, height = screen.outer_size
        frame = self._frame
        if frame is None or frame.size != (width, height):
            colours = COLOR_SYSTEMS.get(self.console.color_system or "")
            frame = self._frame = Frame(width, height, colours, ascii_only=self.ascii_only)
        if isinstance(renderable, LayoutUpdate):
            for y, strips in enumerate(renderable.strips, renderable.region.y):
                _put(frame, renderable.region.x, y, strips)
        else:
            for y, first, last in renderable.spans:
                for x, strip in renderable.chops[y].items():
                    if strip is not None and x < last and x + strip.cell_length > first:
                        frame.put(x, y, strip)
        self._write_frame()
        self.post_display_hook()

    def _paints(self) -> bool:
        return (
            self._running
            and not self._closed
            and not self.is_headless
            and not self.resting
            and self._driver is not None
            and not self._driver.is_inline
        )

    def _write_frame(self) -> None:
        """Write what changed, unless the last frame may still be on its way, or another size is."""
        frame, driver = self._frame, self._driver
        if frame is None or driver is None or self._answer_due is not None or self._resizing is not None:
            return
        if not (changes := frame.changes()):
            return
        column, row = self.screen.outer_size.clamp_offset(self.cursor_position)
        changes += f"\x1b[{row + 1};{column + 1}H"
        if self._answers:
            changes = SYNC_START + changes + SYNC_END
            if self._unanswered < PATIENCE:
                changes += ASK
                loop = asyncio.get_running_loop()
                self._answer_due = loop.call_later(ANSWER_SECONDS, self._go_on, self._unanswered + 1)
        driver.write(changes)
        driver.flush()

    def _go_on(self, unanswered: int) -> None:
        self._unanswered = unanswered
        if self._answer_due is not None:
            self._answer_due.cancel()
            self._answer_due = None
        if self._paints():
            self._write_frame()

    def on_terminal_supports_synchronized_output(
        self, _answer: messages.TerminalSupportsSynchronizedOutput
    ) -> None:
        """The terminal has drawn all that was written before it was asked."""
        self._answers = True
        self._go_on(0)

    def on_resize(self, event: events.Resize) -> None:
        """A burst of sizes is one, the last: one layout, and one paint of it with all that follows from it."""
        if event is self._resized or self._frame is None:
            return
        event.prevent_default().stop()
        if self._resizing is not None:
            self._resizing.stop()
        self._resizing = self.set_timer(RESIZED_SECONDS, partial(self._lay_out, event))

    def _lay_out(self, event: events.Resize) -> None:
        self._resized = events.Resize(event.size, event.virtual_size, pixel_size=event.pixel_size)
        self.post_message(self._resized)
        self._resizing = self.set_timer(RESIZED_SECONDS, self._show_resized)

    def _show_resized(self) -> None:
        self._resizing = None
        if self._paints():
            self._write_frame()

    def paint_anew(self) -> None:
        """Something else wrote to the terminal: all is painted again."""
        self._go_on(0)
        self._frame = None
        self.refresh(layout=True)


def _put(frame: Frame, x: int, y: int, strips: Iterable[Strip]) -> None:
    for strip in strips:
        frame.put(x, y, strip)
        x += strip.cell_length
