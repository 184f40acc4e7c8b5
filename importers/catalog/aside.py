"""What an export tells of one shape, put aside until all of it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from importers.catalog.external_sort import RUN_BYTES, ExternalSort, Item, Spool
from importers.catalog.fold import main_rows
from importers.catalog.payloads import UNREADABLE, Cells, entity_payload, facts_payload, told_cells
from importers.catalog.tables import Shape
from importers.commerceml.records import Record


class Aside:
    """Payloads of records by their keys. It knows of no database, so that any process can read for another one."""

    def __init__(self, shape: Shape, run_bytes: int = RUN_BYTES, spool: Spool | None = None) -> None:
        self._shape = shape
        self._sorted = ExternalSort(run_bytes, spool)
        self.any_added = False
        """Of facts: something was put aside, if only that a price is not set."""
        self.scopes: set[str] = set()
        """The catalogs or classifiers (see Shape.scope) of what was put aside."""

    def add(
        self, records: Iterable[Record], section_id: str = "", *, full: bool = False, of_set: int = 0
    ) -> int:
        """Put records aside; how many rows to count they are (entities: one each, facts: each).

        `full`, `of_set`: of the section that they stand in."""
        if self._shape.facts:
            return self._add_facts(records, section_id, full, of_set)
        shape = self._shape
        identity = shape.record.__struct_fields__[0]
        scope_at = shape.at(shape.scope) if shape.scope else None
        count = 0
        for record in records:
            rows = shape.rows(record, section_id)
            main = main_rows(rows)
            if not main:
                continue
            count += len(main)
            if scope_at is not None:
                self.scopes.add(str(main[0][scope_at]))
            key = getattr(record, identity)
            self._sorted.add(key, entity_payload(shape, key, record, rows))
        return count

    def _add_facts(self, records: Iterable[Record], section_id: str, full: bool, set_number: int) -> int:
        shape = self._shape
        identity, *fields = shape.record.__struct_fields__
        says_whole, full, says_unset = "whole" in fields, full and "readable" in fields, "unset" in fields
        add, rows_of = self._sorted.add, shape.rows
        count = 0
        for record in records:
            self.any_added = True
            rows = rows_of(record, section_id)
            whole = (says_whole and record.whole) or (full and record.readable)  # type: ignore[attr-defined]
            unset = record.unset if says_unset else ()  # type: ignore[attr-defined]
            for of_table in rows:
                count += len(of_table)  # type: ignore[arg-type]  # of facts, none is None
            key = getattr(record, identity)
            add(key, facts_payload(shape, key, rows, whole, set_number, unset))
        if count:
            self.scopes.add(section_id)
        return count

    def mark_present(self, key: str) -> None:
        """This one was in the export but could not be read: it is not absent."""
        self._sorted.add(key, UNREADABLE)

    def extend(self, other: Aside) -> None:
        """Put all behind that is in another one, which is used up."""
        self._sorted.extend(other._sorted)
        self.any_added |= other.any_added
        self.scopes |= other.scopes

    def write(self) -> None:
        """Put on disk what is in memory."""
        self._sorted.write_run()

    def __iter__(self) -> Iterator[Item]:
        """All payloads in the order of keys; those of one key in the order in which they came."""
        return iter(self._sorted)

    def cells(self, n: int) -> Iterator[Cells]:
        """Of entities: what each record tells of the n-th table, if it does."""
        for _key, payload in self._sorted:
            if payload != UNREADABLE and (cells := told_cells(payload)[n]):
                yield cells

    def close(self) -> None:
        self._sorted.close()
