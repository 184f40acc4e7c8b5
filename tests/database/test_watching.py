"""LISTEN and NOTIFY: who is told of what, and what becomes of who listens when the server is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from support.cut_proxy import CutProxy
from support.engines import PostgresHand

from importers.database import postgres_connection, postgres_watch
from importers.database.postgres import PostgresDatabase
from importers.database.postgres_watch import channel_of
from importers.sessions.opening import SCHEMAS

INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"


@pytest.fixture
def no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_watch, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(postgres_watch, "LISTENING_POLL_SECONDS", 60.0)


@pytest.fixture
async def other(
    database: PostgresDatabase, hand: PostgresHand, postgres: str
) -> AsyncIterator[PostgresDatabase]:
    """Of another process, past the proxy."""
    other = await PostgresDatabase.open(postgres, hand.schema, SCHEMAS / "postgres", "another")
    yield other
    await other.close()


async def add(database: PostgresDatabase, key: str) -> None:
    async with database.transaction() as db:
        await db.execute(INSERT, key)


async def test_the_server_wakes_who_waits(
    database: PostgresDatabase, other: PostgresDatabase, no_polls: None
) -> None:
    watch = database.watch()
    await watch.changed()
    for number in range(10):
        waiting = asyncio.create_task(watch.wait(30))
        await asyncio.wait([waiting], timeout=0.01)
        await add(other, str(number))
        async with asyncio.timeout(5):
            assert await waiting


async def test_who_changed_nothing_tells_nobody(
    database: PostgresDatabase, hand: PostgresHand, postgres: str
) -> None:
    with psycopg.connect(postgres, autocommit=True) as listening:
        listening.execute(f'LISTEN "{channel_of(hand.schema)}"'.encode())
        async with database.transaction() as db:
            await db.fetch("SELECT 1")
            await db.execute("UPDATE lock SET token = 'x' WHERE key = 'nobody'")
        async with database.transaction() as db:
            await db.execute(INSERT, "a")
            await db.rollback()
        assert list(listening.notifies(timeout=0)) == []
        await add(database, "a")
        listening.execute("SELECT 1")
        (notice,) = listening.notifies(timeout=0)
        assert notice.payload == ""


async def test_changes_of_others_on_the_server_are_not_ours(
    database: PostgresDatabase, hand: PostgresHand, postgres: str
) -> None:
    watch = database.watch()
    await watch.changed()
    shop = PostgresHand(postgres)
    shop.change(f'CREATE SCHEMA "{shop.schema}"')
    shop.change("CREATE TABLE orders (id int)")
    assert not await watch.changed()
    shop.drop()


async def test_what_is_written_while_nobody_listens_is_told(
    database: PostgresDatabase, other: PostgresDatabase, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a connection that is lost and the next one."""
    watch = database.watch()
    for number in range(5):
        while await watch.changed():
            pass
        await proxy.close()
        await add(other, str(number))
        await proxy.open()
        assert await watch.changed()
        seen = await database.fetch("SELECT count(*) FROM lock")
        assert seen[0][0] == number + 1


async def test_where_no_notice_comes_one_looks(
    database: PostgresDatabase, other: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through a pooler."""
    connect = postgres_connection.Connector.__call__

    async def pooled(self: postgres_connection.Connector) -> postgres_connection.Connection:
        connection = await connect(self)
        connection.pooled = True
        return connection

    monkeypatch.setattr(postgres_connection.Connector, "__call__", pooled)
    watch = database.watch()
    await watch.changed()
    assert not await watch.changed()
    await add(other, "a")
    assert await watch.changed()
    waiting = asyncio.create_task(watch.wait(30))
    await add(other, "b")
    async with asyncio.timeout(5):
        assert await waiting


async def test_a_server_that_does_not_answer_is_left(
    database: PostgresDatabase, other: PostgresDatabase, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_watch, "ANSWER_SECONDS", 0.1)
    watch = database.watch()
    await watch.changed()
    await database.fetch("SELECT 1")
    with proxy.frozen():
        waiting = asyncio.create_task(watch.changed())
        await asyncio.wait([waiting], timeout=0.3)
    async with asyncio.timeout(10):
        assert await waiting
        while database.lost_since:  # noqa: ASYNC110 (it comes back by itself)
            await asyncio.sleep(0.01)
    await add(other, "a")
    assert await watch.changed()
