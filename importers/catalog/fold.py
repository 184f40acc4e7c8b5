"""What the records of one key make together, from what the catalog holds on: no database in here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from importers.catalog.columns import Cell, Row, Rows, RowsOfRecord, Table
from importers.catalog.payloads import FactsOfRecord, decode_entity, is_plain
from importers.catalog.tables import Shape


def _replaced(shape: Shape, old: Rows | None, rows: RowsOfRecord) -> Rows:
    """An entity that one record tells as a whole, or marks as removed."""
    if old is not None and is_removed(shape, rows):
        # A deletion mark often comes alone: what the shop knows of the thing stays.
        return _marked(shape, old, 1)
    return _completed(rows, old)


def settle(
    shape: Shape, held: Rows | None, full: Collection[str | None], payloads: Sequence[bytes]
) -> Settled:
    """All that is told of one key. A part of something that a later record makes known is a part of that, as it will be
    when the same is imported again."""
    settled = Settled(shape, held, full)
    for payload in payloads:
        settled.apply(payload)
    if settled.unknown and settled.rows is not None:
        return settle(shape, settled.rows, full, payloads)
    return settled


class Settled:
    """One entity while its records are taken in the order in which they came: what it is after them, from what the
    catalog holds on. `unknown`: (file, line) of parts of something that nobody knows."""

    def __init__(self, shape: Shape, held: Rows | None, full: Collection[str | None]) -> None:
        self._shape = shape
        self._full = full
        self.rows: Rows | None = held
        self.unknown: list[tuple[str, int | None]] = []
        self.differing = 0
        self._whole: RowsOfRecord | None = None
        """What the last record said that told it as a whole."""
        self._stood_in = False

    def apply(self, payload: bytes) -> None:
        rows, how, file, line = decode_entity(self._shape, payload)
        if not is_plain(payload):
            self._apply_partial(rows, how, file, line)
            return
        if self.rows is None or not is_removed(self._shape, rows):
            self.differing += self._whole is not None and rows != self._whole
            self._whole = rows
        self.rows = _replaced(self._shape, self.rows, rows)

    def _apply_partial(self, rows: RowsOfRecord, how: str, file: str, line: int | None) -> None:
        shape, known = self._shape, self.rows
        if how == "variant":
            self.rows = self._stand_in(rows)
        elif known is None:
            if how == "part" or (how == "facts" and shape.parent_column is None):
                self.unknown += [(file, line)] if how == "part" else []
                return
            self.rows = _completed(rows, None)
        elif how == "facts":
            self.rows = _marked(shape, known, 0)
        else:
            self.rows = _overlaid(shape, known, rows)

    def _stand_in(self, rows: RowsOfRecord) -> Rows:
        """A Товар of one characteristic: the product is its first one, with the pictures and properties of all. It
        replaces neither what a record of the product itself told, nor, in changes alone, what others of it told."""
        shape, known = self._shape, self.rows
        if self._whole is not None and known is not None:
            return _marked(shape, known, 0)
        first, self._stood_in = not self._stood_in, True
        if known is None or (first and in_full(shape, main_rows(rows)[0], self._full)):
            return _completed(rows, None)
        if not known[0][0][shape.at("by_characteristic")]:
            return _marked(shape, known, 0)
        over, under = (known, rows) if not first else (rows, known)
        row = tuple(
            b if a is None else a for a, b in zip(main_rows(over)[0], main_rows(under)[0], strict=True)
        )
        united = [
            _united(table, was or (), now or ())
            for table, was, now in zip(shape.parts, known[1:], rows[1:], strict=True)
        ]
        return _marked(shape, ((row,), *united), 0)


class Facts:
    """The facts of one key, with the codes of units in place of their names: within a set of files their union counts,
    of two sets the later one.

    `facts`: by their second key. `unset`: the second keys of those that are told as not set. `whole`: they are all that
    there are. `total`: one without a warehouse was told, so single ones go. `count`: how many were told, one by one.
    """

    __slots__ = ("beside", "count", "differing", "facts", "total", "unset", "whole")

    def __init__(self, shape: Shape, records: Iterable[FactsOfRecord], units: Mapping[str, str]) -> None:
        self.facts: dict[Cell, Row] = {}
        self.beside: dict[Row, None] = {}
        self.unset: set[Cell] = set()
        self.whole = self.total = False
        self.count = self.differing = 0
        for _set, of_set in groupby(records, key=itemgetter(2)):
            self._apply_set(shape, list(of_set))
        if units and shape.units:
            # Only now: what becomes the same by its code was told, and is counted, more than once.
            main, beside = with_codes(shape, units, (tuple(self.facts.values()), tuple(self.beside)))
            self.facts, self.beside = {row[0]: row for row in main}, dict.fromkeys(beside)

    def _apply_set(self, shape: Shape, records: list[FactsOfRecord]) -> None:
        if all(whole for _rows, whole, _set, _unset in records):
            self.whole = True
            self.facts, self.beside, self.unset = {}, {}, set()
        own: set[Cell] = set()
        """What this set has told: a later set corrects an earlier one, but to tell a thing twice is odd."""
        for rows, _whole, _set, unset in records:
            facts = self.facts
            for row in rows[0]:
                second = row[0]
                if shape.or_total:
                    self.total = self.total or second == ""
                    if facts and (second == "") != ("" in facts):
                        self.differing += len(own)
                        own.clear()
                        facts.clear()
                if second in own:
                    self.differing += facts.get(second) != row
                own.add(second)
                facts[second] = row
                self.unset.discard(second)
            for second in unset:
                self.differing += second in own
                facts.pop(second, None)
            self.unset.update(unset)
            self.count += sum(map(len, rows))
            for part in rows[1:]:
                self.beside.update(dict.fromkeys(part))


def with_codes(shape: Shape, units: Mapping[str, str], rows: Rows) -> Rows:
    """With the codes of units in place of their names."""
    for n, at in shape.units:
        for row in rows[n]:
            if row[at] in units:
                coded = tuple(
                    dict.fromkeys(
                        (*row[:at], units.get(row[at], row[at]), *row[at + 1 :])  # type: ignore[arg-type]
                        for row in rows[n]
                    )
                )
                rows = (*rows[:n], coded, *rows[n + 1 :])
                break
    return rows


def main_rows(rows: RowsOfRecord) -> tuple[Row, ...]:
    """The rows of the main table."""
    return rows[0] or ()


def is_removed(shape: Shape, rows: RowsOfRecord) -> bool:
    return shape.removed_at is not None and bool(main_rows(rows)[0][shape.removed_at])


def _marked(shape: Shape, rows: Rows, removed: int) -> Rows:
    """With the mark of removal set to 1 or 0."""
    at = shape.at("removed")
    row = rows[0][0]
    return rows if row[at] == removed else (((*row[:at], removed, *row[at + 1 :]),), *rows[1:])


def _completed(rows: RowsOfRecord, old: Rows | None) -> Rows:
    """With what was there before, where nothing is told of a part."""
    if None not in rows:
        return rows  # type: ignore[return-value]
    if old is None:
        return tuple(now or () for now in rows)
    return tuple(was if now is None else now for now, was in zip(rows, old, strict=True))


def _overlaid(shape: Shape, known: Rows, rows: RowsOfRecord) -> Rows:
    """With each cell and part that is told."""
    row = tuple(was if now is None else now for now, was in zip(main_rows(rows)[0], known[0][0], strict=True))
    if shape.scope and not row[shape.at(shape.scope)]:
        at = shape.at(shape.scope)
        row = (*row[:at], known[0][0][at], *row[at + 1 :])
    return (row,), *_completed(rows, known)[1:]


def _united(table: Table, rows: Sequence[Row], more: Sequence[Row]) -> tuple[Row, ...]:
    """Rows of a part, and more of them that are not there yet; their positions go on."""
    rest = table.columns[1:]
    if "position" not in rest:
        return tuple(dict.fromkeys((*rows, *more)))
    at = rest.index("position")
    ordered = sorted(rows, key=itemgetter(at))
    distinct = {(*row[:at], *row[at + 1 :]): None for row in (*ordered, *more)}
    return tuple((*row[:at], position, *row[at:]) for position, row in enumerate(distinct))


def in_full(shape: Shape, row: Row, full: Collection[str | None]) -> bool:
    return bool(full) and (None in full or (shape.scope is not None and row[shape.at(shape.scope)] in full))
