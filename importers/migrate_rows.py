"""The rows of a table: from a file to a server, read back, compared."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers.database.migrations import parts_of
from importers.errors import DatabaseError, ObmenError
from importers.texts import N_, shorten

if TYPE_CHECKING:
    from importers.database.protocol import Transaction

BATCH_ROWS = 500
LONGEST_TOLD = 100
"""Characters of a value."""
_NUMBERS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?1) AND atttypid = 'numeric'::regtype"
)
_REFUSED = re.compile(r"line (\d+)(?:, column (\w+))?")
"""What COPY says of a value that it does not take: `COPY price, line 12, column value: "dear"`."""


class Table(msgspec.Struct, frozen=True):
    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    """Columns by which a row is called; all of them where the table has no key."""

    @property
    def all_rows(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.name} ORDER BY {', '.join(self.keys)}"

    def called(self, row: Sequence[object]) -> str:
        """A row, as errors call it."""
        return shorten(", ".join(str(row[self.columns.index(key)]) for key in self.keys), LONGEST_TOLD)


class Differs(Exception):
    """A row that is not the same there. `column`: the first one that differs, "" where one of both has no such row."""

    def __init__(self, table: str, row: str, column: str = "", here: object = "", there: object = "") -> None:
        super().__init__(table, row, column)
        self.table, self.row, self.column = table, row, column
        self.here, self.there = shorten(str(here), LONGEST_TOLD), shorten(str(there), LONGEST_TOLD)


async def tables_of(old: Transaction, folder: Path) -> list[Table]:
    names = {name for type_, name, _column in parts_of(folder / "sqlite") if type_ == "table"}
    tables = []
    for name in sorted(names):
        told = await old.fetch("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid", name)
        columns = tuple(column for column, _pk in told)
        keys = tuple(column for column, pk in sorted(told, key=itemgetter(1)) if pk)
        tables.append(Table(name, columns, keys or columns))
    # What others refer to comes before them.
    return sorted(tables, key=lambda table: {"facet": 0, "session": 1}.get(table.name, 2))


async def copy(old: Transaction, new: Transaction, table: Table, path: str) -> None:
    """`path`: of the file. Raises ObmenError for a value that cannot be read, or that a server does not take."""
    cells: list[object] = []
    try:
        async with aclosing(old.stream(table.all_rows)) as rows:
            async for row in rows:
                cells += row
                if len(cells) >= BATCH_ROWS * len(table.columns):
                    await _insert(new, table, cells, path)
                    cells = []
    except (sqlite3.OperationalError, DatabaseError):
        await refuse_no_utf8(old, table, path)
        raise
    await _insert(new, table, cells, path)


async def refuse_no_utf8(old: Transaction, table: Table, path: str) -> None:
    """SQLite takes any bytes for a text, but not everybody can read them. Raises ObmenError for the first such one."""
    keys = ", ".join(f"CAST({key} AS BLOB)" for key in table.keys)
    for column in table.columns:
        texts = (
            f"SELECT CAST({column} AS BLOB), {keys} FROM {table.name} "
            f"WHERE typeof({column}) = 'text' ORDER BY {', '.join(table.keys)}"
        )
        async with aclosing(old.stream(texts)) as rows:
            async for text, *key in rows:
                try:
                    text.decode()
                except UnicodeDecodeError:
                    raise ObmenError(
                        N_(
                            "{path}: table {sql_table}, row {row}: what stands in {column} is no UTF-8; nothing was "
                            "moved. Correct it in the file"
                        ),
                        path=path,
                        sql_table=table.name,
                        row=shorten(", ".join((part or b"").decode(errors="replace") for part in key)),
                        column=column,
                    ) from None


async def compare(old: Transaction, new: Transaction, table: Table, renamed: Mapping[object, object]) -> int:
    """How many rows there are. `renamed`: targets of sessions, which have other names there. A number may be written
    otherwise. Raises Differs."""
    at = table.columns.index("target") if table.name == "session" else None
    numbers = {column for (column,) in await new.fetch(_NUMBERS, table.name)}
    count = 0
    async with aclosing(old.stream(table.all_rows)) as ours, aclosing(new.stream(table.all_rows)) as theirs:
        while True:
            row, other = await anext(ours, None), await anext(theirs, None)
            if row is None and other is None:
                return count
            if row is None or other is None:
                raise Differs(table.name, table.called([*(row or other or ())]))
            here, there = [*row], [*other]
            if at is not None:
                here[at] = renamed.get(here[at], here[at])
            if here != there:
                _refuse_other(table, here, there, numbers)
            count += 1


def _refuse_other(table: Table, here: list[object], there: list[object], numbers: set[object]) -> None:
    if table.called(here) != table.called(there):
        raise Differs(table.name, table.called(here))
    for column, one, other in zip(table.columns, here, there, strict=True):
        if one != other and not (column in numbers and _is_same_number(one, other)):
            raise Differs(table.name, table.called(here), column, one, other)


def _is_same_number(one: object, other: object) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


async def _insert(new: Transaction, table: Table, cells: list[object], path: str) -> None:
    import psycopg

    try:
        await new.insert(table.name, table.columns, cells)
        await new.fetch("SELECT 1")  # what a server says of rows, it says to whoever asks it next
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        row, column = _refused(table, cells, error.diag.context or "")
        raise ObmenError(
            N_(
                "{path}: table {sql_table}, row {row}: PostgreSQL does not take what stands in {column}: {error}; "
                "nothing was moved. Correct it in the file"
            ),
            path=path,
            sql_table=table.name,
            row=row,
            column=column,
            error=error.diag.message_primary or error,
        ) from error


def _refused(table: Table, cells: list[object], context: str) -> tuple[str, str]:
    """The row and the column with what was not taken; "…" where nobody says which. Of a zero the server tells only the
    row."""
    if not (found := _REFUSED.search(context)):
        return "…", "…"
    width = len(table.columns)
    row = cells[(int(found[1]) - 1) * width :][:width]
    with_zero = (column for column, cell in zip(table.columns, row, strict=True) if "\0" in str(cell))
    return table.called(row), found[2] or next(with_zero, "…")
