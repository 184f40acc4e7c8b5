"""The journal in a database: one class for every engine.

Reading apart, every method is one transaction whose guards stand inside its statements, so that it holds against any
number of other processes (docs/guarantees.md: guarantees 1, 2, 5); one that a lost connection kept from its commit is
done again. What differs by engine is behind the `Database`.

Who adds lines or rejects to a session writes its row first. Some engines number rows before the commit: so numbers come
in the order of the commits, and who asks for those after the last one seen misses none.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import msgspec

from importers.database.repeating import repeated, twice_is_once
from importers.errors import UnknownSession, Unsure
from importers.events import Counts, Log, Reject
from importers.processes import WorkerProcess
from importers.sessions import rules
from importers.sessions import statements as sql
from importers.sessions.looking import LARGEST, JournalReader, name_of
from importers.sessions.models import (
    CANCELLED_BY,
    Attempt,
    Known,
    NewSession,
    Outcome,
    Session,
    Status,
)
from importers.sessions.rows import args_json, each_args_json, json, message_columns, stored_text, struct
from importers.sessions.tally import count_end
from importers.texts import N_, shorten

if TYPE_CHECKING:
    from importers.database.protocol import Database, Reader, Transaction
    from importers.sessions.details import Detail
    from importers.texts import Message

FENCE_BITS = 40
"""Fences begin at a random number: after the journal was restored from a copy a worker of before must not take a new
session of the same number for its own."""
MAX_KNOWN = 8
"""What so many sessions of a target told is known."""
PRUNE_SESSIONS = 200
"""So many are pruned in one transaction, so that nobody waits long."""


class JournalStore(JournalReader):
    """See `Journal`; the methods below "Launching" and "Working" are for those rooms."""

    @classmethod
    async def open(cls, database: Database) -> Self:
        """The journal in a database that has its tables. The database is closed with it, also when this fails."""
        try:
            (row,) = await database.fetch(sql.JOURNAL_ID)
        except BaseException:
            await database.close()
            raise
        return cls(database, row["journal_id"])

    async def close(self) -> None:
        await self.database.close()

    # Acting on sessions

    @repeated
    async def cancel(self, session_id: int, operator: str) -> Session:
        by = {"operator": operator}
        async with self.database.transaction() as db:
            now = await db.now()
            if await db.execute(sql.CANCEL, session_id, now.utc, CANCELLED_BY, json(by)) == 1:
                line = Log("warning", N_("{operator} asked to cancel"), {**by})
                await self._write_lines(db, session_id, [line], "cancel")
                await db.execute(sql.DROP_UPLOAD_OF, session_id)
                session = await self._read(db, session_id)
                if session.status.final:
                    await count_end(db, session)
        return await self.session(session_id)

    async def cancelled_by(self, session_id: int) -> str:
        rows = await self.database.fetch(sql.CANCELLED_BY, session_id)
        return next((msgspec.json.decode(row["args"])["operator"] for row in rows), "?")

    @repeated
    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        session_ids = [number for number in session_ids if abs(number) <= LARGEST]
        if not session_ids:
            return []
        async with self.database.transaction() as db:
            await db.execute(sql.tell_dry_runs(len(session_ids)), *session_ids)
            rows = await db.fetch(sql.delete(len(session_ids)), *session_ids)
            return sorted(row["id"] for row in rows)

    @repeated
    async def prune(self, days: int) -> int:
        now = (await self.database.now()).utc
        ended_before = rules.days_before(now, days)
        outlived = None
        pruned = 0
        while days and (rows := await self.database.fetch(sql.PRUNABLE, ended_before, PRUNE_SESSIONS)):
            if outlived is None:
                made = await self.database.fetch(sql.MADE)
                outlived = rules.newest_outlived(((row["id"], row["created_at"]) for row in made), now, days)
            ids = [row["id"] for row in rows if row["id"] <= outlived]
            if not ids:
                break
            async with self.database.transaction() as db:
                for statement in sql.prune(len(ids)):
                    await db.execute(statement, *ids)
            pruned += len(ids)
        return pruned

    # Launching

    @twice_is_once
    async def begin_attempt(self, attempt: Attempt) -> None:
        async with self.database.transaction() as db:
            now = await db.now()
            await db.execute(
                sql.BEGIN_ATTEMPT, attempt.request_id, attempt.idempotency_key, json(attempt.kinds), attempt.source,
                attempt.target, attempt.operator, attempt.host, attempt.pid, now.utc,
                attempt.shop,
            )  # fmt: skip

    @twice_is_once
    async def end_attempt(
        self,
        request_id: str,
        outcome: Outcome,
        session_id: int | None,
        lock: str,
        reason: Message | None,
    ) -> None:
        async with self.database.transaction() as db:
            columns = message_columns(reason)
            await db.execute(sql.END_ATTEMPT, request_id, outcome, session_id, lock, *columns)

    @repeated
    async def find_answer(self, new: NewSession, recency: float) -> tuple[Outcome, Session] | None:
        found = await self._existing(self.database, new, recency)
        if found and found[0] is Outcome.JOINED:
            async with self.database.transaction() as db:
                await self._answer(db, new, found[1].id)
        return found

    async def create(self, new: NewSession, recency: float, lines: Sequence[Log]) -> tuple[Outcome, Session]:
        try:
            return await self._create(new, recency, lines)
        except Unsure:  # its key tells what came of it
            outcome, session = await self._create(new, recency, lines)
            ours = outcome is Outcome.REPLAYED and session.request_id == new.request_id
            return (Outcome.CREATED if ours else outcome), session

    @repeated
    async def _create(self, new: NewSession, recency: float, lines: Sequence[Log]) -> tuple[Outcome, Session]:
        async with self.database.transaction(gate=new.target) as db:
            found = await self._existing(db, new, recency)
            if found is None:
                now = await db.now()
                (made,) = await db.fetch(
                    sql.CREATE, new.request_id, new.idempotency_key, new.task_id, json(new.kinds), new.source,
                    json(new.options), new.target, new.operator, new.host, now.utc, now.seconds, now.epoch,
                    secrets.randbits(FENCE_BITS), new.source_host, new.source_print, new.upload, new.shop,
                )  # fmt: skip
                session_id = made["id"]
                await self._write_lines(
                    db,
                    session_id,
                    [msgspec.structs.replace(li, args={**li.args, "id": session_id}) for li in lines],
                )
                found = Outcome.CREATED, await self._read(db, session_id)
            if found[0] in (Outcome.CREATED, Outcome.JOINED):
                await self._answer(db, new, found[1].id)
        return found

    async def _existing(self, db: Reader, new: NewSession, recency: float) -> tuple[Outcome, Session] | None:
        """Guarantee 4: same key → what it was answered, or mismatch; active, or the same request just now → joined."""
        for answered in await db.fetch(sql.ANSWERED, new.idempotency_key):
            saved = await db.fetch(sql.SESSION_AND_KEY, answered["session_id"])
            if not saved:
                raise UnknownSession(
                    N_("this confirm led to session {id}, which was deleted since; confirm anew"),
                    id=answered["session_id"],
                )
            outcome = rules.answer_to_key(new, answered["params_hash"], saved[0]["idempotency_key"])
            return outcome, struct(saved[0], Session)
        now = await db.now()
        rows = await db.fetch(
            sql.ACTIVE_OR_RECENT, new.target, now.epoch, now.seconds - recency, now.seconds + recency,
            json(new.kinds), new.source, json(new.options), new.seen_at, new.again,
        )  # fmt: skip
        return (Outcome.JOINED, struct(rows[0], Session)) if rows else None

    async def _answer(self, db: Transaction, new: NewSession, session_id: int) -> None:
        await db.execute(sql.ANSWER, new.idempotency_key, new.params_hash, session_id)

    @repeated
    async def mark_dispatched(self, session_id: int, by: WorkerProcess) -> int | None:
        async with self.database.transaction() as db:
            now = await db.now()
            rows = await db.fetch(sql.MARK_DISPATCHED, session_id, now.seconds, by.name, by.start, by.boot)
            return next((int(row["dispatches"]) for row in rows), None)

    @repeated
    async def dispatched_to(self, session_id: int, number: int, owner: WorkerProcess) -> None:
        async with self.database.transaction() as db:
            await db.execute(sql.DISPATCHED_TO, session_id, number, owner.name, owner.start, owner.boot)

    @repeated
    async def unmark_dispatched(self, session_id: int, number: int) -> bool:
        async with self.database.transaction() as db:
            return await db.execute(sql.UNMARK_DISPATCHED, session_id, number) == 1

    @repeated
    async def wait_for(self, session_id: int, number: int, why: Message) -> bool:
        async with self.database.transaction() as db:
            return await db.execute(sql.WAIT_FOR, session_id, number, *message_columns(why)) == 1

    @repeated
    async def note_waiting(self, session_id: int, why: Message) -> bool:
        (row,) = await self.database.fetch(sql.SESSION, session_id) or (None,)
        if row is None or struct(row, Session).waiting == why:
            return False
        async with self.database.transaction() as db:
            return await db.execute(sql.NOTE_WAITING, session_id, *message_columns(why)) == 1

    @repeated
    async def left_queue(self, session_id: int, number: int) -> bool:
        async with self.database.transaction() as db:
            now = await db.now()
            return await db.execute(sql.LEFT_QUEUE, session_id, number, now.seconds) == 1

    # Working

    async def claim(self, session_id: int, target: str, owner: WorkerProcess, lease: float) -> Session | None:
        try:
            return await self._claim(session_id, target, owner, lease)
        except Unsure:  # a session that was claimed and is not run would wait for the end of its lease
            return await self._claimed(session_id, owner) or await self._claim(
                session_id, target, owner, lease
            )

    async def _claimed(self, session_id: int, owner: WorkerProcess) -> Session | None:
        rows = await self.database.fetch(sql.CLAIMED, session_id, owner.name, owner.start, owner.boot)
        return struct(rows[0], Session) if rows else None

    @repeated
    async def _claim(
        self, session_id: int, target: str, owner: WorkerProcess, lease: float
    ) -> Session | None:
        async with self.database.transaction() as db:
            now = await db.now()
            claimed = await db.execute(
                sql.CLAIM, session_id, target, now.utc, owner.name, owner.start, owner.boot, now.seconds + lease,
                now.epoch, owner.host,
            )  # fmt: skip
            if claimed != 1:
                return None
            args = json({"owner": owner.name})
            if await db.fetch(sql.RECEIVED, session_id):
                kind, text = "log", N_("Taken up again by worker {owner}")
            else:
                kind, text = "received", N_("Received by worker {owner}")
            await db.execute(sql.EVENT, session_id, now.utc, kind, "info", text, args)
            return await self._read(db, session_id)

    @twice_is_once
    async def beat(self, session_id: int, fence: int, lease: float) -> Status | None:
        async with self.database.transaction() as db:
            now = await db.now()
            rows = await db.fetch(sql.BEAT, session_id, fence, now.seconds + lease, now.epoch)
            return next((Status(row["status"]) for row in rows), None)

    async def status_of(self, session_id: int, fence: int) -> Status | None:
        rows = await self.database.fetch(sql.STATUS_OF, session_id, fence)
        return next((Status(row["status"]) for row in rows), None)

    @repeated
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
        details: Sequence[Detail] = (),
    ) -> bool:
        async with self.database.transaction() as db:
            if (
                await db.execute(sql.PROGRESS, session_id, fence, done, total, running_kind, json(by_kind))
                != 1
            ):
                return False
            await self._write_lines(db, session_id, lines)
            if rejects:
                columns = [
                    (session_id, r.kind, r.file, r.line, shorten(r.record_id), r.reason, args_json(r.args), r.fragment)
                    for r in rejects
                ]  # fmt: skip
                await db.execute_many(sql.REJECT, columns)
            if details:
                await db.execute_many(
                    sql.TELL_DETAIL, [(session_id, name_of(type(told)), json(told)) for told in details]
                )
            return True

    @repeated
    async def finish(
        self,
        session_id: int,
        fence: int,
        status: Status,
        by_kind: dict[str, Counts],
        error: Message | None = None,
        line: Log | None = None,
        *,
        lost: bool = False,
    ) -> bool:
        async with self.database.transaction() as db:
            now = await db.now()
            ended = await db.execute(
                sql.FINISH, session_id, fence, status, now.utc, json(by_kind), *message_columns(error)
            )
            if ended != 1:
                return False
            await count_end(db, await self._read(db, session_id), lost=lost)
            if line:
                await self._write_lines(db, session_id, [line], "summary")
            await db.execute(sql.DROP_UPLOAD_OF, session_id)
            return True

    @repeated
    async def start_again(self, session_id: int, fence: int) -> bool:
        async with self.database.transaction() as db:
            return await db.execute(sql.START_AGAIN, session_id, fence) == 1

    async def recall(self, target: str, key: str) -> Known | None:
        rows = await self.database.fetch(sql.RECALL, target, key)
        return struct(rows[0], Known) if rows else None

    @repeated
    async def remember(self, target: str, known: Known) -> None:
        async with self.database.transaction() as db:
            await db.execute(sql.FORGET_CHANGED, target, known.state, known.key)
            await db.execute(sql.REMEMBER, target, known.state, known.key, known.told)
            await db.execute(sql.FORGET_OLD, target, MAX_KNOWN)

    # Beneath

    async def _write_lines(
        self, db: Transaction, session_id: int, lines: Sequence[Log], kind: str = "log"
    ) -> None:
        at = (await db.now()).utc
        cells: list[object] = []
        for line, args in zip(lines, each_args_json([line.args for line in lines]), strict=True):
            cells += (session_id, at, kind, line.level, stored_text(line.message), args)
        await db.insert("event", sql.EVENT_COLUMNS, cells)

    async def _read(self, db: Reader, session_id: int) -> Session:
        (row,) = await db.fetch(sql.SESSION, session_id)
        return struct(row, Session)
