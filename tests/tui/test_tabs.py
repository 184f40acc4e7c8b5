"""The line of tabs, and the keys of what has the focus: what is open is named at every width, in both languages."""

from __future__ import annotations

import msgspec
import pytest
from main_stage import staged
from textual.screen import Screen

from importers.settings import Settings
from importers.texts import _
from tui import present
from tui.screens.panes import TITLES
from tui.widgets.bars import KeyBar, TabBar

SIZES = pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 40)])
LANGUAGES = pytest.mark.parametrize("language", ["en", "ru"])


def tabs(screen: Screen[object]) -> str:
    return screen.query_one(TabBar).render().plain


def keys(screen: Screen[object]) -> str:
    return screen.query_one(KeyBar).render().plain


@SIZES
@LANGUAGES
async def test_every_tab_of_a_session_is_there_and_the_open_one_named(
    settings: Settings, size: tuple[int, int], language: str
) -> None:
    async with staged(msgspec.structs.replace(settings, language=language), size=size) as stage:
        await stage.press("down", "enter")
        for digit, title in enumerate(TITLES.values(), 1):
            await stage.press(str(digit))
            line = tabs(stage.app.screen)
            assert f"[{digit} {_(title)}" in line
            begun = [f"{number} {_(one)[:3]}" for number, one in enumerate(TITLES.values(), 1)]
            assert all(begin in line for begin in begun), line
            assert present.width(line.rstrip()) <= size[0]


@SIZES
@LANGUAGES
async def test_that_lines_of_the_log_are_left_out_is_said(
    settings: Settings, size: tuple[int, int], language: str
) -> None:
    async with staged(msgspec.structs.replace(settings, language=language), size=size) as stage:
        await stage.press("tab")
        for key, told in (
            ("e", "errors only"),
            ("e", ""),
            ("L", "warnings and errors"),
            ("Д", "errors only"),
        ):
            await stage.press(key)
            line = tabs(stage.screen)
            assert [name for name in ("warnings and errors", "errors only") if _(name) in line] == (
                [told] if told else []
            )
        assert all(title in line for title in (_("Log"), _("Rejects"), _("Summary")))


async def test_that_a_running_log_is_followed_or_not_is_said(settings: Settings) -> None:
    async with staged(settings, size=(80, 24)) as stage:
        assert "following" in tabs(stage.screen)
        await stage.press("tab", "home")
        assert "paused" in tabs(stage.screen)
        await stage.press("G")
        assert "following" in tabs(stage.screen)


@SIZES
async def test_the_keys_of_the_log_are_told_where_it_has_the_focus(
    settings: Settings, size: tuple[int, int]
) -> None:
    async with staged(settings, size=size) as stage:
        assert "Search" not in keys(stage.screen)
        await stage.press("tab")
        assert keys(stage.screen).startswith(" / Search  e Errors ")
        await stage.press("/", *"e", "enter")
        assert "n Import" not in keys(stage.screen), "n leads to the next match there"
        await stage.press("down", "f3")
        assert "/ Search" in keys(stage.app.screen)
        assert "esc Back" in keys(stage.app.screen)
        if size[0] >= 140:
            assert "t To time  W Wrap  S Save  o Pager" in keys(stage.app.screen)
