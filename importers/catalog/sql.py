"""The SQL that is composed from the tables' descriptions, for SQLite.

Names of tables and columns come from tables.py, values are always parameters.
"""

# ruff: noqa: S608 (see above: nothing from outside becomes part of a statement)

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from importers.catalog.columns import Table
from importers.catalog.rows import Absent
from importers.catalog.tables import BRAND_PROPERTIES, Shape


def marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


@cache
def insert(table: Table, rows: int = 1) -> str:
    row = f"({marks(table.columns)})"
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES {', '.join([row] * rows)}"


@cache
def update(table: Table) -> str:
    """An upsert, as its parameters have the order of the columns."""
    keys, rest = table.columns[: table.keys], table.columns[table.keys :]
    return (
        f"{insert(table)} ON CONFLICT ({', '.join(keys)}) "
        f"DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in rest)}"
    )


@cache
def delete(table: Table) -> str:
    where = " AND ".join(f"{column} = ?" for column in table.columns[: table.keys])
    return f"DELETE FROM {table.name} WHERE {where}"


def select(table: Table, columns: tuple[str, ...], keys: Collection[str]) -> str:
    """Rows whose first column is one of `keys`."""
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {table.columns[0]} IN ({marks(keys)})"


@cache
def any_between(tables: tuple[Table, ...]) -> str:
    """One row that says for each table whether it has a row with a first column from ?1 to ?2."""
    found = (
        f"EXISTS (SELECT 1 FROM {table.name} WHERE {table.columns[0]} BETWEEN ?1 AND ?2)" for table in tables
    )
    return f"SELECT {', '.join(found)}"


def count_active(shape: Shape) -> str:
    """How many things are not marked as removed; of facts without such a mark, how many have any."""
    table = shape.table
    if "removed" in table.columns:
        return f"SELECT count(*) FROM {table.name} WHERE removed = 0"
    return f"SELECT count(DISTINCT {table.columns[0]}) FROM {table.name}"


def count_keys(table: Table, where: str) -> str:
    return f"SELECT count(DISTINCT {table.columns[0]}) FROM {table.name} WHERE {where}"


def in_stock(products: Collection[str]) -> str:
    """Those of the products that can be sold: takes `products` twice. Quantities are canonical decimals."""
    positive = "s.quantity <> '0' AND s.quantity NOT LIKE '-%'"
    return (
        f"SELECT o.product_id FROM offer o JOIN stock s ON s.offer_id = o.id "
        f"WHERE o.product_id IN ({marks(products)}) AND {positive} "
        f"UNION SELECT s.offer_id FROM stock s WHERE s.offer_id IN ({marks(products)}) AND {positive}"
    )


def absent(shape: Shape, table: Table, gone: Absent) -> tuple[str, list[str]]:
    """The condition, with its parameters, for what is absent of one of the shape's tables.

    Prices and stocks have no scope of their own: it is that of the offer, or of the product where there is no offer.
    """
    key = f"{table.name}.{table.columns[0]}"
    where, parameters = [], []
    if gone.after is not None:
        where.append(f"{key} > ?")
        parameters.append(gone.after)
    if gone.until is not None:
        where.append(f"{key} <= ?")
        parameters.append(gone.until)
    where.append(f"{key} NOT IN ({marks(gone.present)})")
    parameters += gone.present
    if "removed" in table.columns:
        where.append("removed = 0")
    if gone.kept:
        where.append(f"{table.columns[1]} NOT IN ({marks(gone.kept)})")
        parameters += gone.kept
    if None not in gone.scopes:
        named = [scope for scope in gone.scopes if scope is not None]
        if shape.scope:
            where.append(f"{shape.scope} IN ({marks(named)})")
            parameters += named
        else:
            owners = [
                f"(SELECT catalog_id FROM {parent.name} WHERE {parent.name}.id = {key})"
                for parent in shape.parents
            ]
            where.append(f"coalesce({', '.join(owners)}) IN ({marks(named)})")
            parameters += named
    return " AND ".join(where), parameters


def count_between(table: Table, after: str | None) -> str:
    key = table.columns[0]
    lower = f"{key} > ? AND " if after else ""
    return f"SELECT count(*) FROM {table.name} WHERE {lower}{key} <= ?"


def first(table: Table, where: str, limit: int) -> str:
    key = table.columns[0]
    return f"SELECT DISTINCT {key} FROM {table.name} WHERE {where} ORDER BY {key} LIMIT {limit}"


def remove(table: Table, where: str) -> str:
    return f"UPDATE {table.name} SET removed = 1 WHERE {where}"


def delete_where(table: Table, where: str) -> str:
    return f"DELETE FROM {table.name} WHERE {where}"


REFERRED = "SELECT path FROM product_image UNION SELECT path FROM offer_image"
REFERRED_IMAGES = f"{REFERRED} ORDER BY path"
ORPHANED_IMAGES = f"SELECT path, size, sha256 FROM image WHERE path NOT IN ({REFERRED}) ORDER BY path"
WAITING_IMAGES = "SELECT token, folder FROM images_waiting ORDER BY token"


def forget_images(paths: Collection[str]) -> str:
    return f"UPDATE image SET sha256 = '' WHERE path IN ({marks(paths)})"


_RANKS = " ".join(f"WHEN ?{n} THEN {n}" for n in range(1, len(BRAND_PROPERTIES) + 1))
_NAMES = ", ".join(f"?{n}" for n in range(1, len(BRAND_PROPERTIES) + 1))
_BRAND = f"""coalesce(product.manufacturer, (
    SELECT coalesce(v.value, pp.value)
    FROM product_property pp
    JOIN property p ON p.id = pp.property_id
    LEFT JOIN property_value v ON v.id = pp.value AND v.property_id = pp.property_id
    WHERE pp.product_id = product.id
      AND pp.property_id IN (SELECT id FROM property WHERE name IN ({_NAMES}))
      AND (v.value IS NOT NULL OR p.type IS NOT 'Справочник')
    ORDER BY CASE p.name {_RANKS} END, p.id, pp.value
    LIMIT 1
))"""
RESOLVE_BRANDS = f"UPDATE product SET brand = {_BRAND} WHERE brand IS NOT {_BRAND}"
"""Takes BRAND_PROPERTIES."""
