"""Statements for many rows of a table, as each engine takes them fastest.

Names of tables and columns come from our own descriptions, values are always parameters.
"""

# ruff: noqa: S608 (see above: nothing from outside becomes part of a statement)

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import msgspec


@cache
def insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    """Takes the cells of so many rows."""
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"


@cache
def update(table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Takes the cells of one row: its primary key, then the columns."""
    where = " AND ".join(f"{column} = ?{n}" for n, column in enumerate(key, 1))
    new = ", ".join(f"{column} = ?{n}" for n, column in enumerate(columns, len(key) + 1))
    return f"UPDATE {table} SET {new} WHERE {where}"


@cache
def delete(table: str, key: tuple[str, ...]) -> str:
    """Takes the primary key of one row."""
    return f"DELETE FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in key)}"


def as_json(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """What the statements below take: PostgreSQL makes of it cells of the types that the table's columns have."""
    return msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()


@cache
def update_all(table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    new = ", ".join(f"{column} = told.{column}" for column in columns)
    return f"UPDATE {table} SET {new} FROM {_told(table)} WHERE {_same(table, key)}"


@cache
def delete_all(table: str, key: tuple[str, ...]) -> str:
    return f"DELETE FROM {table} USING {_told(table)} WHERE {_same(table, key)}"


def _told(table: str) -> str:
    return f"json_populate_recordset(NULL::{table}, ?1::json) AS told"


def _same(table: str, key: tuple[str, ...]) -> str:
    return " AND ".join(f"{table}.{column} = told.{column}" for column in key)
