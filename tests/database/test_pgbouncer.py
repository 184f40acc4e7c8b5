"""Through PgBouncer, each transaction may run on another connection to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from support.catalogs import write as import_warehouse
from support.engine_stage import no_processes, staged
from support.engines import PostgresHand
from support.pgbouncer import PGBOUNCER, pgbouncer

from importers.addresses import with_schema
from importers.catalog import open_catalog
from importers.database.postgres import PostgresDatabase
from importers.errors import Undone
from importers.events import Log
from importers.processes import this_process
from importers.sessions import Status
from importers.sessions.opening import SCHEMAS

pytestmark = pytest.mark.skipif(not PGBOUNCER, reason="no PgBouncer here")

KEYS = "SELECT key FROM lock ORDER BY key"


@pytest.fixture(scope="module")
def pooler(postgres: str) -> Iterator[str]:
    with pgbouncer(postgres) as url:
        yield url


@pytest.fixture
def hands(postgres: str, pooler: str) -> Iterator[list[PostgresHand]]:
    """What is done by hand is done on the server itself."""
    hands = [PostgresHand(postgres) for _ in range(2)]
    for hand in hands:
        hand.url = with_schema(pooler, hand.schema)
    yield hands
    for hand in hands:
        hand.drop()


async def test_two_journals_over_the_same_connections(hands: list[PostgresHand], tmp_path: Path) -> None:
    async def run(hand: PostgresHand, folder: Path, number: int) -> None:
        async with staged(folder, hand=hand) as stage:
            no_processes(stage)
            watch = stage.journal.watch()
            await watch.changed()
            for _ in range(number):
                result = await stage.launch()
                assert (result.outcome, result.lock) == ("created", "acquired")
                session = result.session
                assert session
                assert await watch.wait(10)
                taken = await stage.journal.claim(session.id, session.target, this_process(), 30)
                assert taken
                for text in "abc":
                    assert await stage.journal.write(
                        taken.id, taken.fence, [Log("info", text)], [],
                        done=1, total=2, running_kind="customers", by_kind={},
                    )  # fmt: skip
                assert await stage.journal.finish(taken.id, taken.fence, Status.COMPLETED, {})
                assert len(await stage.journal.events(taken.id)) == 6
                stage.change("UPDATE session SET created_clock = 0")
            assert len(await stage.journal.sessions()) == number

    await asyncio.gather(
        *(run(hand, tmp_path / hand.schema, number) for number, hand in enumerate(hands, start=5))
    )


async def test_limits_and_schema_end_with_the_transaction(hands: list[PostgresHand], pooler: str) -> None:
    database = await PostgresDatabase.open(pooler, hands[0].schema, SCHEMAS / "postgres")
    try:
        for _ in range(4):
            async with database.transaction() as db:
                assert (await db.fetch("SHOW statement_timeout"))[0][0] == "5s"
                assert (await db.fetch("SELECT current_schema()"))[0][0] == hands[0].schema
            assert (await database.fetch("SHOW idle_in_transaction_session_timeout"))[0][0] == "10s"
        with psycopg.connect(pooler, autocommit=True) as stranger:
            for _ in range(4):
                for name, value in (("search_path", '"$user", public'), ("statement_timeout", "0")):
                    assert stranger.execute(f"SHOW {name}".encode()).fetchone() == (value,)
    finally:
        await database.close()


async def test_prepared_statements_that_are_another_s(postgres: str, hands: list[PostgresHand]) -> None:
    """A pooler that passes for the server itself is known by them."""
    database = await PostgresDatabase.open(postgres, hands[0].schema, SCHEMAS / "postgres")
    insert = "INSERT INTO lock VALUES (?1, 't', 0, '')"

    async def add(*keys: str) -> None:
        async with database.transaction() as db:
            for key in keys:
                await db.execute(insert, key)

    try:
        await add("a", "b", "c", "d")
        async with database.transaction() as db:
            await db.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
        with pytest.raises(Undone):
            await add("e")
        for key in "fghi":
            await add(key)
            await database.fetch(KEYS)
        async with database.transaction() as db:
            assert (await db.fetch("SELECT count(*) FROM pg_prepared_statements"))[0][0] == 0
            assert (await db.fetch("SHOW statement_timeout"))[0][0] == "5s"
        assert [row["key"] for row in await database.fetch(KEYS)] == list("abcdfghi")
    finally:
        await database.close()


async def test_a_catalog(hands: list[PostgresHand]) -> None:
    catalog = await open_catalog(hands[0].url)
    try:
        for number in range(3):
            await import_warehouse(catalog, f"w{number}", session=number)
            assert await catalog.applied(journal_id="j", task_id=f"t{number}") == f"note {number}".encode()
    finally:
        await catalog.close()
    assert hands[0].rows("SELECT count(*) FROM warehouse") == [(3,)]
