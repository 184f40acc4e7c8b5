"""Rows that PostgreSQL has got and still adds, while who sent them goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import psycopg
import pytest
from support.engines import PostgresHand

from importers.database.opening import open_database
from importers.database.postgres_values import copy_text
from importers.database.protocol import Database
from importers.sessions.opening import SCHEMAS

GATE = 4711
SLOW = (
    "CREATE TABLE slow (id text PRIMARY KEY)",
    f"""CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN new; END'""",
    "CREATE TRIGGER slow BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION wait()",
)


@pytest.fixture
async def database(hand: PostgresHand) -> AsyncIterator[Database]:
    database = await open_database(hand.url, SCHEMAS, "obmen")
    for statement in SLOW:
        hand.change(statement)
    yield database
    await database.close()


@pytest.fixture
def gate(postgres: str) -> Iterator[psycopg.Connection]:
    """Holds up whoever adds rows, until it is closed."""
    with psycopg.connect(postgres, autocommit=True) as gate:
        gate.execute(f"SELECT pg_advisory_lock({GATE})".encode())
        yield gate


async def test_who_adds_rows_goes_on_while_the_server_adds_them(
    database: Database, gate: psycopg.Connection
) -> None:
    async with asyncio.timeout(10), database.transaction() as db:
        await db.insert("slow", ("id",), ["a", "b"])
        assert db.changes == 2
        asked = asyncio.create_task(db.fetch("SELECT id FROM slow ORDER BY id"))
        _done, waiting = await asyncio.wait({asked}, timeout=0.1)
        assert waiting, "else it is proven of nothing"
        gate.close()
        assert [tuple(row) for row in await asked] == [("a",), ("b",)]
        await db.insert("slow", ("id",), ["c"])
    assert [tuple(row) for row in await database.fetch("SELECT count(*) FROM slow")] == [(3,)]


async def test_rows_are_written_out_while_the_server_adds_those_before(
    database: Database, gate: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = asyncio.Event()

    def noted(cells: Sequence[object], width: int) -> bytes:
        if "b" in cells:
            written.set()
        return copy_text(cells, width)

    monkeypatch.setattr("importers.database.postgres.copy_text", noted)
    async with asyncio.timeout(10), database.transaction() as db:
        await db.insert("slow", ("id",), ["a"])
        added = asyncio.create_task(db.insert("slow", ("id",), ["b"]))
        await written.wait()
        assert not added.done()
        gate.close()
        await added


@pytest.mark.parametrize("then", ["asked", "added", "committed"])
async def test_what_cannot_be_added_is_told_by_what_comes_next(database: Database, then: str) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with asyncio.timeout(10), database.transaction() as db:
            await db.insert("slow", ("id",), ["a"])
            await db.insert("slow", ("id",), ["b", "a"])
            if then == "asked":
                await db.fetch("SELECT 1")
            elif then == "added":
                await db.insert("slow", ("id",), ["c"])
    assert [tuple(row) for row in await database.fetch("SELECT count(*) FROM slow")] == [(0,)]


async def test_who_leaves_does_not_wait_for_rows_that_are_not_wanted_any_more(
    database: Database, gate: psycopg.Connection
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(5), database.transaction() as db:
            await db.insert("slow", ("id",), ["a"])
            raise ZeroDivisionError
    gate.close()
    async with asyncio.timeout(5), database.transaction() as db:
        await db.insert("slow", ("id",), ["b"])
    assert [tuple(row) for row in await database.fetch("SELECT id FROM slow")] == [("b",)]
