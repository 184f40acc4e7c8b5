"""A catalog's file: what is in it, and a session that writes one warehouse."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from importers.catalog.columns import Cell
from importers.catalog.protocol import Catalog, CatalogTransaction
from importers.catalog.tables import WAREHOUSE


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def content(path: Path) -> bytes:
    return path.read_bytes()


def warehouse(ident: str, name: str, removed: int = 0) -> tuple[Cell, ...]:
    return ident, name, removed, "", None, None, None


async def add(transaction: CatalogTransaction, ident: str) -> None:
    await transaction.insert(WAREHOUSE.table, [warehouse(ident, ident)])


async def write(catalog: Catalog, ident: str, *, session: int, fence: int = 1, journal: str = "j") -> None:
    async with catalog.transaction(
        journal_id=journal, session_id=session, task_id=f"t{session}", fence=fence
    ) as transaction:
        transaction.note = f"note {session}".encode()
        await add(transaction, ident)
