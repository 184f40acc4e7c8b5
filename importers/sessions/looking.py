"""The journal as those see it who only look: nothing here writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from importers.errors import UnknownSession
from importers.sessions import queries
from importers.sessions import statements as sql
from importers.sessions.finding import (
    ALL,
    ALL_ATTEMPTS,
    NEWEST,
    AttemptFilter,
    AttemptPage,
    Names,
    Order,
    Page,
    Place,
    SessionFilter,
    place_of,
    place_of_attempt,
)
from importers.sessions.models import ActiveSession, Attempt, LogLine, Session, StoredReject
from importers.sessions.protocol import SEARCH_SECONDS
from importers.sessions.queries import Walk
from importers.sessions.rows import active_session, log_line, struct
from importers.texts import N_

if TYPE_CHECKING:
    from importers.database.protocol import Database, Row, Watch
    from importers.sessions.details import Detail
    from importers.sessions.models import Level
    from importers.sessions.queries import Query

D = TypeVar("D", bound="Detail")
T = TypeVar("T")
LARGEST = 2**63 - 1
"""Of a database's whole numbers: a larger limit means all, and no session has a larger number."""

STEP_ROWS = 10_000
"""Words are looked for in so many sessions at once."""
FEW = 2_000
"""So many are sorted sooner than found by a walk along a million others."""


class JournalReader:
    """See `Journal`: what stands there below "Looking"."""

    def __init__(self, database: Database, journal_id: str) -> None:
        self.database = database
        self.journal_id = journal_id

    def watch(self) -> Watch:
        return self.database.watch()

    async def sessions(self, wanted: SessionFilter = ALL, limit: int = 200) -> list[Session]:
        found: list[Session] = []
        rest: Place | None = None
        while not found or rest:
            page = await self.find(wanted, after=rest, limit=min(limit, LARGEST) - len(found))
            found, rest = found + page.sessions, page.rest
            if len(found) >= limit or rest is None:
                break
        return found

    async def find(
        self,
        wanted: SessionFilter = ALL,
        order: Order = NEWEST,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = 200,
        seconds: float = SEARCH_SECONDS,
    ) -> Page:
        walk = Walk(order, after or before, backwards=before is not None)
        few = await self._few(wanted)
        return Page(
            *await self._walked(
                walk,
                lambda part, number: queries.page(wanted, part, number, few),
                lambda row: struct(row, Session),
                lambda session: place_of(session, order),
                by_steps_of="session" if wanted.words and few is None else None,
                limit=limit,
                seconds=seconds,
            )
        )

    async def _walked(
        self,
        walk: Walk,
        page: Callable[[Walk, int], Query],
        read: Callable[[Row], T],
        place: Callable[[T], Place],
        *,
        by_steps_of: str | None,
        limit: int,
        seconds: float,
    ) -> tuple[list[T], Place | None]:
        """Rows of a page, and from where on there may be more; see `Page`. `by_steps_of`: a table to be searched so."""
        until = time.monotonic() + seconds
        found: list[T] = []
        while True:
            end = await self._end_of_step(walk, by_steps_of) if by_steps_of else None
            part = walk._replace(to=end)
            rows = await self._ask(page(part, limit - len(found)))
            found += sorted(map(read, rows), key=place, reverse=part.descends)
            if found and len(found) >= limit:
                rest: Place | None = place(found[-1])
                break
            if end is None or time.monotonic() >= until:
                rest = end
                break
            walk = walk._replace(behind=end)
        return found[::-1] if walk.backwards else found, rest

    async def around(
        self, session_id: int, wanted: SessionFilter = ALL, order: Order = NEWEST, *, limit: int = 200
    ) -> list[Session]:
        session = await self.session(session_id)
        place = place_of(session, order)
        before = await self.find(wanted, order, before=place, limit=limit // 2)
        after = await self.find(wanted, order, after=place, limit=limit - limit // 2)
        return [*before.sessions, session, *after.sessions]

    async def count(
        self, wanted: SessionFilter = ALL, order: Order = NEWEST, *, before: Place | None = None
    ) -> int:
        walk = Walk(order) if before is None else Walk(order, before, backwards=True)
        few = await self._few(wanted)
        number = 0
        while True:
            end = await self._end_of_step(walk) if wanted.words and few is None else None
            (row,) = await self._ask(queries.count(wanted, walk._replace(to=end), few))
            number += int(row[0])
            if end is None:
                return number
            walk = walk._replace(behind=end)

    async def names(self) -> Names:
        found: dict[str, list[str]] = {"operator": [], "shop": [], "kinds": [], "error": []}
        for column, name in await self.database.fetch(sql.NAMES):
            found[column].append(name)
        kinds = {kind for kinds in found["kinds"] for kind in msgspec.json.decode(kinds)}
        return Names(found["operator"], found["shop"], sorted(kinds), found["error"])

    async def _few(self, wanted: SessionFilter) -> Query | None:
        """A condition of it that only few sessions meet."""
        for condition in queries.narrowing(wanted):
            if not await self._ask(queries.are_more(condition, FEW)):
                return condition
        return None

    async def _end_of_step(self, walk: Walk, table: str = "session") -> Place | None:
        """Words stand in no index: they are looked for step by step, so that others get their turn in between."""
        rows = await self._ask(queries.step(walk, STEP_ROWS, table))
        return Place(rows[0][0], rows[0][1]) if rows else None

    async def _ask(self, query: Query) -> Sequence[Row]:
        return await self.database.fetch(query.sql, *query.values)

    async def session(self, session_id: int) -> Session:
        if abs(session_id) <= LARGEST:
            for row in await self.database.fetch(sql.SESSION, session_id):
                return struct(row, Session)
        raise UnknownSession(N_("there is no session {id}; obmen sessions lists them"), id=session_id)

    async def active(self, target: str) -> Session | None:
        rows = await self.database.fetch(sql.ACTIVE_OF, target)
        return struct(rows[0], Session) if rows else None

    async def active_sessions(self, target: str | None = None) -> list[ActiveSession]:
        asked = (sql.ACTIVE_SESSIONS,) if target is None else (sql.ACTIVE_SESSIONS_OF, target)
        rows = await self.database.fetch(*asked)
        now = await self.database.now()
        return [active_session(row, now) for row in rows]

    async def events(
        self,
        session_id: int,
        *,
        after: int = 0,
        before: int | None = None,
        least: Level = "info",
        limit: int = 1000,
    ) -> list[LogLine]:
        backwards = before is not None
        place = after if before is None else before
        rows = await self.database.fetch(sql.events(least, backwards=backwards), session_id, place, limit)
        return [log_line(row) for row in (reversed(rows) if backwards else rows)]

    async def line_behind(
        self, session_id: int, *, after: int, count: int, least: Level = "info"
    ) -> int | None:
        rows = await self.database.fetch(sql.line_behind(least), session_id, after, count - 1)
        return rows[0]["id"] if rows else None

    async def rejects(
        self, session_id: int, *, after: int = 0, reason: str | None = None, limit: int = 1000
    ) -> list[StoredReject]:
        asked = (sql.REJECTS,) if reason is None else (sql.REJECTS_FOR,)
        reasons = () if reason is None else (reason,)
        rows = await self.database.fetch(*asked, session_id, after, limit, *reasons)
        return [struct(row, StoredReject) for row in rows]

    async def reasons(self, session_id: int) -> list[tuple[str, int]]:
        return [(reason, number) for reason, number in await self.database.fetch(sql.REASONS, session_id)]

    async def detail(self, session_id: int, of: type[D]) -> D | None:
        rows = await self.database.fetch(sql.DETAIL, session_id, name_of(of))
        return msgspec.json.decode(rows[0]["value"], type=of) if rows else None

    async def attempts(
        self,
        *,
        request_id: str | None = None,
        kind: str | None = None,
        operator: str | None = None,
        shop: str | None = None,
        limit: int = 200,
    ) -> list[Attempt]:
        kinds = frozenset() if kind is None else frozenset((kind,))
        wanted = AttemptFilter(kinds=kinds, operator=operator, shop=shop, request_id=request_id)
        return (await self.find_attempts(wanted, limit=min(limit, LARGEST))).attempts

    async def find_attempts(
        self,
        wanted: AttemptFilter = ALL_ATTEMPTS,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = 200,
        seconds: float = SEARCH_SECONDS,
    ) -> AttemptPage:
        walk = Walk(NEWEST, after or before, backwards=before is not None)
        return AttemptPage(
            *await self._walked(
                walk,
                lambda part, number: queries.attempts(wanted, part, number),
                lambda row: struct(row, Attempt),
                place_of_attempt,
                by_steps_of="attempt" if wanted.by_steps else None,
                limit=limit,
                seconds=seconds,
            )
        )

    async def count_attempts(self, wanted: AttemptFilter = ALL_ATTEMPTS) -> int:
        walk = Walk(NEWEST)
        number = 0
        while True:
            end = await self._end_of_step(walk, "attempt") if wanted.by_steps else None
            (row,) = await self._ask(queries.count_attempts(wanted, walk._replace(to=end)))
            number += int(row[0])
            if end is None:
                return number
            walk = walk._replace(behind=end)


def name_of(detail: type[msgspec.Struct]) -> str:
    """Under which it is kept."""
    return detail.__name__.lower()
