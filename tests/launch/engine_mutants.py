"""The program with one guard less: a proof that tests would notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiosqlite
import psycopg
import pytest

from importers.database.postgres_values import numbered


@contextmanager
def sql(*changes: tuple[str, str]) -> Iterator[None]:
    """Every statement with these parts replaced, on either engine; they are written as for SQLite. Fails when a part is
    in no statement: then the mutant is none."""
    patch = pytest.MonkeyPatch()
    met = set()

    def rewritten(statement: str, dialect: Callable[[str], str]) -> str:
        for part, instead in changes:
            if dialect(part) in statement:
                met.add(part)
                statement = statement.replace(dialect(part), dialect(instead))
        return statement

    for name in ("execute", "execute_fetchall"):
        original = getattr(aiosqlite.Connection, name)
        patch.setattr(
            aiosqlite.Connection, name,
            lambda self, statement, *rest, original=original: original(self, rewritten(statement, str), *rest),
        )  # fmt: skip
    execute = psycopg.AsyncCursor.execute

    async def execute_rewritten(self: Any, statement: bytes, *rest: Any, **options: Any) -> Any:
        changed = rewritten(statement.decode(), of_postgres).encode()
        return await execute(self, changed, *rest, **options)

    patch.setattr(psycopg.AsyncCursor, "execute", execute_rewritten)
    try:
        yield
    finally:
        patch.undo()
    assert met == {part for part, _instead in changes}


def of_postgres(part: str) -> str:
    return numbered(part).replace(" TEXT", ' text COLLATE "C"')


@contextmanager
def attribute(of: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of, name, value)
        yield
