"""Counting what a screen lists, and the names that there are to filter by: beside its looks at the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from importers.sessions import Journal
from tui.filters import Names
from tui.pages import Pages
from tui.screens.live import LiveScreen


class Counting:
    """`show` is called when counts have changed."""

    def __init__(self, screen: LiveScreen[Any], show: Callable[[], None]) -> None:
        self._screen = screen
        self._show = show
        self._counted: Pages[Any] | None = None
        """Those that are being counted."""
        self.names = Names()

    def count(self, journal: Journal, pages: Pages[Any]) -> None:
        """Other ones end it: to count words in a million sessions takes seconds."""
        if self._counted is not pages:
            self._counted = pages
            self._screen.run_worker(
                self._count(journal, pages), group="count", exclusive=True, exit_on_error=False
            )

    async def _count(self, journal: Journal, pages: Pages[Any]) -> None:
        try:
            self.names = await self._screen.room.names(journal)
            await pages.rest()
            if await pages.count(journal) and pages is self._counted:
                self._show()
        finally:
            if pages is self._counted:
                self._counted = None
