"""The contract of the catalog (`Catalog`): whose commit counts, what is left of it, and how a transaction ends."""

from __future__ import annotations

import asyncio

import pytest
from catalog_bench import CatalogBench
from support.catalogs import add, warehouse, write

from importers.catalog import open_catalog
from importers.catalog.tables import WAREHOUSE
from importers.errors import LeaseLost


async def test_a_commit_leaves_its_note(shop: CatalogBench) -> None:
    assert await shop.catalog.applied(journal_id="j", task_id="t1") is None
    await write(shop.catalog, "a", session=1)
    assert await shop.catalog.applied(journal_id="j", task_id="t1") == b"note 1"
    assert await shop.catalog.applied(journal_id="j", task_id="t2") is None
    assert await shop.catalog.applied(journal_id="other", task_id="t1") is None
    assert shop.rows("SELECT id FROM warehouse") == [("a",)]


@pytest.mark.parametrize(
    ("session", "fence", "stale"), [(4, 9, False), (5, 1, True), (5, 2, False), (6, 1, False)]
)
async def test_whoever_lost_the_session_cannot_change_the_catalog(
    shop: CatalogBench, session: int, fence: int, stale: bool
) -> None:
    await write(shop.catalog, "a", session=5, fence=2)
    if stale:
        with pytest.raises(LeaseLost, match=f"session {session} was taken over"):
            await write(shop.catalog, "b", session=session, fence=fence)
        assert shop.rows("SELECT id FROM warehouse") == [("a",)]
        assert await shop.catalog.applied(journal_id="j", task_id="t5") == b"note 5"
    else:
        await write(shop.catalog, "b", session=session, fence=fence)
        assert shop.rows("SELECT count(*) FROM warehouse") == [(2,)]


async def test_a_late_worker_waits_for_the_other_and_is_refused(shop: CatalogBench) -> None:
    """It is looked up under the lock of all who commit: before, there was nothing to see."""
    late = await open_catalog(shop.url)
    try:
        async with shop.catalog.transaction(
            journal_id="j", session_id=5, task_id="t5", fence=2
        ) as transaction:
            await add(transaction, "a")
            waiting = asyncio.create_task(write(late, "b", session=5, fence=1))
            over, _ = await asyncio.wait([waiting], timeout=0.5)
            assert not over
        with pytest.raises(LeaseLost, match="session 5 was taken over"):
            await waiting
    finally:
        await late.close()
    assert shop.rows("SELECT id FROM warehouse") == [("a",)]


@pytest.mark.parametrize("late", [False, True])
async def test_it_begins_with_the_first_statement_or_before(shop: CatalogBench, late: bool) -> None:
    """Seen by another one, who has to wait for it or not."""
    other = await open_catalog(shop.url)
    try:
        async with shop.catalog.transaction(
            journal_id="j", session_id=1, task_id="t1", fence=1
        ) as transaction:
            if not late:
                await transaction.begin()
            waiting = asyncio.create_task(write(other, "b", session=2))
            over, _ = await asyncio.wait([waiting], timeout=30 if late else 0.5)
            assert bool(over) == late
            assert len(await transaction.missing(WAREHOUSE.table, ["b"])) == (not late)
        await waiting
    finally:
        await other.close()


async def test_journals_do_not_fence_each_other(shop: CatalogBench) -> None:
    await write(shop.catalog, "a", session=50, journal="one")
    await write(shop.catalog, "b", session=1, journal="two")
    assert await shop.catalog.applied(journal_id="one", task_id="t50") == b"note 50"
    assert await shop.catalog.applied(journal_id="two", task_id="t1") == b"note 1"


async def test_a_task_is_known_by_its_id_not_by_its_number(shop: CatalogBench) -> None:
    """Numbers come again when a journal is restored from a copy."""
    await write(shop.catalog, "a", session=7, fence=3)
    async with shop.catalog.transaction(
        journal_id="j", session_id=7, task_id="another", fence=1
    ) as transaction:
        await add(transaction, "b")
    assert await shop.catalog.applied(journal_id="j", task_id="t7") == b"note 7"
    assert await shop.catalog.applied(journal_id="j", task_id="another") == b""


async def test_a_dry_run_is_not_refused(shop: CatalogBench) -> None:
    """It changes nothing; the reaper looks that way what became of a task."""
    await write(shop.catalog, "a", session=1, fence=2)
    async with shop.catalog.transaction(
        journal_id="j", session_id=1, task_id="t1", fence=1, dry_run=True
    ) as dry:
        assert await shop.catalog.applied(journal_id="j", task_id="t1") == b"note 1"
        await add(dry, "b")
    assert shop.rows("SELECT id FROM warehouse") == [("a",)]


async def test_the_last_notes_of_each_journal_are_kept(
    shop: CatalogBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importers.catalog.store.MAX_NOTES", 2)
    await write(shop.catalog, "other", session=9, journal="other")
    for session in (3, 1, 2):
        await write(shop.catalog, f"w{session}", session=session)
    kept = shop.rows("SELECT journal_id, session_id FROM applied ORDER BY position")
    assert kept == [("other", 9), ("j", 1), ("j", 2)]


async def test_an_error_undoes_everything(shop: CatalogBench) -> None:
    called: list[str] = []

    async def fail() -> None:
        async with shop.catalog.transaction(
            journal_id="j", session_id=1, task_id="t1", fence=1
        ) as transaction:
            transaction.on_commit.append(lambda: called.append("commit"))
            transaction.on_rollback.append(lambda: called.append("rollback"))
            await add(transaction, "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert shop.rows("SELECT count(*) FROM warehouse") == [(0,)]
    assert await shop.catalog.applied(journal_id="j", task_id="t1") is None
    assert called == ["rollback"]
    await write(shop.catalog, "b", session=2)


@pytest.mark.parametrize(("dry_run", "changes", "expected"), [
    (False, True, "commit"), (False, False, "commit"), (True, True, "rollback"),
])  # fmt: skip
async def test_hooks_follow_the_end(shop: CatalogBench, dry_run: bool, changes: bool, expected: str) -> None:
    called: list[str] = []

    async def check() -> None:
        called.append("check")
        assert shop.rows("SELECT count(*) FROM warehouse") == [(0,)], "right before the commit, not after it"

    async with shop.catalog.transaction(
        journal_id="j", session_id=1, task_id="t1", fence=1, dry_run=dry_run
    ) as transaction:
        transaction.before_commit = check
        transaction.on_commit += [lambda: called.append("commit")]
        transaction.on_rollback += [lambda: called.append("rollback")]
        if changes:
            await add(transaction, "a")
    assert called == ["check", expected]
    assert shop.rows("SELECT count(*) FROM warehouse") == [(int(changes and not dry_run),)]
    assert shop.rows("SELECT count(*) FROM applied") == [(int(changes and not dry_run),)]


async def test_the_last_check_can_stop_the_commit(shop: CatalogBench) -> None:
    async def lost() -> None:
        raise LeaseLost("gone")

    async def session() -> None:
        async with shop.catalog.transaction(
            journal_id="j", session_id=1, task_id="t1", fence=1
        ) as transaction:
            transaction.before_commit = lost
            await add(transaction, "a")

    with pytest.raises(LeaseLost, match="gone"):
        await session()
    assert shop.rows("SELECT count(*) FROM warehouse") == [(0,)]


async def test_products_are_seen_when_they_are_committed(shop: CatalogBench) -> None:
    assert not await shop.catalog.has_products()
    async with shop.catalog.transaction(journal_id="j", session_id=1, task_id="t1", fence=1) as transaction:
        await transaction.execute("INSERT INTO product (id, removed, catalog_id) VALUES (?, FALSE, '')", "p")
        assert await transaction.has_products()
        assert not await shop.catalog.has_products()
    assert await shop.catalog.has_products()


async def test_every_number_of_rows_is_inserted(shop: CatalogBench) -> None:
    for session, count in enumerate((1, 199, 200, 201, 1000), start=1):
        async with shop.catalog.transaction(
            journal_id="j", session_id=session, task_id=f"t{session}", fence=1
        ) as transaction:
            await transaction.execute("DELETE FROM warehouse")
            await transaction.insert(
                WAREHOUSE.table, [warehouse(f"{n:04}", f"W{n}", n % 2) for n in range(count)]
            )
        assert shop.rows("SELECT id, name, removed FROM warehouse") == [
            (f"{n:04}", f"W{n}", n % 2) for n in range(count)
        ]
