"""Lost connections are opened anew, by whoever needs one; meanwhile it is told since when."""

from __future__ import annotations

import asyncio
import re
import signal

import pytest
from support.cut_proxy import CutProxy
from support.engines import PostgresHand
from support.postgres import PostgresServer

from importers.database import postgres_connection
from importers.database.postgres import PostgresDatabase
from importers.errors import DatabaseError
from importers.sessions.opening import SCHEMAS

INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"
KEYS = "SELECT key FROM lock ORDER BY key"


async def add(database: PostgresDatabase, key: str) -> None:
    async with database.transaction() as db:
        await db.execute(INSERT, key)


async def test_what_was_cut_is_opened_anew(database: PostgresDatabase, proxy: CutProxy) -> None:
    watch = database.watch()
    await watch.changed()
    await add(database, "a")
    await proxy.close()
    await proxy.open()
    assert [row["key"] for row in await database.fetch(KEYS)] == ["a"]
    await add(database, "b")
    assert await watch.changed()
    assert [row["key"] for row in await database.fetch(KEYS)] == ["a", "b"]


async def test_one_waits_for_a_server_that_starts_again(own_server: PostgresServer) -> None:
    hand = PostgresHand(own_server.url)
    database = await PostgresDatabase.open(own_server.url, hand.schema, SCHEMAS / "postgres")
    try:
        await add(database, "a")
        for how in (signal.SIGINT, signal.SIGQUIT):
            own_server.stop(how)
            starting = asyncio.create_task(asyncio.to_thread(own_server.start))
            await asyncio.gather(database.fetch(KEYS), add(database, how.name), starting)
            assert database.lost_since is None
        assert len(await database.fetch(KEYS)) == 3
    finally:
        await database.close()


async def test_since_when_it_is_lost(
    database: PostgresDatabase, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "PATIENCE_SECONDS", 0.2)
    await proxy.close()
    lost = []
    for _ in range(2):
        with pytest.raises(DatabaseError, match="cannot be reached"):
            await database.fetch(KEYS)
        lost.append(database.lost_since)
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await add(database, "a")
    assert lost[0] == lost[1] == database.lost_since
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", lost[0] or "")
    await proxy.open()
    await database.fetch(KEYS)
    assert database.lost_since is None
    await add(database, "a")


async def test_who_listens_notices_at_once_and_comes_back(
    database: PostgresDatabase, proxy: CutProxy
) -> None:
    watch = database.watch()
    await watch.changed()
    waiting = asyncio.create_task(watch.wait(30))
    await asyncio.wait([waiting], timeout=0.01)
    await proxy.close()
    async with asyncio.timeout(10):
        while not database.lost_since:  # noqa: ASYNC110 (without asking it anything)
            await asyncio.sleep(0.001)
        await proxy.open()
        assert await waiting
        while database.lost_since:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not waiting.cancelled()


def test_pauses_grow_and_no_two_are_alike() -> None:
    waits = postgres_connection.pauses()
    first, *more = [next(waits) for _ in range(20)]
    assert 0.1 <= first <= 0.2
    assert all(0.1 <= pause <= 2 for pause in more)
    assert max(more) > 0.5
    assert len({first, *more}) == 20


async def test_what_can_never_be_reached_is_said_at_once(hand: PostgresHand) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(DatabaseError, match="cannot be reached"):
            await PostgresDatabase.open("postgresql://127.0.0.1:1/x", hand.schema, SCHEMAS / "postgres")
