"""The main screen over a journal that changes under it: what is painted, and what stays where it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from fixed_journal import RUNNING, SESSIONS, at, session
from main_stage import MovingJournal, staged
from textual.widgets import DataTable
from tui_stage import settled

from importers.errors import DatabaseError
from importers.events import Counts
from importers.sessions.finding import Page
from importers.sessions.models import LogLine, Status
from importers.settings import Settings
from tui import present
from tui.app import ObmenApp
from tui.screens.launch import LaunchScreen
from tui.widgets.bars import Bar
from tui.widgets.log import LogView
from tui.widgets.rejects import RejectsPane
from tui.widgets.sessions import FIELDS, fitting


async def test_lists_sessions_newest_first_with_all_that_an_operator_asks(settings: Settings) -> None:
    async with staged(settings, size=(240, 40)) as stage:
        assert isinstance(stage.table, DataTable)
        assert stage.table.row_count == len(SESSIONS)
        first = stage.rows[0]
        for part in (
            "16",
            "Product prices +1",
            "running",
            "03-14 09:25",
            "1:30",
            "43%",
            "anna",
            RUNNING.request_id,
        ):
            assert part in first
        assert "! completed" in stage.rows[1]
        assert "!3 ~25 =612" in stage.rows[1]


async def test_cursor_scroll_and_marks_stay_when_others_launch_and_delete(settings: Settings) -> None:
    async with staged(settings, size=(80, 24)) as stage:
        await stage.press(*["down"] * 12, "space")
        await stage.press("up")
        assert stage.screen.session is not None
        chosen, top = stage.screen.session.id, stage.table.scroll_offset.y
        assert top > 0
        assert stage.table.marks == {chosen}
        stage.journal.put(session(17, Status.STARTED, "customers"), session(18, Status.STARTED, "customers"))
        del stage.journal.rows[15]
        await stage.look()
        assert stage.screen.session.id == chosen
        assert stage.table.marks == {chosen}
        assert stage.table.scroll_offset.y == top + 1
        del stage.journal.rows[chosen]
        await stage.look()
        assert stage.table.marks == set()
        assert stage.screen.session is not None


async def test_only_changed_cells_are_painted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(settings) as stage:
        painted: list[tuple[object, ...]] = []
        monkeypatch.setattr(
            DataTable,
            "refresh",
            lambda _table, *regions, **_named: painted.append(regions),
        )
        await stage.look()
        assert painted == []
        stage.journal.put(msgspec.structs.replace(RUNNING, done=44))
        await stage.look()
        assert {region.height for (region,) in painted} == {1}  # type: ignore[attr-defined]
        assert "44%" in stage.rows[0]


async def test_nothing_is_written_to_the_terminal_while_nothing_changes(settings: Settings) -> None:
    journal = MovingJournal([row for row in SESSIONS if row.id != RUNNING.id])
    async with staged(settings, journal) as stage:
        written: list[str] = []
        stage.app._driver.write = written.append  # type: ignore[union-attr, method-assign]
        for _ in range(3):
            await stage.look()
            stage.screen._tick()
            await stage.pilot.pause()
        assert written == []


async def test_the_log_follows_the_journal(settings: Settings) -> None:
    async with staged(settings) as stage:
        view = stage.screen.log_view
        count = len(stage.journal.log[16])
        assert view.follow
        assert view.position.startswith(f"{count - view.size.height + 1}-{count} of {count}")
        stage.journal.log[16].append(LogLine(99, 16, at(0), "log", "info", "one more line"))
        stage.journal.moved = True
        await stage.look()
        assert view.render_line(view.size.height - 1).text.strip().endswith("one more line")
        await stage.press("down")
        assert view.render_line(0).text.strip() == "Its log is kept no longer."
        await stage.press("up")
        assert view.render_line(view.size.height - 1).text.strip().endswith("one more line")


async def test_the_poll_wakes_the_screen(settings: Settings) -> None:
    async with staged(settings) as stage:
        stage.journal.put(session(17, Status.STARTED, "customers"))
        while "17" not in stage.rows[0]:
            await stage.pilot.pause(0.05)


async def test_delete_asks_and_takes_finished_sessions_only(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("space", "space", "space", "x")  # 16 is running, 15 and 14 are finished
        await stage.press("n")
        assert len(stage.journal.rows) == len(SESSIONS)
        await stage.press("x", "y")
        assert {row.id for row in SESSIONS} - set(stage.journal.rows) == {15, 14}
        assert stage.table.row_count == len(SESSIONS) - 2
        assert any("2 sessions deleted" in text for text in stage.said())


async def test_cancel_asks_the_journal(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("c", "enter", "y")  # Enter alone answers nothing
        assert stage.journal.rows[16].status is Status.CANCELLING
        assert "cancelling" in stage.rows[0]
        await stage.press("down", "c")  # a finished session: the key does nothing
        assert len(stage.app.screen_stack) == 1


class Pruned(MovingJournal):
    """Keeps sessions alone."""

    async def reasons(self, _session_id: int) -> list[tuple[str, int]]:
        return []

    async def events(self, *_args: object, **_options: object) -> list[LogLine]:
        return []


async def test_what_was_pruned_is_not_told_as_none(settings: Settings) -> None:
    counts = {"stocks": Counts(10, rejected=3)}
    ended = [session(n, Status.COMPLETED, "stocks", by_kind=counts if n == 2 else {}) for n in (1, 2)]
    async with staged(settings, Pruned(ended)) as stage:
        assert stage.screen.log_view.render_line(0).text.strip() == "Its log is kept no longer."
        await stage.press("2")
        fragment = stage.screen.query_one(RejectsPane).query_one("#fragment")
        assert str(fragment.render()) == "Its rejects are kept no longer."
        await stage.press("down")
        assert str(fragment.render()) == "Nothing was rejected."
        await stage.press("up", "enter", "2", "w")
        assert stage.app.room.notices[-1].text == "Its rejects are kept no longer."


async def test_rejects_show_place_reason_and_fragment(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("down", "2")
        pane = stage.screen.query_one(RejectsPane)
        assert pane.table.row_count == 3
        row = " ".join(str(cell) for cell in pane.table.get_row_at(0))
        assert "rests0_1.xml:78" in row
        assert "quantity 1e999 is not a number" in row
        assert "<Остаток>" in str(pane.query_one("#fragment").render())
        await stage.press("down")
        assert pane.table.row_count == 0


async def test_attempts_can_be_filtered_and_lead_to_their_session(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("a", "f", *"joined", "enter")
        table = stage.app.screen.query_one("#attempts", DataTable)
        assert table.row_count == 1
        await stage.press("escape", "f", *"deadbeef", "enter")
        assert table.row_count == 1
        await stage.press("escape", "home", "down", "down", "down", "enter")
        assert stage.screen.session is not None
        assert stage.app.screen is stage.screen
        assert stage.screen.session.id == 14


async def test_a_journal_that_fails_is_told_in_one_line_and_found_again(settings: Settings) -> None:
    async with staged(settings) as stage:

        async def locked(*_args: object, **_options: object) -> Page:
            raise DatabaseError("journal.sqlite3: locked; close the other program")

        good, stage.journal.find = stage.journal.find, locked  # type: ignore[method-assign]
        await stage.look()
        assert "ERROR: journal.sqlite3: locked" in str(stage.screen.query_one("#trouble").render())
        for _ in range(5):
            await stage.look()
        assert stage.said() == []  # the line stands; no pile of notifications
        stage.journal.find = good  # type: ignore[method-assign]
        await stage.look()
        assert not stage.screen.query("#trouble")
        assert stage.table.row_count == len(SESSIONS)


async def test_a_journal_that_fails_is_told_on_the_screen_of_a_session(settings: Settings) -> None:
    async with staged(settings) as stage:

        async def locked(*_args: object, **_options: object) -> Page:
            raise DatabaseError("journal.sqlite3: locked; close the other program")

        stage.journal.find = stage.journal.session = locked  # type: ignore[assignment, method-assign]
        await stage.look()
        await stage.press("enter")
        head = stage.app.screen.query_one("#head", Bar).render().plain
        assert f"#{RUNNING.id} {present.kinds(RUNNING)}" in head
        assert "ERROR: journal.sqlite3: locked" in str(stage.app.screen.query_one("#trouble").render())


async def test_the_unforeseen_goes_to_the_log_file_and_a_notification(settings: Settings) -> None:
    async with staged(settings) as stage:

        async def broken() -> None:
            raise RuntimeError("\x1b[31mboom")

        stage.app.room.start(broken(), "journal")
        await settled(stage.pilot)
        text = stage.said()[-1]
        assert "boom" in text
        assert "\x1b" not in text
    assert "RuntimeError" in await asyncio.to_thread(Path(settings.log.path).read_text)


async def test_copy_goes_through_the_terminal(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("y")
        assert stage.app.clipboard == RUNNING.request_id
        await stage.press("Y")
        assert stage.app.clipboard.splitlines()[1].endswith("Worker shop1:4711 took the session")


@pytest.mark.parametrize("width", [44, 50, 60, 79, 80, 92, 104, 110, 126, 140, 200])
def test_columns_never_overflow_the_screen(width: int) -> None:
    fields = fitting(width)
    assert 6 + 2 + sum(field.column.width + 2 for field in fields) + 1 <= width
    assert {"type", "status"} <= {field.column.key for field in fields}
    if width >= 140:
        assert {field.column.key for field in fields} == {field.column.key for field in FIELDS}


async def test_bars_answer_the_mouse(settings: Settings) -> None:
    async with staged(settings, size=(80, 24)) as stage:
        await stage.pilot.click("#tabs", offset=(10, 0))
        await settled(stage.pilot)
        assert stage.screen.query_one(RejectsPane).display
        await stage.pilot.click("KeyBar", offset=(2, 0))
        await stage.pilot.pause()
        assert isinstance(stage.app.screen, LaunchScreen)


async def test_a_long_log_comes_in_pieces_and_the_list_lives_meanwhile(settings: Settings) -> None:
    journal = MovingJournal()
    journal.log[16] = [
        LogLine(number, 16, at(1), "log", "info", "line {n}", {"n": number}) for number in range(1, 30_001)
    ]
    async with staged(settings, journal) as stage:
        assert stage.screen.log_view.position.endswith(f"of {present.number(30_000)}")
        assert "line 30000" in stage.screen.log_view.render_line(stage.screen.log_view.size.height - 1).text


async def test_a_resized_screen_keeps_its_place(settings: Settings) -> None:
    async with staged(settings) as stage:
        await stage.press("down", "down", "down", "space")
        before = stage.screen.session
        for size in ((80, 24), (50, 16), (140, 40)):
            await stage.pilot.resize_terminal(*size)
            await settled(stage.pilot)
            assert stage.screen.session == before
            assert stage.table.marks == {13}
            assert stage.table.virtual_size.width <= size[0]


async def test_a_journal_that_cannot_be_opened_is_not_being_opened(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"no database " * 500)
    app = ObmenApp(settings)
    async with app.run_test() as pilot, asyncio.timeout(10):
        while not app.screen.query("#trouble"):
            await pilot.pause()
        await pilot.pause()
        assert app.screen.query_one(LogView).empty == "The journal of sessions is not open"
        (tmp_path / "journal.sqlite3").unlink()
        while app.room.journal is None:
            await pilot.pause()
        await settled(pilot)
        assert app.screen.query_one(LogView).empty == "No imports yet: press n to run one"
