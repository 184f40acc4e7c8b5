"""Lost connections are opened anew, by whoever needs one; meanwhile it is told since when."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from support.engines import PostgresHand
from support.postgres import binaries, running_server
from support.proxy import Line, line_to

from importers.database import postgres_link
from importers.database.postgres import PostgresDatabase
from importers.errors import ConnectionLost, DatabaseError
from importers.sessions.opening import SCHEMAS

FOLDER = SCHEMAS / "postgres"
INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"
KEYS = "SELECT key FROM lock ORDER BY key"


@pytest.fixture
def line(hand: PostgresHand) -> Iterator[Line]:
    with line_to(hand.url) as line:
        yield line


@pytest.fixture
async def database(line: Line, hand: PostgresHand) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(line.url.partition("&schema=")[0], hand.schema, FOLDER)
    yield database
    await database.close()


async def add(database: PostgresDatabase, *keys: str) -> None:
    async with database.transaction() as db:
        for key in keys:
            await db.execute(INSERT, key)


async def keys(database: PostgresDatabase) -> list[str]:
    return [row["key"] for row in await database.fetch(KEYS)]


async def test_one_waits_for_a_server_that_starts_again() -> None:
    with running_server(binaries()) as server:
        hand = PostgresHand(server.url)
        database = await PostgresDatabase.open(server.url, hand.schema, FOLDER)
        try:
            await add(database, "a")
            for how in (signal.SIGINT, signal.SIGQUIT):
                server.stop(how)
                starting = asyncio.create_task(asyncio.to_thread(server.start))
                await asyncio.gather(database.fetch(KEYS), add(database, how.name), starting)
                assert database.lost_since is None
            assert len(await keys(database)) == 3
        finally:
            await database.close()


async def test_it_is_found_again_by_whichever_connection(
    database: PostgresDatabase, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who only reads from then on is not told for ever that the server is lost."""
    monkeypatch.setattr(postgres_link, "RECONNECT_SECONDS", 0.2)
    await add(database, "a")
    line.go_down()
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await add(database, "b")
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await database.fetch(KEYS)
    assert database.lost_since
    line.is_down = False
    assert await keys(database) == ["a"]
    assert database.lost_since is None
    await add(database, "b")


async def test_who_reads_knows_that_the_server_answers(
    database: PostgresDatabase, line: Line, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_link, "RECONNECT_SECONDS", 0.2)
    async with database.transaction() as db:
        ((pid,),) = await db.fetch("SELECT pg_backend_pid()")
    line.is_down = True  # to those who come
    hand.rows("SELECT pg_terminate_backend(?1::int, 5000)", pid)
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await add(database, "b")
    assert database.lost_since
    assert await keys(database) == []
    assert database.lost_since is None


async def test_what_was_written_before_one_listens_again_is_told(
    database: PostgresDatabase, line: Line, hand: PostgresHand
) -> None:
    watch = database.watch()
    while await watch.changed(0.1):
        pass
    line.go_down()
    while database._listener.listening:  # noqa: ASYNC110 (by itself)
        await asyncio.sleep(0.001)
    assert await watch.changed(5), "it is lost"
    hand.change(INSERT, "a")
    line.is_down = False
    async with asyncio.timeout(10):
        while not database._listener.listening:  # noqa: ASYNC110 (by itself)
            await asyncio.sleep(0.001)
    assert await watch.changed(5)


async def test_a_server_that_ends_each_transaction_is_not_asked_without_end(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_begin", b"SELECT pg_terminate_backend(pg_backend_pid())")
    async with asyncio.timeout(20):
        with pytest.raises(ConnectionLost):
            await add(database, "a")


async def test_prepared_statements_that_are_another_s(postgres: str, hand: PostgresHand) -> None:
    """A pooler that passes for the server itself is known by them."""
    database = await PostgresDatabase.open(postgres, hand.schema, FOLDER)
    try:
        await add(database, "a", "b", "c", "d")
        async with database.transaction() as db:
            await db.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
        with pytest.raises(ConnectionLost):
            await add(database, "e")
        for key in "fghi":
            await add(database, key)
        assert await keys(database) == list("abcdfghi")
        async with database.transaction() as db:
            assert (await db.fetch("SELECT count(*) FROM pg_prepared_statements"))[0][0] == 0
    finally:
        await database.close()


async def test_who_changed_nothing_tells_nobody(
    database: PostgresDatabase, hand: PostgresHand, postgres: str
) -> None:
    with psycopg.connect(postgres, autocommit=True) as listening:
        listening.execute(f'LISTEN "{database.channel}"'.encode())
        async with database.transaction() as db:
            await db.fetch("SELECT 1")
            await db.execute("UPDATE lock SET token = 'x' WHERE key = 'nobody'")
        async with database.transaction() as db:
            await db.execute(INSERT, "a")
            await db.rollback()
        listening.execute("SELECT 1")
        assert list(listening.notifies(timeout=0)) == []
        await add(database, "a")
        listening.execute("SELECT 1")
        (notice,) = listening.notifies(timeout=0)
        assert notice.payload == ""
