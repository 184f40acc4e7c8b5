"""A screen that shows the journal and follows it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from textual.screen import Screen
from textual.widgets import Static

from importers.sessions import Journal
from importers.texts import _
from tui import present
from tui.room import RETRY_SECONDS, Room

Result = TypeVar("Result")


class LiveScreen(Screen[Result]):
    """It has a bar #head. `wake` asks for a look at the journal; asking often while one look is under way makes one
    more look."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.room = room
        self._asked = asyncio.Event()
        self._looking = False

    @property
    def busy(self) -> bool:
        """Whether what is shown is older than the last `wake`."""
        return self._looking or (self._asked.is_set() and self.room.journal is not None)

    def on_mount(self) -> None:
        """Textual calls this after that of a class derived from it, which must not."""
        self.room.changed.subscribe(self, lambda _none: self.wake(), immediate=True)
        self.room.troubled.subscribe(self, self.show_trouble)
        if trouble := self.room.told_trouble:
            self.call_later(self.show_trouble, trouble)
        self.run_worker(self._follow(), group="live", exit_on_error=False)

    async def show_trouble(self, text: str) -> None:
        """A line below the head for as long as the journal cannot be read; "" takes it away."""
        await self.query("#trouble").remove()
        if text:
            line = Static(_("ERROR") + ": " + present.plain(text), id="trouble", markup=False)
            await self.mount(line, after="#head")

    def wake(self) -> None:
        self._asked.set()

    async def load(self, journal: Journal) -> None:
        """Load what the screen shows and paint what is new."""
        raise NotImplementedError

    async def _follow(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            if (journal := self.room.journal) is None:
                continue
            self._looking = True
            trouble = ""
            try:
                await self.load(journal)
            except Exception as error:  # noqa: BLE001 (said above the table, logged, and tried again)
                trouble = self.room.explain(error)
            finally:
                self._looking = False
            self.room.set_trouble(trouble)
            if trouble:
                self.set_timer(RETRY_SECONDS, self.wake)
