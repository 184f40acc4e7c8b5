"""What the launch dialog offers: types, source and options, and what it says of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fixed_journal import session
from launch_stage import CATALOG, PRICES
from textual.widgets import Button, Input
from tui_stage import settled

from importers.kinds import Options
from importers.launch.holdings import Held, RecordCounts
from importers.sessions import Status
from tui import room as room_that_tells
from tui.widgets.choices import Choices
from tui.widgets.path_input import PathInput


async def test_prices_before_any_catalog_cannot_be_chosen_alone(room: Any) -> None:
    async with room() as stage:
        await stage.open_dialog(PRICES)
        assert stage.dialog.query_one(Choices).chosen == ()
        assert "choose the catalog too" in stage.status
        assert stage.dialog.query_one("#confirm", Button).disabled
        await stage.press("enter")
        assert "Choose at least one type first" in stage.status
        assert await stage.sessions() == []


async def test_what_is_pressed_before_the_list_is_there_counts(room: Any) -> None:
    async with room() as stage:
        await stage.press("n")
        choices = stage.dialog.query_one(Choices)
        choices.set_holdings((), "", has_products=False)
        choices.action_cursor_down()
        choices.choose()
        assert choices.chosen == ()
        choices.set_holdings((Held("catalog", 3), Held("customers", 3)), "", has_products=True)
        assert choices.chosen == ("customers",)
        assert [line.cell_len for line in choices.render().split()] == [choices.size.width] * 2


async def test_a_broken_source_is_told_in_the_dialog_and_can_be_changed(room: Any, obmen: Any) -> None:
    async with room() as stage:
        await stage.press("n")
        await settled(stage.pilot)
        good = stage.dialog.query_one(Input).value
        await stage.press("s")
        assert "Tab completes the path" in stage.status
        await stage.press("enter")
        assert "Choose one or more types" in stage.status
        await stage.press("s")
        stage.dialog.query_one(Input).value = str(obmen.folder / "nothing-here")
        await stage.press("enter")
        await settled(stage.pilot)
        assert "nothing-here" in stage.status
        assert stage.dialog.query_one(Choices).chosen == ()
        await stage.press("enter")
        assert "nothing-here" in stage.status
        await stage.press("s")
        stage.dialog.query_one(Input).value = good
        await stage.press("enter")
        await settled(stage.pilot)
        await stage.press("space", "enter")
        made = await stage.ended()
        assert made.source == good


async def test_a_confirm_before_the_types_are_there_is_answered(room: Any) -> None:
    async with room() as stage:
        await stage.press("n")
        await settled(stage.pilot)
        stage.dialog.query_one(Choices).clear(waiting=True)
        await stage.press("enter")
        assert "confirm when its types are here" in stage.status
        assert await stage.attempts() == []


async def test_another_source_has_not_what_the_one_before_it_had(room: Any) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        good = stage.dialog.query_one(Input).value
        await stage.press("s", "end", "x")
        choices = stage.dialog.query_one(Choices)
        assert not choices.is_listed
        assert choices.chosen == ()
        assert "Enter looks at this source" in choices.render().plain
        assert "Tab completes the path" in stage.status
        await stage.press("backspace", "enter")
        await settled(stage.pilot)
        assert choices.is_listed
        await stage.press("space", "enter")
        made = await stage.ended()
        assert made.source == good


async def test_a_source_that_cannot_be_counted_says_why_all_the_time(room: Any, obmen: Any) -> None:
    cut = obmen.folder / "cut"
    cut.mkdir()
    (cut / "import.xml").write_text(
        '<?xml version="1.0"?><КоммерческаяИнформация ВерсияСхемы="2.10"><Каталог><Ид>1</Ид><Товары><Товар>'
    )
    async with room() as stage:
        await stage.press("n", "s")
        stage.dialog.query_one(Input).value = str(cut)
        await stage.press("enter")
        await settled(stage.pilot)
        choices = stage.dialog.query_one(Choices)
        for pressed in ((), ("space",), ("d",)):
            await stage.press(*pressed)
            assert "import.xml" in stage.status
            assert "not counted" in choices.render().plain
            assert "counting…" not in choices.render().plain
        assert "will try Product catalog" in stage.status
        await stage.press("s", "end", "x")
        assert "import.xml" not in stage.status


async def test_a_long_source_is_shortened_visibly(room: Any) -> None:
    async with room() as stage:
        await stage.press("n", "s")
        source = stage.dialog.query_one(PathInput)
        source.value = "/srv/" + "folder of exports/" * 8 + "webdata"
        await stage.press("end")
        assert source.render_line(0).text.startswith("…")
        assert source.render_line(0).text.rstrip().endswith("webdata")
        await stage.press("enter")
        assert not source.has_focus
        assert re.fullmatch("/srv/.*…/webdata", source.render_line(0).text.rstrip())


async def test_a_source_edited_but_not_entered_is_looked_at_before_a_launch(room: Any, obmen: Any) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await stage.press("s")
        stage.dialog.query_one(Input).value = str(obmen.folder / "elsewhere")
        await stage.press("tab", "enter")  # the launch must not go to the source that was there before
        await settled(stage.pilot)
        assert stage.dialog.query_one(Choices).chosen == ()
        await stage.press("enter")
        assert await stage.sessions() == []
        assert await stage.attempts() == []


async def test_options_reach_the_session(room: Any) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await stage.press("d")
        await stage.pilot.click("#options", offset=(3, 1))
        assert "and write nothing. No limit on rejects and removals stops it." in stage.status
        await stage.press("e")
        assert stage.status.endswith("It fails unless the source has all of these types.")
        await stage.press("e", "enter")
        made = await stage.ended()
        assert (made.options.dry_run, made.options.force) == (True, True)
        assert made.status is Status.COMPLETED, made.error


@pytest.mark.parametrize(
    ("runs", "wanted", "told"),
    [
        ({}, {}, ""),
        ({"options": Options(dry_run=True)}, {}, "NOT imported: Product prices. Launch again"),
        ({"options": Options(dry_run=True)}, {"options": Options(dry_run=True)}, ""),
        ({"source": "/other"}, {}, "NOT imported from this source: Product prices. Launch again"),
        ({"kinds": ("catalog",)}, {}, "NOT imported: Product prices. Launch again"),
    ],
)
def test_who_joined_is_told_what_is_left_out(runs: dict[str, Any], wanted: dict[str, Any], told: str) -> None:
    one = session(7, Status.IN_PROGRESS, "prices")
    replace = msgspec.structs.replace
    said = room_that_tells._who(replace(one, **runs), "Product prices", replace(one, **wanted))
    assert told in said
    assert ("NOT imported" in said) is bool(told)
    assert ("dry run" in said) is ("options" in runs)


async def test_a_source_of_pictures_alone_offers_images(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"1")
    views = [view async for view in RecordCounts().views(str(tmp_path))]
    assert [held.kind for held in views[-1].kinds if held.served] == ["images"]
