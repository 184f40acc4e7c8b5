"""A window of what words find, for which no look at the journal has time enough."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.many_sessions import fill
from tui_stage import settled

from importers.sessions import By, Journal, Order, looking, open_journal
from importers.sessions.looking import JournalReader
from importers.settings import Settings
from tui.app import ObmenApp
from tui.filters import Filter
from tui.pages import SessionPages
from tui.screens.main import MainScreen

SESSIONS = 300


@pytest.fixture
async def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Journal]:
    """Each look at it ends after twenty rows, unless it may take as long as it likes."""
    opened = await open_journal(f"sqlite:///{tmp_path}/journal.sqlite3")
    await fill(opened.database, SESSIONS)
    monkeypatch.setattr(looking, "STEP_ROWS", 20)
    find = JournalReader.find

    async def hurried(self: JournalReader, *args: Any, seconds: float = 0, **options: Any) -> Any:
        return await find(self, *args, seconds=seconds if seconds == math.inf else 0, **options)

    monkeypatch.setattr(JournalReader, "find", hurried)
    yield opened
    await opened.close()


async def searched(pages: SessionPages, journal: Journal) -> list[int]:
    """All that is found, after as many looks as that takes."""
    for _look in range(SESSIONS // 20 + 2):
        before = [row.id for row in pages.rows]
        await pages.load(journal)
        assert [row.id for row in pages.rows][: len(before)] == before, "what was found stays"
        if not pages.searching:
            return [row.id for row in pages.rows]
    raise AssertionError("the search has no end")


@pytest.mark.parametrize(
    ("text", "order"), [("ошибка.xml", Order()), ("nowhere", Order()), ("300", Order(By.KINDS, False))]
)
async def test_a_search_goes_on_where_the_last_look_ended(journal: Journal, text: str, order: Order) -> None:
    pages = SessionPages(Filter.parse(text), order)
    expected = (await journal.find(pages.wanted.sessions, order, seconds=math.inf)).sessions
    assert await searched(pages, journal) == [session.id for session in expected]


async def test_what_was_found_follows_the_journal(journal: Journal) -> None:
    pages = SessionPages(Filter.parse("ольга"))
    found = await searched(pages, journal)
    oldest = found[-1]
    await journal.delete([oldest])
    await pages.load(journal)
    assert [row.id for row in pages.rows] == found[:-1]
    assert not pages.searching


async def test_the_last_match_and_those_in_front_of_it_are_found_at_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.pages.WINDOW", 4)
    pages = SessionPages(Filter.parse("ошибка.xml"))
    found = (await journal.find(pages.wanted.sessions, limit=SESSIONS, seconds=math.inf)).sessions
    await pages.load(journal, "last")
    assert pages.rows == found[-4:]
    assert await pages.reach(journal, found[9].id)
    await pages.load(journal)
    assert pages.rows[:3] == found[7:10]


async def test_a_search_that_found_nothing_says_so(journal: Journal, settings: Settings) -> None:
    app = ObmenApp(settings, journal=journal)
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press("f", *"nowhere")
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, MainScreen)
        assert screen.log_view.empty == "No session matches the filter"
