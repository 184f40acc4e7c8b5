"""The contract of a watch (`Watch`): who waits for changes of a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.engine_stage import Stage

from importers.database.protocol import Database, Watch

INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"


async def add(database: Database, key: str) -> None:
    async with database.transaction() as db:
        await db.execute(INSERT, key)


async def settled(watch: Watch) -> None:
    """It has told of all that it had to tell."""
    assert await watch.changed(5), "asked for the first time"
    while await watch.changed(0.05):
        pass


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[Database]:
    """The same database, as another process has it open."""
    journal = await stage.another_journal()
    yield journal.database
    await journal.close()


async def test_every_change_of_another_is_told(stage: Stage, other: Database) -> None:
    watch = stage.journal.watch()
    assert await watch.changed(), "asked for the first time"
    for number in range(30):
        await watch.changed()  # may be true: somebody else's doing on a server
        await add(other, str(number))
        assert await watch.changed()


async def test_who_waits_is_woken(stage: Stage, other: Database) -> None:
    watches = [stage.journal.watch() for _ in range(3)]
    for watch in watches:
        await settled(watch)
    waiting = [asyncio.create_task(watch.changed(30)) for watch in watches]
    await asyncio.wait(waiting, timeout=0.01)
    assert not any(task.done() for task in waiting)
    await add(other, "a")
    async with asyncio.timeout(10):
        assert await asyncio.gather(*waiting) == [True] * 3


async def test_waiting_has_an_end(stage: Stage) -> None:
    watch = stage.journal.watch()
    await settled(watch)
    async with asyncio.timeout(5):
        for seconds in (0.05, 0.01):
            assert not await watch.changed(seconds)
        for seconds in (0, -1):
            await watch.changed(seconds)


async def test_who_is_cancelled_keeps_nobody_from_waiting(stage: Stage, other: Database) -> None:
    watch = stage.journal.watch()
    await settled(watch)
    for stop in range(1, 8):
        waiting = asyncio.create_task(watch.changed(30))
        for _ in range(stop):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    await watch.changed()
    assert not await watch.changed()
    await add(other, "a")
    assert await watch.changed(10)


async def test_all_is_well(stage: Stage) -> None:
    assert stage.journal.database.lost_since is None
    assert await stage.journal.database.end_others("nobody") == 0
