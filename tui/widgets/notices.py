"""What the room has to say, in lines of their own above the keys: nothing is covered, and nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from importers.texts import N_, _
from tui import present

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel
    from textual.timer import Timer

    from tui.room import Room

SECONDS = 6.0
"""News go by themselves; what is wrong stays until Escape or the next notice."""
STYLES: dict[SeverityLevel, str] = {"information": "", "warning": "yellow", "error": "red"}
WORDS: dict[SeverityLevel, str] = {"information": "", "warning": N_("WARNING"), "error": N_("ERROR")}


@dataclass(frozen=True)
class Notice:
    at: datetime
    severity: SeverityLevel
    title: str
    """Stands in a line of its own; may be empty."""
    text: str

    @property
    def page(self) -> Text:
        """The title, then the text; a word for what is not good news, as colours may not be seen."""
        style = STYLES[self.severity]
        sign, title = present.sign_apart(self.title)
        page = Text.assemble(sign, (title, "bold"), "\n" if self.title else "", style=style)
        word = "" if sign or not WORDS[self.severity] else _(WORDS[self.severity]) + ": "
        return Text.assemble(word if not self.title else "", page, self.text, style=style)


class NoticeBar(Static):
    """What is being said, for as long as it is wanted."""

    def __init__(self, room: Room) -> None:
        super().__init__(id="notice", markup=False)
        self._room = room
        self._going: Timer | None = None

    def on_mount(self) -> None:
        self._room.noticed.subscribe(self, lambda _none: self._show(), immediate=True)
        self._show()

    def _show(self) -> None:
        if self._going:
            self._going.stop()
            self._going = None
        standing = self._room.standing
        self.display = bool(standing)
        self.update(Text("\n").join(notice.page for notice in standing))
        if standing and standing[-1].severity == "information":
            self._going = self.set_timer(SECONDS, partial(self._room.dismiss, standing[-1]))
