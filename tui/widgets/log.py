"""The log of one session: a window over the journal, of any length, in bounded memory.

Only the number of lines and the first id of each block are kept for the whole log; the lines themselves are
loaded a block at a time when they come into view. Every repaint is one region written once: no scrollbar, no
virtual size, no layout.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from importers.clock import utc_text
from importers.texts import _
from tui import present
from tui.keys import bindings
from tui.widgets.log_lines import Lines, Source, wrap

BLOCKS_AT_ONCE = 200
"""Blocks taken in between two looks at the sessions."""
LEVEL_STYLES = {"warning": Style(color="yellow"), "error": Style(color="red", bold=True)}


class LogView(Widget, can_focus=True):
    """Shows `Lines`, wrapped. The position is the line at the top, and how many of its rows are above it."""

    BINDINGS = bindings("log")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--time", "log--found"}

    follow = reactive(True, repaint=False)
    """Stay at the end while lines come in."""

    class Moved(Message):
        """Position, length or follow mode are other ones."""

    class NotFound(Message):
        """There is no line with these words, or no `other` one."""

        def __init__(self, text: str, *, other: bool) -> None:
            super().__init__()
            self.text = text
            self.other = other

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
        self._style = Style.null()
        self._missing: set[int] = set()
        self._wrapped = True
        self.sought = ""
        """The words that are highlighted, and that `next_match` goes to."""
        self._match: int | None = None
        """The line that was found last."""

    def open(self, source: Source | None, *, follow: bool, empty: str) -> None:
        """Show another log: from its end, or from its beginning."""
        self.lines = Lines(source) if source else None
        self.empty = empty
        self.follow = follow
        self._top = self._above = 0
        self._missing.clear()
        self._match = None
        self._fresh = True
        if source is None:
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
        await lines.fetch(max(0, len(lines) - self.size.height) if self.follow else self._top)
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

    def action_wrap(self) -> None:
        """Long lines over several rows, or each line on one, cut."""
        self._wrapped = not self._wrapped
        self._above = 0
        self._paint()

    def search(self, text: str) -> None:
        """Highlight `text`, and go to the line that has it next."""
        self.sought, self._match = text, None
        self._paint()
        if text:
            self._go_to_match(self._top, 1)

    def action_next_match(self, step: int) -> None:
        self._go_to_match((self._top if self._match is None else self._match) + step, step)

    def _go_to_match(self, start: int, step: int) -> None:
        self.run_worker(self._find(start, step), group="log search", exclusive=True, exit_on_error=False)

    async def _find(self, start: int, step: int) -> None:
        lines = self.lines
        if lines is None:
            return
        found = await lines.find(self.sought, start, step)
        if found is None:  # round the end
            found = await lines.find(self.sought, 0 if step > 0 else len(lines) - 1, step)
        if lines is self.lines:
            if found in (None, self._match):
                self.post_message(self.NotFound(self.sought, other=found is not None))
            else:
                self._match = found
                self.go_to(found)

    def go_to(self, number: int) -> None:
        """Put a line at the top."""
        self.follow = False
        self._top, self._above = number, 0
        self._paint()

    async def go_to_time(self, text: str) -> bool:
        """To the first line of that time of day, HH:MM or HH:MM:SS, behind the beginning of the log; False when it is
        no time."""
        lines = self.lines
        try:
            wanted = time.fromisoformat(text.strip().zfill(5))
        except ValueError:
            return False
        if lines and len(lines):
            begin, end = await lines.times()
            moment = datetime.combine(begin.date(), wanted, begin.tzinfo)
            if moment < begin and moment + timedelta(days=1) <= end:  # it went on past midnight
                moment += timedelta(days=1)
            number = await lines.at(utc_text(moment))
            if lines is self.lines:
                self.go_to(number)
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`n` and `N` are the screen's own while nothing is sought."""
        return action != "next_match" or bool(self.sought)

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
        text = present.log_text(line)
        behind = self.get_component_rich_style("log--time")
        if self.sought and number == self._match:  # which of all that are highlighted
            behind = self._found_in(behind)
        stamp = Segment(present.clock(line.at) + " ", behind)
        indent = Segment(" " * len(stamp.text))
        room = max(10, self.size.width - len(stamp.text))
        pieces = wrap(text, room) if self._wrapped else [present.fitted(text, room)]
        return [
            Strip([indent if row else stamp, *self._highlighted(piece, style)])
            for row, piece in enumerate(pieces)
        ]

    def _highlighted(self, text: str, style: Style) -> list[Segment]:
        if not self.sought:
            return [Segment(text, style)]
        found = self._found_in(style)
        pieces = re.split(f"({re.escape(self.sought)})", text, flags=re.IGNORECASE)
        return [Segment(piece, found if odd % 2 else style) for odd, piece in enumerate(pieces) if piece]

    def _found_in(self, style: Style) -> Style:
        return style + self.get_component_rich_style("log--found", partial=True)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # once for all lines: it is put together anew each time it is asked for
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        strip = self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width)
        return strip.adjust_cell_length(self.size.width).apply_style(self._style)
