"""The floor: what a stranger's tools need for the same export. They parse it and write a third of its rows, no more."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench import measure
from bench.export import LISTS, TABLES
from bench.measure import Usage

SCHEMA = {
    "product": "CREATE TABLE product (id TEXT NOT NULL PRIMARY KEY, article TEXT, barcode TEXT, name TEXT,"
    " description TEXT, unit TEXT, brand TEXT, vat_rate TEXT)",
    "offer": "CREATE TABLE offer (id TEXT NOT NULL PRIMARY KEY, product_id TEXT, characteristic_id TEXT, name TEXT,"
    " article TEXT, barcode TEXT) WITHOUT ROWID",
    "price": "CREATE TABLE price (offer_id TEXT, price_type_id TEXT, value TEXT, currency TEXT,"
    " PRIMARY KEY (offer_id, price_type_id)) WITHOUT ROWID",
    "stock": "CREATE TABLE stock (offer_id TEXT, warehouse_id TEXT, quantity TEXT,"
    " PRIMARY KEY (offer_id, warehouse_id)) WITHOUT ROWID",
}
TOOLS = {"xmllint": "libxml2-utils", "sqlite3": "sqlite3"}
"""Command → Debian's package."""


def missing_tools() -> list[str]:
    return [package for tool, package in TOOLS.items() if shutil.which(tool) is None]


def run(export: Path, lists: Sequence[str] = LISTS) -> Usage:
    """`xmllint --stream` of the files of these lists, then `.import` of their rows into a new database."""
    files = [str(path) for name in lists for path in sorted((export / "xml").glob(f"{name}0_*.xml"))]
    database = export / "floor.sqlite3"
    database.unlink(missing_ok=True)
    imports = [".mode csv"]
    for table in (TABLES[name] for name in lists):
        imports += [SCHEMA[table], f'.import "{export}/csv/{table}.csv" {table}']
    parse = measure.run(["xmllint", "--stream", "--noout", *files])
    write = measure.run(["sqlite3", "-bail", str(database), *imports])
    database.unlink()
    return parse + write
