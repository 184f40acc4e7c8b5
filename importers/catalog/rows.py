"""The port through which a merge reads and writes the catalog's tables, whatever engine holds them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from importers.catalog.columns import Cell, Rows, Table
from importers.catalog.tables import Shape

BATCH_KEYS = 1000
"""So many keys are merged, or asked for, at once."""


class Absent(NamedTuple):
    """What a full export does not hold any more: active rows in these scopes with a key in (after, until] that is not
    present. A scope None is the whole table, a bound None is none. Facts with a second key that is `kept` stay."""

    scopes: Collection[str | None]
    present: Collection[str]
    after: str | None
    until: str | None
    kept: Collection[str] = ()


class Removed(NamedTuple):
    rows: int
    keys: int
    first: list[str]
    """The first few keys."""


class RowStore(Protocol):
    """Keys are text that is equal only to itself and comes in the order of its code points, in every range and order
    that the store knows: under another collation a range of keys is another one, and things that are in an export
    would be removed as absent (tests/catalog/test_key_order.py)."""

    async def held(self, tables: Sequence[Table], keys: Collection[str]) -> dict[str, Rows]:
        """Rows by key and table, without their first cell; no key that none of the tables has. The shop may have
        deleted a row and left its parts: they are looked for all the same."""
        ...

    async def insert_cells(self, table: Table, cells: list[Cell]) -> None:
        """Add the rows that the cells make up, one after the other, `table.columns` each."""
        ...

    async def replace(self, table: Table, rows: Sequence[tuple[Cell, ...]]) -> None:
        """Add rows, or write them over those of the same key; `table.columns` each."""
        ...

    async def delete(self, table: Table, keys: Sequence[tuple[Cell, ...]]) -> None:
        """Take the rows of these primary keys away."""
        ...

    async def count(self, table: Table, after: str | None, until: str) -> int:
        """How many rows have a key in (after, until]."""
        ...

    async def has_absent(self, shape: Shape, absent: Absent) -> bool:
        """Whether `remove_absent` would find anything."""
        ...

    async def remove_absent(self, shape: Shape, absent: Absent) -> Removed:
        """Mark things as removed; prices and stocks, which have no such mark, go."""
        ...

    async def missing(self, table: Table, keys: Sequence[str]) -> list[str]:
        """Those of `keys` that the table does not hold."""
        ...
