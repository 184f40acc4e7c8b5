"""The tab that is open has the focus, and its keys; below a list the list keeps it."""

from __future__ import annotations

import msgspec
import pytest
from main_stage import MovingJournal, staged
from textual.widgets import Static

from importers.sessions.models import StoredReject
from importers.settings import Settings
from tui.screens.page import PageScreen
from tui.screens.panes import Panes
from tui.widgets.log import LogView
from tui.widgets.rejects import RejectsPane
from tui.widgets.sessions import SessionTable

NOT_A_NUMBER, EMPTY = "{field} is not a number: {value}", "{field} is empty"
SIZES = pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 40)])


class TwoReasons(MovingJournal):
    """Rejects whose field is the same and whose values differ, and some for another reason."""

    async def reasons(self, session_id: int) -> list[tuple[str, int]]:
        return [(NOT_A_NUMBER, 2), (EMPTY, 1)]

    async def rejects(
        self, session_id: int, *, after: int = 0, reason: str | None = None, limit: int = 1000
    ) -> list[StoredReject]:
        found = await super().rejects(session_id)
        told = [
            msgspec.structs.replace(found[0], reason=NOT_A_NUMBER, args={"field": "Price", "value": "x"}),
            msgspec.structs.replace(found[1], reason=NOT_A_NUMBER, args={"field": "Price", "value": "{y}"}),
            msgspec.structs.replace(found[2], reason=EMPTY, args={"field": "Stock"}),
        ]
        return [one for one in told if one.id > after and reason in {None, one.reason}]


@SIZES
async def test_keys_of_the_tab_work_at_once(settings: Settings, size: tuple[int, int]) -> None:
    async with staged(settings, TwoReasons(), size) as stage:
        await stage.press("down", "enter", "2", "enter", "enter")
        assert isinstance(stage.app.screen, PageScreen)
        await stage.press("escape", "6", "1")
        log = stage.app.screen.query_one(LogView)
        assert stage.app.focused is log
        assert log.follow or (await stage.press("end")) is None
        await stage.press("home")
        assert log.follow is False
        for tab, number in zip(stage.app.screen.query_one(Panes).tabs, "123456", strict=True):
            await stage.press(number)
            pane = stage.app.screen.query_one(f"#{tab}")
            assert pane.has_focus_within, tab


@SIZES
async def test_the_list_keeps_the_focus_unless_the_tab_below_has_it(
    settings: Settings, size: tuple[int, int]
) -> None:
    async with staged(settings, TwoReasons(), size) as stage:
        await stage.press("down", "2")
        assert isinstance(stage.app.focused, SessionTable)
        hint = stage.app.screen.query_one("#fragment", Static)
        assert str(hint.render()).startswith("tab leads into this table. enter shows")
        await stage.press("tab")
        assert str(hint.render()).startswith("enter shows")
        await stage.press("1")
        assert isinstance(stage.app.focused, LogView)


async def test_reasons_tell_what_their_rejects_have_in_common(settings: Settings) -> None:
    async with staged(settings, TwoReasons(), (80, 24)) as stage:
        await stage.press("down", "enter", "2")
        table = stage.app.screen.query_one(RejectsPane).table
        reasons = [str(table.get_row_at(y)[1]) for y in range(table.row_count)]
        assert reasons == ["Price is not a number: …", "Stock is empty"]
