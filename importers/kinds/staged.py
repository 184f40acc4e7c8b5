"""What is put aside of an export before it is merged: of all its parts, or of some that follow each other.

    for rejected in staged.read(export, Share(the first parts)): ...
    staged.extend(what another process read of those behind)

Shares give one after another what all parts give at once, or `NeedsEarlier` is raised: what depends on the order of
files (which record of a key is the last one, which word on a unit the first) is kept in their order, and what depends
on what stood in files before (`importers/commerceml/earlier.py`) is noticed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, Self

from importers.catalog.aside import Aside
from importers.catalog.tables import OFFER, Shape
from importers.commerceml import Export, Work
from importers.commerceml.earlier import NeedsEarlier, PriceTypes
from importers.commerceml.records import (
    OfferPrices,
    OfferStocks,
    Record,
    Rejected,
    Section,
    Seen,
    UnitUse,
)
from importers.events import FileRead
from importers.kinds.fullness import Sections
from importers.kinds.units import Units

NOWHERE = Section("", "", None)
FACTS_OF_OFFERS = (OfferPrices, OfferStocks)


class Observer(Protocol):
    """Looks at records while they are put aside."""

    def observe(self, records: Sequence[Record]) -> None:
        """`records`: of one type."""
        ...

    def extend(self, other: Self) -> None:
        """Add what another one saw behind this. Raises NeedsEarlier, and adds nothing, where it would have seen other
        things behind this one's."""
        ...


class Reads(NamedTuple):
    """What an import type reads of an export."""

    shapes: tuple[Shape, ...]
    """In the order of merging."""
    observer: Callable[[], Observer] | None = None

    @property
    def wanted(self) -> tuple[type[Record], ...]:
        return (Section, Seen, UnitUse, *(shape.record for shape in self.shapes))


class At(NamedTuple):
    """How far a share is read: so many bytes of the part of this number, all before it, and the records that were put
    aside elsewhere."""

    part: int
    position: int
    records: int = 0


class Share:
    """Parts of an export that follow each other, by their numbers, and how far they are read."""

    def __init__(self, span: range) -> None:
        self.span = span
        self._furthest = (span.start, 0)
        self.part = span.start
        """The one that is read now."""

    def progressed(self, part: int, position: int) -> None:
        """Who reads a share once more, as another one could not, is no further until he has come to where that was."""
        self.part = part
        self._furthest = max(self._furthest, (part, position))

    def at(self) -> At:
        return At(*self._furthest)

    def done(self, work: Work) -> int:
        """In what there is to read of all parts."""
        at = self.at()
        return work.before(at.part, at.position) - work.before(self.span.start, 0)

    def reading(self, work: Work) -> Iterator[tuple[int, float]]:
        """The number of the part that is read now, if one is, and how far it is, 0 to 1."""
        at = self.at()
        if at.part in self.span and 0 < at.position < work[at.part].size:
            yield at.part, at.position / work[at.part].size


class Staged:
    """Of one import type."""

    def __init__(self, reads: Reads, asides: Mapping[Shape, Aside], *, from_start: bool = True) -> None:
        """`asides`: where its records go. `from_start`: the first part of all is the first that is read."""
        self.reads = reads
        self.asides = dict(asides)
        self.observer = reads.observer() if reads.observer else None
        self.sections = Sections()
        self.units = Units()
        self.counts: dict[Shape, int] = defaultdict(int)
        """Rows that were read, without those of overlays."""
        self.files: dict[str, FileRead] = {}
        """What was read of each part, by its name."""
        self._section = NOWHERE if from_start else None
        """The last one: what stands outside of all belongs to it, and be it of a file before."""
        self._price_types = PriceTypes(from_start=from_start)

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def read(self, export: Export, share: Share) -> Iterator[list[Rejected]]:
        """Put aside what the parts tell, batch by batch: the records of each that were rejected. Raises BadFile,
        NeedsEarlier."""
        by_type = {shape.record: shape for shape in self.asides}
        by_name = {shape.record.__name__: shape for shape in self.asides}
        facts_of_offers = [shape for shape in self.asides if shape.record in FACTS_OF_OFFERS]
        waiting: dict[Shape, list[Record]] = defaultdict(list)

        def stage(file: FileRead) -> None:
            for shape, records in waiting.items():
                if self._section is None:
                    raise NeedsEarlier
                if (count := self.put(shape, records, self._section)) and not shape.overlays:
                    table = shape.table.name
                    file.records[table] = file.records.get(table, 0) + count
                if self.observer:
                    self.observer.observe(records)
            waiting.clear()

        began = time.perf_counter()
        for batch in export.records_in(
            share.span, *self.reads.wanted, price_types=self._price_types, on_progress=share.progressed
        ):
            file = self._file(export.parts[share.part].name)
            rejected: list[Rejected] = []
            for record in batch:
                if of := by_type.get(type(record)):
                    waiting[of].append(record)
                elif isinstance(record, Section):
                    stage(file)
                    self._section = record
                    self.sections.enter(record)
                elif isinstance(record, Rejected):
                    rejected.append(record)
                elif isinstance(record, UnitUse):
                    self.units.add(record)
                elif isinstance(record, Seen):
                    if record.record in by_name:
                        self.asides[by_name[record.record]].mark_present(record.id)
                    elif record.record == OFFER.record.__name__:
                        for shape in facts_of_offers:
                            self.asides[shape].mark_present(record.id)
            stage(file)
            file.rejected += len(rejected)
            file.seconds += time.perf_counter() - began
            yield rejected
            began = time.perf_counter()

    def _file(self, name: str) -> FileRead:
        if name not in self.files:
            self.files[name] = FileRead(name)
        return self.files[name]

    def put(self, shape: Shape, records: Iterable[Record], section: Section = NOWHERE) -> int:
        """Put records aside; how many rows these are."""
        self.sections.add(shape)
        scope = section.scope if shape.is_reference else section.catalog_id
        count = self.asides[shape].add(records, scope, full=section.full, of_set=section.set)
        if not shape.overlays:
            self.counts[shape] += count
        return count

    def extend(self, other: Staged) -> None:
        """Add what was read behind this, which is used up. Raises NeedsEarlier, and adds nothing that would count
        twice when it is read again."""
        self.units.extend(other.units)
        if self.observer and other.observer:
            self.observer.extend(other.observer)
        self.sections.extend(other.sections)
        self._section = other._section or self._section
        self._price_types.extend(other._price_types)
        self.files |= other.files  # a part is of one share
        for shape, aside in self.asides.items():
            aside.extend(other.asides[shape])
            self.counts[shape] += other.counts[shape]
