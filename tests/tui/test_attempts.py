"""The screen of attempts: a window over all of them, filtered and counted by the journal."""

from __future__ import annotations

import msgspec
import pytest
from fixed_journal import NOW, FixedJournal
from textual.pilot import Pilot
from textual.widgets import Static
from tui_stage import settled

from importers.sessions.models import Attempt, Outcome
from importers.settings import Settings
from tui import present
from tui.app import ObmenApp
from tui.screens.attempts import AttemptsScreen
from tui.widgets.bars import Bar

NUMBER = 1_200


class ManyAttempts(FixedJournal):
    """The oldest one was refused."""

    async def _attempts(self) -> list[Attempt]:
        (first, *_others) = await super()._attempts()
        return [
            msgspec.structs.replace(
                first, id=number, request_id=f"{number:08x}",
                outcome=Outcome.REFUSED if number == 1 else Outcome.JOINED,
            )
            for number in range(NUMBER, 0, -1)
        ]  # fmt: skip


async def screen_of(pilot: Pilot[int]) -> AttemptsScreen:
    await settled(pilot)
    await pilot.press("a")
    await settled(pilot)
    assert isinstance(pilot.app.screen, AttemptsScreen)
    return pilot.app.screen


def head(screen: AttemptsScreen) -> str:
    return str(screen.query_one("#head", Bar).render()).replace("\N{NO-BREAK SPACE}", " ")


async def test_any_of_them_is_reached_and_found(settings: Settings) -> None:
    app = ObmenApp(settings, journal=ManyAttempts(), now=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await screen_of(pilot)
        assert head(screen).endswith("1 200 attempts ")
        assert screen.table.row_count < NUMBER / 2
        await pilot.press("end")
        await settled(pilot)
        assert screen.attempt is not None
        assert screen.attempt.id == 1
        await pilot.press(*["pageup"] * 8)
        await settled(pilot)
        assert screen.attempt.id > 100
        await pilot.press("f", *"refused", "enter")
        await settled(pilot)
        assert screen.attempt.id == screen.table.row_count == 1
        assert head(screen).endswith("1 of 1 200 ")
        await pilot.press("escape", "home")
        await settled(pilot)
        assert screen.attempt.id == NUMBER


@pytest.mark.parametrize("width", [60, 80, 100, 140])
async def test_what_has_no_column_or_no_room_stands_below_the_table(settings: Settings, width: int) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(width, 20)) as pilot:
        screen = await screen_of(pilot)
        columns = screen.table.columns.values()
        assert sum(column.width + 2 for column in columns) < width
        assert screen.attempt is not None
        detail = screen.query_one("#detail", Static)
        lines = [detail.render_line(y).text.strip() for y in range(detail.size.height)]
        told = " ".join([*lines, *(cell.plain for cell in screen.table.get_row_at(0))]).split()
        for text in (*present.kinds(screen.attempt).split(), screen.attempt.operator, "/srv/1c/webdata"):
            assert text in told


async def test_a_dry_run_is_told_apart(settings: Settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(60, 20)) as pilot:
        screen = await screen_of(pilot)
        tried = [attempt for attempt in screen._pages.rows if attempt.dry_run]
        assert tried
        for attempt in tried:
            assert screen.table.get_row(attempt.request_id)[2].plain == "✓ dry run"
            screen.table.move_cursor(row=screen.table.get_row_index(attempt.request_id))
            await settled(pilot)
            assert "dry run" in str(screen.query_one("#detail", Static).render())
        await pilot.press("f", *"dry", "enter")
        await settled(pilot)
        assert screen._pages.rows == tried
