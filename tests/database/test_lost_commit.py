"""A connection that is lost at COMMIT: what came of it is found out."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from support.cut_proxy import Cut, CutProxy, cut_proxy
from support.engines import PostgresHand
from support.postgres import PostgresServer

from importers.database import postgres_outcome
from importers.database.postgres import PostgresDatabase
from importers.errors import Undone, Unsure
from importers.sessions.opening import SCHEMAS

INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"


async def add(database: PostgresDatabase, key: str) -> bool:
    """Whether it says that it is committed."""
    db = None
    try:
        async with database.transaction() as db:
            await db.execute(INSERT, key)
    finally:
        assert db
        committed = db.committed
    return committed


def keys(hand: PostgresHand) -> list[str]:
    return [key for (key,) in hand.rows("SELECT key FROM lock ORDER BY key")]


async def test_what_was_done_is_done(database: PostgresDatabase, proxy: CutProxy, hand: PostgresHand) -> None:
    proxy.cuts = [Cut.AFTER]
    assert await add(database, "a")
    assert (proxy.cut, keys(hand)) == (1, ["a"])
    assert await add(database, "b")


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.SILENT])
async def test_what_was_not_done_is_undone(
    database: PostgresDatabase, proxy: CutProxy, hand: PostgresHand, cut: Cut
) -> None:
    """Also where the server would have waited for the rest."""
    proxy.cuts = [cut]
    with pytest.raises(Undone, match="lost before it was done; try again"):
        await add(database, "a")
    assert (proxy.cut, keys(hand)) == (1, [])
    open_ = "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
    assert hand.rows(open_) == [(0,)], "nothing can be done later"
    assert await add(database, "a")


async def test_who_only_reads_loses_nothing(database: PostgresDatabase, proxy: CutProxy) -> None:
    proxy.cuts = [Cut.BEFORE]
    async with database.transaction() as db:
        assert await db.fetch("SELECT key FROM lock") == []
    assert (db.committed, proxy.cut) == (True, 1)


async def test_a_statement_that_is_lost_is_undone(
    database: PostgresDatabase, proxy: CutProxy, hand: PostgresHand
) -> None:
    async def lose() -> None:
        async with database.transaction() as db:
            await db.execute(INSERT, "a")
            await proxy.close()
            await proxy.open()
            await db.execute(INSERT, "b")

    with pytest.raises(Undone, match="the connection to the server is lost"):
        await lose()
    assert keys(hand) == []
    assert await add(database, "c")


async def test_nobody_knows_while_the_server_is_away(
    database: PostgresDatabase, proxy: CutProxy, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importers.database.postgres_connection.PATIENCE_SECONDS", 0.2)
    proxy.cuts = [Cut.AFTER]

    async def commit() -> None:
        async with database.transaction() as db:
            await db.execute(INSERT, "a")
            proxy.shut()

    with pytest.raises(Unsure, match="whether it was done is not known"):
        await commit()
    assert keys(hand) == ["a"]


async def test_a_crash_makes_it_unsure(own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that crashes gives numbers again that it had forgotten; one that was stopped forgets nothing."""
    hand = PostgresHand(own_server.url)
    learn = postgres_outcome.learn
    how = signal.SIGINT

    async def stopped_before(*args: Any) -> None:
        await asyncio.to_thread(own_server.stop, how)
        await asyncio.to_thread(own_server.start)
        await learn(*args)

    monkeypatch.setattr("importers.database.postgres.learn", stopped_before)
    async with cut_proxy(own_server.url) as proxy:
        database = await PostgresDatabase.open(proxy.url, hand.schema, SCHEMAS / "postgres")
        proxy.cuts = [Cut.AFTER]
        assert await add(database, "a")
        how = signal.SIGQUIT
        proxy.cuts = [Cut.AFTER]
        with pytest.raises(Unsure):
            await add(database, "b")
        assert keys(hand) == ["a", "b"]
        await database.close()
