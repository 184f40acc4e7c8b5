"""The contract of the figures: a session counts once, at its end, whoever ends it; nothing lowers what was counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.dispatchers import FailingDispatcher
from support.engine_stage import MovedClock, Stage, cancelled_everywhere, dead_process

from importers.kinds import Counts, Options
from importers.sessions import Session, Status
from importers.sessions.figures import Ended, Figures, LastGood, read_figures
from importers.worker.dispatch import dispatch

LEASE = 30.0
BY_KIND = {
    "customers": Counts(read=7, created=4, rejected=3),
    "catalog": Counts(read=5, created=4, rejected=1),
}


def figures(stage: Stage) -> Figures:
    return read_figures(stage.settings.journal.url, stage.clock)


async def launched(stage: Stage, *kinds: str, **rest: Any) -> Session:
    result = await stage.launch(*kinds, **rest)
    assert result.session is not None
    assert result.session.status is Status.STARTED
    return result.session


async def claimed(stage: Stage, *kinds: str, **rest: Any) -> Session:
    """A session that a worker holds since a second, which was launched two seconds ago."""
    clock = stage.clock
    assert isinstance(clock, MovedClock)
    clock.seconds += 60
    new = await launched(stage, *kinds, **rest)
    clock.seconds += 1
    session = await stage.journal.claim(new.id, new.target, dead_process(), LEASE)
    assert session is not None
    clock.seconds += 1
    return session


async def completed(stage: Stage) -> None:
    session = await claimed(stage, "customers", "catalog")
    assert await stage.journal.finish(session.id, session.fence, Status.COMPLETED, BY_KIND)


async def failed(stage: Stage) -> None:
    session = await claimed(stage)
    assert await stage.journal.finish(session.id, session.fence, Status.FAILED, BY_KIND)


async def cancelled_by_its_worker(stage: Stage) -> None:
    session = await claimed(stage)
    assert (await stage.journal.cancel(session.id, "anna")).status is Status.CANCELLING
    assert figures(stage).ended == [], "it has not ended yet"
    assert await stage.journal.finish(session.id, session.fence, Status.CANCELLED, {})


async def cancelled_before_a_worker_came(stage: Stage) -> None:
    session = await launched(stage)
    assert (await stage.journal.cancel(session.id, "anna")).status is Status.CANCELLED


async def never_sent(stage: Stage) -> None:
    stage.dispatcher = FailingDispatcher(stage.settings, OSError("no more processes"))
    await stage.launch()


async def died(stage: Stage) -> None:
    await claimed(stage)
    assert await stage.reap() == 1


Way = Callable[[Stage], Awaitable[None]]
WAYS: dict[Way, Ended] = {
    completed: Ended("main", "customers", "completed", 1, 1.0, 12, 4, 0),
    failed: Ended("main", "customers", "failed", 1, 1.0, 12, 4, 0),
    cancelled_by_its_worker: Ended("main", "customers", "cancelled", 1, 1.0, 0, 0, 0),
    cancelled_before_a_worker_came: Ended("main", "customers", "cancelled", 1, 0.0, 0, 0, 0),
    never_sent: Ended("main", "customers", "failed", 1, 0.0, 0, 0, 0),
    died: Ended("main", "customers", "failed", 1, 1.0, 0, 0, 1),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
async def test_every_end_counts_once(stage: Stage, way: Way) -> None:
    await way(stage)
    assert figures(stage).ended == [WAYS[way]]
    (session,) = await stage.journal.sessions()
    assert session.status.final
    await stage.journal.cancel(session.id, "anna")
    for fence in range(session.fence - 3, session.fence + 2):
        await stage.journal.finish(session.id, fence, Status.COMPLETED, BY_KIND, lost=True)
    assert stage.dispatcher is not None
    await dispatch(session, stage.dispatcher, stage.journal)
    await stage.reap()
    assert figures(stage).ended == [WAYS[way]]


async def test_what_ends_alike_is_added_up(stage: Stage) -> None:
    for _ in range(3):
        await completed(stage)
        await failed(stage)
    assert figures(stage).ended == [
        Ended("main", "customers", "completed", 3, 3.0, 36, 12, 0),
        Ended("main", "customers", "failed", 3, 3.0, 36, 12, 0),
    ]


async def test_it_counts_for_the_shop_of_its_row_and_its_first_type(stage: Stage) -> None:
    session = await claimed(stage, "catalog", "customers")
    stage.change("UPDATE session SET shop = 'north'")
    await stage.journal.finish(session.id, session.fence, Status.COMPLETED, BY_KIND)
    found = figures(stage)
    assert [(ended.shop, ended.type) for ended in found.ended] == [("north", "catalog")]
    assert {(good.shop, good.type) for good in found.last_good} == {
        ("north", "catalog"),
        ("north", "customers"),
    }


async def test_of_two_who_end_it_at_once_one_is_counted(stage: Stage) -> None:
    session = await claimed(stage)
    other = await stage.another_journal()
    try:
        ways = await asyncio.gather(
            *(
                journal.finish(session.id, session.fence, status, BY_KIND, lost=lost)
                for journal, status, lost in (
                    (stage.journal, Status.COMPLETED, False),
                    (other, Status.FAILED, True),
                )
                for _ in range(4)
            )
        )
        assert sum(ways) == 1
        (ended,) = figures(stage).ended
        assert ended.sessions == 1
        assert ended.status == (await stage.journal.session(session.id)).status
    finally:
        await other.close()


async def test_of_a_cancel_and_an_end_one_is_counted(stage: Stage) -> None:
    """A reaper gives up what nobody has claimed while its operator cancels it."""
    session = await launched(stage)
    other = await stage.another_journal()
    try:
        await asyncio.gather(
            stage.journal.cancel(session.id, "anna"),
            other.finish(session.id, session.fence, Status.FAILED, {}),
        )
        (ended,) = figures(stage).ended
        assert (ended.sessions, ended.status) == (1, (await stage.journal.session(session.id)).status)
    finally:
        await other.close()


async def test_it_is_counted_exactly_when_it_has_ended(stage: Stage) -> None:
    """Wherever who ends it is stopped."""
    session = await claimed(stage)

    async def check() -> None:
        nonlocal session
        over = (await stage.journal.session(session.id)).status.final
        assert sum(ended.sessions for ended in figures(stage).ended) == counted + over
        if over:
            await fresh()

    async def fresh() -> None:
        nonlocal session, counted
        counted = sum(ended.sessions for ended in figures(stage).ended)
        session = await claimed(stage)

    counted = 0
    stops = await cancelled_everywhere(
        lambda: stage.journal.finish(session.id, session.fence, Status.COMPLETED, BY_KIND), check
    )
    assert stops > 3


async def test_deleting_and_pruning_lower_nothing(stage: Stage) -> None:
    for way in (completed, failed, died) * 2:
        await way(stage)
    before = figures(stage)
    stage.change(
        "UPDATE session SET created_at = '2026-01-0' || id || 'T00:00:00.000Z', "
        "finished_at = '2026-01-09T00:00:00.000Z'"
    )
    assert await stage.journal.prune(1) > 0
    assert figures(stage) == before
    assert len(await stage.journal.delete([session.id for session in await stage.journal.sessions()])) == 6
    assert await stage.journal.sessions() == []
    assert figures(stage) == before


async def test_the_last_good_import_of_each_type(stage: Stage, clock: MovedClock) -> None:
    await completed(stage)
    at = clock.now()
    both = [LastGood("main", kind, at, 1.0, 12) for kind in ("catalog", "customers")]
    assert figures(stage).last_good == both
    await failed(stage)
    dry = await claimed(stage, options=Options(dry_run=True))
    await stage.journal.finish(dry.id, dry.fence, Status.COMPLETED, BY_KIND)
    assert figures(stage).last_good == both, "neither of these changed the shop"
    one = await claimed(stage)
    by_kind = {"customers": Counts(read=2, unchanged=2)}
    await stage.journal.finish(one.id, one.fence, Status.COMPLETED, by_kind)
    assert figures(stage).last_good == [both[0], LastGood("main", "customers", clock.now(), 1.0, 2)]
    assert figures(stage).at == clock.now()


async def test_each_worker_that_is_lost_counts_at_once_and_for_ever(stage: Stage) -> None:
    session = await claimed(stage)
    found = []

    def taken() -> int:
        now = figures(stage)
        return sum(a.retries for a in now.active) + sum(e.taken for e in now.ended)

    for _ in range(2):
        found.append(taken())
        await stage.journal.start_again(session.id, session.fence)
        again = await stage.journal.claim(session.id, session.target, dead_process(), LEASE)
        assert again is not None
        session = again
    found.append(taken())
    await stage.reap()
    found.append(taken())
    await stage.journal.delete([session.id])
    assert [*found, taken()] == [0, 1, 2, 3, 3]


async def test_active_sessions_and_attempts(stage: Stage, clock: MovedClock) -> None:
    await claimed(stage)
    await stage.launch()
    stage.change("UPDATE attempt SET outcome = NULL WHERE id = 1")
    stage.change("UPDATE session SET waiting = 'the broker is away'")
    found = figures(stage)
    (active,) = found.active
    assert (active.shop, active.type, active.status, active.retries, active.is_held_up) == (
        "main", "customers", "in_progress", 0, True,
    )  # fmt: skip
    assert active.created_at < found.at == clock.now()
    assert sorted(found.attempts, key=str) == [("main", "joined", 1), ("main", None, 1)]
