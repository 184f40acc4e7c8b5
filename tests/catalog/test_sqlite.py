"""The catalog's file: which are opened, brought up or refused, and its tables."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.catalogs import content, rows, write

from importers.catalog import open_catalog
from importers.catalog.opening import SCHEMA
from importers.catalog.protocol import Catalog
from importers.catalog.tables import SHAPES
from importers.errors import DatabaseError
from importers.sessions import open_journal


async def test_a_new_catalog_has_large_pages_and_an_older_one_keeps_its_own(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old")) as old:
        old.execute("PRAGMA page_size = 4096")
        old.execute("CREATE TABLE of_the_shop (id)")
    for name, size in (("new", 16384), ("old", 4096)):
        await (await open_catalog(f"sqlite:///{tmp_path / name}")).close()
        assert rows(tmp_path / name, "PRAGMA page_size") == [(size,)]


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
