"""The catalog's transactions in a SQLite file: what a shop, a disk or a cancellation does to them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from support.catalogs import add, rows, warehouse, write

from importers.catalog.protocol import Catalog
from importers.catalog.tables import WAREHOUSE
from importers.errors import DatabaseError


async def test_a_trigger_of_the_shop_that_refuses_is_told_in_its_words(catalog: Catalog, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TRIGGER t BEFORE INSERT ON warehouse BEGIN "
            "SELECT RAISE(ABORT, 'no such table of prices for Киров'); END"
        )
    with pytest.raises(DatabaseError) as error:
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
            await add(transaction, "a")
    assert str(error.value) == (
        f"{path}: a trigger of the shop refused the change: no such table of prices for Киров; change that trigger"
    )


@pytest.mark.parametrize("when", ["in the middle", "while it commits"])
async def test_a_cancel_ends_it_whole_or_not_at_all(
    catalog: Catalog, path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    reached = asyncio.Event()

    async def session() -> None:
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
            transaction.on_commit.append(lambda: called.append("commit"))
            transaction.on_rollback.append(lambda: called.append("rollback"))
            await add(transaction, "a")
            if when == "in the middle":
                reached.set()
                await asyncio.Event().wait()

    if when == "while it commits":
        execute = aiosqlite.Connection.execute

        def watch(self: aiosqlite.Connection, sql: str, *rest: Any) -> Any:
            if sql == "COMMIT":
                reached.set()
            return execute(self, sql, *rest)

        monkeypatch.setattr(aiosqlite.Connection, "execute", watch)
    task = asyncio.create_task(session())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    committed = when == "while it commits"
    assert called == ["commit" if committed else "rollback"]
    assert rows(path, "SELECT count(*) FROM warehouse") == [(int(committed),)]
    assert (await catalog.applied(journal_id="j", task_id="t1") is not None) == committed


async def test_a_statement_that_begins_with_with_is_a_change_too(catalog: Catalog, path: Path) -> None:
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
        assert (
            await transaction.execute(
                "WITH new AS (SELECT 'a', 'A', 0) INSERT INTO warehouse (id, name, removed) SELECT * FROM new"
            )
            == 1
        )
    assert rows(path, "SELECT id FROM warehouse") == [("a",)]


async def test_a_locked_catalog_is_told_plainly(
    catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importers.database.sqlite.PATIENCE_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match=rf"catalog\.sqlite3: locked by process {os.getpid()}; wait"):
            await write(catalog, "a", session=1)
        other.execute("ROLLBACK")
    await write(catalog, "a", session=1)


async def test_a_read_only_catalog_is_told_plainly(
    catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, for whom no file is read-only, too."""
    connect = aiosqlite.connect
    monkeypatch.setattr(
        aiosqlite, "connect", lambda p, **rest: connect(f"file:{p}?mode=ro", uri=True, **rest)
    )
    with pytest.raises(DatabaseError, match="cannot be written; give this account the right"):
        await write(catalog, "a", session=1)


async def test_a_full_disk_is_told_plainly_and_changes_nothing(catalog: Catalog, path: Path) -> None:
    await write(catalog, "a", session=1)

    async def fill() -> None:
        async with catalog.transaction(journal_id="j", session_id=2, task_id="t2", fence=1) as transaction:
            ((pages,),) = [row async for row in transaction.rows("PRAGMA page_count")]
            [_ async for _ in transaction.rows(f"PRAGMA max_page_count = {pages}")]
            await transaction.insert(WAREHOUSE.table, [warehouse(f"{n}", "W" * 100) for n in range(5000)])

    with pytest.raises(DatabaseError, match="the disk is full; free some space"):
        await fill()
    assert rows(path, "SELECT id FROM warehouse") == [("a",)]


async def test_a_commit_that_fails_is_none(
    catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    execute = aiosqlite.Connection.execute

    async def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    def failing(self: aiosqlite.Connection, sql: str, *rest: Any) -> Any:
        return fail() if sql == "COMMIT" else execute(self, sql, *rest)

    async def session() -> None:
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
            transaction.on_commit.append(lambda: called.append("commit"))
            transaction.on_rollback.append(lambda: called.append("rollback"))
            await add(transaction, "a")

    with monkeypatch.context() as patched:
        patched.setattr(aiosqlite.Connection, "execute", failing)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            await session()
    assert called == ["rollback"]
    assert rows(path, "SELECT count(*) FROM warehouse") == [(0,)]
    await write(catalog, "b", session=2)
