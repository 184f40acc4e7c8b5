"""The top line."""

from __future__ import annotations

from typing import Any

import pytest
from fixed_journal import session
from main_stage import MovingJournal, staged

from importers.sessions.details import Standing
from importers.sessions.models import Status
from importers.settings import Settings
from tui.widgets.bars import Bar


@pytest.mark.parametrize(
    ("began", "told"),
    [("2026-03-14T00:10:00.000Z", "since 00:10"), ("2026-03-13T23:50:00.000Z", "since 03-13 23:50")],
)
async def test_a_session_of_another_day_tells_the_day(settings: Settings, began: str, told: str) -> None:
    running = session(
        7, Status.IN_PROGRESS, "prices", created_at=began, started_at=began, finished_at=None, operator="anna"
    )
    async with staged(settings, MovingJournal([running])) as stage:
        line = stage.screen.query_one("#head", Bar).render().plain
        assert told in line


class Timed(MovingJournal):
    async def detail(self, session_id: int, of: type) -> Any:
        return Standing(0.5, "prices", "read", "", 1, 1.0, 59.0, {}) if of is Standing else None


async def test_of_several_the_time_left_stays_where_not_all_fits(settings: Settings) -> None:
    running = [
        session(
            number,
            Status.IN_PROGRESS,
            "prices",
            done=4_300,
            total=10_000,
            finished_at=None,
            operator="administrator",
        )
        for number in (16, 17)
    ]
    async with staged(settings, Timed(running), size=(60, 20)) as stage:
        line = stage.screen.query_one("#head", Bar).render().plain
        assert "▸ 43% #16 · and 1 more · 0:59 left" in line
