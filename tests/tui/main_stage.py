"""The main screen over a journal that changes under it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fixed_journal import NOW, FixedJournal
from textual.pilot import Pilot
from tui_stage import settled

from importers.sessions.models import Session
from importers.settings import Settings
from tui.app import ObmenApp
from tui.screens.main import MainScreen
from tui.widgets.sessions import SessionTable


class MovingJournal(FixedJournal):
    """Tells its watchers that it changed."""

    moved = False

    def put(self, *rows: Session) -> None:
        self.rows |= {row.id: row for row in rows}
        self.moved = True

    async def changed(self, seconds: float = 0) -> bool:
        moved, self.moved = self.moved, False
        return moved


class Stage:
    def __init__(self, app: ObmenApp, pilot: Pilot[int], journal: MovingJournal) -> None:
        self.app, self.pilot, self.journal = app, pilot, journal

    @property
    def screen(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def table(self) -> SessionTable:
        return self.screen.table

    @property
    def rows(self) -> list[str]:
        return [" ".join(str(cell) for cell in self.table.get_row_at(y)) for y in range(self.table.row_count)]

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await settled(self.pilot)

    async def look(self) -> None:
        """What the watch does when the journal changed."""
        self.app.room.changed.publish(None)
        await settled(self.pilot)

    def said(self) -> list[str]:
        return [f"{notice.title} {notice.text}" for notice in self.app.room.notices]


@asynccontextmanager
async def staged(
    settings: Settings, journal: MovingJournal | None = None, size: tuple[int, int] = (128, 40)
) -> AsyncIterator[Stage]:
    journal = journal or MovingJournal()
    app = ObmenApp(settings, journal=journal, now=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield Stage(app, pilot, journal)
