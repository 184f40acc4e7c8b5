"""Catalogs that an earlier obmen made: brought to the newest schema with all that is in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from importers.catalog import open_catalog
from importers.catalog.opening import SCHEMA
from tests.conftest import make_obmen

STEPS = sorted(SCHEMA.glob("[0-9]*_*.sql"))
NEWEST = int(STEPS[-1].name[:3])


def make_old(path: Path, version: int) -> None:
    """As the obmen of that version left it: the numbered files up to it, and their number."""
    with closing(sqlite3.connect(path)) as db:
        for step in STEPS[:version]:
            db.executescript(step.read_text(encoding="utf-8"))
        db.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
        db.execute("INSERT INTO schema_version VALUES (?)", (version,))
        db.commit()


def columns_of(db: sqlite3.Connection) -> dict[str, list[tuple[str, str]]]:
    names = db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version'"
    ).fetchall()
    return {name: [(row[1], row[2]) for row in db.execute(f"PRAGMA table_info({name})")] for (name,) in names}


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_every_row_of_every_table_is_kept(tmp_path: Path, version: int) -> None:
    path = tmp_path / "catalog.sqlite3"
    make_old(path, version)
    kept: dict[str, tuple[str, list[Any]]] = {}
    with closing(sqlite3.connect(path)) as db:
        for table, columns in columns_of(db).items():
            flags = ("removed", "tax_included")
            row = [
                1 if name in flags else 7 if kind == "INTEGER" else f"{table} {name}"
                for name, kind in columns
            ]
            db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
            names = ", ".join(name for name, _kind in columns)
            kept[table] = names, db.execute(f"SELECT {names} FROM {table}").fetchall()
        db.commit()
    await (await open_catalog(f"sqlite:///{path}")).close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT version FROM obmen_schema").fetchall() == [(NEWEST,)]
        for table, (names, rows) in kept.items():
            assert db.execute(f"SELECT {names} FROM {table}").fetchall() == rows, table
        new = tmp_path / "new.sqlite3"
        await (await open_catalog(f"sqlite:///{new}")).close()
        with closing(sqlite3.connect(new)) as fresh:
            assert columns_of(db) == columns_of(fresh), "as one that was made now"
            views = "SELECT name, sql FROM sqlite_schema WHERE type IN ('view', 'index') ORDER BY name"
            assert db.execute(views).fetchall() == fresh.execute(views).fetchall()


@pytest.mark.parametrize("version", [1, 2])
def test_the_next_import_of_the_same_export_changes_only_what_is_new(tmp_path: Path, version: int) -> None:
    """An old catalog with what it held of the sample; that its columns do not know is told anew, nothing else."""
    obmen = make_obmen(tmp_path)
    obmen.env["OBMEN_LAUNCH__RECENCY_SECONDS"] = "0"
    kinds = ("catalog", "stocks", "prices", "customers")
    obmen.json("import", *kinds)
    now = tmp_path / "now.sqlite3"
    with closing(sqlite3.connect(obmen.catalog)) as db:
        db.execute("VACUUM INTO ?", (str(now),))
    for file in tmp_path.glob("catalog.sqlite3*"):
        file.unlink()
    make_old(obmen.catalog, version)
    with closing(sqlite3.connect(obmen.catalog)) as db:
        old = columns_of(db)
        db.execute("ATTACH ? AS now", (str(now),))
        for table, columns in old.items():
            names = ", ".join(name for name, _kind in columns)
            db.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM now.{table}")
        db.commit()

    told = obmen.json("import", *kinds)["by_kind"]
    assert told["catalog"]["created"] == told["catalog"]["removed"] == 0
    assert told["catalog"]["updated"] > 0, "of groups and properties the classifier, of goods what is new"
    assert told["stocks"]["created"] == told["stocks"]["updated"] == told["stocks"]["removed"] == 0
    assert told["prices"]["created"] == told["prices"]["removed"] == 0
    with closing(sqlite3.connect(obmen.catalog)) as db:
        db.execute("ATTACH ? AS now", (str(now),))
        for table in columns_of(db):
            if table not in ("applied", "identity"):
                for one, other in (("main", "now"), ("now", "main")):
                    rest = db.execute(
                        f"SELECT * FROM {one}.{table} EXCEPT SELECT * FROM {other}.{table}"
                    ).fetchall()
                    assert rest == [], (table, one)
    again = obmen.json("import", *kinds)["counts"]
    assert (again["created"], again["updated"], again["removed"]) == (0, 0, 0)
