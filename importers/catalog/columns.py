"""Tables, their columns and what these hold, and rows of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

Cell = str | int | None
Row = tuple[Cell, ...]
"""The cells of a row without its first column, which is the key of the record."""
Rows = tuple[tuple[Row, ...], ...]
"""What the catalog holds of a record: for each table of its shape its rows."""
RowsOfRecord = tuple[tuple[Row, ...] | None, ...]
"""What a record says, alike; None: nothing, so what the catalog holds stays. Of its main table it always
says something."""


class Type(StrEnum):
    TEXT = "text"
    DECIMAL = "decimal"
    """An exact number, told as canonical decimal text. In a primary key, which has no NULL, "" says that it is not
    told: an engine whose numbers cannot be "" keeps text there."""
    BOOLEAN = "boolean"
    """0 or 1."""
    INTEGER = "integer"


TYPES = {
    **dict.fromkeys(
        (
            "removed", "for_products", "for_offers", "multiple", "required", "is_default", "tax_included",
            "by_characteristic",
        ),
        Type.BOOLEAN,
    ),
    **dict.fromkeys(("sort_order", "position", "size"), Type.INTEGER),
    **dict.fromkeys(
        ("quantity", "min_quantity", "coefficient", "weight", "length", "width", "height", "volume"), Type.DECIMAL
    ),
}  # fmt: skip
"""Of columns that are no text, by their names, which mean the same in every table."""


class Table(msgspec.Struct, frozen=True, eq=False):
    """A table. `columns`: those that an import writes; the first `keys` of them are its primary key. `decimals`: those
    that are exact numbers in this table alone.

    Names that operators read in the log are marked for translation.
    """

    name: str
    columns: tuple[str, ...]
    keys: int = 1
    decimals: tuple[str, ...] = ()
    begins_as: tuple[tuple[str, str], ...] = ()
    """Pairs of a column that is derived after an import and one of `columns`, which mostly holds what will be derived:
    a new row has it at once, so that few rows are written twice."""

    def type_of(self, column: str) -> Type:
        return Type.DECIMAL if column in self.decimals else TYPES.get(column, Type.TEXT)
