"""How long the server lets a transaction take, whom it ends, and what a cancellation leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from support.catalogs import add as add_warehouse
from support.engines import PostgresHand

from importers.addresses import with_schema
from importers.catalog import open_catalog, session_name
from importers.database.postgres import LONG, SHORT, PostgresDatabase
from importers.errors import ConnectionLost, DatabaseError
from importers.sessions.opening import SCHEMAS

INSERT = "INSERT INTO lock VALUES (?1, 't', 0, '')"
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = ?1"


@pytest.fixture
async def open_(hand: PostgresHand, postgres: str) -> AsyncIterator[Callable[..., Any]]:
    opened: list[PostgresDatabase] = []

    async def open_(name: str = "obmen", *, long: bool = False) -> PostgresDatabase:
        opened.append(
            await PostgresDatabase.open(
                postgres, hand.schema, SCHEMAS / "postgres", name, LONG if long else SHORT
            )
        )
        return opened[-1]

    yield open_
    for database in opened:
        await database.close()


@pytest.mark.parametrize(("long", "limits"), [(False, ["5s", "5s", "10s"]), (True, ["0", "10s", "0"])])
async def test_limits(open_: Callable[..., Any], long: bool, limits: list[str]) -> None:
    database = await open_(long=long)
    async with database.transaction() as db:
        assert [(await db.fetch(f"SHOW {name}"))[0][0] for name in LIMITS] == limits
        if long:
            assert (await db.fetch("SHOW client_connection_check_interval"))[0][0] == "5s"


async def test_the_catalog_may_take_long(hand: PostgresHand) -> None:
    catalog = await open_catalog(hand.url)
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
        names = ", ".join(f"current_setting('{name}')" for name in LIMITS)
        shown = [row async for row in transaction.rows(f"SELECT {names}")]
    assert shown == [("0", "10s", "0")]
    await catalog.close()


@pytest.mark.parametrize(
    ("limit", "statement", "told"),
    [
        ("statement_timeout", "SELECT pg_sleep(30)", "it took too long"),
        ("idle_in_transaction_session_timeout", "", "did nothing for long"),
    ],
)
async def test_what_takes_too_long_is_ended(
    open_: Callable[..., Any], limit: str, statement: str, told: str
) -> None:
    database = await open_()

    async def take_long() -> None:
        async with database.transaction() as db:
            await db.execute(INSERT, "a")
            await db.execute(f"SET LOCAL {limit} = '50ms'")
            if statement:
                await db.fetch(statement)
            await asyncio.sleep(0.2)
            await db.fetch("SELECT 1")

    with pytest.raises(DatabaseError, match=told):
        await take_long()
    async with database.transaction() as db:
        await db.execute(INSERT, "b")
    assert [row["key"] for row in await database.fetch("SELECT key FROM lock")] == ["b"]


async def test_who_holds_a_lock_for_long_is_not_waited_for(open_: Callable[..., Any]) -> None:
    one, two = await open_(), await open_()

    async def wait() -> None:
        async with two.transaction() as db:
            await db.execute("SET LOCAL lock_timeout = '50ms'")
            await db.execute("LOCK TABLE lock")

    async with one.transaction() as db:
        await db.execute("LOCK TABLE lock")
        with pytest.raises(DatabaseError, match="somebody holds a lock on it for long"):
            await wait()


@pytest.mark.parametrize("in_transaction", [True, False])
async def test_a_cancelled_statement_is_ended_on_the_server(
    open_: Callable[..., Any], hand: PostgresHand, in_transaction: bool
) -> None:
    database = await open_("cancelled")
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cancelled' AND state = 'active' "
        "AND query LIKE '%pg_sleep(60%'"
    )

    async def sleep() -> None:
        if not in_transaction:
            await database.fetch("SELECT pg_sleep(60 * ?1)", 1)
        async with database.transaction() as db:
            await db.execute(INSERT, "a")
            await db.fetch("SELECT pg_sleep(60 * ?1)", 1)

    task = asyncio.create_task(sleep())
    async with asyncio.timeout(10):
        while hand.rows(running) == [(0,)]:  # noqa: ASYNC110 (the server tells by its own table only)
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert hand.rows(running) == [(0,)]
    async with database.transaction() as db:
        await db.execute(INSERT, "b")
    assert [row["key"] for row in await database.fetch("SELECT key FROM lock")] == ["b"]
    assert hand.rows(OURS, "cancelled") == [(2,)], "the same connections"


async def test_a_cancellation_at_any_step_leaves_no_transaction_open(
    open_: Callable[..., Any], hand: PostgresHand
) -> None:
    from support.engine_stage import cancelled_everywhere

    database = await open_("stopped")

    async def write() -> None:
        async with database.transaction(gate="g") as db:
            await db.execute("UPDATE lock SET token = 'u'")

    async def check() -> None:
        open_ = "SELECT state FROM pg_stat_activity WHERE application_name = 'stopped' AND state <> 'idle'"
        assert hand.rows(open_) == []

    await write()
    assert await cancelled_everywhere(write, check) > 3


async def test_a_session_is_ended_from_elsewhere(hand: PostgresHand, postgres: str) -> None:
    """By an account without special rights, while it writes."""
    account = f"shop_{hand.schema}"
    hand.change(f'CREATE SCHEMA "{hand.schema}"')
    hand.change(f"CREATE ROLE {account} LOGIN NOSUPERUSER")
    hand.change(f'GRANT ALL ON SCHEMA "{hand.schema}" TO {account}')
    url = with_schema(postgres.replace("//obmen@", f"//{account}@"), hand.schema)
    name = session_name("0123456789abcdef", 2**62, 2**41)
    assert len(name) <= 63
    catalog, other = await open_catalog(url, name), await open_catalog(url, "obmen/another")

    async def work() -> None:
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
            await add_warehouse(transaction, "a")
            assert hand.rows(OURS, name) == [(2,)]
            assert await other.end_others(name) == 2
            assert hand.rows(OURS, name) == [(0,)]
            await add_warehouse(transaction, "b")

    try:
        with pytest.raises(
            ConnectionLost, match=r"the server ends connections|the connection to the server is lost"
        ):
            await work()
        assert hand.rows("SELECT count(*) FROM warehouse") == [(0,)]
        assert await other.end_others(name) == 0
        assert await other.has_products() is False, "the others go on"
    finally:
        await catalog.close()
        await other.close()
        hand.drop()
        hand.change(f"DROP ROLE {account}")


async def test_schemas_of_one_database_have_gates_of_their_own(
    open_: Callable[..., Any], new_schema: Callable[[], PostgresHand], postgres: str
) -> None:
    """Catalogs of several shops are written at the same time."""
    one, shop = await open_(), new_schema()
    other = await PostgresDatabase.open(postgres, shop.schema, SCHEMAS / "postgres")
    async with asyncio.timeout(3), one.transaction(gate="catalog"), other.transaction(gate="catalog"):
        pass
    await other.close()
