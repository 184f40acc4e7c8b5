"""What the room says: in lines of its own, until it is dismissed, and in a history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from fixed_journal import NOW, FixedJournal
from textual.pilot import Pilot
from textual.widgets import Static
from tui_stage import settled

from importers import doctor
from importers.sessions import Status
from importers.settings import Settings
from tui import present
from tui.app import ObmenApp
from tui.screens.main import MainScreen
from tui.screens.messages import MessagesScreen
from tui.screens.session import SessionScreen
from tui.widgets.bars import KeyBar
from tui.widgets.log import LogView
from tui.widgets.path_input import PathInput, complete


@pytest.fixture
async def pilot(settings: Settings) -> AsyncIterator[Pilot[int]]:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        yield pilot


def room(pilot: Pilot[int]):
    assert isinstance(pilot.app, ObmenApp)
    return pilot.app.room


def shown(pilot: Pilot[int]) -> str:
    bar = pilot.app.screen.query_one("#notice", Static)
    return str(bar.render()) if bar.display else ""


async def test_a_notice_takes_rows_and_covers_none(pilot: Pilot[int]) -> None:
    log = pilot.app.screen.query_one(LogView)
    last = log.render_line(log.size.height - 1).text
    room(pilot).say("first", "warning", "A title")
    await settled(pilot)
    assert shown(pilot) == "A title\nfirst"
    assert log.render_line(log.size.height - 1).text == last
    bar = pilot.app.screen.query_one("#notice")
    assert bar.region.y >= log.region.bottom


async def test_a_warning_stands_below_news_until_escape(pilot: Pilot[int]) -> None:
    room(pilot).say("careful", "warning")
    room(pilot).say("news")
    await settled(pilot)
    assert shown(pilot) == "WARNING: careful\nnews"
    await pilot.press("escape")
    await settled(pilot)
    assert shown(pilot) == ""
    await pilot.press("m")
    await settled(pilot)
    assert isinstance(pilot.app.screen, MessagesScreen)
    page = str(pilot.app.screen.query_one("#page", Static).render())
    assert page.index("news") < page.index("careful")


async def test_what_does_not_fit_is_said_so_and_no_number_is_broken(settings: Settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        bar = pilot.app.screen.query_one("#notice", Static)
        for room_left in range(1, 9):
            text = "x " * (29 - room_left) + present.number(1_234_567)
            room(pilot).say(text)
            await settled(pilot)
            lines = [bar.render_line(y).text.strip() for y in range(bar.size.height)]
            assert sum("1 234 567" in line.replace("\N{NO-BREAK SPACE}", " ") for line in lines) == 1
            assert "…" not in "".join(lines)
        room(pilot).say("many words " * 50)
        await settled(pilot)
        lines = [bar.render_line(y).text.rstrip() for y in range(bar.size.height)]
        assert lines[-1].endswith(" … m")
        assert all("…" not in line for line in lines[:-1])
        assert max(map(len, lines)) <= 60


async def test_what_one_screen_says_stands_on_no_other(pilot: Pilot[int]) -> None:
    await pilot.press("s")
    await settled(pilot)
    assert shown(pilot).startswith("Sorted by")
    await pilot.press("enter")
    await settled(pilot)
    assert isinstance(pilot.app.screen, SessionScreen)
    assert shown(pilot) == ""
    room(pilot).say("a session has ended", "warning")
    await settled(pilot)
    assert shown(pilot) == "WARNING: a session has ended"


@pytest.mark.parametrize("opens", ["enter", "a", "d", "i"])
async def test_q_closes_at_once_and_escape_takes_what_is_said_first(
    pilot: Pilot[int], opens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "check", no_checks)
    for key, left in (("q", True), ("escape", False)):
        await pilot.press(opens)
        await settled(pilot)
        assert not isinstance(pilot.app.screen, MainScreen)
        room(pilot).say("careful", "warning")
        await settled(pilot)
        assert " q Back" in pilot.app.screen.query_one(KeyBar).render().plain
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen) is left
        assert (shown(pilot) == "") is not left
        await pilot.press("escape")
        await settled(pilot)


async def test_q_leaves_whatever_is_said(pilot: Pilot[int]) -> None:
    room(pilot).say("careful", "warning")
    await settled(pilot)
    await pilot.press("q")
    await pilot.pause()
    assert pilot.app._exit


async def test_a_cancel_is_told_until_it_is_done(pilot: Pilot[int]) -> None:
    running = room(pilot).journal.rows[16]

    class Cancels:
        async def cancel(self, session_id: int):
            room(pilot).journal.rows[16] = msgspec.structs.replace(running, status=Status.CANCELLING)
            return room(pilot).journal.rows[16]

    room(pilot)._control = Cancels
    room(pilot).cancel(16)
    await settled(pilot)
    assert shown(pilot) == "Session 16: ◂ cancelling"
    room(pilot).journal.rows[16] = msgspec.structs.replace(running, status=Status.CANCELLED)
    await room(pilot)._tell_ends(room(pilot).journal)
    await settled(pilot)
    assert "- cancelled" in shown(pilot)
    assert "cancelling" not in shown(pilot)


async def no_checks(*_args: object) -> AsyncIterator[object]:
    for check in ():
        yield check


async def test_the_end_of_a_session_that_is_awaited_is_told_once(pilot: Pilot[int]) -> None:
    room(pilot).await_end(15)
    room(pilot).await_end(16)  # it runs
    for _look in range(2):
        await room(pilot)._tell_ends(room(pilot).journal)
    said = [notice.text for notice in room(pilot).notices]
    assert said == ["Session 15, Product stocks: ! completed, 640 records, 3 rejected"]
    assert room(pilot).notices[0].severity == "warning"


def test_a_path_is_completed_as_far_as_it_is_clear(tmp_path: Path) -> None:
    for name in ("export-1", "export-2", "other", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "export-1" / "one.zip").touch()
    (tmp_path / "export-1" / "one.txt").touch()
    assert complete(f"{tmp_path}/ex")[0] == f"{tmp_path}/export-"
    assert complete(f"{tmp_path}/ot")[0] == f"{tmp_path}/other/"
    assert complete(f"{tmp_path}/export-1/o")[0] == f"{tmp_path}/export-1/one.zip"
    assert complete(f"{tmp_path}/zz")[0] == f"{tmp_path}/zz"
    assert complete(f"{tmp_path}/nowhere/x")[0] == f"{tmp_path}/nowhere/x"


async def test_a_path_that_may_go_on_in_several_ways_stays_and_tells_them(
    pilot: Pilot[int], tmp_path: Path
) -> None:
    for name in ("export-1", "export-2"):
        (tmp_path / name).mkdir()
    await pilot.press("n", "s")
    path = pilot.app.screen.query_one(PathInput)
    path.value = f"{tmp_path}/ex"
    await pilot.press("tab", "tab")
    await settled(pilot)
    assert path.has_focus
    assert path.value == f"{tmp_path}/export-"
    assert "export-1/  export-2/" in str(pilot.app.screen.query_one("#status", Static).render())
    await pilot.press("tab", "z", "tab", "tab", "d", "f")
    await settled(pilot)
    assert path.value == f"{tmp_path}/export-zdf", "no option was chosen"
    await pilot.press("tab")
    await settled(pilot)
    assert "Nothing to complete" in str(pilot.app.screen.query_one("#status", Static).render())
