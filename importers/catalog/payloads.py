"""Records as bytes, their *payload*, as which they wait until all of an export are read.

A record that says by itself all that there is to say of its key is *plain*: nearly all are. Its rows are kept as INSERT
takes them, cell by cell with their key, in the order of their primary keys. `marshal` writes text that comes several
times once, and reads it in two thirds of the time of MessagePack; its bytes tell nothing of equality.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Sequence
from operator import itemgetter

from importers.catalog.columns import Cell, Row, Rows, RowsOfRecord
from importers.catalog.tables import Shape
from importers.commerceml.records import Record

Cells = list[Cell] | tuple[Cell, ...]
"""Of rows of one table, one row after the other, their key included."""
FactsOfRecord = tuple[Rows, bool, int, tuple[str, ...]]
"""What one record tells: rows, whether they are all, the number of its set, the second keys of what is not set."""
UNREADABLE = b""
"""The payload of what was in the export but could not be read."""
_ODD = b"\0"
"""Begins the payload of a record that is not plain."""
_second = itemgetter(0)


def entity_payload(shape: Shape, key: str, record: Record, rows: RowsOfRecord) -> bytes:
    told: list[Cells | None] = []
    for of_table in rows:
        if not of_table:
            told.append(None if of_table is None else ())
        elif len(of_table) == 1:
            told.append((key, *of_table[0]))
        else:
            told.append(_sorted_cells(key, of_table))
    if (partial := getattr(record, "partial", None)) is not None:
        return _ODD + marshal.dumps((told, partial.how, partial.file, partial.line))
    if shape.overlays:
        return _ODD + marshal.dumps((told, "overlay", "", None))
    return marshal.dumps((told,))


def facts_payload(
    shape: Shape, key: str, rows: RowsOfRecord, whole: bool, set_number: int, unset: tuple[str, ...]
) -> bytes:
    """`rows`: of facts, none is None."""
    main, *parts = (of_table or () for of_table in rows)
    plain = not any(parts)
    if plain and len(main) > 1:
        seconds = {row[0] for row in main}
        plain = len(seconds) == len(main) and not (shape.or_total and "" in seconds)
    if plain:
        return marshal.dumps(((_cells(key, sorted(main, key=_second)),), whole, set_number, unset))
    # What is told twice is told in an order.
    return _ODD + marshal.dumps(
        ([_cells(key, of_table) for of_table in (main, *parts)], whole, set_number, unset)
    )


def is_plain(payload: bytes) -> bool:
    return not payload.startswith(_ODD)


def plain_cells(payload: bytes) -> Sequence[Cells | None]:
    """Of a plain payload, by table; None: nothing is told of it."""
    cells: Sequence[Cells | None] = marshal.loads(payload)[0]  # noqa: S302 (written above)
    return cells


def told_cells(payload: bytes) -> Sequence[Cells | None]:
    """As `plain_cells`, of any entity."""
    if is_plain(payload):
        return plain_cells(payload)
    cells: Sequence[Cells | None] = marshal.loads(memoryview(payload)[1:])[0]  # noqa: S302 (written above)
    return cells


def decode_entity(shape: Shape, payload: bytes) -> tuple[RowsOfRecord, str, str, int | None]:
    """What a record says, and of one that is not plain how, and where it stands."""
    if is_plain(payload):
        return _rows(shape, plain_cells(payload)), "", "", None
    told, how, file, line = marshal.loads(memoryview(payload)[1:])  # noqa: S302 (written above)
    return _rows(shape, told), how, file, line


def decode_facts(shape: Shape, payloads: Iterable[bytes]) -> list[FactsOfRecord]:
    decoded: list[FactsOfRecord] = []
    for payload in payloads:
        told, *rest = marshal.loads(payload if is_plain(payload) else memoryview(payload)[1:])  # noqa: S302
        told = (*told, *((),) * (len(shape.tables) - len(told)))
        decoded.append((_rows(shape, told), *rest))
    return decoded


def _cells(key: str, rows: Iterable[Row]) -> list[Cell]:
    cells: list[Cell] = []
    for row in rows:
        cells.append(key)
        cells += row
    return cells


def _sorted_cells(key: str, rows: Iterable[Row]) -> list[Cell]:
    """Each row once."""
    cells: list[Cell] = []
    last: Row | None = None
    for row in sorted(rows):
        if row != last:
            cells.append(key)
            cells += row
            last = row
    return cells


def _rows(shape: Shape, told: Iterable[Cells | None]) -> RowsOfRecord:
    return tuple(
        None if cells is None else tuple(row[1:] for row in rows_of(cells, len(table.columns)))
        for table, cells in zip(shape.tables, told, strict=True)
    )


def rows_of(cells: Cells, width: int) -> Iterable[Row]:
    """With their keys."""
    return zip(*[iter(cells)] * width, strict=True)
