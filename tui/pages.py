"""The sessions a table holds: the newest page looked at again and again, older ones loaded when needed."""

from __future__ import annotations

from importers.sessions import Journal, Place, Session, SessionFilter, Status
from tui.filters import Filter

PAGE = 200
"""Sessions loaded at once."""
ENOUGH = 50
"""A search for words goes back in time until it has found so many, …"""
SEARCHED = 25
"""… or has looked through so many pages."""


class SessionPages:
    """All sessions that match `wanted`, as far back as was asked for; newest first.

    Only the newest page is loaded anew at each load: an older session has ended, and its row stays as it is.
    """

    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self.matching: list[Session] = []
        self._loaded: list[Session] = []
        self.more = False
        """Whether the journal holds older ones that are not loaded."""

    async def load(self, journal: Journal, *, older: bool = False, reach: int | None = None) -> None:
        """Load the newest page; another older one if `older`; all of them down to the session `reach`."""
        newest = await self._page(journal, None)
        if len(newest) < PAGE:
            self._loaded, self.more = newest, False
        elif not self._loaded:
            self._loaded, self.more = newest, True
        else:
            last = newest[-1].id
            self._loaded = newest + [session for session in self._loaded if session.id < last]
        while older or (reach is not None and self._loaded and self._loaded[-1].id > reach):
            if not await self._go_back(journal):
                break
            older = False
        self._match()
        pages = 1
        while self.wanted.words and len(self.matching) < ENOUGH and pages < SEARCHED:
            if not await self._go_back(journal):
                break
            pages += 1
            self._match()

    def forget(self, session_ids: list[int]) -> None:
        """These were deleted."""
        self._loaded = [session for session in self._loaded if session.id not in session_ids]

    async def _go_back(self, journal: Journal) -> bool:
        if not self.more or not self._loaded:
            return False
        page = await self._page(journal, self._loaded[-1].id)
        self._loaded += page
        self.more = len(page) == PAGE
        return bool(page)

    async def _page(self, journal: Journal, before: int | None) -> list[Session]:
        wanted = SessionFilter(
            frozenset((Status(self.wanted.status),)) if self.wanted.status else frozenset(),
            frozenset((self.wanted.kind,)) if self.wanted.kind else frozenset(),
            shop=self.wanted.shop,
        )
        older = None if before is None else Place(before, before)
        return (await journal.find(wanted, after=older, limit=PAGE)).sessions

    def _match(self) -> None:
        self.matching = [session for session in self._loaded if self.wanted.matches(session)]
