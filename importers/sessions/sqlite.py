"""The journal on SQLite: two connections a process, one that reads and one that writes.

Reading apart, every method is one `BEGIN IMMEDIATE` transaction whose guards stand inside its statements, so that it
holds against any number of other processes (docs/guarantees.md: guarantees 1, 2, 5).
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers.clock import Clock
from importers.database.sqlite import connect, plainly, transaction
from importers.errors import UnknownSession
from importers.events import Counts, Log, Reject
from importers.processes import Owner, account
from importers.sessions import rules
from importers.sessions.models import (
    CANCELLED_BY,
    ActiveSession,
    Attempt,
    LogLine,
    NewSession,
    Outcome,
    Session,
    Status,
    StoredReject,
)
from importers.sessions.rows import (
    ACTIVE_LIST,
    COLUMNS,
    FINAL_LIST,
    active_session,
    args_json,
    json,
    marks,
    message,
    struct,
)
from importers.shielding import to_the_end
from importers.texts import N_, _, shorten

if TYPE_CHECKING:
    import aiosqlite

SCHEMA = Path(__file__).parent / "schema" / "sqlite"
FENCE_BITS = 40
"""Fences begin at a random number: after the journal was restored from a copy a worker of before must not take a new
session of the same number for its own."""
LARGEST = 2**63 - 1
"""Of SQLite's whole numbers: a larger limit means all, and no session has a larger number."""
PRUNE_SESSIONS = 200
"""So many are pruned in one transaction, so that nobody waits long."""


class SqliteJournal:
    """See `Journal`; the methods below "Launching" and "Working" are for those rooms."""

    def __init__(self, path: str, reader: aiosqlite.Connection, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.journal_id = ""
        self._reader = reader
        self._writer: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self._version: int | None = None

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> SqliteJournal:
        path = url.removeprefix("sqlite:///")
        reader = await connect(path, synchronous="FULL", schema=SCHEMA)
        try:
            journal = cls(path, reader, clock or Clock())
            ((journal.journal_id,),) = await journal._rows("SELECT journal_id FROM meta")
        except BaseException:
            await reader.close()
            raise
        return journal

    async def close(self) -> None:
        await self._reader.close()
        if self._writer:
            await self._writer.close()

    # Looking

    async def sessions(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        limit: int = 200,
        before: int | None = None,
    ) -> list[Session]:
        rows = await self._rows(
            f"SELECT {COLUMNS} FROM session WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR id < ?2) "
            "AND (?3 IS NULL OR EXISTS (SELECT 1 FROM json_each(kinds) WHERE value = ?3)) ORDER BY id DESC LIMIT ?4",
            status,
            before,
            kind,
            min(limit, LARGEST),
        )
        return [struct(row, Session) for row in rows]

    async def session(self, session_id: int) -> Session:
        rows = []
        if abs(session_id) <= LARGEST:
            rows = await self._rows(f"SELECT {COLUMNS} FROM session WHERE id = ?", session_id)
        if not rows:
            raise UnknownSession(
                _("there is no session {id}; obmen sessions lists them").format(id=session_id)
            )
        return struct(rows[0], Session)

    async def active(self, target: str) -> Session | None:
        rows = await self._rows(
            f"SELECT {COLUMNS} FROM session WHERE target = ? AND status IN ({ACTIVE_LIST})", target
        )
        return struct(rows[0], Session) if rows else None

    async def events(self, session_id: int, *, after: int = 0, limit: int = 1000) -> list[LogLine]:
        rows = await self._rows(
            "SELECT id, session_id, at, type, level, message, args FROM event "
            "WHERE session_id = ? AND id > ? ORDER BY id LIMIT ?",
            session_id,
            after,
            limit,
        )
        return [struct(row, LogLine) for row in rows]

    async def rejects(self, session_id: int, *, after: int = 0, limit: int = 1000) -> list[StoredReject]:
        rows = await self._rows(
            "SELECT id, session_id, kind, file, line, record_id, reason, args, fragment FROM reject "
            "WHERE session_id = ? AND id > ? ORDER BY id LIMIT ?",
            session_id,
            after,
            limit,
        )
        return [struct(row, StoredReject) for row in rows]

    async def attempts(
        self,
        *,
        request_id: str | None = None,
        kind: str | None = None,
        operator: str | None = None,
        limit: int = 200,
    ) -> list[Attempt]:
        rows = await self._rows(
            "SELECT request_id, idempotency_key, kinds, source, target, operator, host, pid, at, outcome, session_id, "
            "lock, reason, reason_args FROM attempt WHERE (?1 IS NULL OR request_id = ?1) "
            "AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(kinds) WHERE value = ?2)) "
            "AND (?3 IS NULL OR operator = ?3) ORDER BY id DESC LIMIT ?4",
            request_id,
            kind,
            operator,
            min(limit, LARGEST),
        )
        return [struct(row, Attempt) for row in rows]

    async def changed(self) -> bool:
        """The reading connection never writes, so PRAGMA data_version tells of our own writes, too."""
        ((version,),) = await self._rows("PRAGMA data_version")
        before, self._version = self._version, int(version)
        return before != self._version

    # Acting on sessions

    async def cancel(self, session_id: int) -> Session:
        by = {"operator": account()}
        async with self._transaction() as db:
            asked = await db.execute(
                "UPDATE session SET status = CASE status WHEN 'started' THEN 'cancelled' ELSE 'cancelling' END, "
                "finished_at = CASE status WHEN 'started' THEN ? END, error = CASE status WHEN 'started' THEN ? END, "
                "error_args = ?, fence = fence + (status = 'started') "
                "WHERE id = ? AND status IN ('started', 'in_progress')",
                (self.clock.now(), CANCELLED_BY, json(by), session_id),
            )
            if asked.rowcount == 1:
                line = Log("warning", N_("{operator} asked to cancel"), {**by})
                await self._write_lines(db, session_id, [line], "cancel")
        return await self.session(session_id)

    async def cancelled_by(self, session_id: int) -> str:
        rows = await self._rows(
            "SELECT args FROM event WHERE session_id = ? AND type = 'cancel' ORDER BY id LIMIT 1", session_id
        )
        return next((msgspec.json.decode(row["args"])["operator"] for row in rows), "?")

    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        session_ids = [number for number in session_ids if abs(number) <= LARGEST]
        async with self._transaction() as db:
            rows = await db.execute_fetchall(
                f"DELETE FROM session WHERE id IN ({marks(session_ids)}) AND status IN ({FINAL_LIST}) RETURNING id",
                session_ids,
            )
            return sorted(row[0] for row in rows)

    async def prune(self, days: int) -> int:
        pruned = 0
        while days and (rows := await self._rows(_OLD, self.clock.now(), days)):
            ids = [row[0] for row in rows]
            async with self._transaction() as db:
                for table in ("event", "reject"):
                    await db.execute(f"DELETE FROM {table} WHERE session_id IN ({marks(ids)})", ids)
            pruned += len(ids)
        return pruned

    # Launching

    async def begin_attempt(self, attempt: Attempt) -> None:
        async with self._transaction() as db:
            await db.execute(
                "INSERT INTO attempt (request_id, idempotency_key, kinds, source, target, operator, host, pid, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    attempt.request_id, attempt.idempotency_key, json(attempt.kinds), attempt.source, attempt.target,
                    attempt.operator, attempt.host, attempt.pid, attempt.at,
                ),
            )  # fmt: skip

    async def end_attempt(
        self,
        request_id: str,
        outcome: Outcome,
        session_id: int | None,
        lock: str,
        reason: str | None,
        reason_args: dict[str, str],
    ) -> None:
        async with self._transaction() as db:
            await db.execute(
                "UPDATE attempt SET outcome = ?, session_id = ?, lock = ?, reason = ?, reason_args = ? "
                "WHERE request_id = ?",
                (outcome, session_id, lock, message(reason), args_json(reason_args), request_id),
            )

    async def find_answer(self, new: NewSession, recency: float) -> tuple[Outcome, Session] | None:
        found = await self._existing(self._reader, new, recency)
        if found and found[0] is Outcome.JOINED:
            async with self._transaction() as db:
                await self._answer(db, new, found[1].id)
        return found

    async def create(self, new: NewSession, recency: float, lines: Iterable[Log]) -> tuple[Outcome, Session]:
        async with self._transaction() as db:
            found = await self._existing(db, new, recency)
            if found is None:
                cursor = await db.execute(
                    "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, "
                    "status, operator, host, created_at, created_clock, boot_id, fence) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, 'started', ?, ?, ?, ?, ?, ?)",
                    (
                        new.request_id, new.idempotency_key, new.task_id, json(new.kinds), new.source,
                        json(new.options), new.target, new.operator, new.host, self.clock.now(),
                        self.clock.boot(), self.clock.boot_id(), secrets.randbits(FENCE_BITS),
                    ),
                )  # fmt: skip
                session_id = cursor.lastrowid or 0
                await self._write_lines(
                    db,
                    session_id,
                    [msgspec.structs.replace(li, args={**li.args, "id": session_id}) for li in lines],
                )
                found = Outcome.CREATED, await self._read(db, session_id)
            if found[0] in (Outcome.CREATED, Outcome.JOINED):
                await self._answer(db, new, found[1].id)
        return found

    async def _existing(
        self, db: aiosqlite.Connection, new: NewSession, recency: float
    ) -> tuple[Outcome, Session] | None:
        """Guarantee 4: same key → what it was answered, or mismatch; active, or the same request just now → joined."""
        rows = await _fetch(
            db,
            "SELECT params_hash, session_id FROM launch_key WHERE idempotency_key = ?",
            new.idempotency_key,
        )
        for params_hash, session_id in rows:
            saved = await _fetch(
                db, f"SELECT {COLUMNS}, idempotency_key FROM session WHERE id = ?", session_id
            )
            if not saved:
                raise UnknownSession(
                    _("this confirm led to session {id}, which was deleted since; confirm anew").format(
                        id=session_id
                    )
                )
            made_by = saved[0]["idempotency_key"]
            return rules.answer_to_key(new, params_hash, made_by), struct(saved[0], Session)
        now = self.clock.boot()
        rows = await _fetch(
            db,
            f"SELECT {COLUMNS} FROM session WHERE target = ?1 AND (status IN ({ACTIVE_LIST}) OR ("
            # On both sides of now: a row from the future must not block for ever.
            "boot_id = ?2 AND created_clock > ?3 AND created_clock < ?4 AND kinds = ?5 AND source = ?6 AND options = ?7"
            f")) ORDER BY status IN ({ACTIVE_LIST}) DESC, id DESC LIMIT 1",
            new.target,
            self.clock.boot_id(),
            now - recency,
            now + recency,
            json(new.kinds),
            new.source,
            json(new.options),
        )
        return (Outcome.JOINED, struct(rows[0], Session)) if rows else None

    async def _answer(self, db: aiosqlite.Connection, new: NewSession, session_id: int) -> None:
        await db.execute(
            "INSERT INTO launch_key VALUES (?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
            (new.idempotency_key, new.params_hash, session_id),
        )

    async def take_lock(self, key: str, token: str, seconds: float) -> bool:
        now, boot_id = self.clock.boot(), self.clock.boot_id()
        held = "SELECT 1 FROM lock WHERE key = ? AND token <> ? AND until_clock > ? AND boot_id = ?"
        if await self._rows(held, key, token, now, boot_id):
            return False  # without a write: those who wait for the holder must not keep it from the journal
        async with self._transaction() as db:
            cursor = await db.execute(
                "INSERT INTO lock VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET token = excluded.token, "
                "until_clock = excluded.until_clock, boot_id = excluded.boot_id "
                "WHERE lock.until_clock <= ?5 OR lock.boot_id <> ?4 OR lock.token = excluded.token",
                (key, token, now + seconds, boot_id, now),
            )
            return cursor.rowcount == 1

    async def release_lock(self, key: str, token: str) -> bool:
        async with self._transaction() as db:
            cursor = await db.execute("DELETE FROM lock WHERE key = ? AND token = ?", (key, token))
            return cursor.rowcount == 1

    async def mark_dispatched(self, session_id: int, by: Owner) -> int | None:
        async with self._transaction() as db:
            rows = await db.execute_fetchall(
                "UPDATE session SET dispatched_clock = ?, dispatches = dispatches + 1, owner = ?, owner_start = ?, "
                "owner_boot = ? WHERE id = ? AND status = 'started' AND dispatched_clock IS NULL RETURNING dispatches",
                (self.clock.boot(), by.name, by.start, by.boot, session_id),
            )
            return next((int(number) for (number,) in rows), None)

    async def dispatched_to(self, session_id: int, number: int, owner: Owner) -> None:
        async with self._transaction() as db:
            await db.execute(
                "UPDATE session SET owner = ?, owner_start = ?, owner_boot = ? "
                "WHERE id = ? AND status = 'started' AND dispatches = ? AND dispatched_clock IS NOT NULL",
                (owner.name, owner.start, owner.boot, session_id, number),
            )

    async def unmark_dispatched(self, session_id: int, number: int) -> bool:
        async with self._transaction() as db:
            cursor = await db.execute(
                "UPDATE session SET dispatched_clock = NULL "
                "WHERE id = ? AND status = 'started' AND dispatches = ? AND dispatched_clock IS NOT NULL",
                (session_id, number),
            )
            return cursor.rowcount == 1

    # Working

    async def claim(self, session_id: int, target: str, owner: Owner, lease: float) -> Session | None:
        async with self._transaction() as db:
            now = self.clock.now()
            cursor = await db.execute(
                "UPDATE session SET status = 'in_progress', fence = fence + 1, started_at = coalesce(started_at, ?), "
                "owner = ?, owner_start = ?, owner_boot = ?, lease_until = ? "
                "WHERE id = ? AND target = ? AND status = 'started'",
                (now, owner.name, owner.start, owner.boot, self.clock.boot() + lease, session_id, target),
            )
            if cursor.rowcount != 1:
                return None
            args = json({"owner": owner.name})
            again = await _fetch(
                db, "SELECT 1 FROM event WHERE session_id = ? AND type = 'received'", session_id
            )
            await db.execute(
                "INSERT INTO event (session_id, at, type, level, message, args) VALUES (?, ?, ?, 'info', ?, ?)",
                (session_id, now, "log", N_("Taken up again by worker {owner}"), args)
                if again
                else (session_id, now, "received", N_("Received by worker {owner}"), args),
            )
            return await self._read(db, session_id)

    async def beat(self, session_id: int, fence: int, lease: float) -> Status | None:
        async with self._transaction() as db:
            rows = await db.execute_fetchall(
                "UPDATE session SET lease_until = ? WHERE id = ? AND fence = ? "
                "AND status IN ('in_progress', 'cancelling') RETURNING status",
                (self.clock.boot() + lease, session_id, fence),
            )
            return next((Status(row[0]) for row in rows), None)

    async def status_of(self, session_id: int, fence: int) -> Status | None:
        rows = await self._rows("SELECT status FROM session WHERE id = ? AND fence = ?", session_id, fence)
        return Status(rows[0][0]) if rows else None

    async def write(
        self,
        session_id: int,
        fence: int,
        lines: Sequence[Log],
        rejects: Sequence[Reject],
        *,
        done: int,
        total: int,
        running_kind: str | None,
        by_kind: dict[str, Counts],
    ) -> bool:
        async with self._transaction() as db:
            cursor = await db.execute(
                "UPDATE session SET done = ?, total = ?, running_kind = ?, by_kind = ? WHERE id = ? AND fence = ? "
                "AND status IN ('in_progress', 'cancelling')",
                (done, total, running_kind, json(by_kind), session_id, fence),
            )
            if cursor.rowcount != 1:
                return False
            await self._write_lines(db, session_id, lines)
            await db.executemany(
                "INSERT INTO reject (session_id, kind, file, line, record_id, reason, args, fragment) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        session_id,
                        r.kind,
                        r.file,
                        r.line,
                        shorten(r.record_id),
                        r.reason,
                        args_json(r.args),
                        r.fragment,
                    )
                    for r in rejects
                ],
            )
            return True

    async def finish(
        self,
        session_id: int,
        fence: int,
        status: Status,
        by_kind: dict[str, Counts],
        error: str | None = None,
        error_args: dict[str, str] | None = None,
        line: Log | None = None,
    ) -> bool:
        async with self._transaction() as db:
            cursor = await db.execute(
                "UPDATE session SET status = ?, finished_at = ?, by_kind = ?, running_kind = NULL, error = ?, "
                "error_args = ?, fence = fence + 1 WHERE id = ? AND fence = ? "
                f"AND status IN ({ACTIVE_LIST})",
                (
                    status, self.clock.now(), json(by_kind), message(error), args_json(error_args or {}),
                    session_id, fence,
                ),
            )  # fmt: skip
            if cursor.rowcount != 1:
                return False
            if line:
                await self._write_lines(db, session_id, [line], "summary")
            return True

    async def start_again(self, session_id: int, fence: int) -> bool:
        async with self._transaction() as db:
            cursor = await db.execute(
                "UPDATE session SET status = 'started', fence = fence + 1, retries = retries + 1, owner = NULL, "
                "dispatched_clock = NULL WHERE id = ? AND fence = ? AND status = 'in_progress'",
                (session_id, fence),
            )
            return cursor.rowcount == 1

    async def active_sessions(self, target: str) -> list[ActiveSession]:
        rows = await self._rows(
            f"SELECT {COLUMNS}, owner_start, owner_boot, lease_until, dispatched_clock, created_clock, boot_id, "
            f"dispatches, retries FROM session WHERE target = ? AND status IN ({ACTIVE_LIST})",
            target,
        )
        return [active_session(row, self.clock) for row in rows]

    # Beneath

    async def _write_lines(
        self, db: aiosqlite.Connection, session_id: int, lines: Iterable[Log], kind: str = "log"
    ) -> None:
        now = self.clock.now()
        await db.executemany(
            "INSERT INTO event (session_id, at, type, level, message, args) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (session_id, now, kind, line.level, message(line.message), args_json(line.args))
                for line in lines
            ],
        )

    async def _read(self, db: aiosqlite.Connection, session_id: int) -> Session:
        (row,) = await _fetch(db, f"SELECT {COLUMNS} FROM session WHERE id = ?", session_id)
        return struct(row, Session)

    async def _rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        with plainly(self.path):
            return await _fetch(self._reader, sql, *parameters)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """On the writing connection, one task at a time."""
        async with self._turn:
            with plainly(self.path):
                if self._writer is None:
                    self._writer = await self._open_writer()
                async with transaction(self._writer):
                    yield self._writer

    async def _open_writer(self) -> aiosqlite.Connection:
        writer = await connect(self.path, synchronous="FULL")
        try:
            await writer.execute("PRAGMA busy_timeout = 0")
            await writer.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            await to_the_end(writer.close())
            raise
        return writer


_OLD = (
    "WITH step AS (SELECT id, julianday(lead(created_at, 1, ?1) OVER (ORDER BY id)) - julianday(created_at) AS days "
    "FROM session), "
    "aged AS (SELECT id, sum(min(max(days, 0), ?2 / 4.0)) OVER (ORDER BY id DESC) AS age FROM step) "
    f"SELECT id FROM session JOIN aged USING (id) WHERE status IN ({FINAL_LIST}) AND age > ?2 "
    "AND julianday(?1) - julianday(finished_at) > ?2 AND (EXISTS (SELECT 1 FROM event WHERE session_id = session.id) "
    f"OR EXISTS (SELECT 1 FROM reject WHERE session_id = session.id)) LIMIT {PRUNE_SESSIONS}"
)
"""Sessions to prune at the time ?1, after ?2 days: see `Journal.prune`."""


async def _fetch(db: aiosqlite.Connection, sql: str, *parameters: object) -> list[sqlite3.Row]:
    db.row_factory = sqlite3.Row
    return list(await db.execute_fetchall(sql, parameters))
