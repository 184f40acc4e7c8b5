"""Several shops in one control room: told apart, filtered, and chosen before anything is launched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fixed_journal import NOW, SESSIONS, FixedJournal, session
from launch_stage import CATALOG, CUSTOMERS, PRICES, Gate, Room
from support.engine_stage import make_settings, shops_in
from textual.widgets import Input, Static
from tui_stage import printed, settled

from importers.sample import EXPORT
from importers.sessions import Session, Status
from importers.settings import Settings, Source
from importers.targets import target_of
from tui.app import ObmenApp
from tui.filters import Filter, Names
from tui.screens.attempts import AttemptsScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen, page
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.choices import Choices
from tui.widgets.sessions import SHOP, fitting
from tui.widgets.table import StableTable
from tui.widgets.text_pane import TextPane

SIZES = [
    (60, 20),
    pytest.param((80, 24), marks=pytest.mark.chaos),
    pytest.param((140, 40), marks=pytest.mark.chaos),
]


@pytest.fixture
def two(tmp_path: Path) -> Settings:
    """Two shops, a and b; the source of a is the sample, that of b holds customers alone."""
    settings = make_settings(tmp_path, shops=shops_in(tmp_path, "a", "b"))
    export = tmp_path / "b" / "export"
    export.mkdir(parents=True)
    (file,) = EXPORT.rglob("contragents*.xml")
    (export / file.name).write_bytes(file.read_bytes())
    a = msgspec.structs.replace(settings.shops["a"], source=Source(str(EXPORT)))
    return msgspec.structs.replace(settings, language="en", shops={**settings.shops, "a": a})


@asynccontextmanager
async def opened(
    settings: Settings, size: tuple[int, int] = (140, 40), journal: Any = None
) -> AsyncIterator[Room]:
    now = {"now": lambda: NOW} if journal else {}
    app = ObmenApp(settings, journal=journal, **now)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield Room(app, pilot)


def of_two_shops() -> FixedJournal:
    return FixedJournal([msgspec.structs.replace(row, shop="ab"[row.id % 2]) for row in SESSIONS])


def titles(table: StableTable) -> list[str]:
    return [str(column.label).strip() for column in table.columns.values()]


def shown(room: Room) -> set[str]:
    return {row.shop for row in room.main.table.sessions}


@pytest.mark.parametrize("size", SIZES)
async def test_the_table_tells_the_shop(two: Settings, size: tuple[int, int]) -> None:
    async with opened(two, size, of_two_shops()) as room:
        assert titles(room.main.table)[1] == "Shop"
        assert str(room.main.table.get_row_at(0)[1]) == "a"
        assert "(a)" in str(room.main.query_one("#head", Bar).render())
        await room.press("3")
        await settled(room.pilot)
        assert "Shop" in str(room.main.query_one(TextPane).query_one(Static).render())


@pytest.mark.parametrize("width", [60, 79, 80, 92, 104, 110, 126, 140, 200])
def test_columns_never_overflow_the_screen(width: int) -> None:
    fields = fitting(width, shops=True)
    assert fields[0] is SHOP
    assert 6 + 2 + sum(field.column.width + 2 for field in fields) + 1 <= width


async def test_one_shop_is_not_spoken_of(settings: Settings) -> None:
    async with opened(settings, journal=FixedJournal()) as room:
        assert "Shop" not in titles(room.main.table)
        assert "Shop" not in str(room.main.query_one(KeyBar).render())
        await room.press("o", "щ")
        await settled(room.pilot)
        assert not room.main.query("#filter")
        await room.press("n")
        await settled(room.pilot)
        assert not room.dialog.query("#shop")
        await room.press("escape", "?")
        await settled(room.pilot)
        assert isinstance(room.app.screen, HelpScreen)
        assert "next shop" not in str(room.app.screen.query_one(Static).render()).casefold()
    assert "next shop" in printed(page())


async def test_a_shop_that_the_journal_alone_knows(settings: Settings) -> None:
    async with opened(
        settings, journal=FixedJournal([session(1, Status.FAILED, "prices", shop="old")])
    ) as room:
        assert "Shop" in titles(room.main.table)
        assert "Shop" in str(room.main.query_one(KeyBar).render())
        await room.press("n")
        await settled(room.pilot)
        assert not room.dialog.query("#shop"), "nothing can be imported into it"


@pytest.mark.parametrize("key", ["o", "щ"])
async def test_a_key_goes_from_shop_to_shop(two: Settings, key: str) -> None:
    async with opened(two, journal=of_two_shops()) as room:
        for shops in ({"a"}, {"b"}, {"a", "b"}, {"a"}):
            await room.press(key)
            await settled(room.pilot)
            assert shown(room) == shops
        await room.press("escape")
        await settled(room.pilot)
        assert shown(room) == {"a", "b"}
        await room.press("f", *"prices b", "enter", key)
        await settled(room.pilot)
        assert room.main.query_one("#filter", Input).value == "prices"
        assert shown(room) == {"a", "b"}
        assert all("prices" in row.kinds for row in room.main.table.sessions)


def test_words_that_name_a_shop() -> None:
    names = Names(("a", "star", "prices"))

    def parsed(text: str, names: Names = names) -> tuple[str | None, list[str], list[str], list[str]]:
        wanted = Filter.parse(text, names).sessions
        words = [word.text for word in wanted.words]
        return wanted.shop, sorted(wanted.statuses), sorted(wanted.kinds), words

    assert parsed("A anna") == ("a", [], [], ["anna"])
    assert parsed("star") == ("star", [], [], [])
    assert parsed("star", Names()) == (None, ["started"], [], [])
    assert parsed("prices") == (None, [], ["prices"], [])
    assert parsed("shop:prices prices") == ("prices", [], ["prices"], [])
    assert parsed("main", Names(("main",))) == (None, [], [], ["main"]), "one shop is none to choose"


@pytest.mark.parametrize("size", SIZES)
async def test_attempts_tell_the_shop(two: Settings, size: tuple[int, int]) -> None:
    async with opened(two, size, of_two_shops()) as room:
        await room.press("a")
        await settled(room.pilot)
        screen = room.app.screen
        assert isinstance(screen, AttemptsScreen)
        at = titles(screen.table).index("Shop")
        assert sum(column.width + 2 for column in list(screen.table.columns.values())[: at + 1]) <= size[0]
        rows = screen.table.row_count
        await room.press("щ", "o")
        await settled(room.pilot)
        assert 0 < screen.table.row_count < rows
        assert {str(screen.table.get_row_at(row)[at]) for row in range(screen.table.row_count)} == {"b"}


@pytest.mark.parametrize(("key", "word"), [("c", "Cancel"), ("r", "Run")])
async def test_a_question_names_the_shop(two: Settings, key: str, word: str) -> None:
    status = Status.IN_PROGRESS if key == "c" else Status.FAILED
    async with opened(two, journal=FixedJournal([session(1, status, "prices", shop="b")])) as room:
        await room.press(key)
        await settled(room.pilot)
        assert isinstance(room.app.screen, ConfirmScreen)
        question = str(room.app.screen.query_one(Static).render())
        assert question.startswith(word)
        assert "(b)" in question


# The launch dialog


def kinds_at_hand(room: Room) -> list[str]:
    choices = room.dialog.query_one(Choices)
    return [holding.kind for holding in choices._holdings if not choices.reason(holding)]


async def test_nothing_is_launched_before_a_shop_is_chosen(two: Settings, gate: Gate) -> None:
    async with opened(two) as room:
        await room.open_dialog(CATALOG)
        assert "Choose the shop first" in room.status
        await room.press("space", "enter")
        await settled(room.pilot)
        assert room.is_open
        assert gate.calls == []
        assert room.dialog.query_one("#confirm").disabled


@pytest.mark.parametrize("size", SIZES)
async def test_source_and_catalog_are_those_of_the_shop(two: Settings, size: tuple[int, int]) -> None:
    async with opened(two, size) as room:
        await room.open_dialog()
        key = room.dialog._key
        await room.press("o")
        await settled(room.pilot)
        line = room.dialog.query_one("#shop", Static)
        assert "a" in str(line.render())
        assert line.region in room.dialog.region, "it can be seen"
        assert room.dialog.query_one(Input).value == str(EXPORT)
        assert kinds_at_hand(room) == ["catalog", "attributes", "customers"], "of an empty catalog"
        await room.press("home", "space", "щ")
        await settled(room.pilot)
        assert kinds_at_hand(room) == ["customers"]
        assert room.dialog.query_one(Choices).chosen == (), "chosen for the other one"
        assert room.dialog._key == key, "it is one confirm"
        await room.press("home", *["down"] * CUSTOMERS, "space")
        await settled(room.pilot)
        assert "(b)" in room.status
        await room.press("enter")
        await settled(room.pilot)
        done = await room.ended()
        assert (done.shop, done.source, done.status) == (
            "b", two.shops["b"].source.path, Status.COMPLETED,
        )  # fmt: skip
        assert "(b)" in room.said()
        (attempt,) = await room.attempts()
        assert (attempt.shop, attempt.idempotency_key) == ("b", key)


async def test_after_the_confirm_the_shop_stays(two: Settings, gate: Gate) -> None:
    async with opened(msgspec.structs.replace(two, default_shop="b")) as room:
        await room.open_dialog(CUSTOMERS)
        await room.press("enter", "o", "enter")
        await room.pilot.pause()
        assert room.dialog._shop == "b"
        gate.open.set()
        await settled(room.pilot)
        await room.ended()
        assert [call.target.name for call in gate.calls] == ["b"]


async def test_it_begins_with_the_shop_that_is_looked_at(two: Settings) -> None:
    async with opened(msgspec.structs.replace(two, default_shop="a")) as room:
        await room.open_dialog()
        assert room.dialog._shop == "a"
        await room.press("escape", "o", "o")
        await settled(room.pilot)
        await room.open_dialog()
        assert room.dialog._shop == "b"
        assert room.dialog.query_one(Input).value == two.shops["b"].source.path


async def test_products_of_another_shop_do_not_count(two: Settings) -> None:
    b = msgspec.structs.replace(two.shops["b"], source=Source(str(EXPORT)))
    two = msgspec.structs.replace(two, default_shop="a", shops={**two.shops, "b": b})
    async with opened(two) as room:
        await room.launched(CATALOG)
        await room.open_dialog(PRICES)
        assert room.dialog.query_one(Choices).chosen == ("prices",)
        await room.press("o")
        await settled(room.pilot)
        assert "prices" not in kinds_at_hand(room)


class ByTarget(FixedJournal):
    async def active(self, target: str) -> Session | None:
        return next((row for row in self.rows.values() if row.target == target), None)


@pytest.mark.parametrize(("catalog", "joins"), [("b", True), ("a", False)])
async def test_a_confirm_joins_what_runs_in_the_catalog_whatever_its_shop_was_called(
    two: Settings, catalog: str, joins: bool
) -> None:
    key = await target_of(two, catalog).key()
    runs = session(17, Status.STARTED, "customers", finished_at=None, shop="earlier name", target=key)
    journal = ByTarget((runs,))
    async with opened(msgspec.structs.replace(two, default_shop="b"), journal=journal) as room:
        await room.open_dialog(CUSTOMERS)
        assert ("Session 17 has not ended" in room.status) is joins
        assert "session 17" in str(room.dialog.query_one("#running", Static).render())
