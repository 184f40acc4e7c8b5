"""The SQL that is composed from the tables' descriptions, for SQLite.

Names of tables and columns come from tables.py, values are always parameters.
"""

# ruff: noqa: S608 (see above: nothing from outside becomes part of a statement)

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from importers.catalog.tables import BRAND_PROPERTIES, Table


def marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


@cache
def upsert(table: Table) -> str:
    keys, rest = table.columns[: table.keys], table.columns[table.keys :]
    update = (
        "UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in rest) if rest else "NOTHING"
    )
    return (
        f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks(table.columns)}) "
        f"ON CONFLICT ({', '.join(keys)}) DO {update}"
    )


@cache
def delete(table: Table) -> str:
    where = " AND ".join(f"{column} = ?" for column in table.columns[: table.keys])
    return f"DELETE FROM {table.name} WHERE {where}"


def select(table: Table, columns: tuple[str, ...], keys: Collection[str]) -> str:
    """Rows whose first column is one of `keys`."""
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {table.columns[0]} IN ({marks(keys)})"


def count_active(table: Table) -> str:
    return f"SELECT count(*) FROM {table.name}" + (" WHERE removed = 0" if "removed" in table.columns else "")


def undefined(facts: Table, reference: Table) -> str:
    column = facts.columns[1]
    return (
        f"SELECT DISTINCT {column} FROM {facts.name} WHERE {column} <> '' "
        f"AND {column} NOT IN (SELECT {reference.columns[0]} FROM {reference.name}) ORDER BY 1"
    )


def in_stock(products: Collection[str]) -> str:
    """Those of the products that can be sold: takes `products` twice. Quantities are canonical decimals."""
    positive = "s.quantity <> '0' AND s.quantity NOT LIKE '-%'"
    return (
        f"SELECT o.product_id FROM offer o JOIN stock s ON s.offer_id = o.id "
        f"WHERE o.product_id IN ({marks(products)}) AND {positive} "
        f"UNION SELECT s.offer_id FROM stock s WHERE s.offer_id IN ({marks(products)}) AND {positive}"
    )


class StageSql:
    """The statements of one stage: a temporary table of (key, payload), payload NULL = present but unreadable."""

    def __init__(self, table: Table) -> None:
        name = f"temp.stage_{table.name}"
        key = table.columns[0]
        self.create = f"CREATE TABLE {name} (key TEXT NOT NULL, payload BLOB)"
        self.drop = f"DROP TABLE {name}"
        self.insert = f"INSERT INTO {name} VALUES (?, ?)"
        self.in_order = f"SELECT key, payload FROM {name} WHERE payload IS NOT NULL ORDER BY key, rowid"
        self._table = table.name
        self._key = key
        self._absent = f"removed = 0 AND {key} NOT IN (SELECT key FROM {name})"

    def first_absent(self, scope: str | None, limit: int) -> str:
        return f"SELECT {self._key} FROM {self._table} WHERE {self._where(scope)} ORDER BY {self._key} LIMIT {limit}"

    def remove_absent(self, scope: str | None) -> str:
        return f"UPDATE {self._table} SET removed = 1 WHERE {self._where(scope)}"

    def _where(self, scope: str | None) -> str:
        return self._absent + (f" AND {scope} = ?" if scope else "")


RESOLVE_BRANDS = f"""
WITH named (rank, name) AS (VALUES {", ".join(f"({n}, ?)" for n in range(len(BRAND_PROPERTIES)))}),
     told AS (
         SELECT pp.product_id,
                coalesce(v.value, CASE WHEN p.type = 'Справочник' THEN NULL ELSE pp.value END) AS brand,
                row_number() OVER (PARTITION BY pp.product_id ORDER BY named.rank, p.id, pp.value) AS nth
         FROM named
         JOIN property p ON p.name = named.name
         JOIN product_property pp ON pp.property_id = p.id
         LEFT JOIN property_value v ON v.id = pp.value AND v.property_id = p.id
     )
UPDATE product
SET brand = derived.brand
FROM (
    SELECT product.id, coalesce(product.manufacturer, told.brand) AS brand
    FROM product LEFT JOIN told ON told.product_id = product.id AND told.nth = 1
) AS derived
WHERE product.id = derived.id AND product.brand IS NOT derived.brand
"""
