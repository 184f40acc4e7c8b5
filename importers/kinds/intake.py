"""What all import types do alike: stage what the export says, merge it into the catalog, count, keep the limits.

    intake = Intake(job, PRICE_TYPE, PRICE)
    async for event in intake.read(): ...        every record of the files is staged
    async for event in intake.merge(PRICE): ...  staged records change the catalog
    for event in intake.finish(): ...            summary, Counted, limits

One record is one row of a main table: an entity with all its parts, one price, one stock of one warehouse, one value
of a property. Rows that a full export no longer holds count as read and removed, so that always
read = created + updated + unchanged + removed + rejected.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from importers.catalog import FIRST_FEW, Change, Stage
from importers.catalog.tables import OFFER, PRICE, STOCK, Cell, Shape
from importers.commerceml.records import Record, Rejected, Section, Seen
from importers.errors import LimitExceeded, ObmenError
from importers.kinds import Counted, Counts, Event, Job, Log, Progress, Reject
from importers.texts import N_, _, render

HARMLESS = 10
"""Up to so many rejects or removals no limit applies: in a small shop they are a large share, not a disaster."""
EVERY_SECONDS = 0.3
"""How often progress is told."""

ORPHANS = {
    OFFER.table: N_("{count} offers of unknown products are kept until these arrive: {ids}"),
    PRICE.table: N_("{count} prices of unknown offers are kept until these arrive: {ids}"),
    STOCK.table: N_("{count} stocks of unknown offers are kept until these arrive: {ids}"),
}


class Intake:
    """One run of an import type. `shapes` in the order of merging; `files`: whose files are read."""

    def __init__(self, job: Job, *shapes: Shape, needs: Shape | None = None, files: str = "") -> None:
        self._job = job
        self._shapes = shapes
        self._needs = needs
        self._files = files or job.kind
        self._stages: dict[Shape, Stage] = {shape: job.catalog.stage(shape) for shape in shapes}
        self._active: dict[Shape, int] = {}
        self._hidden: dict[Shape, int] = defaultdict(int)
        self._full: dict[tuple[Shape, str | None], bool] = {}
        self._unnamed_rejects: set[Shape] = set()
        self.tables: dict[str, Counts] = {shape.table.name: Counts() for shape in shapes}
        self._staged = self._merged = 0
        self._told_at = 0.0

    @property
    def total(self) -> Counts:
        total = Counts()
        for counts in self.tables.values():
            total += counts
        return total

    async def read(self, see: Callable[[Sequence[Record]], None] | None = None) -> AsyncIterator[Event]:
        """Stage every record; `see` is given those of one type at a time. Raises BadFile, and ObmenError when there
        was nothing to read."""
        job = self._job
        if not job.export.files_for(self._files):
            raise ObmenError(
                _("{kind}: the export has no file for it; check what 1C writes to {source}").format(
                    kind=job.kind, source=job.export.path
                )
            )
        by_type = {shape.record: shape for shape in self._shapes}
        by_name = {shape.record.__name__: shape for shape in self._shapes}
        at = [0, 0]

        def progress(done: int, total: int) -> None:
            at[:] = done, total

        section_id = ""
        waiting: dict[Shape, list[Record]] = defaultdict(list)

        def stage() -> None:
            for shape, records in waiting.items():
                self.put(shape, records, section_id)
                if see:
                    see(records)
            waiting.clear()

        if job.export.gaps:
            yield Log(
                "warning",
                N_("The export is not whole: {gaps}"),
                {"gaps": some(job.export.gaps, len(job.export.gaps))},
            )
        for batch in job.export.records(self._files, Section, Seen, *by_type, on_progress=progress):
            for record in batch:
                if of := by_type.get(type(record)):
                    waiting[of].append(record)
                elif isinstance(record, Section):
                    stage()
                    section_id = record.catalog_id
                    self._enter(record)
                elif isinstance(record, Rejected):
                    yield self.reject(record)
                elif isinstance(record, Seen) and record.record in by_name:
                    self._stages[by_name[record.record]].keep(record.id)
            stage()
            await asyncio.sleep(0)  # reading is synchronous: let a cancel or a heartbeat in
            if self.due():
                yield Progress(job.kind, "read", at[0], at[1], self._staged)
        yield Progress(job.kind, "read", at[1], at[1], self._staged)
        self.check_read()

    def check_read(self) -> None:
        """A kind that read nothing must not end as if all were well. Raises ObmenError."""
        if not (self.tables[self._needs.table.name] if self._needs else self.total).read:
            raise ObmenError(
                _("{kind}: the export holds no record of it; check what 1C writes to {source}").format(
                    kind=self._job.kind, source=self._job.export.path
                )
            )

    def put(self, shape: Shape, records: Iterable[Record], section_id: str = "") -> None:
        """Stage records by hand, for a kind that does not read() them from XML."""
        count = self._stages[shape].add(records, section_id)
        self.tables[shape.table.name].read += count
        self._staged += count

    def reject(self, rejected: Rejected) -> Reject:
        """Count a record that cannot be taken; the event that tells it."""
        named = next((shape for shape in self._shapes if shape.record_name == rejected.record), None)
        # A fact of an entity that is read itself, like an Image, counts for the first that has such parts.
        shape = named or next((shape for shape in self._shapes if shape.parts), self._shapes[-1])
        counts = self.tables[shape.table.name]
        counts.read += 1
        counts.rejected += 1
        if named and rejected.id:
            self._stages[named].keep(rejected.id)
        elif named:
            self._unnamed_rejects.add(named)
        return Reject(
            self._job.kind, rejected.file, rejected.line, rejected.id, rejected.reason, rejected.args,
            rejected.fragment,
        )  # fmt: skip

    async def merge(self, shape: Shape, see: Callable[[Change], None] | None = None) -> AsyncIterator[Event]:
        """Merge the staged records of one shape; `see` is given every change of what was there before."""
        stage = self._stages[shape]
        full, warnings = self._full_scopes(shape)
        for warning in warnings:
            yield warning
        if shape.removed_at is not None:
            self._active[shape] = await self._job.catalog.active(shape.table)
        counts = Counts()
        differing = absent = 0
        orphans: list[str] = []
        gone: list[str] = []
        async for merged in stage.merge(full):
            counts += merged.counts
            differing += merged.differing
            absent += merged.absent
            self._hidden[shape] += merged.hidden
            orphans += merged.orphans[: FIRST_FEW - len(orphans)]
            gone += merged.absent_first[: FIRST_FEW - len(gone)]
            if see:
                for change in merged.changes:
                    see(change)
            self._merged += _outcomes(merged.counts) - merged.counts.read
            if self.due():
                yield Progress(self._job.kind, "merge", self._merged, self._staged, self._staged)
        stage.close()
        self.tables[shape.table.name] += counts
        yield Progress(self._job.kind, "merge", self._merged, self._staged, self._staged)
        table = shape.table.name
        if differing:
            yield Log(
                "warning",
                N_("{table}: {count} records came again with other content; the last one counts"),
                {"table": table, "count": differing},
            )
        if orphans:
            message = ORPHANS.get(shape.table, N_("{table}: {count} without a known parent are kept: {ids}"))
            ids = some(orphans, counts.orphans)
            yield Log("warning", message, {"table": table, "count": counts.orphans, "ids": ids})
        if absent:
            yield Log(
                "warning",
                N_("{table}: {count} are not in the full export any more and are marked as removed: {ids}"),
                {"table": table, "count": absent, "ids": some(gone, absent)},
            )

    async def define_missing(self, facts: Shape, reference: Shape, message: str) -> AsyncIterator[Event]:
        """Define what merged facts refer to but no export defined: its id becomes its name, with one warning each.
        These rows are made up here, so they are not counted as records."""
        catalog, table = self._job.catalog, reference.table
        missing = await catalog.missing(table, sorted(self._stages[facts].references - {""}))
        defaults: dict[str, Cell] = {"removed": 0}
        await catalog.insert(
            table,
            [
                tuple(id_ if c in ("id", "name") else defaults.get(c) for c in table.columns)
                for id_ in missing
            ],
        )
        for id_ in missing:
            yield Log("warning", message, {"id": id_})

    def finish(self) -> Iterator[Event]:
        """The counts, then LimitExceeded if they are beyond the limits."""
        job = self._job
        for table, counts in self.tables.items():
            if counts.read:
                yield Log("info", _SUMMARY, _as_args(table, counts))
        reasons = list(self._beyond_limits())
        if job.options.force:
            yield from reasons
        yield Counted(job.kind, self.total, self.tables)
        if reasons and not job.options.force:
            reason = render(reasons[0].message, reasons[0].args)
            raise LimitExceeded(
                _("{reason}; nothing is changed. Correct the export, or import with --force").format(
                    reason=reason
                )
            )

    def _enter(self, section: Section) -> None:
        for shape in self._shapes:
            if section.name in shape.sections:
                scope = section.catalog_id if shape.scope else None
                full = not section.changes_only and not section.name.startswith("Изменения")
                self._full[shape, scope] = self._full.get((shape, scope), True) and full

    def _full_scopes(self, shape: Shape) -> tuple[set[str | None], list[Log]]:
        """The scopes of which the export holds everything, and why some are not taken for that. COMMERCEML,
        decisions: absence removes only what was exported in full, in all parts, and was read to the last record."""
        table = shape.table.name
        full = {
            scope
            for (of, scope), said in self._full.items()
            if of is shape and said and (scope is None or scope in self._stages[shape].scopes)
        }
        if full and (gaps := self._job.export.gaps):
            return set(), [
                Log(
                    "warning",
                    N_("{table}: nothing is removed by absence, as parts of the export are missing: {gaps}"),
                    {"table": table, "gaps": some(gaps, len(gaps))},
                )
            ]
        if full and shape in self._unnamed_rejects:
            return set(), [
                Log(
                    "warning",
                    N_("{table}: nothing is removed by absence, as records without an id were rejected"),
                    {"table": table},
                )
            ]
        return full, []

    def _beyond_limits(self) -> Iterator[Log]:
        """What is over the limits of guarantee 9, as warnings."""
        job = self._job
        counts = self.total
        if counts.rejected > HARMLESS and counts.rejected > job.limits.max_reject_share * counts.read:
            yield Log(
                "warning",
                N_("{kind}: {rejected} of {read} records are rejected, more than {share}"),
                {
                    "kind": job.kind,
                    "rejected": counts.rejected,
                    "read": counts.read,
                    "share": _percent(job.limits.max_reject_share),
                },
            )
        for shape, active in self._active.items():
            removed = self._hidden[shape]
            if removed > HARMLESS and removed > job.limits.max_removed_share * active:
                yield Log(
                    "warning",
                    N_("{kind}: {removed} of {active} rows of {table} would be removed, more than {share}"),
                    {
                        "kind": job.kind,
                        "removed": removed,
                        "active": active,
                        "table": shape.table.name,
                        "share": _percent(job.limits.max_removed_share),
                    },
                )

    def due(self) -> bool:
        """Whether it is time to tell progress again."""
        now = time.monotonic()
        if now - self._told_at < EVERY_SECONDS:
            return False
        self._told_at = now
        return True


_SUMMARY = N_(
    "{table}: read {read}, created {created}, updated {updated}, unchanged {unchanged}, removed {removed}, "
    "rejected {rejected}, orphans {orphans}"
)


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"


def _as_args(table: str, counts: Counts) -> dict[str, str | int]:
    return {"table": table, **{name: getattr(counts, name) for name in counts.__struct_fields__}}


def _outcomes(counts: Counts) -> int:
    return counts.created + counts.updated + counts.unchanged + counts.removed


def some(first: Sequence[str], count: int) -> str:
    """The first few ids of `count`, for a message."""
    return ", ".join(first[:FIRST_FEW]) + (", …" if count > FIRST_FEW else "")
