"""That a late worker or reaper can change nothing."""

from __future__ import annotations

import pytest
from support.engine_stage import MovedClock, Stage, dead_process
from support.workers import LEASE, claimed, commit, session_1

from importers.errors import DatabaseError, LeaseLost
from importers.kinds import Counts, Log
from importers.processes import this_process
from importers.sessions import Session, Status, rules
from importers.targets import target_of
from importers.texts import Message
from importers.worker import reaper
from importers.worker.dispatch import dispatcher_for
from importers.worker.run import _Run


async def taken_over(stage: Stage) -> tuple[Session, Session]:
    """A worker that only seemed dead, and the one that took its session up again."""
    first = await claimed(stage, dead_process())
    assert await stage.journal.start_again(1, first.fence)
    second = await stage.journal.claim(1, first.target, this_process(), LEASE)
    assert second is not None
    return first, second


async def test_a_late_worker_can_write_nothing(stage: Stage) -> None:
    first, second = await taken_over(stage)
    lines = await stage.journal.events(1)
    assert await stage.journal.beat(1, first.fence, LEASE) is None
    assert await stage.journal.status_of(1, first.fence) is None
    assert not await stage.journal.write(
        1, first.fence, [Log("info", "late")], [], done=9, total=9, running_kind="x", by_kind={}
    )
    assert not await stage.journal.finish(1, first.fence, Status.FAILED, {}, Message("late"))
    assert not await stage.journal.start_again(1, first.fence)
    assert await stage.journal.events(1) == lines
    assert await stage.journal.session(1) == second


async def test_a_late_worker_cannot_commit_before_the_other(stage: Stage) -> None:
    first, second = await taken_over(stage)
    with pytest.raises(LeaseLost):
        await commit(stage, first, x="late")
    await commit(stage, second, x="right")
    assert stage.customers() == {"x": "right"}


async def test_a_late_worker_cannot_commit_after_the_other(stage: Stage) -> None:
    first, second = await taken_over(stage)
    await commit(stage, second, x="right")
    await stage.journal.finish(1, second.fence, Status.COMPLETED, {})
    with pytest.raises(LeaseLost):
        await commit(stage, first, x="late")
    assert stage.customers() == {"x": "right"}


class Busy:
    """A heartbeat that has not heard of it yet; `met`: what the worker met meanwhile."""

    def __init__(self, met: str) -> None:
        self.met = met

    def check(self) -> None:
        if self.met:
            raise DatabaseError(self.met)


@pytest.mark.parametrize("met", ["", "the server ends connections"])
async def test_a_late_worker_leaves_the_end_to_whoever_took_the_session(stage: Stage, met: str) -> None:
    """And its log tells why: what a server says to a worker that was ended misleads."""
    first, _second = await taken_over(stage)
    before = await stage.journal.session(1)
    run = _Run(first, target_of(stage.settings), stage.settings, stage.journal, Busy(met))  # type: ignore[arg-type]
    assert (await run.run(), stage.customers()) == (1, {})
    assert await stage.journal.session(1) == before
    (line,) = [line for line in stage.log().splitlines() if "WARNING" in line]
    assert "session 1: the session was taken from this worker, which gave no sign of life; " in line
    assert line.endswith(met or "nothing is changed")


async def test_a_late_reaper_can_change_nothing(stage: Stage, clock: MovedClock) -> None:
    """It read the lease as over; the worker finished meanwhile (River#1302)."""
    session = await claimed(stage, dead_process())
    held = await stage.journal.active_sessions(session.target)
    await commit(stage, session, x="X")
    await stage.journal.finish(1, session.fence, Status.COMPLETED, {"customers": Counts(read=1, created=1)})
    before = await stage.journal.session(1)
    assert not await reaper._settle(
        held[0], target_of(stage.settings), dispatcher_for(stage.settings), stage.settings, stage.journal
    )
    assert await stage.journal.session(1) == before


async def test_a_late_reaper_does_not_fail_a_session_that_was_claimed(
    stage: Stage, clock: MovedClock
) -> None:
    await stage.launch()
    stage.change("UPDATE session SET dispatches = 3")
    clock.seconds += rules.LOST_SECONDS + 1
    target = f"sqlite:///{stage.folder}/catalog.sqlite3"
    (held,) = await stage.journal.active_sessions(target)
    assert await stage.journal.claim(1, target, this_process(), LEASE)
    assert not await reaper._send(held, dispatcher_for(stage.settings), stage.settings, stage.journal)
    assert (await session_1(stage))[0] is Status.IN_PROGRESS
