"""What every test of the screen needs: the same environment everywhere, and a way to wait until all is quiet."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.widgets import LoadingIndicator

from importers.settings import Settings, load
from tui.app import ObmenApp
from tui.screens.live import LiveScreen

CONFIG = """
language = "en"
[source]
path = "export"
[catalog]
url = "sqlite:///catalog.sqlite3"
[journal]
url = "sqlite:///journal.sqlite3"
[images]
path = "images"
[log]
path = "obmen.log"
"""


@pytest.fixture(autouse=True)
def same_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """UTC, no SSH, no colour settings, no settings of this machine."""
    for name in (
        "SSH_CONNECTION",
        "NO_COLOR",
        "COLORTERM",
        "COLORFGBG",
        "OBMEN_CONFIG",
        "LANGUAGE",
        "LC_ALL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation of its own."""
    (tmp_path / "config.toml").write_text(CONFIG)
    return load(tmp_path / "config.toml", {})


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """That of a control room in a process of its own, for an installation of its own."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OBMEN_")}
    return kept | {"OBMEN_CONFIG": str(config), "TERM": "xterm-256color", "HOME": str(tmp_path)}


def busy(app: ObmenApp) -> bool:
    """Whether something is under way that will change the screen by itself."""
    return (
        app.room.journal is None
        or palette_fills(app)
        or any(isinstance(screen, LiveScreen) and screen.busy for screen in app.screen_stack)
        or any(not worker.is_finished and worker.group not in {"watch", "live"} for worker in app.workers)
    )


def palette_fills(app: ObmenApp) -> bool:
    """Whether the command palette still gathers what it shows."""
    if not CommandPalette.is_open(app):  # type: ignore[arg-type]  # any app will do
        return False
    return app.screen.query_one(CommandList).option_count == 0 or app.screen.query_one(
        LoadingIndicator
    ).has_class("--visible")


async def settled(pilot: Pilot[int], *, seconds: float = 20) -> None:
    """Wait until every message, look at the journal and worker is through."""
    assert isinstance(pilot.app, ObmenApp)
    async with asyncio.timeout(seconds):
        calm = 0
        while calm < 2:
            await pilot.pause()
            calm = 0 if busy(pilot.app) else calm + 1


def printed(page: RenderableType, width: int = 200) -> str:
    """What it shows, without colours."""
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(page)
    return capture.get()
