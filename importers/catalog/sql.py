"""The SQL that is composed from the tables' descriptions, for every engine: see `importers.database.protocol`.

Names of tables and columns come from tables.py, values are always parameters.
"""

# ruff: noqa: S608 (see above: nothing from outside becomes part of a statement)

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from importers.catalog.columns import Table
from importers.catalog.rows import BATCH_KEYS, Absent
from importers.catalog.tables import BRAND_PROPERTIES, Shape


def marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def select(table: Table, columns: tuple[str, ...], keys: Collection[str]) -> str:
    """Rows whose first column is one of `keys`."""
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {table.columns[0]} IN ({marks(keys)})"


@cache
def between(table: Table, columns: tuple[str, ...]) -> str:
    """Rows with a first column from ?1 to ?2, ?3 of them at most."""
    key = table.columns[0]
    order = ", ".join(table.columns[: table.keys])
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {key} BETWEEN ?1 AND ?2 ORDER BY {order} LIMIT ?3"


@cache
def any_between(tables: tuple[Table, ...]) -> str:
    """One row that says for each table whether it has a row with a first column from ?1 to ?2."""
    filled = (
        f"EXISTS (SELECT 1 FROM {table.name} WHERE {table.columns[0]} BETWEEN ?1 AND ?2)" for table in tables
    )
    return f"SELECT {', '.join(filled)}"


@cache
def next_key(tables: tuple[Table, ...]) -> str:
    """The first key behind ?1 in any of the tables, or NULL."""
    of_tables = (
        f"SELECT min({table.columns[0]}) AS key FROM {table.name} WHERE {table.columns[0]} > ?1"
        for table in tables
    )
    return f"SELECT min(key) FROM ({' UNION ALL '.join(of_tables)}) AS keys"


def count_active(shape: Shape, most: int | None) -> str:
    """How many things are not marked as removed, no more than `most`; of facts without such a mark, how many have
    any."""
    table = shape.table
    if "removed" in table.columns:
        of_table = f"SELECT 1 FROM {table.name} WHERE removed = FALSE"
    else:
        of_table = f"SELECT DISTINCT {table.columns[0]} FROM {table.name}"
    limit = "" if most is None else f" LIMIT {most}"
    return f"SELECT count(*) FROM ({of_table}{limit}) AS counted"


def in_stock(products: Collection[str]) -> str:
    """Those of the products that can be sold: takes `products` twice."""
    positive = "CAST(s.quantity AS NUMERIC) > 0"
    return (
        f"SELECT o.product_id FROM offer o JOIN stock s ON s.offer_id = o.id "
        f"WHERE o.product_id IN ({marks(products)}) AND {positive} "
        f"UNION SELECT s.offer_id FROM stock s WHERE s.offer_id IN ({marks(products)}) AND {positive}"
    )


def absent(shape: Shape, gone: Absent, limit: int) -> tuple[str, list[str]]:
    """The first keys, in their order, of what is absent, with its parameters.

    Prices and stocks have no scope of their own: it is that of the offer, or of the product where there is no offer.
    """
    table = shape.table
    key = f"{table.name}.{table.columns[0]}"
    where, parameters = [], []
    if gone.after is not None:
        where.append(f"{key} > ?")
        parameters.append(gone.after)
    if gone.until is not None:
        where.append(f"{key} <= ?")
        parameters.append(gone.until)
    if gone.present:  # an empty list is no SQL
        where.append(f"{key} NOT IN ({marks(gone.present)})")
        parameters += gone.present
    if "removed" in table.columns:
        where.append("removed = FALSE")
    if gone.protected:
        where.append(f"{table.columns[1]} NOT IN ({marks(gone.protected)})")
        parameters += gone.protected
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
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    return (
        f"SELECT DISTINCT {key} FROM {table.name} {condition}ORDER BY {key} LIMIT {limit}",
        parameters,
    )


def count_between(table: Table, after: str | None) -> str:
    key = table.columns[0]
    lower = f"{key} > ? AND " if after is not None else ""
    return f"SELECT count(*) FROM {table.name} WHERE {lower}{key} <= ?"


IMAGE_TABLES = ("product_image", "offer_image")
"""The path is their last column."""
REFERRED = " UNION ".join(f"SELECT path FROM {table}" for table in IMAGE_TABLES)
REFERRED_IMAGES = f"{REFERRED} ORDER BY path"
ORPHANED_IMAGES = f"SELECT path, size, sha256 FROM image WHERE path NOT IN ({REFERRED}) ORDER BY path"
WAITING_IMAGES = "SELECT token, folder FROM images_waiting ORDER BY token"


_RANKS = " ".join(f"WHEN ?{n} THEN {n}" for n in range(1, len(BRAND_PROPERTIES) + 1))
_NAMES = ", ".join(f"?{n}" for n in range(1, len(BRAND_PROPERTIES) + 1))
BRANDS = f"""SELECT id, brand, coalesce(manufacturer, (
    SELECT coalesce(v.value, pp.value)
    FROM product_property pp
    JOIN property p ON p.id = pp.property_id
    LEFT JOIN property_value v ON v.id = pp.value AND v.property_id = pp.property_id
    WHERE pp.product_id = product.id
      AND pp.property_id IN (SELECT id FROM property WHERE name IN ({_NAMES}))
      AND (v.value IS NOT NULL OR coalesce(p.type, '') <> 'Справочник')
    ORDER BY CASE p.name {_RANKS} END, p.id, pp.value
    LIMIT 1
)) FROM product WHERE id > ?{len(BRAND_PROPERTIES) + 1} ORDER BY id LIMIT {BATCH_KEYS}"""
"""(id, brand, what it is to be) of the next products. Takes BRAND_PROPERTIES, and the last id before."""
HAS_PRODUCTS = "SELECT EXISTS (SELECT 1 FROM product)"
IDENTITY = "SELECT id FROM identity"
LEAVE_IMAGES_WAITING = "INSERT INTO images_waiting (token, folder) VALUES (?1, ?2)"
IMAGES_IN_PLACE = "DELETE FROM images_waiting WHERE token = ?1"
APPLIED = "SELECT note FROM applied WHERE journal_id = ?1 AND task_id = ?2"
IS_STALE = "SELECT 1 FROM applied WHERE journal_id = ?1 AND task_id = ?2 AND fence > ?3"
UNAPPLY = "DELETE FROM applied WHERE journal_id = ?1 AND task_id = ?2"
APPLY = "INSERT INTO applied (journal_id, session_id, task_id, fence, note) VALUES (?1, ?2, ?3, ?4, ?5)"
FORGET_OLD = (
    "DELETE FROM applied WHERE journal_id = ?1 AND position NOT IN "
    "(SELECT position FROM applied WHERE journal_id = ?1 ORDER BY position DESC LIMIT ?2)"
)
