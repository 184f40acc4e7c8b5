"""The control room with its launch dialog, driven by keys, and a gate that holds launches back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from tui_stage import settled

from importers import control
from importers.launch import LaunchRequest, LaunchResult
from importers.launch.holdings import RecordCounts
from importers.sessions import FINAL, Attempt, Session
from tui.app import ObmenApp
from tui.screens.launch import LaunchScreen
from tui.screens.main import MainScreen

CATALOG, STOCKS, PRICES, CUSTOMERS = 0, 3, 4, 5
"""Rows of the dialog."""
COUNTED = RecordCounts()
"""Of the sample export, by the first dialog of a test run: no other need start a process that counts it again."""


class Room:
    """The control room under test, and what a person does and sees in it."""

    def __init__(self, app: ObmenApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def dialog(self) -> LaunchScreen:
        assert isinstance(self.app.screen, LaunchScreen)
        return self.app.screen

    @property
    def is_open(self) -> bool:
        return isinstance(self.app.screen, LaunchScreen)

    @property
    def status(self) -> str:
        return str(self.dialog.query_one("#status").render())

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)

    async def open_dialog(self, *rows: int) -> None:
        """Open the dialog and choose these rows, in this order."""
        await self.press("n")
        await settled(self.pilot)
        for row in rows:
            await self.press("home", *["down"] * row, "space")
        await settled(self.pilot)

    async def launched(self, *rows: int) -> Session:
        await self.open_dialog(*rows)
        await self.press("enter")
        await settled(self.pilot)
        return await self.ended()

    async def ended(self) -> Session:
        """The newest session, once it has ended; seen through the screen only."""
        async with asyncio.timeout(60):
            while not self.main.table.sessions or self.main.table.sessions[0].status not in FINAL:
                await self.pilot.pause(0.05)
        await settled(self.pilot)
        return self.main.table.sessions[0]

    async def sessions(self) -> list[Session]:
        return await self.app.room.require_journal().sessions()

    async def attempts(self) -> list[Attempt]:
        return await self.app.room.require_journal().attempts()

    def said(self) -> str:
        return "\n".join(notice.page.plain for notice in self.app.room.notices)

    def log(self) -> list[str]:
        view = self.main.log_view
        return [view.render_line(y).text.strip() for y in range(view.size.height)]


@pytest.fixture
def room(obmen: Any) -> Callable[[], Any]:
    @asynccontextmanager
    async def opened(size: tuple[int, int] = (140, 40)) -> AsyncIterator[Room]:
        app = ObmenApp(obmen.settings)
        app.room.record_counts = COUNTED
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            yield Room(app, pilot)
            if app.screen_stack and any(row.status not in FINAL for row in await Room(app, pilot).sessions()):
                await Room(app, pilot).ended()  # no worker outlives its test

    return opened


class Gate:
    """Holds every launch back until it is opened, and counts them."""

    def __init__(self, launch: Callable[..., Coroutine[Any, Any, LaunchResult]]) -> None:
        self._launch = launch
        self.open = asyncio.Event()
        self.calls: list[LaunchRequest] = []

    async def __call__(self, request: LaunchRequest, *rest: Any, **named: Any) -> LaunchResult:
        self.calls.append(request)
        await self.open.wait()
        return await self._launch(request, *rest, **named)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(control.launch)
    monkeypatch.setattr(control, "launch", gate)
    return gate
