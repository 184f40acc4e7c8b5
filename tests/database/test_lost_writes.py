"""The journal's writes, each with its COMMIT lost on the way there or back: done, once, and told as always."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.catalogs import write as import_warehouse
from support.cut_proxy import Cut, CutProxy
from support.engine_stage import Stage
from support.engines import PostgresHand

from importers.addresses import with_schema
from importers.catalog import open_catalog
from importers.database.postgres import PostgresTransaction
from importers.errors import Undone, Unsure
from importers.events import Counts, Log, Reject
from importers.processes import WorkerProcess, this_process
from importers.sessions import Known, Session, Status

LEASE = 30.0
CUTS = pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])


async def started(stage: Stage) -> Session:
    session = (await stage.launch()).session
    assert session
    return session


async def claimed(stage: Stage) -> Session:
    session = await started(stage)
    taken = await stage.journal.claim(session.id, session.target, this_process(), LEASE)
    assert taken
    return taken


def lines(stage: Stage) -> list[str]:
    return [message for (message,) in stage.rows("SELECT message FROM event ORDER BY id")]


@contextmanager
def unsure_once(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The next transaction is committed, and nobody knows."""
    commit = PostgresTransaction.commit

    async def commit_then_raise(self: PostgresTransaction) -> None:
        patch.setattr(PostgresTransaction, "commit", commit)
        await commit(self)
        raise Unsure("nobody knows")

    patch.setattr(PostgresTransaction, "commit", commit_then_raise)
    yield
    assert PostgresTransaction.commit is commit


@CUTS
async def test_every_commit_of_a_launch(stage: Stage, proxy: CutProxy, cut: Cut) -> None:
    at = 0
    while True:
        proxy.cuts, proxy.cut = [*[None] * at, cut], 0
        result = await stage.launch()
        assert (result.outcome, result.lock) == ("created", "acquired"), at
        assert result.session
        number = result.session.id
        assert stage.rows("SELECT id, dispatches FROM session WHERE status = 'started'") == [(number, 1)]
        assert stage.sent[-1] == number
        assert stage.rows(
            "SELECT outcome, session_id FROM attempt WHERE request_id = ?1", result.request_id
        ) == [("created", number)]
        assert stage.rows("SELECT count(*) FROM attempt") == [(at + 1,)]
        assert stage.rows("SELECT count(*) FROM lock") == [(0,)]
        assert stage.rows("SELECT count(*) FROM event WHERE session_id = ?1", number) == [(2,)]
        if not proxy.cut:
            break
        await stage.journal.cancel(number, "anna")
        stage.change("UPDATE session SET created_clock = 0")
        at += 1
    assert at >= 5, "attempt, lock, session, lock, dispatch, outcome"
    assert len(stage.sent) == at + 1


@CUTS
async def test_a_claim(stage: Stage, proxy: CutProxy, cut: Cut) -> None:
    session = await started(stage)
    proxy.cuts = [cut]
    taken = await stage.journal.claim(session.id, session.target, this_process(), LEASE)
    assert taken
    assert (taken.status, taken.fence, proxy.cut) == (Status.IN_PROGRESS, session.fence + 1, 1)
    assert await stage.journal.claim(session.id, session.target, this_process(), LEASE) is None, "once"
    assert len([line for line in lines(stage) if line.startswith("Received")]) == 1


@CUTS
async def test_what_a_worker_writes(stage: Stage, proxy: CutProxy, cut: Cut) -> None:
    session = await claimed(stage)
    before = lines(stage)
    proxy.cuts = [cut]
    assert await stage.journal.beat(session.id, session.fence, LEASE) is Status.IN_PROGRESS
    proxy.cuts = [cut]
    rejects = [Reject("customers", "a.xml", 1, "c", "no")]
    assert await stage.journal.write(
        session.id, session.fence, [Log("info", "a"), Log("info", "b")], rejects,
        done=1, total=2, running_kind="customers", by_kind={"customers": Counts(read=1)},
    )  # fmt: skip
    proxy.cuts = [cut]
    assert await stage.journal.finish(
        session.id, session.fence, Status.COMPLETED, {}, None, Log("info", "end")
    )
    assert proxy.cut == 3
    assert lines(stage) == [*before, "a", "b", "end"]
    assert stage.rows("SELECT count(*) FROM reject") == [(1,)]
    assert stage.rows("SELECT status, fence FROM session") == [("completed", session.fence + 1)]


@CUTS
async def test_what_operators_do(stage: Stage, proxy: CutProxy, cut: Cut) -> None:
    session = await claimed(stage)
    proxy.cuts = [cut]
    assert (await stage.journal.cancel(session.id, "anna")).status is Status.CANCELLING
    assert [line for line in lines(stage) if "asked to cancel" in line] == ["{operator} asked to cancel"]
    await stage.journal.finish(session.id, session.fence, Status.CANCELLED, {})
    proxy.cuts = [cut]
    assert await stage.journal.delete([session.id]) == [session.id]
    assert proxy.cut == 2


@CUTS
async def test_what_others_do_for_a_worker(stage: Stage, proxy: CutProxy, cut: Cut) -> None:
    session = await started(stage)
    ((sent,),) = stage.rows("SELECT dispatches FROM session")
    worker = WorkerProcess("elsewhere", 7, "1", "boot")
    proxy.cuts = [cut]
    await stage.journal.dispatched_to(session.id, sent, worker)
    assert stage.rows("SELECT owner FROM session") == [(worker.name,)]
    proxy.cuts = [cut]
    assert await stage.journal.unmark_dispatched(session.id, sent)
    proxy.cuts = [cut]
    assert await stage.journal.mark_dispatched(session.id, this_process()) == sent + 1
    taken = await stage.journal.claim(session.id, session.target, worker, LEASE)
    assert taken
    proxy.cuts = [cut]
    assert await stage.journal.start_again(session.id, taken.fence)
    assert stage.rows("SELECT status, retries, fence FROM session") == [("started", 1, taken.fence + 1)]
    proxy.cuts = [cut]
    await stage.journal.remember("shop", Known("k", "s", "told"))
    assert await stage.journal.recall("shop", "k") == Known("k", "s", "told")
    assert proxy.cut == 5


async def test_a_claim_of_which_nobody_knows(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that was claimed is run: nobody else would run it before its lease is over."""
    session = await started(stage)
    with unsure_once(monkeypatch):
        taken = await stage.journal.claim(session.id, session.target, this_process(), LEASE)
    assert taken
    assert stage.rows("SELECT fence FROM session") == [(taken.fence,)]
    assert await stage.journal.claim(session.id, session.target, this_process(), LEASE) is None


async def test_a_launch_of_which_nobody_knows(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    create = stage.journal.create

    async def unsure(*args: Any) -> Any:
        with unsure_once(monkeypatch):
            return await create(*args)

    monkeypatch.setattr(stage.journal, "create", unsure)
    result = await stage.launch()
    assert result.outcome == "created"
    assert stage.rows("SELECT count(*) FROM session") == [(1,)]


@CUTS
async def test_a_session_of_the_catalog(postgres: str, proxy: CutProxy, cut: Cut) -> None:
    hand = PostgresHand(postgres)
    catalog = await open_catalog(with_schema(proxy.url, hand.schema))
    try:
        proxy.cuts = [cut]
        if cut is Cut.AFTER:
            await import_warehouse(catalog, "a", session=1)
        else:
            with pytest.raises(Undone):
                await import_warehouse(catalog, "a", session=1)
        assert proxy.cut == 1
        done = cut is Cut.AFTER
        assert hand.rows("SELECT id FROM warehouse") == [("a",)] * done
        assert await catalog.applied(journal_id="j", task_id="t1") == (b"note 1" if done else None)
        await import_warehouse(catalog, "b", session=2)
    finally:
        await catalog.close()
        hand.drop()
