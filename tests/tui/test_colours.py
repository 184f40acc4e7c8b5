"""Colours: those that suit the terminal or that the settings name, and all of them can be read."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from fixed_journal import NOW, FixedJournal
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.command import CommandList
from textual.theme import Theme
from textual.widgets import Button, Input
from tui_stage import settled

from importers.errors import SettingsError
from importers.settings import Settings
from tui import colours
from tui.app import ObmenApp

READABLE = 4.5
"""The ratio of contrast that WCAG asks of texts."""


def contrast(one: Color, other: Color) -> float:
    """As WCAG counts it."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture(autouse=True)
def ours_again() -> Iterator[None]:
    yield
    colours.use(colours.AUTO)


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({}, "obmen"),
        ({"COLORFGBG": "15;0"}, "obmen"),
        ({"COLORFGBG": "0;15"}, "obmen-light"),
        ({"COLORFGBG": "0;default;15"}, "obmen-light"),
        ({"COLORFGBG": "0;7", "TERM": "screen"}, "ansi-light"),
        ({"COLORFGBG": "0;15", "SSH_CONNECTION": "a"}, "ansi-light"),
        ({"TERM": "linux"}, "ansi-dark"),
        ({"COLORFGBG": "0;15", "NO_COLOR": "1"}, "ansi-dark"),
    ],
)
def test_they_suit_the_terminal(env: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in env.items():
        monkeypatch.setenv(variable, value)
    assert colours.default() == name


@pytest.mark.parametrize(
    ("theme", "named"), [(colours.DARK, colours.NAMED_DARK), (colours.LIGHT, colours.NAMED_LIGHT)]
)
def test_words_can_be_read_on_every_background(theme: Theme, named: TerminalTheme) -> None:
    words = [theme.foreground, theme.success, theme.warning, theme.error, theme.accent]
    signs = [named.ansi_colors[number] for number in range(1, 7)]  # red to cyan
    colours_of_words = [Color.parse(word) for word in words if word] + [Color(*sign) for sign in signs]
    for background in (theme.background, theme.surface, theme.panel):
        assert background
        for word in colours_of_words:
            assert contrast(Color.parse(background), word) >= READABLE, (background, word.hex)


async def test_the_settings_choose_them_and_the_palette_tells_how(settings: Settings) -> None:
    chosen = msgspec.structs.replace(settings.screen, colours="obmen-light")
    app = ObmenApp(msgspec.structs.replace(settings, screen=chosen), journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test() as pilot:
        await settled(pilot)
        assert app.theme == "obmen-light"
        assert not app.room.notices
        app.theme = "nord"
        await settled(pilot)
        assert 'colours = "nord" in [screen]' in app.room.notices[-1].text


def test_a_name_that_there_is_not_is_refused(settings: Settings) -> None:
    wrong = msgspec.structs.replace(settings.screen, colours="obmen-lihgt")
    with pytest.raises(SettingsError, match=r"screen\.colours: .*did you mean obmen-light\?"):
        ObmenApp(msgspec.structs.replace(settings, screen=wrong))


async def test_the_focus_is_seen_in_sixteen_colours(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        button = app.screen.query_one("#confirm", Button)
        button.disabled = False
        before = button.styles.background
        button.focus()
        await settled(pilot)
        assert button.styles.background != before
        assert button.size.height == button.outer_size.height == 1, "no frame that asks for two rows more"


async def test_without_colours_attributes_show_where_one_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = ObmenApp(settings, journal=FixedJournal(), now=lambda: NOW)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.press("ctrl+p", "down")
        await settled(pilot)
        found = app.screen.query_one(CommandList)
        marked = [y for y in range(4) if all(part.style.underline for part in found.render_line(y))]
        assert marked == [found.highlighted]
        await pilot.press("escape", "f", "a", "b", "left")
        await settled(pilot)
        parts = app.screen.query_one(Input).render_line(0)
        assert [part.text for part in parts if part.style and part.style.reverse] == ["b"]
