"""The launch dialog on the smallest screen, and while others launch: what one decides by is in view and up to date."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from fixed_journal import NOW, RUNNING, SOURCE, FixedJournal, session
from main_stage import staged
from textual.widgets import Button, Static
from tui_stage import settled

from importers.kinds import registry
from importers.launch.holdings import Held, RecordCounts, View
from importers.sessions.models import Status
from importers.settings import Settings, Shop, Source
from tui.app import ObmenApp
from tui.screens import launch

OTHERS = ("a_price_list", "brands")
"""Import types of plug-ins."""


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holds something of every type."""
    kinds = (*registry.names(), *OTHERS)

    async def has_products(_target: object) -> bool:
        return True

    async def views(_counts: RecordCounts, _source: str) -> AsyncIterator[View]:
        yield View(tuple(Held(kind, 12, 1, 4_200, "2026-03-14T07:12:00Z") for kind in kinds))

    monkeypatch.setattr(RecordCounts, "views", views)
    monkeypatch.setattr(launch, "has_products", has_products)
    monkeypatch.setattr(launch, "names", lambda: kinds)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_all_of_it_is_in_view_at_60_by_20(settings: Settings, language: str) -> None:
    shops = {name: Shop(source=Source(SOURCE)) for name in ("main", "outlet")}
    wanted = msgspec.structs.replace(settings, language=language, shops=shops)
    app = ObmenApp(wanted, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        await pilot.press("n", "o")
        await settled(pilot)
        for key in ("space", "down", "space", "down", "space", "end", "space", "tab"):
            await pilot.press(key)
            await settled(pilot)
        assert "brands" in app.screen.query_one("Choices").render().plain.splitlines()[-1]  # type: ignore[union-attr]
        for name in ("#shop", "#source", "#choices", "#options", "#running", "#status", "#confirm", "KeyBar"):
            widget = app.screen.query_one(name)
            assert widget.display
            assert app.screen.region.contains_region(widget.region), name
        assert app.screen.query_one("#confirm", Button).has_focus


@pytest.mark.usefixtures("source")
async def test_what_runs_now_is_up_to_date(settings: Settings) -> None:
    def line() -> Static:
        return stage.app.screen.query_one("#running", Static)

    def status() -> str:
        return str(stage.app.screen.query_one("#status", Static).render())

    async with staged(settings) as stage:
        await stage.press("n")
        assert "session 16" in str(line().render())
        await stage.press("space")
        assert "Session 16 has not ended" in status()
        await stage.press("s")
        assert "Tab completes" in status()
        stage.journal.put(session(RUNNING.id, Status.COMPLETED, *RUNNING.kinds))
        await stage.look()
        assert not line().display
        assert "Tab completes" in status(), "what is looked for behind it does not take its place"
        await stage.press("enter")
        assert "all of it, or nothing" in status()
        stage.journal.put(session(17, Status.STARTED, "images", finished_at=None, operator="boris"))
        await stage.look()
        assert line().display
        assert "session 17, Product images" in str(line().render())
        assert "Session 17 has not ended" in status()
