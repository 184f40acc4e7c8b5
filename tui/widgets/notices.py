"""What the room has to say, in lines of their own above the keys: nothing is covered, and nothing is lost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip
from textual.widgets import Static

from tui.keys import shown_of

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.telling import Notice, Telling

SECONDS = 6.0
"""News go by themselves; what is wrong stays until Escape or the next notice."""


class NoticeBar(Static):
    """What is being said, for as long as it is wanted."""

    def __init__(self, telling: Telling) -> None:
        super().__init__(id="notice", markup=False)
        self._telling = telling
        self._going: Timer | None = None
        self._shown: tuple[Notice, ...] = ()

    def on_mount(self) -> None:
        self._telling.noticed.subscribe(self, lambda _none: self._show(), immediate=True)
        self._show()

    def _show(self) -> None:
        if self._going:
            self._going.stop()
            self._going = None
        shown = tuple(one for one in self._telling.standing if one.screen in (None, self.screen))
        self._shown = shown
        self.display = bool(shown)
        self.screen.refresh_bindings()  # Escape means this, or the screen's own
        self.update(Text("\n").join(notice.page for notice in shown))
        if shown and shown[-1].severity == "information":
            self._going = self.set_timer(SECONDS, partial(self._telling.dismiss, shown[-1]))

    def render_line(self, y: int) -> Strip:
        """The last line says where the rest is, if there is more than fits."""
        strip = super().render_line(y)
        width, height = self.content_size
        if y < height - 1 or self.get_content_height(self.app.size, self.app.size, width) <= height:
            return strip
        more = f" … {shown_of('messages')}"
        return Strip.join([strip.crop(0, width + 1 - len(more)), Strip([Segment(more, self.rich_style)])])

    def dismiss(self) -> None:
        self._telling.dismiss(*self._shown)
