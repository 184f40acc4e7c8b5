"""Keys that come in one burst, as of a paste or of a slow line, are for what those before them opened."""

from __future__ import annotations

import asyncio

import pytest
from fixed_journal import NOW, FixedJournal
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input
from tui_stage import settled

from importers.settings import Settings
from tui.app import ObmenApp
from tui.screens.ask import AskScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.launch import LaunchScreen
from tui.screens.main import MainScreen
from tui.widgets.log import LogView


async def burst(pilot: Pilot[int], keys: str) -> None:
    """All are there before the first one is looked at."""
    assert pilot.app._driver
    for sign in keys:
        name = {" ": "space", "\n": "enter", ":": "colon", "/": "slash"}.get(sign, sign)
        pilot.app._driver.send_message(events.Key(name, sign))
    await settled(pilot)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("words", ["retry", "anna prices", "rejects", "dry", "quit"])
async def test_the_filter_has_all_that_was_typed_behind_its_key(
    settings: Settings, words: str, *, again: bool
) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        if again:
            await pilot.press("f", "escape")
            await settled(pilot)
        await burst(pilot, f"f{words}")
        assert isinstance(app.screen, MainScreen)
        assert app.screen.query_one("#filter", Input).value == words
        assert not app.screen.table.marks


async def test_a_question_has_all_that_was_typed_behind_its_key(settings: Settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        await burst(pilot, ":12")
        assert isinstance(app.screen, AskScreen)
        assert app.screen.query_one(Input).value == "12"
        await burst(pilot, "\n")
        assert isinstance(app.screen, MainScreen)
        app.screen.query_one(LogView).focus()
        await settled(pilot)
        for key, typed in (("/", "catalog"), ("t", "10:30")):
            await burst(pilot, key + typed)
            assert isinstance(app.screen, AskScreen)
            assert app.screen.query_one(Input).value == typed
            await pilot.press("escape")
            await settled(pilot)


async def test_a_dialog_has_the_keys_behind_its_own(settings: Settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        await burst(pilot, "jrn")
        assert isinstance(app.screen, MainScreen), "the question was answered by no"
        await burst(pilot, "nd")
        assert isinstance(app.screen, LaunchScreen), "d is the dialog's dry run, not the doctor"


async def test_keys_go_on_though_what_ends_a_turn_is_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.turns.LOST_SECONDS", 0.1)
    monkeypatch.setattr(ObmenApp, "on_turn_ends", lambda _app, _event: None)
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        await burst(pilot, "fanna")
        async with asyncio.timeout(10):
            while app.screen.query_one("#filter", Input).value != "anna":
                await pilot.pause()


async def test_a_paste_waits_as_well(settings: Settings) -> None:
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        assert app._driver
        app._driver.send_message(events.Key("f", "f"))
        app._driver.send_message(events.Paste("anna retry"))
        await settled(pilot)
        assert app.screen.query_one("#filter", Input).value == "anna retry"
        assert not isinstance(app.screen, ConfirmScreen)
