"""Tables are the same in every engine, column by column; only their types differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.engines import PostgresHand, SqliteHand

from importers.catalog import open_catalog
from importers.catalog.columns import Type
from importers.catalog.tables import IMAGE, SHAPES
from importers.sessions import open_journal

COLUMNS = (
    "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() ORDER BY 1, ordinal_position"
)
TYPES = {Type.TEXT: "text", Type.DECIMAL: "numeric", Type.BOOLEAN: "boolean", Type.INTEGER: "bigint"}


async def columns(hand: PostgresHand, open_: Callable[[str], Any]) -> list[tuple[str, str, str, str]]:
    try:
        await (await open_(hand.url)).close()
        return [(str(a), str(b), str(c), str(d)) for a, b, c, d in hand.rows(COLUMNS)]
    finally:
        hand.drop()


@pytest.mark.parametrize("open_", [open_catalog, open_journal])
async def test_the_same_columns_in_the_same_order(
    tmp_path: Path, postgres: str, open_: Callable[[str], Any]
) -> None:
    sqlite = SqliteHand(tmp_path / "a.sqlite3")
    await (await open_(sqlite.url)).close()
    there = sqlite.rows(
        "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c "
        "WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite%' ORDER BY s.name, c.cid"
    )
    assert [each[:2] for each in await columns(PostgresHand(postgres), open_)] == there


async def test_columns_have_their_types_and_texts_the_order_of_code_points(postgres: str) -> None:
    found = {(table, column): (type_, order) for table, column, type_, order in await columns(
        PostgresHand(postgres), open_catalog
    )}  # fmt: skip
    for table in {table for shape in (*SHAPES, IMAGE) for table in shape.tables}:
        for place, column in enumerate(table.columns):
            type_, order = found[table.name, column]
            wanted = TYPES[table.type_of(column)]
            if place < table.keys and wanted == "numeric":
                wanted = "text"  # "" there says that it is not told
            assert type_ == wanted, (table.name, column)
            assert order == ("C" if type_ == "text" else "None"), (table.name, column)
