"""What the list of sessions does anew, and what it keeps."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from fixed_journal import RUNNING
from main_stage import MovingJournal, staged
from textual._compositor import Compositor
from textual.widgets import DataTable

from importers.settings import Settings
from tui.widgets.bars import Bar


class SlowJournal(MovingJournal):
    """Frames are painted while it answers."""

    async def detail(self, session_id: int, of: type) -> None:
        await asyncio.sleep(0.03)


def counted(monkeypatch: pytest.MonkeyPatch, of: type[Any], method: str) -> list[dict[str, Any]]:
    """The named arguments of each call from now on."""
    calls: list[dict[str, Any]] = []
    real = getattr(of, method)

    def call(self: Any, *args: Any, **named: Any) -> Any:
        calls.append(named)
        return real(self, *args, **named)

    monkeypatch.setattr(of, method, call)
    return calls


async def test_a_row_down_paints_no_more_than_the_rows_that_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(settings, size=(80, 24)) as stage:
        await stage.press(*["down"] * 9)
        cells = counted(monkeypatch, DataTable, "_render_cell")
        await stage.press("down")
        assert stage.table.scroll_offset.y
        assert 0 < len(cells) <= 3 * len(stage.table.column_keys)


async def test_a_row_down_asks_for_no_line_but_the_two_that_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual paints all lines between those that are to be painted."""
    async with staged(settings, size=(80, 24)) as stage:
        await stage.press(*["down"] * 5)
        assert not stage.table.scroll_offset.y
        lines = counted(monkeypatch, DataTable, "render_line")
        await stage.press("down")
        assert len(lines) == 2


async def test_what_a_log_has_gained_is_painted_with_its_tabs_in_one_frame(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(settings, SlowJournal(), size=(80, 24)) as stage:
        log = stage.journal.log[RUNNING.id]
        log.append(msgspec.structs.replace(log[-1], id=log[-1].id + 1))
        frames = counted(monkeypatch, Compositor, "render_partial_update")
        await stage.look()
        assert stage.screen.log_view.position.endswith(f"of {len(log)}")
        assert len(frames) == 1


async def test_rows_that_are_as_they_were_are_not_compared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(settings) as stage:
        looks = counted(monkeypatch, DataTable, "get_cell_at")
        stage.table.show_again(stage.app.room.now() + timedelta(seconds=1))
        assert len(looks) == len(stage.table.column_keys), "of the one session that runs"


async def test_nothing_is_kept_of_what_was_painted_before_an_update(settings: Settings) -> None:
    async with staged(settings) as stage:
        for second in range(1, 9):
            stage.table.show_again(stage.app.room.now() + timedelta(seconds=second))
            await stage.pilot.pause()
        assert len(stage.table._row_render_cache) <= stage.table.size.height
        assert len(stage.table._line_cache) <= stage.table.size.height


async def test_a_cursor_that_rests_does_not_read_the_list_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(settings) as stage:
        looks = counted(monkeypatch, MovingJournal, "find")
        await stage.press("down")
        assert [look for look in looks if look.get("limit") != 1] == []
        stage.screen.wake()
        await stage.press()
        assert [look for look in looks if look.get("limit") != 1]


class SlowlyCounted(MovingJournal):
    """As words in a million sessions are."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[tuple[float, float]] = []
        """From when to when."""

    async def count(self, *args: Any, **named: Any) -> int:
        began = time.monotonic()
        await asyncio.sleep(0.05)
        self.counted.append((began, time.monotonic()))
        return await super().count(*args, **named)


async def test_what_takes_long_to_count_is_counted_rarely_and_right_in_the_end(settings: Settings) -> None:
    journal = SlowlyCounted()
    async with staged(settings, journal) as stage:
        for number in (101, 102):
            journal.put(msgspec.structs.replace(RUNNING, id=number))
            await stage.look()
        assert f"{len(journal.rows)} sessions" in str(stage.screen.query_one("#head", Bar).render())
    assert len(journal.counted) > 1
    for (began, ended), (next_began, _ended) in pairwise(journal.counted):
        assert next_began - ended >= 10 * (ended - began)
