"""One session from claim to finish: all its kinds in one transaction on the catalog (guarantee 7)."""

from __future__ import annotations

import asyncio
import socket
import time
import traceback
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import msgspec

from importers.errors import ObmenError, UnknownSession, Unsure
from importers.events import NO_RECORD, Changes, Counted, Counts, Event, FileRead, Log, Progress, Reject
from importers.kinds.protocol import Job
from importers.kinds.registry import KINDS, load, records_of
from importers.logs import log_to
from importers.processes import this_process
from importers.sessions import MAX_REJECTS, Journal, Known, await_journal
from importers.sessions.details import Files, FileTold, Gains
from importers.sessions.models import CANCELLED_BY, Status
from importers.targets import target_with
from importers.texts import N_, Message
from importers.worker.heartbeat import TAKEN, CancelRequested, Heartbeat, must_go_on
from importers.worker.known import Listener, key_of, recalled
from importers.worker.measure import WHOLE, Measure, plan_of
from importers.worker.source import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importers.catalog.protocol import Catalog, CatalogTransaction
    from importers.commerceml import Export, Part
    from importers.kinds.protocol import Kind
    from importers.sessions.details import Detail
    from importers.sessions.models import Session
    from importers.settings import Settings
    from importers.targets import Target
    from importers.worker.known import Told
    from importers.worker.reader_process import ReaderProcess

FLUSH_SECONDS = 0.25
FLUSH_EVENTS = 10_000
"""Events go to the journal in batches: after so long, or so many. Each commit waits for the disk."""
REACH_SECONDS = 30.0
"""So long one waits for the journal: whatever brought a session here does not come again for a while."""

NO_SHOP = N_(
    "the worker on {host} has no shop with this catalog in its settings; add it there, and restart that worker"
)

TAKEN_MEANWHILE = N_(
    "the session was taken from this worker, which gave no sign of life; what the worker met then: {error}"
)
"""Whoever takes a session ends what its worker does on a server: the worker hears of that alone."""


async def work(session_id: int, settings: Settings, reader: ReaderProcess | None = None) -> int:
    """Run a session; the exit code. A session that cannot be claimed is somebody else's, or was cancelled. `reader`:
    reads beside this process."""
    journal = await await_journal(settings.journal.url, REACH_SECONDS)
    try:
        session, target = None, await _target_of(session_id, journal, settings)
        if isinstance(target, Message):
            await journal.note_waiting(session_id, target)
            log_to(settings.log.path).warning("session %d: %s", session_id, target)
            return 0
        if target:
            lease = settings.worker.lease_seconds
            session = await journal.claim(session_id, await target.key(), this_process(), lease)
        if session is None or target is None:
            log_to(settings.log.path).warning("session %d: nothing to claim", session_id)
            return 0
        with Heartbeat(session, settings) as heartbeat:
            return await _Run(session, target, settings, journal, heartbeat, reader).run()
    finally:
        await journal.close()


async def _target_of(session_id: int, journal: Journal, settings: Settings) -> Target | Message | None:
    """None where there is no such session; a message where these settings know nothing of what it imports into: then
    another worker may."""
    with suppress(UnknownSession):
        target = await target_with(settings, await journal.session(session_id))
        return target or Message.of(NO_SHOP, host=socket.gethostname())
    return None


def _place(kind: str) -> int:
    """Where a kind stands in the order in which they run: plug-ins last."""
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


class _Run:
    def __init__(
        self,
        session: Session,
        target: Target,
        settings: Settings,
        journal: Journal,
        heartbeat: Heartbeat,
        reader: ReaderProcess | None = None,
    ) -> None:
        self.session = session
        self.target = target
        self.settings = settings
        self.journal = journal
        self.heartbeat = heartbeat
        self.reader = reader
        self.by_kind: dict[str, Counts] = {}
        self.empty: list[str] = []
        """Import types of which the export had nothing."""
        self.lines: list[Log] = []
        self.rejects: list[Reject] = []
        self.rejected = 0
        self.measure = Measure({})
        self.parts: tuple[Part, ...] = ()
        self.read: dict[str, dict[str, FileRead]] = {}
        """By file and import type."""
        self.changes: dict[str, Changes] = {}
        self.details: list[Detail] = []
        """To be told."""
        self.listener = Listener()
        self.flushed_at = 0.0
        self.started_at = time.monotonic()

    async def run(self) -> int:
        try:
            async with source_of(self.session, self.journal, self._tell, self.heartbeat.check) as source:
                await self._import(source)
        except CancelRequested:
            by = Message.of(CANCELLED_BY, operator=await self.journal.cancelled_by(self.session.id))
            return await self._end(Status.CANCELLED, by)
        except Unsure as error:
            # It may be done. Whoever finds this worker gone asks the catalog what came of it, and ends the session.
            log_to(self.settings.log.path).warning("session %d: %s", self.session.id, error)
            return 1
        except ObmenError as error:
            return await self._end(Status.FAILED, error.message)
        except Exception as error:  # noqa: BLE001 (the last line: a bug must end the session, not hide it)
            log_to(self.settings.log.path).error("session %d: %s", self.session.id, traceback.format_exc())
            why = Message.of(
                N_("Unexpected {error}; nothing is changed. The log {path} has the details"),
                error=f"{type(error).__name__}: {error}"[:200],
                path=self.settings.log.path,
            )
            return await self._end(Status.FAILED, why)
        return await self._end(Status.COMPLETED)

    async def _import(self, source: str) -> None:
        from importers.catalog import open_catalog, session_name
        from importers.commerceml import open_export
        from importers.kinds.waiting_images import put_waiting_in_place

        session = self.session
        kinds = {kind: load(kind) for kind in sorted(sorted(session.kinds), key=_place)}
        opened_ns = time.time_ns()
        export = open_export(source, frozenset().union(*map(records_of, kinds)))
        key = key_of(session, self.target, kinds, export, opened_ns)
        known = await self.journal.recall(session.target, key) if key else None
        mark = None
        catalog = await open_catalog(
            self.target.catalog, session_name(self.journal.journal_id, session.id, session.fence)
        )
        try:
            if not session.options.dry_run:  # what an earlier worker did not live to do
                self.lines += await put_waiting_in_place(catalog)
            async with catalog.transaction(
                journal_id=self.journal.journal_id,
                session_id=session.id,
                task_id=session.task_id,
                fence=session.fence,
                dry_run=session.options.dry_run,
            ) as transaction:
                transaction.before_commit = self._may_commit
                self.parts = export.parts
                self.measure = Measure(plan_of(export, kinds))
                if known and known.state == await transaction.state():
                    await self._tell_again(recalled(known.told))
                else:
                    known = None
                    await self._run_kinds(kinds, export, transaction, read_first=catalog.shared)
                await asyncio.to_thread(export.check_unchanged)
                transaction.note = msgspec.json.encode(self.by_kind)
                mark = await transaction.mark() if key and not known else None
                changed = transaction.changed and not session.options.dry_run
            if not session.options.dry_run:
                self.lines += await put_waiting_in_place(catalog)
            self.measure.done()
            if key and mark is not None:
                await self._remember(key, mark, catalog, changed=changed)
        finally:
            await catalog.close()

    async def _run_kinds(
        self, kinds: Mapping[str, Kind], export: Export, transaction: CatalogTransaction, *, read_first: bool
    ) -> None:
        from importers.kinds.in_turn import in_turn
        from importers.kinds.summary import read_to_sell, unsold
        from importers.worker.sharing import Sharing

        sharing = Sharing(self.reader, export, kinds, self.settings.log.path) if self.reader else None
        if sharing:
            self.measure.ahead = sharing.ahead

        async def job_of(kind: str) -> Job:
            await self._observe(Log("info", N_("{kind}: started"), {"kind": kind}))
            return Job(
                session_id=self.session.id,
                kind=kind,
                export=export,
                catalog=transaction,
                options=self.session.options,
                limits=self.target.limits,
                keep_unlisted=self.target.keep_unlisted,
                images_path=self.target.images,
                beside=sharing,
            )

        async with aclosing(in_turn(kinds, job_of, read_first=read_first)) as events:
            async for _kind, event in events:
                await self._observe(event)
        self._refuse_empty()
        again = self.listener.again
        same = again is None or read_to_sell(again.by_kind) == read_to_sell(self.by_kind)
        async for event in unsold(transaction, self.by_kind):
            await self._observe(event if same else msgspec.structs.replace(event, once=True))
        if again and not same:
            again.lines += [event async for event in unsold(transaction, again.by_kind)]

    async def _tell_again(self, told: Told) -> None:
        await self._observe(
            Log(
                "info",
                N_("Neither the export nor the catalog has changed since the last time: nothing is read"),
            )
        )
        for event in told.events():
            await self._observe(event)
        self.rejected = told.rejected
        self._refuse_empty()

    async def _remember(self, key: str, mark: int, catalog: Catalog, *, changed: bool) -> None:
        """Whatever goes wrong here, the session is done."""
        told = self.listener.told(changed=changed)
        try:
            state = await catalog.state(mark) if told else None
            if told and state:
                await self.journal.remember(self.session.target, Known(key, state, told.decode()))
        except ObmenError as error:
            log_to(self.settings.log.path).warning("session %d: %s", self.session.id, error)

    def _refuse_empty(self) -> None:
        """A package of 1C rarely holds everything, but one that holds nothing of what was chosen is a mistake."""
        strict = self.session.options.strict
        if self.empty and (strict or len(self.empty) == len(self.session.kinds)):
            raise ObmenError(
                NO_RECORD,
                kinds=", ".join(self.empty),
                source=self.session.source,
            )

    async def _observe(self, event: Event) -> None:
        """Note an event of a kind, and write them to the journal in batches. Raises CancelRequested, LeaseLost."""
        self.listener.observe(event)
        if isinstance(event, Log):  # there may be very many
            self.lines.append(event)
        else:
            self._take(event)
        now = time.monotonic()
        if now - self.flushed_at >= FLUSH_SECONDS or len(self.lines) + len(self.rejects) >= FLUSH_EVENTS:
            self.flushed_at = now
            self.heartbeat.check()
            await self._flush()

    def _take(self, event: Event) -> None:
        self.measure.observe(event)
        match event:
            case Progress() if event.files:
                for file in event.files:
                    self.read.setdefault(file.name, {})[event.kind] = file
                self.details.append(self._files())
            case Changes():
                self._gain(event)
            case Reject():
                self.rejected += 1
                if self.rejected <= MAX_REJECTS:
                    self.rejects.append(event)
            case Counted():
                self.by_kind[event.kind] = event.counts
                if event.kind not in self.changes and event.counts.read:
                    self._gain(Changes(event.kind, {name: c for name, c in event.tables.items() if c.read}))
                self.empty += [event.kind] * event.empty

    def _gain(self, changes: Changes) -> None:
        if changes.tables:
            self.changes[changes.kind] = changes
            self.details.append(Gains(self.changes))

    async def _tell(self, line: Log) -> None:
        """At once, and of this session alone."""
        self.lines.append(line)
        await self._flush()

    def _files(self) -> Files:
        return Files(
            tuple(
                FileTold(part.name, part.size, part.modified, self.read[part.name])
                for part in self.parts
                if part.name in self.read
            )
        )

    async def _flush(self) -> None:
        standing = self.measure.standing()
        await self.journal.write(
            self.session.id,
            self.session.fence,
            self.lines,
            self.rejects,
            done=int(standing.share * WHOLE),
            total=WHOLE if standing.kinds else 0,
            running_kind=standing.kind,
            by_kind=self.by_kind,
            details=[*self.details, *([standing] if standing.kinds else [])],
        )
        self.lines, self.rejects, self.details = [], [], []

    async def _may_commit(self) -> None:
        """The last check, under the catalog's write lock: only the holder of the lease commits (fence)."""
        status = await self.journal.beat(
            self.session.id, self.session.fence, self.settings.worker.lease_seconds
        )
        must_go_on(status)

    async def _end(self, status: Status, error: Message | None = None) -> int:
        if self.rejected > MAX_REJECTS:
            self.lines.append(
                Log(
                    "warning",
                    N_("{count} records were rejected; the first {kept} are kept"),
                    {"count": self.rejected, "kept": MAX_REJECTS},
                )
            )
        await self._flush()
        line = Log.of("error", error) if error else self._completed()
        finish = self.journal.finish
        ended = await finish(self.session.id, self.session.fence, status, self.by_kind, error, line)
        if error and not ended:  # what was met here is told nowhere else
            taken = error if error.text == TAKEN else Message.of(TAKEN_MEANWHILE, error=error)
            log_to(self.settings.log.path).warning("session %d: %s", self.session.id, taken)
        return 0 if status is Status.COMPLETED else 1

    def _completed(self) -> Log:
        dry_run = self.session.options.dry_run
        text = (
            N_("Dry run done in {seconds} s; the catalog is as before")
            if dry_run
            else N_("Completed in {seconds} s")
        )
        return Log("info", text, {"seconds": f"{time.monotonic() - self.started_at:.1f}"})
