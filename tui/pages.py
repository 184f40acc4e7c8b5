"""What a table holds: a window over all that match, wherever in a journal of millions it lies."""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Generic, Literal, TypeVar

from importers.errors import UnknownSession
from importers.sessions import Attempt, Journal, Session
from importers.sessions.finding import NEWEST, By, Order, Place, place_of, place_of_attempt
from importers.sessions.protocol import SEARCH_SECONDS
from tui.filters import Filter

WINDOW = 200
"""Sessions held at once."""
STEP = 100
"""So far the window moves when the cursor comes near an end of it."""
COUNT_SECONDS = 2.0
"""How old counts may be while sessions come and go, where counting is quick."""
COUNT_RESTS = 10
"""So many times as long as a count took none is made: words in a million sessions take seconds of the processor."""

Row = TypeVar("Row", Session, Attempt)
Move = Literal["first", "last", "back", "on"]


class Pages(ABC, Generic[Row]):
    """Those that match `wanted`, in `order`, from the place on that the last move came to."""

    def __init__(self, wanted: Filter, order: Order = NEWEST, total: int | None = None) -> None:
        self.wanted = wanted
        self.order = order
        self.rows: list[Row] = []
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
        self._looked_to: Place | None = None
        """As far as the window was looked for; None: to the end."""
        self._has_looked = False
        """Whether `rows` are of this window, all from its beginning to `_looked_to`."""
        self._patience = SEARCH_SECONDS
        """Of the next look. One behind a move that has its row in mind must come to that."""
        self._counted = self._count_took = 0.0
        self._newest = 0
        self._wrong = asyncio.Event()

    @abstractmethod
    async def _find(
        self,
        journal: Journal,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = WINDOW,
        seconds: float = SEARCH_SECONDS,
    ) -> tuple[list[Row], Place | None]:
        """Some of them, and from where on there are more: where words are looked for, after so many seconds."""

    @abstractmethod
    async def _ends(self, journal: Journal) -> list[Row]:
        """The last of them, so many as the window holds and one more."""

    @abstractmethod
    async def _newest_id(self, journal: Journal) -> int:
        """Of all, whether they match or not; 0: there is none."""

    @abstractmethod
    async def _numbers(self, journal: Journal) -> tuple[int, int]:
        """How many match, and how many there are."""

    @abstractmethod
    def _place(self, row: Row) -> Place: ...

    @abstractmethod
    async def _again(self, journal: Journal, row: Row) -> Row | None:
        """As it is now; None: it is not there any more, or does not match."""

    @property
    def before(self) -> bool:
        """Whether the journal may hold more in front of the window."""
        return self._behind is not None

    async def load(self, journal: Journal, move: Move | None = None) -> None:
        """Look at the window, after a move of it."""
        if move == "first":
            self._behind, self._has_looked = None, False
        elif move == "last":
            self._begin(await self._ends(journal), WINDOW)
        elif move == "back" and self.rows:
            await self._begin_before(journal, self._place(self.rows[0]), STEP)
        elif move == "on" and len(self.rows) > STEP:
            self._behind = self._place(self.rows[STEP - 1])
        rows, rest = await self._find(journal, after=self._behind, seconds=self._patience)
        if not rows and self._behind is not None and rest is None:
            self._behind, self._has_looked = None, False  # all of them were deleted
            rows, rest = await self._find(journal)
        if rest is not None and len(rows) < WINDOW and self._has_looked:
            rows, rest = await self._search_on(journal, rows, rest)
        self.rows, self.after = rows, rest is not None
        self._looked_to, self._has_looked, self._patience = rest, True, SEARCH_SECONDS
        self.searching = self.after and len(self.rows) < WINDOW

    async def _search_on(
        self, journal: Journal, rows: list[Row], rest: Place
    ) -> tuple[list[Row], Place | None]:
        """What earlier looks have found behind `rest`, to which this one came, and more from where they came to."""
        fresh = {row.id for row in rows}
        for row in self.rows:
            if self._is_behind(self._place(row), rest) and row.id not in fresh:
                rows += [now] if (now := await self._again(journal, row)) else []
        if len(rows) > WINDOW:
            return rows[:WINDOW], self._place(rows[WINDOW - 1])
        if self._looked_to is None or len(rows) == WINDOW:
            return rows, self._looked_to
        if self._is_behind(self._looked_to, rest):
            rest = self._looked_to
        more, on = await self._find(journal, after=rest, limit=WINDOW - len(rows))
        return rows + more, on

    def _is_behind(self, place: Place, other: Place) -> bool:
        return place < other if self.order.descending else place > other

    async def count(self, journal: Journal) -> bool:
        """Count anew where that is due; True when something changed."""
        began = time.monotonic()
        newest = await self._newest_id(journal)
        if time.monotonic() - self._counted < COUNT_SECONDS and newest == self._newest:
            return False
        before = (self.matching, self.total)
        self.matching, self.total = await self._numbers(journal)
        self._counted, self._newest = time.monotonic(), newest
        self._count_took = self._counted - began
        return (self.matching, self.total) != before

    async def rest(self) -> None:
        """Until the next count may be made."""
        self._wrong.clear()
        rest = self._counted + COUNT_RESTS * self._count_took - time.monotonic()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wrong.wait(), max(rest, 0.0))

    def recount(self) -> None:
        """Counts are wrong: some were deleted, or others are wanted."""
        self._counted = 0.0
        self._wrong.set()

    async def _begin_before(self, journal: Journal, place: Place, rows: int) -> None:
        front, _rest = await self._find(journal, before=place, limit=rows + 1, seconds=math.inf)
        self._begin(front, rows)

    def _begin(self, front: list[Row], rows: int) -> None:
        """With the last `rows` of these: behind the one in front of them, if there is one."""
        self._behind = self._place(front[-rows - 1]) if len(front) > rows else None
        self._has_looked, self._patience = False, math.inf


class SessionPages(Pages[Session]):
    async def reach(self, journal: Journal, session_id: int) -> bool:
        """Move to a session, dropping a filter that hides it. False when there is no such session: nothing moves."""
        try:
            session = await journal.session(session_id)
        except UnknownSession:
            return False
        if self.wanted and not await self._matches(journal, session):
            self.wanted = Filter()
            self.recount()
        await self._begin_before(journal, self._place(session), WINDOW // 2)
        return True

    async def _find(
        self,
        journal: Journal,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = WINDOW,
        seconds: float = SEARCH_SECONDS,
    ) -> tuple[list[Session], Place | None]:
        wanted = self.wanted.sessions
        return await journal.find(
            wanted, self.order, after=after, before=before, limit=limit, seconds=seconds
        )

    async def _ends(self, journal: Journal) -> list[Session]:
        backwards = Order(self.order.by, not self.order.descending)
        wanted = self.wanted.sessions
        return (await journal.find(wanted, backwards, limit=WINDOW + 1, seconds=math.inf)).sessions[::-1]

    async def _newest_id(self, journal: Journal) -> int:
        return next((session.id for session in (await journal.find(limit=1)).sessions), 0)

    async def _numbers(self, journal: Journal) -> tuple[int, int]:
        total = await journal.count()
        return await journal.count(self.wanted.sessions) if self.wanted else total, total

    def _place(self, row: Session) -> Place:
        return place_of(row, self.order)

    async def _again(self, journal: Journal, row: Session) -> Session | None:
        try:
            now = await journal.session(row.id)
        except UnknownSession:
            return None
        return now if now == row or await self._matches(journal, now) else None

    async def _matches(self, journal: Journal, session: Session) -> bool:
        key, number = place_of(session, self.order)
        in_front = number + (1 if self.order.descending else -1)
        place = Place(in_front if self.order.by is By.ID else key, in_front)
        page = await journal.find(self.wanted.sessions, self.order, after=place, limit=1)
        return [found.id for found in page.sessions] == [session.id]


class AttemptPages(Pages[Attempt]):
    """Newest first, always."""

    async def _find(
        self,
        journal: Journal,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = WINDOW,
        seconds: float = SEARCH_SECONDS,
    ) -> tuple[list[Attempt], Place | None]:
        return await journal.find_attempts(
            self.wanted.attempts, after=after, before=before, limit=limit, seconds=seconds
        )

    async def _ends(self, journal: Journal) -> list[Attempt]:
        first = Place(0, 0)  # behind the oldest
        found = await journal.find_attempts(
            self.wanted.attempts, before=first, limit=WINDOW + 1, seconds=math.inf
        )
        return found.attempts

    async def _newest_id(self, journal: Journal) -> int:
        return next((attempt.id for attempt in (await journal.find_attempts(limit=1)).attempts), 0)

    async def _numbers(self, journal: Journal) -> tuple[int, int]:
        total = await journal.count_attempts()
        return await journal.count_attempts(self.wanted.attempts) if self.wanted else total, total

    def _place(self, row: Attempt) -> Place:
        return place_of_attempt(row)

    async def _again(self, _journal: Journal, row: Attempt) -> Attempt | None:
        return row  # nothing takes old ones away
