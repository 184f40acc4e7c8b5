"""A connection that is lost at COMMIT: what came of it is found out, or it is said that nobody can tell."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support.engine_stage import Stage, no_processes, staged
from support.engines import PostgresHand
from support.postgres import binaries, running_server
from support.proxy import Cut, Line, line_to

from importers.database import postgres, postgres_outcome
from importers.database.postgres import LONG, PostgresDatabase, PostgresTransaction
from importers.errors import ConnectionLost, Unsure
from importers.processes import this_process
from importers.sessions.opening import SCHEMAS

FOLDER = SCHEMAS / "postgres"
INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"
LEASE = 30.0


@pytest.fixture
def line(hand: PostgresHand) -> Iterator[Line]:
    with line_to(hand.url) as line:
        yield line


async def opened(line: Line, hand: PostgresHand) -> PostgresDatabase:
    server = line.url.replace(f"&schema={hand.schema}", "")
    return await PostgresDatabase.open(server, hand.schema, FOLDER, timeouts=LONG)


@pytest.fixture
async def database(line: Line, hand: PostgresHand) -> AsyncIterator[PostgresDatabase]:
    database = await opened(line, hand)
    yield database
    await database.close()


async def add(database: PostgresDatabase, key: str) -> None:
    async with database.transaction() as db:
        await db.execute(INSERT, key)
    assert db.committed


def keys(hand: PostgresHand) -> list[str]:
    return [key for (key,) in hand.rows("SELECT key FROM lock ORDER BY key")]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.SILENT])
async def test_what_was_not_done_can_not_be_done_later(
    database: PostgresDatabase, line: Line, hand: PostgresHand, cut: Cut
) -> None:
    """Also where the server would wait for the rest for ever."""
    line.cut = cut
    async with asyncio.timeout(15):
        with pytest.raises(ConnectionLost):
            await add(database, "a")
    assert (line.cuts, keys(hand)) == (1, [])
    open_ = "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
    assert hand.rows(open_) == [(0,)]
    await add(database, "a")


async def test_who_only_reads_loses_nothing(database: PostgresDatabase, line: Line) -> None:
    line.cut = Cut.BEFORE
    async with database.transaction() as db:
        assert await db.fetch("SELECT key FROM lock") == []
    assert (db.committed, line.cuts) == (True, 1)


async def test_a_crash_makes_it_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that crashes gives numbers again that it had forgotten; one that was stopped forgets nothing."""
    was_committed = postgres_outcome.was_committed
    how = signal.SIGINT
    with running_server(binaries()) as server:

        async def stopped_before(*args: Any) -> bool:
            await asyncio.to_thread(server.stop, how)
            await asyncio.to_thread(server.start)
            return await was_committed(*args)

        monkeypatch.setattr(postgres, "was_committed", stopped_before)
        hand = PostgresHand(server.url)
        with line_to(hand.url) as line:
            database = await opened(line, hand)
            line.cut = Cut.AFTER
            await add(database, "a")
            how = signal.SIGQUIT
            line.cut = Cut.AFTER
            with pytest.raises(Unsure):
                await add(database, "b")
            assert keys(hand) == ["a", "b"]
            await database.close()


async def test_a_number_that_was_forgotten_was_not_committed(database: PostgresDatabase) -> None:
    assert not await postgres_outcome.was_committed(database, str(2**40 + 7), database._writer.era)
    with pytest.raises(Unsure):
        await postgres_outcome.was_committed(database, "3", "of another server")


@pytest.fixture
async def stage(hand: PostgresHand, tmp_path: Any) -> AsyncIterator[Stage]:
    async with staged(tmp_path, hand=hand) as made:
        no_processes(made)
        yield made


@pytest.fixture
def unsure_once(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The next transaction is committed, and nobody knows."""
    commit = PostgresTransaction.commit

    async def commit_then_raise(self: PostgresTransaction) -> None:
        monkeypatch.setattr(PostgresTransaction, "commit", commit)
        await commit(self)
        raise Unsure("nobody knows")

    return lambda: monkeypatch.setattr(PostgresTransaction, "commit", commit_then_raise)


async def test_a_claim_of_which_nobody_knows(stage: Stage, unsure_once: Any) -> None:
    """A session that was claimed is run: nobody else would run it before its lease is over."""
    session = (await stage.launch()).session
    assert session
    unsure_once()
    taken = await stage.journal.claim(session.id, session.target, this_process(), LEASE)
    assert taken
    assert stage.rows("SELECT fence FROM session") == [(taken.fence,)]
    assert await stage.journal.claim(session.id, session.target, this_process(), LEASE) is None


async def test_a_launch_of_which_nobody_knows(
    stage: Stage, unsure_once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = stage.journal.create

    async def unsure(*args: Any) -> Any:
        unsure_once()
        return await create(*args)

    monkeypatch.setattr(stage.journal, "create", unsure)
    result = await stage.launch()
    assert result.outcome == "created"
    assert stage.rows("SELECT count(*) FROM session") == [(1,)]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_every_commit_of_a_launch(line: Line, hand: PostgresHand, tmp_path: Any, cut: Cut) -> None:
    hand.url, spared = line.url, 0
    async with staged(tmp_path, hand=hand) as stage:
        no_processes(stage)
        while True:
            line.cut, line.spared, line.cuts = cut, spared, 0
            result = await stage.launch()
            assert (result.outcome, result.lock) == ("created", "acquired"), spared
            assert result.session
            number = result.session.id
            assert stage.rows("SELECT id, dispatches FROM session WHERE status = 'started'") == [(number, 1)]
            assert stage.sent[-1] == number
            told = "SELECT outcome, session_id FROM attempt WHERE request_id = ?1"
            assert stage.rows(told, result.request_id) == [("created", number)]
            assert stage.rows("SELECT count(*) FROM attempt") == [(spared + 1,)]
            assert stage.rows("SELECT count(*) FROM lock") == [(0,)]
            assert stage.rows("SELECT count(*) FROM event WHERE session_id = ?1", number) == [(2,)]
            if not line.cuts:
                break
            line.cut = None
            await stage.journal.cancel(number, "anna")
            stage.change("UPDATE session SET created_clock = 0")
            spared += 1
    assert spared >= 5, "attempt, lock, session, lock, dispatch, outcome"
