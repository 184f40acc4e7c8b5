"""A path to type: Tab completes it, or tells how it may go on; up and down go through the ones used before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from tui import present


class PathInput(Input):
    class Several(Message):
        """The path may go on with any of these names, or, if there is none, with nothing that is there. Tab never
        leaves the input: what is typed on would choose options."""

        def __init__(self, names: Sequence[str]) -> None:
            super().__init__()
            self.names = names

    def __init__(self, value: str, *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(value, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._used: Sequence[str] = ()

    def remember(self, used: Sequence[str]) -> None:
        """Paths used before, the last one first."""
        self._used = used

    def render_line(self, y: int) -> Strip:
        """What is left of the view is marked; without the cursor in it the path is shortened as elsewhere."""
        room = self.scrollable_content_region.width
        if y == 0 and not self.has_focus and present.width(self.value) > room:
            shown = present.shortened(present.plain(self.value), room)
            return Strip([Segment(shown, self.rich_style)]).adjust_cell_length(room, self.rich_style)
        strip = super().render_line(y)
        if y == 0 and 0 < self.scroll_x < self._cursor_offset:
            return Strip.join([Strip([Segment("…", self.rich_style)]), strip.crop(1)])
        return strip

    async def on_key(self, event: events.Key) -> None:
        if event.key == "tab":
            event.stop()
            event.prevent_default()
            completed, names = await asyncio.to_thread(complete, self.value)
            if completed == self.value:
                self.post_message(self.Several(names))
            self.value = completed
            self.cursor_position = len(completed)
        elif event.key in {"up", "down"} and self._used:
            event.stop()
            event.prevent_default()
            step = 1 if event.key == "up" else -1
            at = self._used.index(self.value) + step if self.value in self._used else 0
            self.value = self._used[at % len(self._used)]
            self.cursor_position = len(self.value)


def complete(text: str) -> tuple[str, Sequence[str]]:
    """`text` as far as all folders and archives that it may mean begin alike, and the names of these. Not for an event
    loop."""
    folder, _slash, begin = str(Path(text).expanduser() if text.startswith("~") else text).rpartition("/")
    try:
        with os.scandir(f"{folder}/") as entries:
            names = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(begin) and (entry.is_dir() or entry.name.lower().endswith(".zip"))
            )
    except OSError:
        return text, ()
    if not begin:
        names = [name for name in names if not name.startswith(".")]
    common = _common_beginning(names)
    return f"{folder}/{common}" if len(common) > len(begin) else text, names


def _common_beginning(names: Sequence[str]) -> str:
    """Of sorted names: what the first and the last one share, all share."""
    first, last = (names[0], names[-1]) if names else ("", "")
    alike = next(
        (n for n, both in enumerate(zip(first, last, strict=False)) if both[0] != both[1]), len(first)
    )
    return first[:alike]
