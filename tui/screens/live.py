"""A screen that shows the journal and follows it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

from textual.screen import Screen

from importers.sessions import Journal

if TYPE_CHECKING:
    from tui.app import ObmenApp

Result = TypeVar("Result")

RETRY_SECONDS = 2.0
"""How long to wait before another look at a journal that could not be read."""


class LiveScreen(Screen[Result]):
    """`wake` asks for a look at the journal; asking often while one look is under way makes one more look."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = asyncio.Event()
        self._looking = False

    @property
    def obmen(self) -> ObmenApp:
        return cast("ObmenApp", self.app)

    @property
    def busy(self) -> bool:
        """Whether what is shown is older than the last `wake`."""
        return self._looking or (self._asked.is_set() and self.obmen.journal is not None)

    def on_mount(self) -> None:
        self.run_worker(self._follow(), group="live", exit_on_error=False)

    def wake(self) -> None:
        self._asked.set()

    async def look(self, journal: Journal) -> None:
        """Load what the screen shows and paint what is new."""
        raise NotImplementedError

    async def _follow(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            if (journal := self.obmen.journal) is None:
                continue
            self._looking = True
            trouble = ""
            try:
                await self.look(journal)
            except Exception as error:  # noqa: BLE001 (said above the table, logged, and tried again)
                trouble = self.obmen.explain(error)
            finally:
                self._looking = False
            await self.obmen.set_trouble(trouble)
            if trouble:
                self.set_timer(RETRY_SECONDS, self.wake)
