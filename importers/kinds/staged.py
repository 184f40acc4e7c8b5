"""What is put aside of an export before it is merged: of all its parts, or of some that follow each other.

    for rejected in staged.read(export, span, on_progress): ...
    staged.extend(what was read of the parts behind, here or in another process)

One after another, spans give what all parts give at once, or `NeedsEarlier` is raised: what depends on the order of
files (which record of a key is the last one, which word on a unit the first) is kept in their order, and what depends
on what stood in files before (`importers/commerceml/earlier.py`) is noticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, Self

from importers.catalog.aside import Aside
from importers.catalog.tables import OFFER, Shape
from importers.commerceml import Export
from importers.commerceml.earlier import NeedsEarlier
from importers.commerceml.records import (
    OfferPrices,
    OfferStocks,
    Record,
    Rejected,
    Section,
    Seen,
    UnitUse,
)
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


class Staged:
    """Of one import type. `asides`: where its records go."""

    def __init__(self, asides: Mapping[Shape, Aside], observer: Observer | None = None) -> None:
        self.asides = dict(asides)
        self.observer = observer
        self.sections = Sections()
        self.units = Units()
        self.counts: dict[Shape, int] = defaultdict(int)
        """Rows that were read, without those of overlays."""

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def read(self, export: Export, span: range, on_progress: Callable[[int], None]) -> Iterator[list[Rejected]]:
        """Put aside what the parts tell, batch by batch: the records of each that were rejected. Raises BadFile,
        NeedsEarlier."""
        by_type = {shape.record: shape for shape in self.asides}
        by_name = {shape.record.__name__: shape for shape in self.asides}
        facts_of_offers = [shape for shape in self.asides if shape.record in FACTS_OF_OFFERS]
        wanted = Reads(tuple(self.asides)).wanted
        section = NOWHERE if span.start == 0 else None
        waiting: dict[Shape, list[Record]] = defaultdict(list)

        def stage() -> None:
            if waiting and section is None:  # what stands outside of all belongs to the last one of a file before
                raise NeedsEarlier
            for shape, records in waiting.items():
                count = self.put(shape, records, section or NOWHERE)
                if not shape.overlays:
                    self.counts[shape] += count
                if self.observer:
                    self.observer.observe(records)
            waiting.clear()

        for batch in export.records_in(span, *wanted, on_progress=on_progress):
            rejected: list[Rejected] = []
            for record in batch:
                if of := by_type.get(type(record)):
                    waiting[of].append(record)
                elif isinstance(record, Section):
                    stage()
                    section = record
                    self.sections.enter(section)
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
            stage()
            yield rejected

    def put(self, shape: Shape, records: Iterable[Record], section: Section = NOWHERE) -> int:
        """Put records aside; how many rows these are."""
        self.sections.add(shape)
        return self.asides[shape].add(
            records,
            section.scope if shape.is_reference else section.catalog_id,
            full=section.full,
            of_set=section.set,
        )

    def extend(self, other: Staged) -> None:
        """Add what was read behind this, which is used up. Raises NeedsEarlier, and adds nothing that would count
        twice when it is read again."""
        self.units.extend(other.units)
        self.sections.extend(other.sections)
        if self.observer and other.observer:
            self.observer.extend(other.observer)
        for shape, aside in self.asides.items():
            aside.extend(other.asides[shape])
            self.counts[shape] += other.counts[shape]
