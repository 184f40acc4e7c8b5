"""The control room for those who only watch."""

from __future__ import annotations

from collections import Counter

import msgspec

from importers.sessions import open_journal
from importers.settings import Settings
from tests.tui.tui_stage import settled
from tui.app import ObmenApp
from tui.screens.main import MainScreen
from tui.widgets.bars import Bar, KeyBar


async def test_a_change_is_looked_at_once(settings: Settings) -> None:
    app = ObmenApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        followers = Counter(worker.node for worker in app.workers if worker.group == "live")
        assert [type(node).__name__ for node in followers] == ["MainScreen", "AttemptsScreen"]
        assert set(followers.values()) == {1}


async def test_there_is_nothing_to_launch_with(settings: Settings) -> None:
    await (await open_journal(settings.journal.url)).close()
    app = ObmenApp(msgspec.structs.replace(settings, read_only=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "read-only" in str(app.screen.query_one("#head", Bar).render())
        assert "Launch" not in str(app.screen.query_one(KeyBar).render())
        await pilot.press("n")
        await settled(pilot)
        assert isinstance(app.screen, MainScreen)
