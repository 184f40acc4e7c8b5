"""What a journal forgets by itself, and what it keeps however wrong a clock was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.engine_stage import MovedClock, Stage
from support.workers import claimed

from importers.kinds import Reject
from importers.processes import this_process
from importers.sessions import Status, store
from importers.sessions.details import Standing


@pytest.fixture
def wall(clock: MovedClock, monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall(clock)
    monkeypatch.setattr(clock, "now", wall.text)
    return wall


class Wall:
    """The time of day, set as one likes."""

    def __init__(self, clock: MovedClock) -> None:
        self._clock = clock
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        self._clock.tell()

    def text(self) -> str:
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def ended_with_rejects(stage: Stage, clock: MovedClock) -> None:
    session = await claimed(stage, this_process())
    rejects = [Reject("customers", "a.xml", 1, "c", "no")]
    details = [Standing(0.0, None, "", "", 0, 0.0, None, {})]
    await stage.journal.write(
        session.id,
        session.fence,
        [],
        rejects,
        done=0,
        total=0,
        running_kind=None,
        by_kind={},
        details=details,
    )
    await stage.journal.finish(session.id, session.fence, Status.COMPLETED, {})
    clock.seconds += 60


def with_log(stage: Stage) -> list[int]:
    """The sessions whose log and rejects are there."""
    events = {row[0] for row in stage.rows("SELECT DISTINCT session_id FROM event")}
    for beside in ("reject", "detail"):
        assert {row[0] for row in stage.rows(f"SELECT DISTINCT session_id FROM {beside}")} <= events
    return sorted(events)


async def test_old_events_are_pruned_sessions_stay(
    stage: Stage, clock: MovedClock, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PRUNE_SESSIONS", 2)
    for _week in range(16):
        await ended_with_rejects(stage, clock)
        wall.now += timedelta(days=7)
    active = await claimed(stage, this_process())
    assert await stage.journal.prune(0) == 0, "0 keeps them for ever"
    assert await stage.journal.prune(90) == 4, "of 112, 105, 98 and 91 days ago"
    assert await stage.journal.prune(90) == 0
    assert with_log(stage) == [*range(5, 17), active.id]
    assert stage.rows("SELECT count(*) FROM reject") == stage.rows("SELECT count(*) FROM detail") == [(12,)]
    assert len(await stage.journal.sessions()) == 17
    assert len(await stage.journal.attempts()) == 17
    wall.now += timedelta(days=7)
    assert await stage.journal.prune(90) == 1


@pytest.mark.parametrize("days", [1, 7, 90])
@pytest.mark.parametrize("launched", [False, True])
async def test_a_clock_that_is_set_ahead_prunes_nothing(
    stage: Stage, clock: MovedClock, wall: Wall, days: int, launched: bool
) -> None:
    """Nor when sessions are made by it, nor when it is set right again."""
    for _ in range(10):
        await ended_with_rejects(stage, clock)
        wall.now += timedelta(days=days / 20)
    right = wall.now
    for ahead in (100, 100_000):
        wall.now = right + timedelta(days=ahead)
        assert await stage.journal.prune(days) == 0
        if launched:
            await ended_with_rejects(stage, clock)
            assert await stage.journal.prune(days) == 0
        wall.now = right
        assert await stage.journal.prune(days) == 0
    wall.now -= timedelta(days=365)  # the battery of its clock is empty
    await ended_with_rejects(stage, clock)
    assert await stage.journal.prune(days) == 0
    assert len(with_log(stage)) == len(await stage.journal.sessions())


async def test_a_clock_that_was_set_back_stops_pruning_until_it_is_right(
    stage: Stage, clock: MovedClock, wall: Wall
) -> None:
    for _ in range(10):
        await ended_with_rejects(stage, clock)
        wall.now += timedelta(days=10)
    right = wall.now
    wall.now -= timedelta(days=365)
    await ended_with_rejects(stage, clock)
    assert await stage.journal.prune(90) == 0
    wall.now = right
    assert await stage.journal.prune(90) == 1


async def test_a_shop_that_was_closed_keeps_its_log_until_it_is_busy_again(
    stage: Stage, clock: MovedClock, wall: Wall
) -> None:
    """For what the journal can tell, its clock may have been set ahead."""
    await ended_with_rejects(stage, clock)
    wall.now += timedelta(days=300)
    for _ in range(7):
        await ended_with_rejects(stage, clock)
        assert await stage.journal.prune(90) == 0
        wall.now += timedelta(days=10)
    assert await stage.journal.prune(90) == 1
