"""The port through which a merge reads and writes the catalog's tables, whatever engine holds them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from importers.catalog.columns import Cell, Row, Rows, Table
from importers.catalog.tables import Shape

BATCH_KEYS = 1000
"""So many keys are merged, or asked for, at once."""


class Absent(NamedTuple):
    """What a full export does not hold any more: active rows in these scopes with a key in (after, until] that is not
    present. A scope None is the whole table, a bound None is none. Facts with a second key that is `protected` stay."""

    scopes: Collection[str | None]
    present: Collection[str]
    after: str | None
    until: str | None
    protected: Collection[str] = ()


class RowStore(Protocol):
    """All that an import writes of the shop's data goes through `insert_cells`, `update` and `delete`, by key; what a
    plug-in writes by a statement of its own, through `execute`.

    Keys are text that is equal only to itself and comes in the order of its code points, in every range and order
    that the store knows: under another collation a range of keys is another one, and things that are in an export
    would be removed as absent (tests/catalog/test_key_order.py)."""

    async def held(self, tables: Sequence[Table], keys: Collection[str]) -> dict[str, Rows]:
        """Rows by key and table, without their first cell; no key that none of the tables has. The shop may have
        deleted a row and left its parts: they are looked for all the same."""
        ...

    async def filled(self, tables: Sequence[Table], first: str, last: str) -> Sequence[bool]:
        """For each of the tables whether it has a row with a key from `first` to `last`."""
        ...

    async def next_key(self, tables: Sequence[Table], after: str) -> str | None:
        """The first key behind that one of which any of the tables has a row."""
        ...

    async def near(self, table: Table, keys: Sequence[str], about: int) -> Sequence[Row]:
        """The rows of these keys, which come in order, as they lie in the table, and maybe of others between them:
        whichever costs less, if there are `about` so many. In the order of the primary key, or in none."""
        ...

    async def count(self, table: Table, after: str | None, until: str) -> int:
        """How many rows have a key in (after, until]."""
        ...

    async def absent(self, shape: Shape, absent: Absent) -> list[str]:
        """The first keys, BATCH_KEYS at most and in their order, of what is absent."""
        ...

    async def missing(self, table: Table, keys: Sequence[str]) -> list[str]:
        """Those of `keys` that the table does not hold."""
        ...

    async def insert_cells(self, table: Table, cells: list[Cell]) -> None:
        """Add the rows that the cells make up, one after the other, `table.columns` each."""
        ...

    async def update(self, table: Table, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> None:
        """Set these columns in rows that are there. Of each: its primary key, then what to set."""
        ...

    async def delete(self, table: Table, keys: Sequence[tuple[Cell, ...]]) -> None:
        """Take the rows of these primary keys away."""
        ...

    async def execute(self, statement: str, *parameters: Cell) -> int:
        """Write by a statement of one's own; how many rows it touched. For tables of one's own: of obmen's it is not
        known which rows that were."""
        ...
