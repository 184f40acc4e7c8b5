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
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from importers.catalog.absence import Elsewhere
from importers.catalog.merge import Stage
from importers.catalog.protocol import EVERYTHING, FIRST_FEW, Change, Merged
from importers.catalog.tables import OFFER, PRICE, STOCK, UNIT, Cell, Shape
from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Record,
    Rejected,
    Section,
    Seen,
    UnitUse,
)
from importers.errors import BadFile, LimitExceeded
from importers.events import Counted, Counts, Event, Log, Progress, Reject
from importers.kinds.protocol import Job
from importers.texts import N_, _, render

HARMLESS = 10
"""Up to so many rejects or removals no limit applies, unless it is 0: in a small shop they are a large share, not a
disaster."""
NOWHERE = Section("", "", None)
FACTS_OF_OFFERS = (OfferPrices, OfferStocks)
EVERY_SECONDS = 0.3
"""How often progress is told."""

ORPHANS = {
    OFFER.table: N_("{count} offers of unknown products are kept until these arrive: {ids}"),
    PRICE.table: N_("{count} prices of unknown offers are kept until these arrive: {ids}"),
    STOCK.table: N_("{count} stocks of unknown offers are kept until these arrive: {ids}"),
}


class Intake:
    """One run of an import type. `shapes` in the order of merging."""

    def __init__(self, job: Job, *shapes: Shape, needs: Shape | None = None) -> None:
        self._job = job
        self._shapes = shapes
        self._needs = needs
        self._wanted: tuple[type[Record], ...] = (Section, Seen, UnitUse, *(shape.record for shape in shapes))
        self._stages: dict[Shape, Stage] = {shape: job.catalog.stage(shape) for shape in shapes}
        self._active: dict[Shape, int] = {}
        self._hidden: dict[Shape, int] = defaultdict(int)
        self._sections: dict[Section, tuple[Shape, ...]] = {}
        """All sections that were read, with the shapes of what stood in them."""
        self._scopes: set[str] = set()
        self._uses: dict[str, UnitUse] = {}
        self._unnamed_rejects: set[Shape] = set()
        self.empty = False
        """Nothing of this import type was in the export."""
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
        """Stage every record; `see` is given those of one type at a time. Raises BadFile. Where there was nothing to
        read it says so, and `empty` is set."""
        job = self._job
        by_type = {shape.record: shape for shape in self._shapes}
        by_name = {shape.record.__name__: shape for shape in self._shapes}
        facts_of_offers = [shape for shape in self._shapes if shape.record in FACTS_OF_OFFERS]
        at = [0, 0]

        def progress(done: int, total: int) -> None:
            at[:] = done, total

        section = Section("", "", None)
        waiting: dict[Shape, list[Record]] = defaultdict(list)

        def stage() -> None:
            for shape, records in waiting.items():
                self.put(shape, records, section)
                if see:
                    see(records)
            waiting.clear()

        if job.export.gaps:
            yield Log(
                "warning",
                N_("The export is not whole: {gaps}"),
                {"gaps": some(job.export.gaps, len(job.export.gaps))},
            )
        for batch in job.export.records(*self._wanted, on_progress=progress):
            for record in batch:
                if of := by_type.get(type(record)):
                    waiting[of].append(record)
                elif isinstance(record, Section):
                    stage()
                    section = record
                    self._enter(section)
                elif isinstance(record, Rejected):
                    yield self.reject(record)
                elif isinstance(record, UnitUse):
                    self._use(record)
                elif isinstance(record, Seen):
                    if record.record in by_name:
                        self._stages[by_name[record.record]].keep(record.id)
                    elif record.record == Offer.__name__:
                        for shape in facts_of_offers:
                            self._stages[shape].keep(record.id)
            stage()
            await asyncio.sleep(0)  # reading is synchronous: let a cancel or a heartbeat in
            if self.due():
                yield Progress(job.kind, "read", at[0], at[1], self._staged)
        yield Progress(job.kind, "read", at[1], at[1], self._staged)
        for event in self.check_read():
            yield event

    async def _offers_elsewhere(self) -> AsyncIterator[str]:
        """The ids of offers that files tell that were not read."""
        for batch in self._job.export.offers_elsewhere(*self._wanted):
            for record in batch:
                if isinstance(record, Seen):
                    yield record.id
            await asyncio.sleep(0)

    def check_read(self) -> Iterator[Event]:
        """A kind that read nothing must not end as if all were well. Empty prices are none, but they are told."""
        needed = (self._needs,) if self._needs else self._shapes
        self.empty = not any(self.tables[of.table.name].read or self._stages[of].told for of in needed)
        if self.empty:
            for table in self.tables:
                self.tables[table] = Counts()
            yield Log("warning", N_("{kind}: nothing of it in this export"), {"kind": self._job.kind})

    def _use(self, used: UnitUse) -> None:
        """Remember what is told of a unit; the first word counts, later ones fill its gaps."""
        known = self._uses.get(used.code)
        if max(len(told or "") for told in _fields(used)) > LONGEST_UNIT:
            return
        if known is None:
            if len(self._uses) < MANY_UNITS:
                self._uses[used.code] = used
        elif known != used:
            told = (mine or other for mine, other in zip(_fields(known), _fields(used), strict=True))
            self._uses[used.code] = UnitUse(*told)  # type: ignore[arg-type]

    async def define_units(self, names: Iterable[str] = ()) -> None:
        """After the units of the export are merged: make rows of those that records use and nobody defined, and let the
        rest be written by the code that the name of a unit stands for. `names`: more that are used."""
        catalog = self._job.catalog
        names = tuple(names)
        for name in names:
            self._use(UnitUse(name, None if name.isdigit() else name, None))
        held = {
            row[0]: row
            async for row in catalog.rows("SELECT code, short_name, full_name, international FROM unit")
        }
        codes: dict[str, str] = {}
        for at in (1, 2, 3):
            for code in sorted([*held, *self._uses]):
                row = held.get(code) or _fields(self._uses[code])
                if row[at] and row[at] != code and row[at] not in held:
                    codes.setdefault(str(row[at]), code)
        changed = []
        for code, used in self._uses.items():
            if code in codes:
                continue
            row = held.get(code, (code, None, None, None))
            new = tuple(was or now for was, now in zip(row, _fields(used), strict=True))
            if code not in held or new != tuple(row):
                changed.append(new)
        await catalog.replace(UNIT.table, changed)
        used_names = {name: codes[name] for name in names if name in codes}
        for shape, stage in self._stages.items():
            stage.units = used_names if shape.facts else codes

    def put(self, shape: Shape, records: Iterable[Record], section: Section = NOWHERE) -> None:
        """Stage records by hand, for a kind that does not read() them from XML."""
        shapes = self._sections.get(section, ())
        if shape not in shapes:
            self._sections[section] = (*shapes, shape)
        count = self._stages[shape].add(
            records,
            section.scope if shape.is_reference else section.catalog_id,
            full=section.full,
            of_set=section.set,
        )
        if not shape.overlays:
            self.tables[shape.table.name].read += count
            self._staged += count

    def _enter(self, section: Section) -> None:
        self._sections.setdefault(section, ())
        self._scopes |= {section.catalog_id, section.classifier_id}
        if len(self._scopes) > MANY_SCOPES:
            raise BadFile(
                _("has more catalogs or classifiers than any 1C writes; let 1C write the export again"),
                section.file,
            )

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
        elif not rejected.id:
            self._unnamed_rejects.add(shape)
        return Reject(
            self._job.kind, rejected.file, rejected.line, rejected.id, rejected.reason, rejected.args,
            rejected.fragment,
        )  # fmt: skip

    async def merge(self, shape: Shape, see: Callable[[Change], None] | None = None) -> AsyncIterator[Event]:
        """Merge the staged records of one shape; `see` is given every change of what was there before."""
        if self.empty:
            return
        stage = self._stages[shape]
        full, warnings = self._full_scopes(shape)
        for warning in warnings:
            yield warning
        if shape.removed_at is not None or (shape.facts and full):
            self._active[shape] = await self._job.catalog.active(shape)
        if shape.record in FACTS_OF_OFFERS and full:
            stage.elsewhere = Elsewhere(self._offers_elsewhere)
        table = shape.table.name
        counts = Counts()
        found = _Found(table)
        async for merged in stage.merge(full):
            if shape.overlays:
                continue
            counts += merged.counts
            found.add(merged)
            self._hidden[shape] += merged.hidden
            for key, file, line in merged.rejected:
                counts.rejected += 1
                yield Reject(self._job.kind, file, line, key, UNKNOWN_PART)
            if see:
                for change in merged.changes:
                    see(change)
            self._merged += _outcomes(merged.counts) - merged.counts.read
            if self.due():
                yield Progress(self._job.kind, "merge", self._merged, self._staged, self._staged)
        stage.close()
        if shape.overlays:
            return
        self.tables[table] += counts
        yield Progress(self._job.kind, "merge", self._merged, self._staged, self._staged)
        if counts.orphans:
            message = ORPHANS.get(shape.table, N_("{table}: {count} without a known parent are kept: {ids}"))
            ids = some(found.orphans, counts.orphans)
            yield Log("warning", message, {"table": table, "count": counts.orphans, "ids": ids})
        for event in found.tell():
            yield event
        for to, links in stage.links.items():
            unknown = await self._job.catalog.missing(to, sorted(links))
            if unknown:
                args: dict[str, str | int] = {
                    "count": sum(links[key] for key in unknown),
                    "table": to.name,
                    "ids": some(unknown[:FIRST_FEW], len(unknown)),
                }
                yield Log(
                    "warning", N_("{table}: {count} links lead to unknown ones and are kept: {ids}"), args
                )

    async def keep_unlisted(self, facts: Shape, reference: Shape, setting: str) -> AsyncIterator[Event]:
        """Let facts of these references stay though a whole list leaves them out: ids or names, separated by commas,
        or * for all. Names may hold commas themselves; small letters or large ones do not matter to them."""
        if self.empty or not setting.strip(" ,"):
            return
        if setting.strip() == "*":
            self._stages[facts].kept_keys = EVERYTHING
            return
        by_name: dict[str, list[str]] = defaultdict(list)
        statement = f"SELECT id, name FROM {reference.table.name}"  # noqa: S608 (ours)
        async for ident, name in self._job.catalog.rows(statement):
            by_name[ident].append(ident)
            by_name[str(name).casefold()].append(ident)
        kept: list[str] = []
        unknown: list[str] = []
        pieces = setting.split(",")
        while pieces:
            for length in range(len(pieces), 0, -1):  # the longest that is one
                name = ",".join(pieces[:length]).strip()
                found = by_name.get(name) or by_name.get(name.casefold())
                if found or length == 1:
                    kept += found or []
                    unknown += [name] if name and not found else []
                    del pieces[:length]
                    break
        self._stages[facts].kept_keys = {*kept, *unknown}
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

    def finish(self) -> Iterator[Event]:
        """The counts, then LimitExceeded if they are beyond the limits."""
        job = self._job
        for table, counts in self.tables.items():
            if counts.read:
                yield Log("info", _SUMMARY, _as_args(table, counts))
        reasons = list(self._beyond_limits())
        if job.options.force:
            yield from reasons
        yield Counted(job.kind, self.total, self.tables, self.empty)
        if reasons and not job.options.force:
            reason = render(reasons[0].message, reasons[0].args)
            raise LimitExceeded(
                _("{reason}; nothing is changed. Correct the export, or import with --force").format(
                    reason=reason
                )
            )

    def _full_scopes(self, shape: Shape) -> tuple[set[str | None], list[Log]]:
        """The scopes of which the export holds everything, and why some are not taken for that: absence removes only
        what was exported in full, in all parts, and was read to the last record."""
        table = shape.table.name
        said: dict[str | None, bool] = {}
        naming = self._naming() if shape.is_reference else {}
        for section, shapes in self._sections.items():
            if shape.is_reference:
                if shape in shapes:
                    said[section.scope] = said.get(section.scope, True) and _is_full(section, naming)
            elif section.name in shape.sections and (not shape.facts or shape in shapes):
                scope = section.catalog_id if shape.scope or shape.facts else None
                said[scope] = said.get(scope, True) and section.full
        full = {
            scope for scope, all_full in said.items()
            if all_full and (scope is None or scope in self._stages[shape].scopes)
        }  # fmt: skip
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

    def _naming(self) -> Naming:
        """What the sections of goods say of lists that say nothing themselves, see `_is_full`."""
        naming: Naming = {}
        for section in self._sections:
            for lister in LISTERS if section.name == "Каталог" else LISTERS[:1]:
                if section.name in GOODS_SECTIONS:
                    keys = [(section.classifier_id, section.file), (section.classifier_id, None)]
                    for key in keys if section.classifier_id else [*keys, (None, section.file)]:
                        naming[lister, *key] = naming.get((lister, *key), True) and section.full
        return naming

    def _beyond_limits(self) -> Iterator[Log]:
        """What is over the limits of guarantee 9, as warnings."""
        job = self._job
        counts = self.total
        share = job.limits.max_reject_share
        if counts.rejected > _harmless(share) and counts.rejected > share * counts.read:
            yield Log(
                "warning",
                N_("{kind}: {rejected} of {read} records are rejected, more than {share}"),
                {
                    "kind": job.kind,
                    "rejected": counts.rejected,
                    "read": counts.read,
                    "share": _percent(share),
                },
            )
        share = job.limits.max_removed_share
        for shape, active in self._active.items():
            removed = self._hidden[shape]
            if removed > _harmless(share) and removed > share * active:
                yield Log(
                    "warning",
                    N_("{kind}: {removed} of {active} rows of {table} would be removed, more than {share}"),
                    {
                        "kind": job.kind,
                        "removed": removed,
                        "active": active,
                        "table": shape.table.name,
                        "share": _percent(share),
                    },
                )

    def due(self) -> bool:
        """Whether it is time to tell progress again."""
        now = time.monotonic()
        if now - self._told_at < EVERY_SECONDS:
            return False
        self._told_at = now
        return True


Naming = dict[tuple[str, str | None, str | None], bool]
"""Whether all sections are full that speak for a lister: those that name a classifier in a file, (lister, classifier,
file), or in any file, (lister, classifier, None); those of a file that name none, (lister, None, file)."""


def _is_full(section: Section, naming: Naming) -> bool:
    """Whether the reference data of a section are all that there are. 1C 2.0x says so in the Каталог alone: for a
    Классификатор the sections that name it count, those of the same file where there are any, for the lists of a
    ПакетПредложений the Каталог of the same Классификатор."""
    if section.changes_only is not None or section.name not in LISTERS:
        return section.full
    said = [
        naming.get((section.name, section.classifier_id, section.file)),
        naming.get((section.name, None, section.file)),
        naming.get((section.name, section.classifier_id, None)),
    ]
    beside = [full for full in said[:2] if full is not None]
    return all(beside) if beside else bool(said[2])


class _Found:
    """What a merge met that an operator should know, with the first few keys."""

    def __init__(self, table: str) -> None:
        self._table = table
        self.orphans: list[str] = []
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[str]] = defaultdict(list)

    def add(self, merged: Merged) -> None:
        self.orphans += merged.orphans[: FIRST_FEW - len(self.orphans)]
        for name in FOUND:
            if count := getattr(merged, name):
                self._counts[name] += count
                first = self._first[name]
                first += getattr(merged, f"{name}_first")[: FIRST_FEW - len(first)]

    def tell(self) -> Iterator[Log]:
        for name, message in FOUND.items():
            if count := self._counts[name]:
                ids = some(self._first[name], count)
                yield Log("warning", message, {"table": self._table, "count": count, "ids": ids})


FOUND = {
    "differing": N_("{table}: {count} records came again with other content; the last one counts: {ids}"),
    "beside": N_("{table}: {count} more prices of the same types are kept beside the base ones: {ids}"),
    "ungrouped": N_("{table}: {count} are in no group: {ids}"),
    "absent": N_("{table}: {count} are not in the full export any more and are removed: {ids}"),
}
"""What is told of a table, by the field of `Merged`."""
UNKNOWN_PART = N_("has no Наименование, and nothing is known of it that it could be a part of")
LISTERS = ("Классификатор", "ПакетПредложений")
"""Sections whose lists may be full without their saying so."""
GOODS_SECTIONS = ("Каталог", "ПакетПредложений", "ИзмененияПакетаПредложений")
MANY_UNITS = 10_000
LONGEST_UNIT = 255
"""Characters of what is taken for the code or a name of a unit."""
MANY_SCOPES = 10_000
"""Catalogs and classifiers of one export."""

_SUMMARY = N_(
    "{table}: read {read}, created {created}, updated {updated}, unchanged {unchanged}, removed {removed}, "
    "rejected {rejected}, orphans {orphans}"
)


def _harmless(share: float) -> int:
    return HARMLESS if share else 0


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"


def _as_args(table: str, counts: Counts) -> dict[str, str | int]:
    return {"table": table, **{name: getattr(counts, name) for name in counts.__struct_fields__}}


def _outcomes(counts: Counts) -> int:
    return counts.created + counts.updated + counts.unchanged + counts.removed


def _fields(used: UnitUse) -> tuple[str | None, ...]:
    return used.code, used.short_name, used.full_name, used.international


def some(first: Sequence[str], count: int) -> str:
    """The first few ids of `count`, for a message."""
    return ", ".join(first[:FIRST_FEW]) + (", …" if count > FIRST_FEW else "")
