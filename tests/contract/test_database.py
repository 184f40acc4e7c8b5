"""The contract of a database (`Database`), tried on the table of the launch lock."""

from __future__ import annotations

import asyncio

import pytest
from support.engine_stage import MovedClock, Stage

from importers.database.protocol import Database

INSERT = "INSERT INTO lock VALUES (?1, ?2, 0, '')"
KEYS = "SELECT key, token FROM lock ORDER BY key"


@pytest.fixture
def database(stage: Stage) -> Database:
    return stage.journal.database


async def keys(database: Database) -> list[str]:
    return [row["key"] for row in await database.fetch(KEYS)]


async def test_rows_and_how_many_were_changed(database: Database) -> None:
    async with database.transaction() as db:
        assert await db.execute(INSERT, "a", "t") == 1
        await db.execute_many(INSERT, [("b", "t"), ("c", "u")])
        assert await db.execute("UPDATE lock SET token = ?2 WHERE token = ?1", "t", "v") == 2
        (row,) = await db.fetch("DELETE FROM lock WHERE key = ?1 RETURNING key, token", "a")
        assert (list(row.keys()), row["key"], row["token"]) == (["key", "token"], "a", "v")
        assert await db.execute("DELETE FROM lock WHERE key = 'nobody'") == 0
    assert [(row["key"], row["token"]) for row in await database.fetch(KEYS)] == [("b", "v"), ("c", "u")]


async def test_nobody_sees_what_is_not_committed(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(INSERT, "a", "t")
        assert len(await db.fetch(KEYS)) == 1
        assert await keys(database) == []
    assert await keys(database) == ["a"]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_what_is_left_by_an_error_is_undone(database: Database, error: type[BaseException]) -> None:
    async def insert() -> None:
        async with database.transaction() as db:
            await db.execute(INSERT, "a", "t")
            raise error

    with pytest.raises(error):
        await insert()
    assert await keys(database) == []


async def test_rows_are_read_by_place_and_in_any_number(database: Database) -> None:
    cells = [cell for n in range(1001) for cell in (f"{n:04}", "t", 0, "")]
    async with database.transaction() as db:
        await db.insert("lock", ("key", "token", "until_clock", "boot_id"), cells)
        assert db.changes == 1001
        (row, *_more) = await db.fetch(KEYS)
        assert (row[0], row[:2], list(row)) == ("0000", ("0000", "t"), ["0000", "t"])
        assert [row["key"] async for row in db.stream(KEYS)] == [f"{n:04}" for n in range(1001)]
        await db.execute("UPDATE lock SET token = 'u' WHERE key < ?1", "0010")
        assert db.changes == 1011
        assert not db.committed
    assert db.committed
    assert len(await keys(database)) == 1001


async def test_several_streams_at_once(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute_many(INSERT, [("a", "t"), ("b", "t")])
        pairs = [
            (one["key"], other["key"]) async for one in db.stream(KEYS) async for other in db.stream(KEYS)
        ]
    assert pairs == [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]


async def test_one_that_was_rolled_back_is_left_in_peace(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(INSERT, "a", "t")
        await db.rollback()
    assert not db.committed
    assert await keys(database) == []


async def test_transactions_of_one_gate_run_one_after_the_other(stage: Stage) -> None:
    """Of two processes: what one has looked up holds until its commit."""
    other = await stage.another_journal()

    async def count_and_add(database: Database) -> None:
        async with database.transaction(gate="g") as db:
            found = await db.fetch(KEYS)
            await asyncio.sleep(0.001)
            await db.execute(INSERT, str(len(found)), "t")

    try:
        both = (stage.journal.database, other.database)
        await asyncio.gather(*(count_and_add(database) for database in both * 5))
        assert await keys(other.database) == [str(n) for n in range(10)]
    finally:
        await other.close()


async def add(database: Database, key: str) -> int:
    async with database.transaction() as db:
        await db.execute(INSERT, key, "t")
        return await db.mark()


async def state_of(database: Database) -> str | None:
    async with database.transaction() as db:
        try:
            return await db.state()
        finally:
            await db.rollback()


async def test_a_state_is_told_again_while_nothing_is_written(database: Database, tells_state: bool) -> None:
    state = await database.state(await add(database, "a"))
    assert (state is not None) == tells_state
    for _time in range(2):
        assert await state_of(database) == state
    async with database.transaction() as db:
        await db.execute(INSERT, "undone", "t")
        mark = await db.mark()
        await db.rollback()
    assert await database.state(mark) == state


async def test_another_state_is_told_otherwise(stage: Stage, tells_state: bool) -> None:
    """Whoever wrote, whether the same is in it or not."""
    database, other = stage.journal.database, await stage.another_journal()
    states = set()
    try:
        for one in (database, other.database):
            states.add(await one.state(await add(one, "a")))
            async with one.transaction() as db:
                await db.execute("DELETE FROM lock")
                mark = await db.mark()
            states.add(await one.state(mark))
        assert (len(states), None in states) == ((4, False) if tells_state else (1, True))
        await add(other.database, "b")
        assert await state_of(database) not in states - {None}
    finally:
        await other.close()


async def test_a_state_is_that_of_who_gave_the_mark(stage: Stage) -> None:
    other = await stage.another_journal()
    try:
        mark = await add(stage.journal.database, "a")
        await add(other.database, "b")
        assert await stage.journal.database.state(mark) is None
    finally:
        await other.close()


async def test_triggers_are_found(stage: Stage) -> None:
    stage.hand.drop_triggers()
    for found in (False, True):
        if found:
            stage.hand.make_trigger("lock")
        async with stage.journal.database.transaction() as db:
            assert await db.has_triggers() is found


async def test_all_have_one_clock(stage: Stage, clock: MovedClock) -> None:
    other = await stage.another_journal()
    try:
        before = await stage.journal.database.now()
        clock.seconds += 5
        async with other.database.transaction() as db:
            now = await db.now()
        assert (now.seconds - before.seconds, now.epoch) == (5, before.epoch)
        assert now.utc > before.utc
    finally:
        await other.close()
