"""The sessions that a table holds: a window over all that match, wherever in a journal of millions it lies."""

from __future__ import annotations

import time
from typing import Literal

from importers.errors import UnknownSession
from importers.sessions import Journal, Session
from importers.sessions.finding import NEWEST, By, Order, Place, place_of
from tui.filters import Filter

WINDOW = 200
"""Sessions held at once."""
STEP = 100
"""So far the window moves when the cursor comes near an end of it."""
COUNT_SECONDS = 2.0
"""How old counts may be while sessions come and go."""

Move = Literal["first", "last", "back", "on"]


class SessionPages:
    """Those that match `wanted`, in `order`, from the place on that the last move came to."""

    def __init__(self, wanted: Filter, order: Order = NEWEST, total: int | None = None) -> None:
        self.wanted = wanted
        self.order = order
        self.rows: list[Session] = []
        self.after = False
        """Whether the journal holds more behind the window."""
        self.searching = False
        """Words are still looked for, and the window is not full yet."""
        self.matching: int | None = None
        """How many match; None: that is being counted."""
        self.total = total
        """How many there are, which other filters and orders leave as it is."""
        self._behind: Place | None = None
        """The window begins behind it; None: with the first of all."""
        self._counted = 0.0
        self._newest = 0

    @property
    def before(self) -> bool:
        """Whether the journal may hold more in front of the window."""
        return self._behind is not None

    async def load(self, journal: Journal, move: Move | None = None) -> None:
        """Look at the window, after a move of it."""
        if move == "first":
            self._behind = None
        elif move == "last":
            backwards = Order(self.order.by, not self.order.descending)
            last = await journal.find(self.wanted.sessions, backwards, limit=WINDOW + 1)
            self._begin(last.sessions[::-1], WINDOW)
        elif move == "back" and self.rows:
            await self._begin_before(journal, self.rows[0], STEP)
        elif move == "on" and len(self.rows) > STEP:
            self._behind = place_of(self.rows[STEP - 1], self.order)
        page = await journal.find(self.wanted.sessions, self.order, after=self._behind, limit=WINDOW)
        if not page.sessions and self._behind is not None and page.rest is None:
            self._behind = None  # all of them were deleted
            page = await journal.find(self.wanted.sessions, self.order, limit=WINDOW)
        self.rows, self.after = page.sessions, page.rest is not None
        self.searching = self.after and len(self.rows) < WINDOW

    async def reach(self, journal: Journal, session_id: int) -> bool:
        """Move to a session, dropping a filter that hides it. False when there is no such session: nothing moves."""
        try:
            session = await journal.session(session_id)
        except UnknownSession:
            return False
        if self.wanted and not await self._matches(journal, session):
            self.wanted = Filter()
            self.recount()
        await self._begin_before(journal, session, WINDOW // 2)
        return True

    async def count(self, journal: Journal) -> bool:
        """Count anew where that is due; True when something changed."""
        newest = [session.id for session in (await journal.find(limit=1)).sessions]
        if time.monotonic() - self._counted < COUNT_SECONDS and newest == [self._newest]:
            return False
        before = (self.matching, self.total)
        self.total = await journal.count()
        self.matching = await journal.count(self.wanted.sessions) if self.wanted else self.total
        self._counted, self._newest = time.monotonic(), newest[0] if newest else 0
        return (self.matching, self.total) != before

    def recount(self) -> None:
        """Counts are wrong: some were deleted, or others are wanted."""
        self._counted = 0.0

    async def _begin_before(self, journal: Journal, session: Session, rows: int) -> None:
        place = place_of(session, self.order)
        front = await journal.find(self.wanted.sessions, self.order, before=place, limit=rows + 1)
        self._begin(front.sessions, rows)

    def _begin(self, front: list[Session], rows: int) -> None:
        """With the last `rows` of these: behind the one in front of them, if there is one."""
        self._behind = place_of(front[-rows - 1], self.order) if len(front) > rows else None

    async def _matches(self, journal: Journal, session: Session) -> bool:
        key, number = place_of(session, self.order)
        in_front = number + (1 if self.order.descending else -1)
        place = Place(in_front if self.order.by is By.ID else key, in_front)
        page = await journal.find(self.wanted.sessions, self.order, after=place, limit=1)
        return [found.id for found in page.sessions] == [session.id]
