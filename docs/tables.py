"""Writes docs/tables.md, and what the schema makes: `PYTHONPATH=. python docs/tables.py`.

Tables and columns come from a database that the migrations make; what they mean stands in docs/table_words.py, and a
test holds both together. How to build a shop from them stands in docs/table_queries.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from docs.table_queries import QUERIES
from docs.table_words import COLUMNS, OURS, TABLES
from importers.catalog import open_catalog
from importers.catalog.columns import Type
from importers.catalog.opening import SCHEMA as CATALOG
from importers.catalog.tables import SHAPES
from importers.database.migrations import write_made
from importers.sessions.opening import SCHEMA as JOURNAL

PAGE = Path(__file__).with_name("tables.md")

HEAD = """\
# The shop's tables

What an import leaves in the catalog, for those who build a shop on it. This page is written by `docs/tables.py`; the
names of tables, columns and views are a contract.

- Ids are 1C's `Ид`: opaque text, case kept.
- Money, quantities, rates and sizes are exact decimals as text: `1234.5`, never an exponent, no trailing zeros. As text
  they do not sort as numbers: sort and compare by the numbers of the views, or by `CAST(… AS REAL)`.
- Nothing that 1C takes away is deleted but prices and stocks: the rest is marked `removed`, and may come again.
- There are no foreign keys. 1C sends a change only once and in any order, so a price may be there before its offer, an
  offer before its product: always join.
- Read with a connection of its own; an import changes everything at once, when it commits.

## Building a shop

`:name` are parameters. Every statement of this page is run by the tests.
"""

AFTER = """
## What means what

In the third column the element below that of the table, as 1C writes it.
"""


def schema() -> dict[str, list[str]]:
    """Tables and views with their columns, of a database that the migrations have just made."""

    async def make(path: Path) -> None:
        await (await open_catalog(f"sqlite:///{path}")).close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.sqlite3"
        asyncio.run(make(path))
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
            ).fetchall()
            return {
                name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
                for (name,) in names
            }


def page() -> str:
    found = schema()
    known = {(table, column): (element, meaning, none) for table, column, element, meaning, none in COLUMNS}
    types = {
        (table.name, column): table.type_of(column)
        for shape in SHAPES for table in shape.tables for column in table.columns
    }  # fmt: skip
    out = [HEAD]
    for heading, purpose, statement in QUERIES.values():
        out.append(f"\n### {heading}\n\n{purpose}\n\n```sql\n{statement}\n```\n")
    out.append(AFTER)
    for table, purpose in TABLES.items():
        out.append(
            f"\n### {table}\n\n{purpose}\n\n| column | type | in 1C's file | meaning | NULL or '' |\n"
            "|---|---|---|---|---|\n"
        )
        for column in found[table]:
            out.append(
                f"| `{column}` | {' | '.join((types.get((table, column), Type.TEXT), *known[table, column]))} |\n"
            )
    ours = ", ".join(f"`{name}` ({what})" for name, what in OURS.items() if name in found)
    out.append(f"\n## Not for shops\n\nobmen's own, and they may change: {ours}.\n")
    return "".join(out)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    for folder in (CATALOG, JOURNAL):
        write_made(folder)
