"""The lines of a log, of any length in bounded memory: what is in view is loaded, the rest only counted."""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rich.cells import cell_len

from importers.sessions.models import LogLine
from tui import present

BLOCK = 500
"""Lines loaded at once."""
BLOCKS_KEPT = 4
"""Blocks in memory besides the last one, which grows."""


class Source(Protocol):
    """Where the lines come from."""

    async def load(self, after: int, limit: int) -> Sequence[LogLine]:
        """Lines after an event id, at most so many."""
        ...

    async def skip(self, after: int, count: int) -> int | None:
        """The event id of the last of the next `count` lines after one; None when there are fewer."""
        ...


class Lines:
    """A log in blocks. Knows its length, loads the rest when asked."""

    def __init__(self, source: Source) -> None:
        self._source = source
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
        """Take in new lines as far as the end of a block, a whole block without loading it; True if there may be
        more."""
        async with self._turn:
            if not self._last and (end := await self._source.skip(self._last_id, BLOCK)) is not None:
                self._starts.append(end)
                self._last_id = end
                return True
            room = BLOCK - len(self._last)
            new = await self._source.load(self._last_id, room)
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
            self._cache(block, await self._source.load(self._starts[block], BLOCK))

    def _cache(self, block: int, lines: Sequence[LogLine]) -> None:
        self._blocks[block] = lines
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)

    async def find(self, text: str, start: int, step: int) -> int | None:
        """The next line from `start` on, in steps of 1 or -1, that has `text` in it, whichever its case."""
        wanted = text.casefold()
        number = start
        while 0 <= number < len(self):
            if number % BLOCK in {0, BLOCK - 1} or number == start:
                await self.fetch(number)
            line = self.line(number)
            if line and wanted in present.log_text(line).casefold():
                return number
            number += step
        return None

    async def times(self) -> tuple[datetime, datetime]:
        """When the first and the last line were written, in the reader's time zone. There must be one."""
        await self.fetch(0)
        first, *_rest = self._blocks.get(0) or self._last
        last = self._last[-1] if self._last else await self._line_of(len(self) - 1)
        return present.parse(first.at).astimezone(), present.parse(last.at).astimezone()

    async def _line_of(self, number: int) -> LogLine:
        await self.fetch(number)
        return self._blocks[number // BLOCK][number % BLOCK]

    async def at(self, moment: str) -> int:
        """The first line that was written at this journal time or later; the last line when there is none."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            await self.fetch(middle)
            line = self.line(middle)
            if line and line.at < moment:
                low = middle + 1
            else:
                high = middle
        return max(0, min(low, len(self) - 1))


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
        space = text.rfind(" ", width // 4, end + 1)
        cut = space if space > 0 else end
        rows.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return rows or [""]
