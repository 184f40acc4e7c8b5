"""Rows that a move carries over or refuses: by name, with what to do, and nothing is moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from importers import migrate
from importers.database.postgres import PostgresTransaction
from importers.errors import ObmenError
from tests.conftest import Obmen

WRITTEN = ("1e5", "1.50 ", " 7", "+5", "007")


def in_file(obmen: Obmen, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(obmen.catalog)) as db:
        found = db.execute(sql).fetchall()
        db.commit()
    return found


def on_server(database: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as db:
        return db.execute(sql.encode()).fetchall()


async def test_what_postgresql_cannot_hold_is_told(obmen: Obmen, database: str) -> None:
    obmen.json("import", "catalog", process=True)
    ((last,),) = in_file(obmen, "SELECT max(id) FROM product")
    for change, told in (
        ("name = 'a' || char(0)", "PostgreSQL does not take what stands in name: "),
        ("weight = 'heavy'", "PostgreSQL does not take what stands in weight: "),
        ("name = CAST(x'61ff' AS TEXT)", "what stands in name is no UTF-8; nothing was moved"),
    ):
        in_file(obmen, f"UPDATE product SET {change} WHERE id = '{last}'")
        with pytest.raises(ObmenError) as raised:
            await migrate.migrate(obmen.settings, database)
        text = str(raised.value)
        assert f"catalog.sqlite3: table product, row {last}: {told}" in text
        assert text.endswith("nothing was moved. Correct it in the file")
        assert on_server(database, "SELECT 1 FROM pg_tables WHERE tablename = 'product'") == []
        in_file(obmen, f"UPDATE product SET {change.partition(' ')[0]} = 1 WHERE id = '{last}'")
    assert await migrate.migrate(obmen.settings, database)


async def test_a_number_is_carried_over_however_the_shop_wrote_it(obmen: Obmen, database: str) -> None:
    obmen.json("import", "catalog", "prices", process=True)
    for number, written in enumerate(WRITTEN):
        one = f"SELECT DISTINCT offer_id FROM price ORDER BY 1 LIMIT 1 OFFSET {number}"
        in_file(obmen, f"UPDATE price SET value = '{written}' WHERE offer_id = ({one})")
    await migrate.migrate(obmen.settings, database)
    there = {value for (value,) in on_server(database, "SELECT value FROM price")}
    assert there >= {Decimal(written) for written in WRITTEN}


async def test_a_text_that_looks_like_a_number_is_no_number(
    used: Obmen, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file(used, "UPDATE customer SET name = '1e5'")
    insert = PostgresTransaction.insert

    async def other(
        self: PostgresTransaction, table: str, columns: tuple[str, ...], cells: list[Any]
    ) -> None:
        await insert(self, table, columns, ["100000" if cell == "1e5" else cell for cell in cells])

    monkeypatch.setattr(PostgresTransaction, "insert", other)
    with pytest.raises(ObmenError, match="name is 1e5 and would be 100000 on the server; nothing was moved"):
        await migrate.migrate(used.settings, database)
