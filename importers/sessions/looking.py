"""The journal as those see it who only look: nothing here writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from importers.errors import UnknownSession
from importers.sessions import statements as sql
from importers.sessions.models import ActiveSession, Attempt, LogLine, Session, StoredReject
from importers.sessions.rows import active_session, json, struct
from importers.texts import N_

if TYPE_CHECKING:
    from importers.database.protocol import Database, Watch
    from importers.sessions.details import Detail

D = TypeVar("D", bound="Detail")
LARGEST = 2**63 - 1
"""Of a database's whole numbers: a larger limit means all, and no session has a larger number."""


class JournalReader:
    """See `Journal`: what stands there below "Looking"."""

    def __init__(self, database: Database, journal_id: str) -> None:
        self.database = database
        self.journal_id = journal_id

    def watch(self) -> Watch:
        return self.database.watch()

    async def sessions(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        shop: str | None = None,
        limit: int = 200,
        before: int | None = None,
    ) -> list[Session]:
        rows = await self.database.fetch(
            sql.SESSIONS, status, before, kind and json(kind), shop, min(limit, LARGEST)
        )
        return [struct(row, Session) for row in rows]

    async def session(self, session_id: int) -> Session:
        if abs(session_id) <= LARGEST:
            for row in await self.database.fetch(sql.SESSION, session_id):
                return struct(row, Session)
        raise UnknownSession(N_("there is no session {id}; obmen sessions lists them"), id=session_id)

    async def active(self, target: str) -> Session | None:
        rows = await self.database.fetch(sql.ACTIVE_OF, target)
        return struct(rows[0], Session) if rows else None

    async def active_sessions(self, target: str | None = None) -> list[ActiveSession]:
        rows = await self.database.fetch(sql.ACTIVE_SESSIONS, target)
        now = await self.database.now()
        return [active_session(row, now) for row in rows]

    async def events(self, session_id: int, *, after: int = 0, limit: int = 1000) -> list[LogLine]:
        rows = await self.database.fetch(sql.EVENTS, session_id, after, limit)
        return [struct(row, LogLine) for row in rows]

    async def rejects(self, session_id: int, *, after: int = 0, limit: int = 1000) -> list[StoredReject]:
        rows = await self.database.fetch(sql.REJECTS, session_id, after, limit)
        return [struct(row, StoredReject) for row in rows]

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
        rows = await self.database.fetch(
            sql.ATTEMPTS, request_id, operator, kind and json(kind), shop, min(limit, LARGEST)
        )
        return [struct(row, Attempt) for row in rows]


def name_of(detail: type[msgspec.Struct]) -> str:
    """Under which it is kept."""
    return detail.__name__.lower()
