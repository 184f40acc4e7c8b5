"""What all import types do alike: stage what the export says, merge it into the catalog, count, keep the limits.

    intake = Intake(job, PRICE_TYPE, PRICE)
    async for event in intake.read(): ...        every record of the files is staged
    async for event in intake.merge(PRICE): ...  staged records change the catalog
    for event in intake.finish(): ...            Counted, limits

One record is one row of a main table: an entity with all its parts, one price, one stock of one warehouse, one value
of a property. Rows that a full export no longer holds count as read and removed, so that always
read = created + updated + unchanged + removed + rejected.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from itertools import chain

import msgspec

from importers.catalog.absence import Elsewhere
from importers.catalog.columns import Cell
from importers.catalog.merge import Stage
from importers.catalog.protocol import EVERYTHING, FIRST_FEW, Change
from importers.catalog.tables import OFFER, PRICE, STOCK, UNIT, Shape
from importers.commerceml.earlier import NeedsEarlier
from importers.commerceml.records import Record, Rejected, Section, Seen, UnitUse
from importers.errors import LimitExceeded
from importers.events import Again, AllRead, Changes, Counted, Counts, Event, Log, Progress, Reject
from importers.kinds.accounts import many_rejects, many_removed, total_of
from importers.kinds.beside import ShareApart
from importers.kinds.changes import LostStocks, PriceChanges, WhatChanged
from importers.kinds.findings import Findings, some, some_messages
from importers.kinds.protocol import Job
from importers.kinds.staged import FACTS_OF_OFFERS, NOWHERE, Observer, Reads, Share, Staged
from importers.texts import N_, Message

EVERY_SECONDS = 0.3
"""How often progress is reported."""

ORPHANS = {
    OFFER.table: N_("Offers of unknown products, kept until these arrive ({count}): {ids}"),
    PRICE.table: N_("Prices of unknown offers, kept until these arrive ({count}): {ids}"),
    STOCK.table: N_("Stocks of unknown offers, kept until these arrive ({count}): {ids}"),
}


class Intake:
    """One run of an import type. `shapes` in the order of merging."""

    def __init__(self, job: Job, *shapes: Shape, needs: Shape | None = None) -> None:
        self._job = job
        self._shapes = shapes
        self._needs = needs
        self._stages: dict[Shape, Stage] = {shape: job.catalog.stage(shape) for shape in shapes}
        self._staged = Staged(Reads(shapes), {shape: stage.aside for shape, stage in self._stages.items()})
        self._active: dict[Shape, int] = {}
        self._hidden: dict[Shape, int] = defaultdict(int)
        self._gone: dict[str, int] = defaultdict(int)
        """By table: rows that count as read only because they were removed."""
        self._changes = WhatChanged()
        self._made: set[str] = set()
        """Tables with rows that were made up here."""
        self._repeats = True
        """Whether all that was made up stays as it is when the same export comes again."""
        self.empty = False
        """Nothing of this import type was in the export."""
        self.tables: dict[str, Counts] = {shape.table.name: Counts() for shape in shapes}
        self._uses = set(self.tables)
        self._merged = 0
        self._reported_at = 0.0

    @property
    def total(self) -> Counts:
        return total_of(self.tables)

    async def read(self, observer: Observer | None = None) -> AsyncIterator[Event]:
        """Stage every record; `observer` looks at them. Raises BadFile. Where there was nothing to read it says so,
        and `empty` is set."""
        job, staged = self._job, self._staged
        export, wanted = job.export, staged.reads.wanted
        staged.observer = observer
        if export.gaps:
            yield Log.of(
                "warning", Message.of(N_("The export is not whole: {gaps}"), gaps=some_messages(export.gaps))
            )
        work = export.work_for(*wanted)
        shares = job.beside.shares(job.kind) if job.beside else []
        shares = shares or [Share(export.span_for(*wanted))]
        for share in shares:
            async with aclosing(self._take(share)) as batches:
                async for rejected in batches:
                    for record in rejected:
                        yield self.reject(record)
                    if self.due():
                        done = sum(each.done(work) for each in shares)
                        count = staged.count + sum(each.at().records for each in shares)
                        file = export.parts[min(share.at().part, len(export.parts) - 1)].name
                        now = chain.from_iterable(each.reading(work) for each in shares)
                        reading = {export.parts[part].name: how_far for part, how_far in now}
                        yield Progress(job.kind, "read", done, work.total, count, file, reading=reading)
        export.check_unchanged()
        if job.beside:
            job.beside.read_ahead(job.kind)
        files = tuple(staged.files.values())
        yield Progress(job.kind, "read", work.total, work.total, staged.count, files=files)
        for shape, count in staged.counts.items():
            self.tables[shape.table.name].read += count
        for event in self.check_read():
            yield event
        yield AllRead()

    async def _take(self, share: Share) -> AsyncGenerator[list[Rejected]]:
        """Stage what a share of the parts tells: what the process beside read of it, else here. The records that were
        rejected, batch by batch; nothing now and then while it waits."""
        read: Iterable[list[Rejected]] | None = None
        if isinstance(share, ShareApart):
            while not await share.wait(EVERY_SECONDS):
                yield []
            apart = share.taken()
            with suppress(NeedsEarlier):
                if apart:
                    self._staged.extend(apart.staged)
                    read = apart.rejects
        if read is None:
            read = self._staged.read(self._job.export, share)
        for rejected in read:
            yield rejected
            await asyncio.sleep(0)  # reading is synchronous: let a cancel or a heartbeat in

    async def _offers_elsewhere(self) -> AsyncIterator[str]:
        """The ids of offers that files tell that were not read."""
        for batch in self._job.export.offers_elsewhere(*self._staged.reads.wanted):
            for record in batch:
                if isinstance(record, Seen):
                    yield record.id
            await asyncio.sleep(0)

    def check_read(self) -> Iterator[Event]:
        """A kind that read nothing must not end as if all were well. Empty prices are no rows, but not nothing."""
        needed = (self._needs,) if self._needs else self._shapes
        self.empty = not any(
            self.tables[of.table.name].read or self._stages[of].aside.any_added for of in needed
        )
        if self.empty:
            for table in self.tables:
                self.tables[table] = Counts()
            yield Log("warning", N_("{kind}: nothing of it in this export"), {"kind": self._job.kind})

    async def define_units(self, names: Iterable[str] = ()) -> None:
        """After the units of the export are merged: make rows of those that records use and nobody defined, and let the
        rest be written by the code that the name of a unit stands for. `names`: more that are used."""
        names = tuple(names)
        for name in names:
            self._staged.units.add(UnitUse(name, None if name.isdigit() else name, None))
        codes = await self._staged.units.define(self._job.catalog)
        self._repeats = self._repeats and self._staged.units.repeats
        self._uses.add(UNIT.table.name)
        if self._staged.units.changed:
            self._made.add(UNIT.table.name)
        used_names = {name: codes[name] for name in names if name in codes}
        for shape, stage in self._stages.items():
            stage.units = used_names if shape.facts else codes

    def put(self, shape: Shape, records: Iterable[Record], section: Section = NOWHERE) -> None:
        """Stage records by hand, for a kind that does not read() them from XML."""
        count = self._staged.put(shape, records, section)
        if not shape.overlays:
            self.tables[shape.table.name].read += count

    def reject(self, rejected: Rejected) -> Reject:
        """Count a record that cannot be taken; the event that reports it."""
        named = next((shape for shape in self._shapes if shape.record_name == rejected.record), None)
        # A fact of an entity that is read itself, like an Image, counts for the first that has such parts.
        shape = named or next((shape for shape in self._shapes if shape.parts), self._shapes[-1])
        counts = self.tables[shape.table.name]
        counts.read += 1
        counts.rejected += 1
        if named and rejected.id:
            self._stages[named].aside.mark_present(rejected.id)
        elif not rejected.id:
            self._staged.sections.unnamed_rejects.add(shape)
        return Reject(
            self._job.kind, rejected.file, rejected.line, rejected.id, rejected.reason, rejected.args,
            rejected.fragment,
        )  # fmt: skip

    async def merge(
        self, shape: Shape, observe: Callable[[Change], None] | None = None
    ) -> AsyncIterator[Event]:
        """Merge the staged records of one shape; `observe` is given every change of what was there before."""
        if self.empty:
            return
        stage = self._stages[shape]
        full, warnings = self._staged.sections.full_scopes(shape, stage.aside.scopes, self._job.export.gaps)
        for warning in warnings:
            yield warning
        if shape.removed_at is not None or (shape.facts and full):
            self._active[shape] = await self._job.catalog.active(shape)
        if shape.record in FACTS_OF_OFFERS and full:
            stage.elsewhere = Elsewhere(self._offers_elsewhere)
        table = shape.table.name
        counts = Counts()
        findings = Findings(table)
        async for merged in stage.merge(full):
            if shape.overlays:
                continue
            counts += merged.counts
            findings.observe(merged)
            self._hidden[shape] += merged.hidden
            self._changes.observe(shape, merged)
            for key, file, line in merged.rejected:
                counts.rejected += 1
                yield Reject(self._job.kind, file, line, key, UNKNOWN_PART)
            if observe:
                for change in merged.changes:
                    observe(change)
            self._merged += _outcomes(merged.counts) - merged.counts.read
            if self.due():
                yield Progress(self._job.kind, "merge", self._merged, self._staged.count, self._staged.count)
        stage.close()
        self._repeats = self._repeats and stage.repeats
        if shape.overlays:
            return
        self.tables[table] += counts
        self._gone[table] += counts.read
        yield Progress(self._job.kind, "merge", self._merged, self._staged.count, self._staged.count)
        if counts.orphans:
            message = ORPHANS.get(shape.table, N_("{table}: without a known parent, kept ({count}): {ids}"))
            ids = some(findings.orphans, counts.orphans)
            yield Log("warning", message, {"table": table, "count": counts.orphans, "ids": ids})
        for event in findings.report():
            yield event
        for to, links in stage.links.items():
            unknown = await self._job.catalog.missing(to, sorted(links))
            if unknown:
                args: dict[str, str | int] = {
                    "count": sum(links[key] for key in unknown),
                    "table": to.name,
                    "ids": some(unknown[:FIRST_FEW], len(unknown)),
                }
                yield Log("warning", N_("{table}: links to unknown ones, kept ({count}): {ids}"), args)

    async def keep_unlisted(self, facts: Shape, reference: Shape, setting: str) -> AsyncIterator[Event]:
        """Let facts of these references stay though a whole list leaves them out: ids or names, separated by commas,
        or * for all. Names may hold commas themselves; small letters or large ones do not matter to them."""
        if self.empty or not setting.strip(" ,"):
            return
        if setting.strip() == "*":
            self._stages[facts].protected = EVERYTHING
            return
        by_name: dict[str, list[str]] = defaultdict(list)
        statement = f"SELECT id, name FROM {reference.table.name}"  # noqa: S608 (ours)
        async for ident, name in self._job.catalog.rows(statement):
            by_name[ident].append(ident)
            by_name[str(name).casefold()].append(ident)
        listed: list[str] = []
        unknown: list[str] = []
        pieces = setting.split(",")
        while pieces:
            for length in range(len(pieces), 0, -1):  # the longest that is one
                name = ",".join(pieces[:length]).strip()
                ids = by_name.get(name) or by_name.get(name.casefold())
                if ids or length == 1:
                    listed += ids or []
                    unknown += [name] if name and not ids else []
                    del pieces[:length]
                    break
        self._stages[facts].protected = {*listed, *unknown}
        if unknown:
            yield Log(
                "warning",
                N_("prices.keep_unlisted: no price type has the id or the name {names}"),
                {"names": some(unknown, len(unknown))},
            )

    async def define_missing(self, facts: Shape, reference: Shape, message: str) -> AsyncIterator[Event]:
        """Define what merged facts refer to but no export defined: its id becomes its name, with one warning each.
        These rows are made up here, so they are not counted as records."""
        if self.empty:
            return
        catalog, table = self._job.catalog, reference.table
        missing = await catalog.missing(table, sorted(self._stages[facts].references - {""}))
        self._repeats = self._repeats and not missing  # from now on they may be absent from a whole list
        defaults: dict[str, Cell] = {"removed": 0, "classifier_id": ""}
        await catalog.insert(
            table,
            [
                tuple(id_ if c in ("id", "name") else defaults.get(c) for c in table.columns)
                for id_ in missing
            ],
        )
        if missing:
            yield Log(
                "warning", message, {"count": len(missing), "ids": some(missing[:FIRST_FEW], len(missing))}
            )

    async def changes(
        self, prices: PriceChanges | None = None, stocks: LostStocks | None = None
    ) -> AsyncIterator[Event]:
        """What the shop gained and lost, if anything."""
        tables = {table: counts for table, counts in self.tables.items() if counts.read}
        if any(counts.created or counts.updated or counts.removed for counts in tables.values()):
            catalog = self._job.catalog
            yield Changes(
                self._job.kind,
                tables,
                prices=await prices.largest(catalog) if prices else (),
                raised=prices.raised if prices else 0,
                lowered=prices.lowered if prices else 0,
                stocks=await stocks.largest(catalog) if stocks else (),
                emptied=stocks.emptied if stocks else 0,
                gone=await self._changes.gone(catalog),
            )

    def finish(self) -> Iterator[Event]:
        """The counts, then LimitExceeded if they are beyond the limits."""
        job = self._job
        reasons = list(self._beyond_limits())
        if job.options.force:
            for line in reasons:
                yield msgspec.structs.replace(line, once=True)
        yield Counted(job.kind, self.total, self.tables, self.empty, self._again())
        if reasons and not job.options.force:
            reason = Message.of(reasons[0].message, **reasons[0].args)
            raise LimitExceeded(
                N_("{reason}; nothing is changed. Correct the export, or import with --force"), reason=reason
            )

    def _again(self) -> Again | None:
        """Of each record the catalog now holds what it tells, and all that is absent is gone."""
        tables = {}
        for table, counts in self.tables.items():
            read = counts.read - self._gone[table]
            unchanged = read - counts.rejected
            tables[table] = Counts(
                read, unchanged=unchanged, rejected=counts.rejected, orphans=counts.orphans
            )
        reasons = list(many_rejects(self._job.kind, total_of(tables), self._job.limits))
        if not self._repeats or (reasons and not self._job.options.force):
            return None
        changed = {table for table, c in self.tables.items() if c.created or c.updated or c.removed}
        return Again(
            tables,
            reasons,
            frozenset(self._uses),
            frozenset(changed | self._made),
        )

    def _beyond_limits(self) -> Iterator[Log]:
        """What is over the limits of guarantee 9, as warnings."""
        job = self._job
        yield from many_rejects(job.kind, self.total, job.limits)
        for shape, active in self._active.items():
            hidden, by_offer = self._hidden[shape], shape.record in FACTS_OF_OFFERS
            yield from many_removed(job.kind, shape.table.name, hidden, active, job.limits, by_offer=by_offer)

    def due(self) -> bool:
        """Whether it is time to report progress again."""
        now = time.monotonic()
        if now - self._reported_at < EVERY_SECONDS:
            return False
        self._reported_at = now
        return True


UNKNOWN_PART = N_("has no Наименование, and nothing is known of it that it could be a part of")


def _outcomes(counts: Counts) -> int:
    return counts.created + counts.updated + counts.unchanged + counts.removed
