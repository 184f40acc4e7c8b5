"""The log of one session: a window over the journal, of any length, in bounded memory.

Only the number of lines and the first id of each block are kept for the whole log; the lines themselves are
loaded a block at a time when they come into view. Every repaint is one region written once: no scrollbar, no
virtual size, no layout.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from importers.sessions.models import LogLine
from importers.texts import _
from tui import present
from tui.keys import bindings

BLOCK = 500
"""Lines loaded at once."""
BLOCKS_AT_ONCE = 20
"""Blocks taken in between two looks at the sessions."""
BLOCKS_KEPT = 12
"""Blocks in memory besides the last one, which grows."""

Load = Callable[[int, int], Awaitable[Sequence[LogLine]]]
"""Lines after an event id, at most so many."""

LEVEL_STYLES = {"warning": Style(color="yellow"), "error": Style(color="red", bold=True)}
TIME = 9
"""Cells of the time before each line; wrapped rows are indented by it."""


class Lines:
    """A log in blocks. Knows its length, loads the rest when asked."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._starts = array("q", [0])
        """For each block, the event id that its first line comes after."""
        self._blocks: OrderedDict[int, Sequence[LogLine]] = OrderedDict()
        self._last: list[LogLine] = []
        self._last_id = 0
        self._turn = asyncio.Lock()
        """Two updates at once would both take in the same lines."""

    def __len__(self) -> int:
        return (len(self._starts) - 1) * BLOCK + len(self._last)

    async def grow(self) -> bool:
        """Take in one block of new lines; True if there may be more."""
        async with self._turn:
            room = BLOCK - len(self._last)
            new = await self._load(self._last_id, room)
            if not new:
                return False
            self._last.extend(new)
            self._last_id = new[-1].id
            if len(self._last) == BLOCK:
                self._cache(len(self._starts) - 1, self._last)
                self._starts.append(self._last_id)
                self._last = []
            return len(new) == room

    def line(self, number: int) -> LogLine | None:
        """Line `number`, from 0; None when its block is not in memory."""
        block, offset = divmod(number, BLOCK)
        if block == len(self._starts) - 1:
            return self._last[offset]
        lines = self._blocks.get(block)
        if lines is None:
            return None
        self._blocks.move_to_end(block)
        return lines[offset]

    async def fetch(self, number: int) -> None:
        """Bring the block of line `number` into memory."""
        block = number // BLOCK
        if block < len(self._starts) - 1 and block not in self._blocks:
            self._cache(block, await self._load(self._starts[block], BLOCK))

    def _cache(self, block: int, lines: Sequence[LogLine]) -> None:
        self._blocks[block] = lines
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)


class LogView(Widget, can_focus=True):
    """Shows `Lines`, wrapped. The position is the line at the top, and how many of its rows are above it."""

    BINDINGS = bindings("log")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--time"}

    follow = reactive(True, repaint=False)
    """Stay at the end while lines come in."""

    class Moved(Message):
        """Position, length or follow mode are other ones."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self.lines: Lines | None = None
        self.empty = ""
        """What to say while there is no line."""
        self._top = 0
        self._above = 0
        self._visible = 0
        self._fresh = False
        """Opened, and not painted yet: the old log stays on the screen until the new one is here."""
        self._rows: list[Strip] = []
        self._missing: set[int] = set()

    def open(self, load: Load | None, *, follow: bool, empty: str) -> None:
        """Show another log: from its end, or from its beginning."""
        self.lines = Lines(load) if load else None
        self.empty = empty
        self.follow = follow
        self._top = self._above = 0
        self._missing.clear()
        self._fresh = True
        if load is None:
            self._paint()

    async def update(self) -> bool:
        """Take in what the journal has gained: one repaint after `open`, and then when something came.

        True: there may be more. A long log comes in pieces, so that the screen lives meanwhile.
        """
        lines = self.lines
        if lines is None:
            return False
        before, more = len(lines), True
        for _piece in range(BLOCKS_AT_ONCE):
            more = await lines.grow()
            if not more or lines is not self.lines:
                break
        if lines is self.lines and (self._fresh or len(lines) != before):
            if self._fresh or self.follow or before <= self._top + self.size.height:
                self._paint()
            else:
                self.post_message(self.Moved())
        return more

    @property
    def position(self) -> str:
        """Which lines are in view, for the people: "1-12 of 340"."""
        count = len(self.lines) if self.lines else 0
        if not count:
            return ""
        last = min(count, self._top + max(1, self._visible))
        return _("{first}-{last} of {count}").format(
            first=present.number(self._top + 1), last=present.number(last), count=present.number(count)
        )

    # Moving

    def action_scroll(self, rows: int) -> None:
        self._move(rows)

    def action_page(self, pages: int) -> None:
        self._move(pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        self.follow = False
        self._top = self._above = 0
        self._paint()

    def action_follow(self) -> None:
        self.follow = True
        self._paint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._move(-3)

    def on_resize(self) -> None:
        self._paint()

    def _move(self, rows: int) -> None:
        if self.lines is None:
            return
        self.follow = False
        top, above = self._top, self._above + rows
        while above < 0 and top > 0:
            top -= 1
            above += len(self._wrap(top))
        while top < len(self.lines) - 1 and above >= (height := len(self._wrap(top))):
            top += 1
            above -= height
        self._top, self._above = top, max(0, above)
        self._paint()

    # Painting

    def _paint(self) -> None:
        """Lay out the rows in view, and write them once."""
        self._fresh = False
        self._rows = self._layout()
        self.refresh()
        self.post_message(self.Moved())
        if self._missing:
            self.run_worker(self._fetch(), group="log", exclusive=True, exit_on_error=False)

    async def _fetch(self) -> None:
        lines, missing = self.lines, sorted(self._missing)
        self._missing.clear()
        for number in missing:
            if lines is not None:
                await lines.fetch(number)
        if lines is self.lines:
            self._paint()

    def _layout(self) -> list[Strip]:
        height = self.size.height
        self._visible = 0
        if not height:
            return []
        if self.lines is None or not len(self.lines):
            return [Strip([Segment(self.empty, self.get_component_rich_style("log--time"))])]
        at_end = self._end(len(self.lines))
        if self.follow or (self._top, self._above) >= at_end:
            self._top, self._above = at_end
        rows: list[Strip] = []
        number = self._top
        while number < len(self.lines) and len(rows) < height + self._above:
            rows += self._wrap(number)
            number += 1
        self._visible = number - self._top
        return rows[self._above : self._above + height]

    def _end(self, count: int) -> tuple[int, int]:
        """The position that has the last of `count` lines at the bottom."""
        left = self.size.height
        number = count
        while number > 0 and left > 0:
            number -= 1
            left -= len(self._wrap(number))
        return number, max(0, -left)

    def _wrap(self, number: int) -> list[Strip]:
        """The rows of one line; a line that is not in memory takes one empty row until it is."""
        line = self.lines.line(number) if self.lines else None
        if line is None:
            self._missing.add(number)
            return [Strip.blank(self.size.width)]
        style = LEVEL_STYLES.get(line.level, Style.null())
        text = present.log_text(line) or line.type
        if word := present.LEVEL_WORDS.get(line.level):
            text = f"{_(word)}: {text}"
        time = Segment(present.clock(line.at).ljust(TIME), self.get_component_rich_style("log--time"))
        indent = Segment(" " * TIME)
        return [
            Strip([indent if row else time, Segment(piece, style)])
            for row, piece in enumerate(wrap(text, max(10, self.size.width - TIME)))
        ]

    def render_line(self, y: int) -> Strip:
        strip = self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width)
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)


def wrap(text: str, width: int) -> list[str]:
    """Break at spaces where possible, anywhere where not; at most 40 rows of `width` cells."""
    rows: list[str] = []
    while text and len(rows) < 40:
        if cell_len(text[: width + 1]) <= width and len(text) <= width:
            rows.append(text)
            return rows
        end = width
        while cell_len(text[:end]) > width:
            end -= 1
        space = text.rfind(" ", width // 2, end + 1)
        cut = space if space > 0 else end
        rows.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return rows or [""]
