"""Exports that tests make up from records, as the reader would stream them: the real protocol, no XML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from importers.commerceml.earlier import PriceTypes
from importers.commerceml.records import Record, Rejected, Section
from importers.commerceml.work import PartWork, Work
from importers.texts import Message

GOODS = Section("catalog-1", "Каталог", True, "catalog-1")
PACKAGE = Section("catalog-1#", "ПакетПредложений", True, "catalog-1")


@dataclass(frozen=True)
class RecordPart:
    """A file of an export that was never written: its records."""

    records: Sequence[Record]
    name: str = "import.xml"
    size: int = 100
    modified: str = "2026-01-01T00:00:00Z"


@dataclass
class RecordExport:
    parts: tuple[RecordPart, ...]
    path: Path = Path("/srv/1c")
    gaps: tuple[Message, ...] = ()
    batch: int = 3
    after: Callable[[], None] = field(default=lambda: None)
    """Called after the last record: where a reader finds out that a file changed while it was read."""

    def work_for(self, *_wanted: type[Record]) -> Work:
        return Work(PartWork(len(part.records), len(part.records)) for part in self.parts)

    def span_for(self, *_wanted: type[Record]) -> range:
        return range(len(self.parts))

    def records_in(
        self,
        span: range,
        *wanted: type[Record],
        price_types: PriceTypes,
        on_progress: Callable[[int, int], None],
    ) -> Iterator[list[Record | Rejected]]:
        for number in span:
            part = self.parts[number]
            taken = [r for r in part.records if type(r) in wanted or isinstance(r, Rejected)]
            for start in range(0, len(taken), self.batch):
                yield taken[start : start + self.batch]
                on_progress(number, start + 1)

    def check_unchanged(self) -> None:
        self.after()

    def offers_elsewhere(self, *wanted: type[Record]) -> Iterator[list[Record | Rejected]]:
        """Every part holds everything."""
        yield from ()


def export(*records: Record) -> RecordExport:
    """An export of one file."""
    return RecordExport((RecordPart(records),))
