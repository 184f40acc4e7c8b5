"""A session whose catalog is on a PostgreSQL server: for how long it is in a transaction there, and who may commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.catalogs import add
from support.engine_stage import Stage, no_processes, staged
from support.engines import PostgresHand
from support.workers import worked

from importers.catalog import open_catalog
from importers.catalog.merge import Stage as Merging
from importers.commerceml import Export
from importers.errors import LeaseLost
from importers.events import Counts, Options
from importers.sample import EXPORT
from importers.sessions import Status

TRANSACTIONS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def shop(hand: PostgresHand) -> PostgresHand:
    return hand


@pytest.fixture
async def stage(tmp_path: Path, shop: PostgresHand) -> AsyncIterator[Stage]:
    async with staged(tmp_path, catalog={"url": shop.url}, launch={"recency_seconds": 0}) as made:
        no_processes(made)
        yield made


async def test_no_transaction_is_open_while_files_are_read(
    stage: Stage, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold up vacuum in all databases of the server, and every other session of this catalog."""
    reading: list[int] = []
    merging: list[int] = []
    records_in, merge = Export.records_in, Merging.merge

    with closing(psycopg.connect(postgres, autocommit=True)) as other:

        def count() -> int:
            ((open_transactions,),) = other.execute(TRANSACTIONS).fetchall()
            return int(open_transactions)

        def watched_records(self: Export, *args: Any, **rest: Any) -> Iterator[Any]:
            for batch in records_in(self, *args, **rest):
                reading.append(count())
                yield batch
            reading.append(count())

        async def watched_merge(self: Merging, *args: Any) -> AsyncIterator[Any]:
            async for merged in merge(self, *args):
                merging.append(count())
                yield merged

        monkeypatch.setattr(Export, "records_in", watched_records)
        monkeypatch.setattr(Merging, "merge", watched_merge)
        session = await worked(stage, "catalog", source=str(EXPORT))
    assert session.status is Status.COMPLETED
    assert len(reading) > 2
    assert set(reading) == {0}
    assert set(merging) == {1}, "else this test would prove nothing"


@pytest.mark.parametrize(("task", "refused"), [("same", True), ("other", False)])
async def test_sessions_commit_one_after_the_other(shop: PostgresHand, task: str, refused: bool) -> None:
    """Whether a later worker of a task was here is looked up once nobody else can commit any more."""
    later, earlier = await open_catalog(shop.url), await open_catalog(shop.url)

    async def import_earlier() -> None:
        async with earlier.transaction(journal_id="j", session_id=1, task_id=task, fence=1) as transaction:
            await add(transaction, "earlier")

    try:
        async with later.transaction(journal_id="j", session_id=1, task_id="same", fence=2) as transaction:
            await add(transaction, "later")
            waiting = asyncio.create_task(import_earlier())
            async with asyncio.timeout(10):
                while not shop.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                    assert not waiting.done()
                    await asyncio.sleep(0.01)
        with pytest.raises(LeaseLost) if refused else nullcontext():
            await waiting
    finally:
        await later.close()
        await earlier.close()
    there = shop.rows("SELECT id FROM warehouse ORDER BY id")
    assert there == [("later",)] if refused else [("earlier",), ("later",)]


async def test_a_dry_run_changes_nothing(stage: Stage, shop: PostgresHand) -> None:
    session = await worked(stage, options=Options(dry_run=True))
    assert (session.status, session.counts) == (Status.COMPLETED, Counts(read=3, created=3))
    assert shop.rows("SELECT count(*) FROM customer") == [(0,)]
    assert (await worked(stage, options=Options(force=True))).counts == Counts(read=3, created=3)
    assert (await worked(stage, options=Options(force=True))).counts == Counts(read=3, unchanged=3)
