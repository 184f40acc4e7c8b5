"""The catalog's file and its transactions: what the worker and the reaper build on."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from importers.catalog import open_catalog
from importers.catalog.columns import Cell
from importers.catalog.protocol import Catalog, CatalogTransaction
from importers.catalog.store import SCHEMA
from importers.catalog.tables import SHAPES, WAREHOUSE
from importers.errors import DatabaseError, LeaseLost
from importers.sessions import open_journal


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    catalog = await open_catalog(f"sqlite:///{tmp_path}/shop/catalog.sqlite3")
    yield catalog
    await catalog.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop" / "catalog.sqlite3"


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


async def test_a_new_catalog_has_large_pages_and_an_older_one_keeps_its_own(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old")) as old:
        old.execute("PRAGMA page_size = 4096")
        old.execute("CREATE TABLE of_the_shop (id)")
    for name, size in (("new", 16384), ("old", 4096)):
        await (await open_catalog(f"sqlite:///{tmp_path / name}")).close()
        assert rows(tmp_path / name, "PRAGMA page_size") == [(size,)]


async def test_a_commit_leaves_its_note(catalog: Catalog, path: Path) -> None:
    assert await catalog.applied(journal_id="j", task_id="t1") is None
    await write(catalog, "a", session=1)
    assert await catalog.applied(journal_id="j", task_id="t1") == b"note 1"
    assert await catalog.applied(journal_id="j", task_id="t2") is None
    assert await catalog.applied(journal_id="other", task_id="t1") is None
    assert rows(path, "SELECT id FROM warehouse") == [("a",)]


@pytest.mark.parametrize(
    ("session", "fence", "stale"), [(4, 9, False), (5, 1, True), (5, 2, False), (6, 1, False)]
)
async def test_whoever_lost_the_session_cannot_change_the_catalog(
    catalog: Catalog, path: Path, session: int, fence: int, stale: bool
) -> None:
    await write(catalog, "a", session=5, fence=2)
    if stale:
        with pytest.raises(LeaseLost, match=f"session {session} was taken over"):
            await write(catalog, "b", session=session, fence=fence)
        assert rows(path, "SELECT id FROM warehouse") == [("a",)]
        assert await catalog.applied(journal_id="j", task_id="t5") == b"note 5"
    else:
        await write(catalog, "b", session=session, fence=fence)
        assert rows(path, "SELECT count(*) FROM warehouse") == [(2,)]


async def test_journals_do_not_fence_each_other(catalog: Catalog) -> None:
    await write(catalog, "a", session=50, journal="one")
    await write(catalog, "b", session=1, journal="two")
    assert await catalog.applied(journal_id="one", task_id="t50") == b"note 50"
    assert await catalog.applied(journal_id="two", task_id="t1") == b"note 1"


async def test_a_task_is_known_by_its_id_not_by_its_number(catalog: Catalog) -> None:
    """Numbers come again when a journal is restored from a copy."""
    await write(catalog, "a", session=7, fence=3)
    async with catalog.transaction(journal_id="j", session_id=7, task_id="another", fence=1) as transaction:
        await add(transaction, "b")
    assert await catalog.applied(journal_id="j", task_id="t7") == b"note 7"
    assert await catalog.applied(journal_id="j", task_id="another") == b""


async def test_a_dry_run_is_not_refused(catalog: Catalog, path: Path) -> None:
    """It changes nothing; the reaper looks that way what became of a task."""
    await write(catalog, "a", session=1, fence=2)
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1, dry_run=True) as dry:
        assert await catalog.applied(journal_id="j", task_id="t1") == b"note 1"
        await add(dry, "b")
    assert rows(path, "SELECT id FROM warehouse") == [("a",)]


async def test_the_last_notes_of_each_journal_are_kept(
    catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importers.catalog.store.KEPT_NOTES", 2)
    await write(catalog, "other", session=9, journal="other")
    for session in (3, 1, 2):
        await write(catalog, f"w{session}", session=session)
    kept = rows(path, "SELECT journal_id, session_id FROM applied ORDER BY position")
    assert kept == [("other", 9), ("j", 1), ("j", 2)]


async def test_schema_2_is_brought_up_with_its_data(path: Path) -> None:
    old_database(path)
    catalog = await open_catalog(f"sqlite:///{path}")
    try:
        assert rows(path, "SELECT * FROM obmen_schema") == [(3,)]
        assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'schema_version'") == []
        assert rows(path, "SELECT id FROM warehouse") == [("w",)]
        assert rows(path, "SELECT journal_id, session_id, task_id, fence, note FROM applied ORDER BY 1") == [
            ("j", 7, "", 3, b"{}"), ("k", 1, "", 1, b"{}"),
        ]  # fmt: skip
        assert await catalog.applied(journal_id="j", task_id="t7") is None
        await write(catalog, "x", session=7)
    finally:
        await catalog.close()


def old_database(path: Path) -> None:
    """As obmen made it before schema 3."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        for script in sorted(SCHEMA.glob("00[12]_*.sql")):
            db.executescript(script.read_text(encoding="utf-8"))
        db.executescript(
            "CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES (2);"
            "INSERT INTO warehouse VALUES ('w', 'W', 0);"
            "INSERT INTO applied VALUES ('j', 7, 3, '{}'), ('k', 1, 1, '{}');"
            "UPDATE applied SET note = CAST(note AS BLOB)"
        )


@pytest.mark.parametrize("version", [1, 2, 3, 20240101])
async def test_a_shops_own_schema_version_is_left_alone(path: Path, version: int) -> None:
    """Whatever number is in it, also one of ours."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            f"CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES ({version});"
            "CREATE TABLE orders (id INTEGER)"
        )
    for _ in range(2):
        catalog = await open_catalog(f"sqlite:///{path}")
        await write(catalog, f"{_}", session=1 + _)
        await catalog.close()
    assert rows(path, "SELECT version FROM schema_version") == [(version,)]
    assert rows(path, "SELECT version FROM obmen_schema") == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE product (sku TEXT)",
        "CREATE TABLE Product (sku TEXT)",
        "CREATE VIEW price AS SELECT 1 AS value",
        "CREATE TABLE t (x); CREATE INDEX offer_product ON t (x)",
        "CREATE TABLE obmen_schema (version INTEGER)",
        "CREATE TABLE obmen_schema (version INTEGER); INSERT INTO obmen_schema VALUES (3)",
        "CREATE TABLE obmen_schema (version TEXT); INSERT INTO obmen_schema VALUES ('theirs')",
        # As an earlier version left a shop's database whose own schema_version it had taken for its own.
        "CREATE TABLE schema_version AS SELECT 2 AS version; CREATE TABLE offer_property (offer_id, value)",
    ],
)
async def test_a_foreign_database_is_refused_before_anything_is_changed(path: Path, sql: str) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(sql)
    before = content(path)
    with pytest.raises(
        DatabaseError, match=r"its tables are not those that obmen made: \w+; choose another file"
    ):
        await open_catalog(f"sqlite:///{path}")
    assert content(path) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_journal_and_catalog_are_not_taken_for_each_other(
    catalog: Catalog, path: Path, tmp_path: Path
) -> None:
    journal = await open_journal(f"sqlite:///{tmp_path}/journal.sqlite3")
    await journal.close()
    with pytest.raises(DatabaseError, match="its tables are not those that obmen made"):
        await open_catalog(f"sqlite:///{tmp_path}/journal.sqlite3")
    with pytest.raises(DatabaseError, match="its tables are not those that obmen made"):
        await open_journal(f"sqlite:///{path}")


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


async def test_an_error_undoes_everything(catalog: Catalog, path: Path) -> None:
    called: list[str] = []

    async def fail() -> None:
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
            transaction.on_commit.append(lambda: called.append("commit"))
            transaction.on_rollback.append(lambda: called.append("rollback"))
            await add(transaction, "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert rows(path, "SELECT count(*) FROM warehouse") == [(0,)]
    assert await catalog.applied(journal_id="j", task_id="t1") is None
    assert called == ["rollback"]
    await write(catalog, "b", session=2)


@pytest.mark.parametrize(("dry_run", "changes", "expected"), [
    (False, True, "commit"), (False, False, "commit"), (True, True, "rollback"),
])  # fmt: skip
async def test_hooks_follow_the_end(
    catalog: Catalog, path: Path, dry_run: bool, changes: bool, expected: str
) -> None:
    called: list[str] = []

    async def check() -> None:
        called.append("check")
        assert rows(path, "SELECT count(*) FROM warehouse") == [(0,)], "right before the commit, not after it"

    async with catalog.transaction(
        journal_id="j", session_id=1, task_id="t1", fence=1, dry_run=dry_run
    ) as transaction:
        transaction.before_commit = check
        transaction.on_commit += [lambda: called.append("commit")]
        transaction.on_rollback += [lambda: called.append("rollback")]
        if changes:
            await add(transaction, "a")
    assert called == ["check", expected]
    assert rows(path, "SELECT count(*) FROM warehouse") == [(int(changes and not dry_run),)]
    assert rows(path, "SELECT count(*) FROM applied") == [(int(changes and not dry_run),)]


async def test_the_last_check_can_stop_the_commit(catalog: Catalog, path: Path) -> None:
    async def lost() -> None:
        raise LeaseLost("gone")

    async def session() -> None:
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
            transaction.before_commit = lost
            await add(transaction, "a")

    with pytest.raises(LeaseLost, match="gone"):
        await session()
    assert rows(path, "SELECT count(*) FROM warehouse") == [(0,)]


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


async def test_products_are_seen_when_they_are_committed(catalog: Catalog) -> None:
    assert not await catalog.has_products()
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
        await transaction.execute("INSERT INTO product (id, removed, catalog_id) VALUES (?, 0, '')", "p")
        assert await transaction.has_products()
        assert not await catalog.has_products()
    assert await catalog.has_products()


async def test_a_statement_that_begins_with_with_is_a_change_too(catalog: Catalog, path: Path) -> None:
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
        assert (
            await transaction.execute(
                "WITH new AS (SELECT 'a', 'A', 0) INSERT INTO warehouse (id, name, removed) SELECT * FROM new"
            )
            == 1
        )
    assert rows(path, "SELECT id FROM warehouse") == [("a",)]


async def test_every_number_of_rows_is_inserted(catalog: Catalog, path: Path) -> None:
    for session, count in enumerate((1, 199, 200, 201, 1000), start=1):
        async with catalog.transaction(
            journal_id="j", session_id=session, task_id=f"t{session}", fence=1
        ) as transaction:
            await transaction.execute("DELETE FROM warehouse")
            await transaction.insert(
                WAREHOUSE.table, [warehouse(f"{n:04}", f"W{n}", n % 2) for n in range(count)]
            )
        assert rows(path, "SELECT id, name, removed FROM warehouse") == [
            (f"{n:04}", f"W{n}", n % 2) for n in range(count)
        ]


async def test_opening_again_writes_nothing(catalog: Catalog, path: Path) -> None:
    await write(catalog, "a", session=1)
    await catalog.close()
    before = content(path)
    again = await open_catalog(f"sqlite:///{path}")
    assert not await again.has_products()
    await again.close()
    assert content(path) == before


async def test_descriptions_and_tables_agree(catalog: Catalog, path: Path) -> None:
    """tables.py names what schema/ makes, with the right primary keys, and columns that have no default."""
    for shape in SHAPES:
        for table in shape.tables:
            info = rows(path, f"PRAGMA table_info({table.name})")
            names = [name for _cid, name, *_rest in info]
            assert set(table.columns) <= set(names)
            assert set(names) - set(table.columns) <= {"brand"}
            keys = sorted((place, name) for _cid, name, _type, _null, _default, place in info if place)
            assert tuple(name for _place, name in keys) == table.columns[: table.keys]


async def test_tables_are_those_that_tools_hold_on_to(catalog: Catalog, path: Path) -> None:
    contract = """
        category(id,parent_id,name,removed) property(id,name,type) property_value(id,property_id,value)
        unit(code,short_name,full_name) warehouse(id,name,removed) price_type(id,name,currency,tax_included)
        product(id,article,barcode,name,description,unit,brand,vat_rate,removed) product_image(product_id,position,path)
        offer(id,product_id,characteristic_id,name,article,barcode,removed) offer_characteristic(offer_id,name,value)
        price(offer_id,price_type_id,value,currency,unit,coefficient) stock(offer_id,warehouse_id,quantity)
        customer(id,name,full_name,role,inn,kpp,removed) customer_contact(customer_id,type,value)
        product_category(product_id) product_property(product_id) customer_address(customer_id)
    """
    for name, columns in re.findall(r"(\w+)\(([\w,]+)\)", contract):
        found = [column for _cid, column, *_rest in rows(path, f"PRAGMA table_info({name})")]
        assert found[: columns.count(",") + 1] == columns.split(",")


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


async def test_a_newer_schema_is_refused(catalog: Catalog, path: Path) -> None:
    await catalog.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE obmen_schema SET version = 999")
        connection.commit()
    with pytest.raises(DatabaseError, match=r"newer obmen .*update obmen"):
        await open_catalog(f"sqlite:///{path}")
    assert rows(path, "SELECT version FROM obmen_schema") == [(999,)]


async def test_what_is_not_a_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but somebody's notes\n" * 100)
    with pytest.raises(DatabaseError, match="not a SQLite database; choose another file"):
        await open_catalog(f"sqlite:///{file}")
    assert file.read_text().startswith("not a database")


async def test_a_folder_in_place_of_the_file_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be opened"):
        await open_catalog(f"sqlite:///{tmp_path}")
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="file"):
        await open_catalog(f"sqlite:///{tmp_path}/file/catalog.sqlite3")


async def test_a_read_only_catalog_is_told_plainly(
    catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, for whom no file is read-only, too."""
    connect = aiosqlite.connect
    monkeypatch.setattr(
        aiosqlite, "connect", lambda p, **rest: connect(f"file:{p}?mode=ro", uri=True, **rest)
    )
    with pytest.raises(DatabaseError, match="cannot be written; give this user the right"):
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
