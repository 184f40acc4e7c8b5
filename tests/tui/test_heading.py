"""The top line."""

from __future__ import annotations

import pytest
from fixed_journal import session
from main_stage import MovingJournal, staged

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
