"""Every row of the key table fires, under the Latin and the Russian layout, and never inside a text input."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from fixed_journal import NOW, RUNNING, SESSIONS, FixedJournal
from rich.text import Text
from textual.binding import Binding
from textual.widgets import Input
from tui_stage import printed, settled

from importers import doctor
from tui import keys
from tui.app import ObmenApp
from tui.filters import Filter
from tui.keys import TABLE, with_twins
from tui.pages import SessionPages
from tui.screens.ask import AskScreen
from tui.screens.attempts import AttemptsScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.help import HelpScreen, page
from tui.screens.launch import LaunchScreen
from tui.screens.messages import MessagesScreen
from tui.screens.page import PageScreen
from tui.screens.session import SessionScreen
from tui.screens.settings import SettingsScreen
from tui.widgets.bars import KeyBar
from tui.widgets.log import LogView
from tui.widgets.rejects import RejectsPane

OPENERS = {
    "main": lambda _room: None,
    "table": lambda _room: None,
    "log": lambda _room: None,
    "app": lambda _room: None,
    "launch": LaunchScreen,
    "choices": LaunchScreen,
    "attempts": AttemptsScreen,
    "question": lambda _room: ConfirmScreen("Sure?"),
    "doctor": DoctorScreen,
    "help": lambda _room: HelpScreen(),
    "session": lambda room: SessionScreen(room, RUNNING, SessionPages(Filter())),
    "settings": SettingsScreen,
    "messages": MessagesScreen,
    "ask": lambda _room: AskScreen("Which?"),
    "page": lambda _room: PageScreen("Text", Text("in full")),
    "text": lambda _room: PageScreen("Text", Text("in full")),
    "rejects": lambda room: SessionScreen(room, SESSIONS[1], SessionPages(Filter())),
}


async def nothing_to_check(_settings: object, _file: object = None) -> AsyncIterator[doctor.Check]:
    return
    yield


def test_a_twin_is_the_same_physical_key() -> None:
    assert with_twins("n") == ("n", "т")
    assert with_twins("ctrl+p") == ("ctrl+p", "ctrl+з")
    assert with_twins("f,/") == ("f", "а", "slash", "full_stop")
    assert with_twins("?,f1") == ("question_mark", "comma", "f1")
    assert with_twins("G") == ("G", "П")


@pytest.mark.parametrize("place", keys.PLACES)
def test_no_key_means_two_things_in_one_place(place: str) -> None:
    pressed = Counter(key for row in keys.rows(place) for key in with_twins(row.keys))
    assert [key for key, count in pressed.items() if count > 1] == []


@pytest.mark.parametrize("place", keys.PLACES)
async def test_every_key_fires_its_action_in_both_layouts(place: str, settings, monkeypatch) -> None:
    fired: list[str] = []

    async def record(app: ObmenApp, action: str, node: object = None, **_named: object) -> bool:
        owner = {"app": app, "screen": app.screen}.get(action.partition(".")[0], node)
        assert hasattr(owner, "action_" + action.rpartition(".")[2].partition("(")[0]), action
        if action == "screen.copy_text" or (action == "app.dismiss" and place != "app"):
            return False  # as when no text is selected, and nothing is said: the key goes on
        fired.append(action)
        return True

    monkeypatch.setattr(doctor, "check", nothing_to_check)
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        if screen := OPENERS[place](app.room):
            await app.push_screen(screen)
        await settled(pilot)
        if place == "log":
            app.screen.query_one(LogView).search("x")
            app.screen.query_one(LogView).focus()
        if place == "rejects":
            await pilot.press("2")
            await settled(pilot)
            app.screen.query_one("#rejects-table").focus()
            monkeypatch.setattr(RejectsPane, "check_action", lambda *_args: True)
        monkeypatch.setattr(ObmenApp, "run_action", record)
        monkeypatch.setattr(type(app.screen), "check_action", lambda *_args: True)
        monkeypatch.setattr("textual.app.wait_for_idle", asyncio.sleep)  # what fires is waited for instead
        modal = place in {"launch", "choices", "text", "question", "help", "ask", "page"}
        hidden = {key for row in keys.rows(place) for key in with_twins(row.keys)}
        for row in [*keys.rows(place), *(keys.rows("app") if modal else [])]:
            if row.yields and place != "app":
                continue
            for key in with_twins(row.keys):
                if row.where == "app" and place != "app" and key in hidden:
                    continue  # the help screen closes by the key that opens it
                if place == "ask" and (len(key) == 1 or key in {*keys.NAMES.values(), "ctrl+c", "ctrl+с"}):
                    continue  # it belongs to the answer
                await pilot.press(key)
                async with asyncio.timeout(10):
                    while not fired:  # noqa: ASYNC110 (messages of Textual)
                        await asyncio.sleep(0)
                # Enter in the table of attempts: DataTable takes it and passes it on.
                assert fired == ["select_cursor" if row.id == "goto" else row.action], (row.id, key)
                fired.clear()
        monkeypatch.undo()


@pytest.mark.parametrize("place", ["main", "launch", "session"])
async def test_a_click_on_a_key_presses_it(place: str, settings, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "check", nothing_to_check)
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot)
        if screen := OPENERS[place](app.room):
            await app.push_screen(screen)
        await settled(pilot)
        fired: list[str] = []

        async def record(_app: ObmenApp, action: str, _node: object = None, **_named: object) -> bool:
            if action == "app.dismiss":
                return False  # nothing is said: the key goes on
            fired.append(action)
            return True

        bar = app.screen.query_one(KeyBar)
        shown = [(start, key) for start, _end, key in bar._spans]
        assert shown
        monkeypatch.setattr(ObmenApp, "run_action", record)
        for start, key in shown:
            await pilot.click(bar, offset=(start + 1, 0))
            assert fired == ["select_cursor" if key.id == "goto" else key.action], key.id
            fired.clear()
        monkeypatch.undo()


async def test_letters_go_into_a_text_input(settings, monkeypatch) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press("f")
        monkeypatch.setattr("textual.app.wait_for_idle", asyncio.sleep)
        typed = [key for row in keys.rows("main") for key in with_twins(row.keys) if len(key) == 1]
        await pilot.press(*typed)
        await settled(pilot)
        assert app.screen.query_one("#filter", Input).value == "".join(typed)
        assert len(app.screen_stack) == 1


def test_help_shows_every_key() -> None:
    text = printed(page())
    for row in TABLE:
        assert row.hint in text


def test_long_hints_stay_beside_their_keys() -> None:
    lines = printed(page(), 52).splitlines()
    assert len(lines) > len(TABLE) + 10
    titles = {*keys.PLACES.values(), "Records"}
    assert [line for line in lines if line.strip() not in titles and not line.startswith("  ")] == []


async def test_palette_offers_what_the_screen_can_do_and_only_that(settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        titles = " ".join(command.title for command in app.get_system_commands(app.screen))
        assert "Run an import from 1C  (n)" in titles
        assert "Run the same import again" not in titles  # the session under the cursor is running
        await pilot.press("down", "down")
        await settled(pilot)
        titles = " ".join(command.title for command in app.get_system_commands(app.screen))
        assert "Run the same import again  (r)" in titles
        bar = app.screen.query_one("KeyBar").render().plain
        assert " Attempts " in bar
        assert "Attempts: " in titles, "it is found by its name in the key bar"


class SlowAttempts(FixedJournal):
    """Attempts come when they may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def find_attempts(self, *args: object, **options: object):
        await self.may.wait()
        return await super().find_attempts(*args, **options)


async def test_keys_that_need_a_row_are_there_when_rows_are(settings) -> None:
    journal = SlowAttempts()
    app = ObmenApp(settings, journal=journal, now=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        while not isinstance(app.screen, AttemptsScreen):
            await pilot.pause()
        await pilot.pause()
        bar = app.screen.query_one("KeyBar")
        assert "y Copy id" not in bar.render_line(0).text
        journal.may.set()
        await settled(pilot)
        assert "y Copy id" in bar.render_line(0).text, "as it was painted"


async def test_key_bar_comes_from_the_table(settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        bar = app.screen.query_one("KeyBar").render().plain
        shown = [row.title for row in keys.rows("main", "app") if row.bar and row.title in bar]
        assert shown == ["Import", "Mark", "Cancel", "Filter", "Attempts", "Doctor", "Help", "Quit"]


def test_bindings_have_what_keymaps_and_tooltips_need() -> None:
    for place in keys.PLACES:
        for binding in keys.bindings(place):
            assert isinstance(binding, Binding)
            assert binding.id
            assert binding.tooltip
