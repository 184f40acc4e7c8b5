"""What PostgreSQL does for us that a file cannot: tells of changes, ends what stands still, ends what others do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from support.engines import PostgresHand
from support.pooler import BINARY, pooled

from importers.catalog import open_catalog
from importers.catalog.opening import SCHEMAS as CATALOG
from importers.database import postgres, postgres_link
from importers.database.opening import open_database
from importers.database.postgres import PostgresDatabase, Timeouts
from importers.database.protocol import Database
from importers.errors import ConnectionLost, DatabaseError
from importers.events import Counts, Log, Options
from importers.processes import this_process
from importers.sessions import Journal, open_journal
from importers.sessions.models import NewSession, Outcome, Status
from importers.sessions.opening import SCHEMAS

NEW = NewSession("r", "k", "h", "t", ("prices",), "/srv/1c", Options(), "a catalog", "anna", "host")


@asynccontextmanager
async def opened(url: str, name: str = "obmen") -> AsyncIterator[Database]:
    database = await open_database(url, SCHEMAS, "obmen", name=name, short=True)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def journal(hand: PostgresHand) -> AsyncIterator[Journal]:
    journal = await open_journal(hand.url)
    yield journal
    await journal.close()


async def test_a_change_is_told_and_need_not_be_asked_for(
    journal: Journal, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = journal.watch()
    while await watch.changed(0.2):
        pass

    async def nobody_asks(_self: object) -> bool:
        raise AssertionError("asked")

    monkeypatch.setattr(postgres.PostgresWatch, "_ask", nobody_asks)
    waiting = asyncio.create_task(watch.changed(20))
    await asyncio.sleep(0)
    async with opened(hand.url) as other:
        async with asyncio.timeout(5), other.transaction() as db:
            await db.execute("INSERT INTO lock VALUES ('k', 't', 1, '')")
        async with asyncio.timeout(5):
            assert await waiting
        async with other.transaction() as db:  # neither what only reads, nor what is not kept
            await db.fetch("SELECT 1")
        with pytest.raises(ZeroDivisionError):
            async with other.transaction() as db:
                await db.execute("DELETE FROM lock")
                raise ZeroDivisionError
    assert not await watch.changed(0.2)


async def test_a_statement_of_somebody_who_is_cancelled_is_ended(hand: PostgresHand) -> None:
    running = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE state = 'active' AND query LIKE '%pg_sleep(40)%' AND pid <> pg_backend_pid()"
    )
    async with opened(hand.url) as database:

        async def sleep() -> None:
            async with database.transaction() as db:
                await db.execute("INSERT INTO lock VALUES ('k', 't', 1, '')")
                await db.fetch("SELECT set_config('statement_timeout', '0', true), pg_sleep(40)")

        task = asyncio.create_task(sleep())
        while hand.rows(running) != [(1,)]:  # noqa: ASYNC110 (the server has to be asked)
            await asyncio.sleep(0.01)
        task.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await task
        assert hand.rows(running) == [(0,)]
        assert not await database.fetch("SELECT 1 FROM lock")
        async with database.transaction() as db:
            assert await db.execute("INSERT INTO lock VALUES ('k', 't', 1, '')") == 1


async def test_what_others_do_under_a_name_is_ended_and_can_commit_no_more(hand: PostgresHand) -> None:
    async with opened(hand.url, "obmen/a/1/1") as late, opened(hand.url, "obmen/a/2/1") as other:
        with pytest.raises(ConnectionLost):
            async with late.transaction() as db, other.transaction() as beside:
                await db.execute("INSERT INTO lock VALUES ('late', 't', 1, '')")
                await beside.execute("INSERT INTO lock VALUES ('other', 't', 1, '')")
                async with opened(hand.url) as reaper:
                    assert await reaper.end_others("obmen/a/1/1") > 0
                    assert await reaper.end_others("obmen/a/1/1") == 0
                await beside.execute("UPDATE lock SET token = 'u' WHERE key = 'other'")
        assert await other.fetch("SELECT 1 FROM lock WHERE key = 'late'") == []


async def test_an_account_without_rights_can_end_its_own(hand: PostgresHand, postgres: str) -> None:
    role = f"plain_{hand.schema}"
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f'CREATE ROLE {role} LOGIN; CREATE SCHEMA "{hand.schema}" AUTHORIZATION {role}')
    try:
        url = hand.url.replace("//obmen@", f"//{role}@")
        async with opened(url, "obmen/a/1/1") as late, opened(url) as reaper:
            with pytest.raises(ConnectionLost):
                async with late.transaction() as db:
                    await db.execute("INSERT INTO lock VALUES ('late', 't', 1, '')")
                    assert await reaper.end_others("obmen/a/1/1") > 0
            assert await reaper.fetch("SELECT 1 FROM lock") == []
    finally:
        with psycopg.connect(postgres, autocommit=True) as db:
            db.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


async def test_who_stands_still_in_a_short_transaction_keeps_nobody(
    hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SHORT", Timeouts("5s", "200ms", "300ms"))
    async with opened(hand.url) as one, opened(hand.url) as other:
        with pytest.raises(ConnectionLost):
            async with one.transaction(gate="g") as db:
                await db.execute("INSERT INTO lock VALUES ('k', 't', 1, '')")
                with pytest.raises(DatabaseError, match="somebody holds a lock"):
                    async with other.transaction(gate="g"):
                        pass
                while hand.rows("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in%'"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        async with other.transaction(gate="g") as db:
            assert await db.fetch("SELECT 1 FROM lock") == []


async def test_the_work_of_a_catalog_takes_as_long_as_it_takes(hand: PostgresHand) -> None:
    database = await open_database(hand.url, CATALOG, "public")
    try:
        async with database.transaction() as db:
            (row,) = await db.fetch(
                "SELECT current_setting('statement_timeout') AS a, "
                "current_setting('idle_in_transaction_session_timeout') AS b"
            )
            assert tuple(row) == ("0", "0")
    finally:
        await database.close()


async def test_an_older_server_is_refused(hand: PostgresHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_link, "OLDEST_SERVER", 99)
    with pytest.raises(DatabaseError, match=r"PostgreSQL \d+, obmen needs 99 or later; update the server"):
        await open_journal(hand.url)


@pytest.mark.parametrize("password", ["s3cret", "s3%40cret", "s3+cret", "s3%20cret"])
async def test_no_error_shows_a_password(password: str) -> None:
    for url in (
        f"postgresql://u:{password}@127.0.0.1:1/db",
        f"postgresql://u@127.0.0.1:1/db?password={password}",
    ):
        with pytest.raises(DatabaseError, match="cannot be reached") as error:
            await open_journal(url)
        assert "cret" not in str(error.value)


@pytest.mark.skipif(BINARY is None, reason="PgBouncer is not installed")
async def test_through_a_pooler(hand: PostgresHand, postgres: str) -> None:
    with pooled(postgres) as address:
        url = hand.url.replace(postgres, address)
        journals = [await open_journal(url) for _ in range(6)]
        try:
            results = await asyncio.gather(
                *(journal.create(NEW, 5, [Log("info", "x")]) for journal in journals)
            )
            assert (
                sorted(outcome for outcome, _session in results) == [Outcome.CREATED] + [Outcome.REPLAYED] * 5
            )
            watch = journals[0].watch()
            while await watch.changed(0.3):
                pass
            id_ = results[0][1].id
            for journal in journals:
                await journal.claim(id_, NEW.target, this_process(), 30)
            assert await watch.changed(5)
            held = await journals[3].session(id_)
            for journal in journals:
                assert await journal.beat(id_, held.fence, 30) is Status.IN_PROGRESS
            assert [line.type for line in await journals[4].events(id_)] == ["log", "received"]
            assert await journals[5].finish(id_, held.fence, Status.COMPLETED, {"prices": Counts()})
            catalog = await open_catalog(
                hand.url.replace(postgres, address).replace(hand.schema, f"{hand.schema}c")
            )
            try:
                async with catalog.transaction(
                    journal_id="j", session_id=1, task_id="t", fence=1
                ) as transaction:
                    await transaction.execute("INSERT INTO unit (code) VALUES (?1)", "796")
                assert await catalog.applied(journal_id="j", task_id="t") is not None
            finally:
                await catalog.close()
                hand.change(f'DROP SCHEMA "{hand.schema}c" CASCADE')
        finally:
            for journal in journals:
                await journal.close()


async def test_a_connection_that_is_no_poolers_is_known_as_such(hand: PostgresHand) -> None:
    database = PostgresDatabase(*hand.url.replace("&schema=", "#").split("#"))
    try:
        await database.fetch("SELECT 1")
        assert not database._reader.pooled
    finally:
        await database.close()


async def test_who_reads_waits_for_no_lock_for_ever(
    hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SHORT", Timeouts("5s", "200ms", "300ms"))
    journal = await open_journal(hand.url)
    try:
        async with asyncio.timeout(20):
            with psycopg.connect(hand.url.partition("&schema=")[0]) as db:
                db.execute(f'LOCK TABLE "{hand.schema}".session IN ACCESS EXCLUSIVE MODE')
                with pytest.raises(DatabaseError, match="somebody holds a lock on it for long"):
                    await journal.sessions()
            assert list(await journal.sessions()) == []
    finally:
        await journal.close()
