"""A session on a screen of its own: what a real import tells, tab by tab, and its neighbours in the list."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fixed_journal import NOW, session
from textual.pilot import Pilot
from textual.widgets import Static
from tui_stage import settled

from importers.events import Changes, Counts
from importers.sample import EXPORT
from importers.sessions import Status
from importers.sessions.details import Gains
from tui.app import ObmenApp
from tui.reports import Details, summary
from tui.screens.main import MainScreen
from tui.screens.page import PageScreen
from tui.screens.session import SessionScreen
from tui.widgets.rejects import RejectsPane
from tui.widgets.text_pane import TextPane


@asynccontextmanager
async def opened(obmen: Any, size: tuple[int, int]) -> AsyncIterator[tuple[ObmenApp, Pilot[int]]]:
    app = ObmenApp(obmen.settings)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield app, pilot


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def page(app: ObmenApp, tab: str) -> str:
    return str(app.screen.query_one(f"#{tab}", TextPane).query_one(Static).render())


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 40)])
async def test_all_that_an_import_tells(obmen: Any, size: tuple[int, int]) -> None:
    obmen.json("import", "catalog", "prices", process=True)
    async with opened(obmen, size) as (app, pilot):
        await press(pilot, "enter")
        assert isinstance(app.screen, SessionScreen)
        log = app.screen.panes.log_view
        assert "Received by worker" in " ".join(log.render_line(y).text for y in range(log.size.height))
        await press(pilot, "3")
        assert "price types" in page(app, "summary")
        assert "records/s" in page(app, "summary")
        await press(pilot, "4")
        assert "products  +" in page(app, "changes")
        await press(pilot, "l")
        assert "xml" in page(app, "files")
        await press(pilot, "д")
        assert app.screen.session.request_id in page(app, "details")
        await press(pilot, "2")
        assert "Nothing was rejected" in str(app.screen.query_one("#fragment", Static).render())
        await press(pilot, "escape")
        assert isinstance(app.screen, MainScreen)


async def test_tables_of_what_changed_nothing_are_counted_as_well(obmen: Any) -> None:
    """The same again, recognised or read."""
    obmen.json("import", "catalog", "prices", "images", process=True)
    obmen.json("import", "catalog", "prices", process=True)
    obmen.json("import", "prices", "images", process=True)
    async with opened(obmen, (80, 24)) as (app, pilot):
        await press(pilot, "enter", "3")
        assert "  prices " in page(app, "summary")
        assert "  images " in page(app, "summary")
        await press(pilot, "4")
        assert "Nothing changed" in page(app, "changes")
        await press(pilot, "]", "3")
        assert "  offers " in page(app, "summary")
        assert "  price types " in page(app, "summary")


def test_types_without_tables_stand_below_those_that_have_some() -> None:
    counts = Counts(3, 3)
    running = session(
        1, Status.IN_PROGRESS, "catalog", "prices", by_kind={"catalog": counts}, running_kind="prices"
    )
    gains = Gains({"catalog": Changes("catalog", {"offer": counts})})
    told = summary(running, Details(gains=gains), NOW, 80).plain
    assert [line.split()[:3:2] for line in told.splitlines() if line] == [
        ["Product", "read"], ["offers", "3"], ["Type"], ["Product", "running"],
    ]  # fmt: skip


async def test_the_next_and_the_previous_one_are_those_of_the_list(obmen: Any) -> None:
    for kind in ("catalog", "stocks", "customers"):
        obmen.json("import", kind, process=True)
    async with opened(obmen, (80, 24)) as (app, pilot):
        await press(pilot, "down", "enter")
        assert app.screen.session.id == 2
        for key, wanted in (("[", 3), ("х", 3), ("]", 2), ("ъ", 1), ("]", 1)):
            await press(pilot, key)
            assert app.screen.session.id == wanted, key


async def test_words_of_the_log_are_found_and_its_levels_chosen(obmen: Any) -> None:
    obmen.json("import", "catalog", process=True)
    async with opened(obmen, (80, 24)) as (app, pilot):
        await press(pilot, "enter", "g", "/", *"without a stock", "enter")
        view = app.screen.panes.log_view
        assert "Products without a stock" in " ".join(
            view.render_line(y).text for y in range(view.size.height)
        )
        assert app.screen.panes.log_view.follow is False
        await press(pilot, "n")
        assert "No other line has: without a stock" in app.room.notices[-1].text
        await press(pilot, "/", *"without", "enter")
        first = view._match
        for key, moved in (("n", True), ("n", False), ("N", True), ("N", False)):  # round the end, both ways
            await press(pilot, key)
            assert (view._match != first) is moved, key
            marked = [
                y
                for y in range(view.size.height)
                if view.render_line(y)._segments[0].style.bgcolor
                and "without" in view.render_line(y).text
                and view.render_line(y)._segments[0].style.bgcolor != view.rich_style.bgcolor
            ]
            assert len(marked) == 1
        await press(pilot, "e")
        assert "No such lines" in view.render_line(0).text
        await press(pilot, "e", "t", *"00:00", "enter")
        assert view.position.startswith("1-")
        await press(pilot, "t", *"25:99", "enter")
        assert "is no time of day" in app.room.notices[-1].text


def broken_copy(export: Path) -> str:
    """The sample export with two prices that are none; the name of their file."""
    shutil.copytree(EXPORT, export)
    path = sorted((export / "prices").iterdir())[0]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<ЦенаЗаЕдиницу>", "<ЦенаЗаЕдиницу>x", 2), encoding="utf-8")
    return path.name


async def test_rejects_stand_under_their_reasons_and_open_in_full(obmen: Any) -> None:
    export = obmen.folder / "broken"
    name = await asyncio.to_thread(broken_copy, export)
    obmen.json("import", "catalog", "prices", "--source", str(export), process=True)
    async with opened(obmen, (80, 24)) as (app, pilot):
        await press(pilot, "enter", "2")
        pane = app.screen.query_one(RejectsPane)
        detail = str(pane.query_one("#fragment", Static).render())
        assert f"{name}:" in detail
        assert "<ЦенаЗаЕдиницу>x" in detail
        assert "xmlns" not in detail
        await press(pilot, "enter")
        assert isinstance(app.screen, PageScreen)
        await press(pilot, "escape")
