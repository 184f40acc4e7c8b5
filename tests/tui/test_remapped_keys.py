"""Keys of the settings: they take the place of ours, in both layouts, and what is unclear is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from fixed_journal import NOW, FixedJournal
from textual.widgets import Static
from tui_stage import printed, settled

from importers.errors import SettingsError
from importers.settings import Settings
from tui import keys
from tui.app import ObmenApp
from tui.screens.help import page
from tui.screens.launch import LaunchScreen
from tui.widgets.log import LogView


@pytest.fixture(autouse=True)
def ours_again() -> Iterator[None]:
    yield
    keys.use({})


@pytest.mark.parametrize("key", ["k", "л", "f12"])
async def test_another_key_launches_and_the_first_one_does_not(settings: Settings, key: str) -> None:
    own = {"launch": "k,f12", "row_up": "up"}
    app = ObmenApp(msgspec.structs.replace(settings, keys=own), journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert len(app.screen_stack) == 1
        assert " k Import" in app.screen.query_one("KeyBar").render().plain
        assert "k F12" in printed(page())
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(app.screen, LaunchScreen)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"launch": "r"}, "keys.launch: r is a key of retry as well"),
        ({"launch": "к"}, "keys.launch: к is a key of retry as well"),
        ({"launch": "ctrl+q"}, r"keys.launch: ctrl\+q is a key of leave as well"),
        ({"next_match": "["}, r"keys.next_match: \[ is a key of previous_session as well"),
        ({"launch": "j"}, "keys.launch: j is a key of row_down as well"),
        ({"lanch": "n"}, r"keys.lanch: there is no such action; did you mean launch\?"),
        ({"launch": "f13"}, 'keys.launch: "f13" is no key'),
        ({"launch": ""}, 'keys.launch: "" is no key'),
        *(
            ({"launch": f"n,{key}"}, f'keys.launch: "{re.escape(key)}" is no key')
            for key in (
                "foo+n",
                "+n",
                "ctrl+ctrl+n",
                "shift+ctrl+f5",
                "shift+n",
                "ctrl+N",
                "ctrl+shift+n",
                "ctrl+1",
                "ctrl+",
                "ctrl+foo",
                "ctrl+i",
                "ctrl+m",
                "tab",
                "shift+tab",
                "alt+/",
                "F2",
            )
        ),
        ({"launch": "n,"}, 'keys.launch: "" is no key'),
    ],
)
def test_what_is_unclear_is_refused(own: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        keys.use(own)


@pytest.mark.parametrize(
    "own", ["-", "_", "*", "#", "=", "alt+n", "alt+shift+n", "ctrl+t", "ctrl+shift+f5", "shift+f3", "ж"]
)
async def test_what_is_taken_works(settings: Settings, own: str) -> None:
    app = ObmenApp(
        msgspec.structs.replace(settings, keys={"launch": own}), journal=FixedJournal(), now=lambda: NOW
    )
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press(*([own] if "+" in own else own))
        await settled(pilot)
        assert isinstance(app.screen, LaunchScreen)


def test_two_rows_may_change_places() -> None:
    keys.use({"launch": "x", "delete": "n"})
    assert {row.id: row.keys for row in keys.rows("main") if row.id in {"launch", "delete"}} == {
        "launch": "x",
        "delete": "n",
    }


async def test_hints_name_the_keys_that_work(settings: Settings) -> None:
    own = {"dry_run": "f12", "quit": "Q", "leave": "ctrl+x"}
    app = ObmenApp(msgspec.structs.replace(settings, keys=own), journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+c")
        assert "press Q or ^x" in app.room.notices[-1].text
        await pilot.press("n")
        await settled(pilot)
        assert "[ ] F12  Dry run" in str(app.screen.query_one("#options", Static).content)


async def test_texts_name_the_keys_in_force(settings: Settings) -> None:
    own = {"launch": "F", "errors": "E", "close_session": "escape,x"}
    journal = FixedJournal()
    journal.rows = {}
    app = ObmenApp(msgspec.structs.replace(settings, keys=own), journal=journal, now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        assert "press F to run one" in app.screen.query_one(LogView).empty
