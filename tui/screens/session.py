"""One session in full, on a screen of its own."""

from __future__ import annotations

import math

from rich.text import Text
from textual.app import ComposeResult

from importers.sessions import Journal, Session
from importers.sessions.finding import place_of
from importers.texts import _
from tui import present
from tui.keys import bindings, rows
from tui.pages import SessionPages
from tui.room import Room
from tui.screens.acting import ActingScreen
from tui.screens.panes import TITLES, Panes
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.notices import NoticeBar


class SessionScreen(ActingScreen[None]):
    """`pages`: the list that it was opened from, in whose order the previous and the next one stand."""

    BINDINGS = bindings("session")
    AUTO_FOCUS = "LogView"

    def __init__(self, room: Room, session: Session, pages: SessionPages) -> None:
        super().__init__(room)
        self._session = session
        self._pages = pages

    @property
    def session(self) -> Session:
        return self._session

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        yield Panes(self.room, tuple(TITLES))
        yield NoticeBar(self.room)
        yield KeyBar(rows("session", "log", "rejects", "app"))

    def on_mount(self) -> None:
        self._show_head()
        self.wake()

    async def load(self, journal: Journal) -> None:
        self._session = await journal.session(self._session.id)
        await self.panes.load(journal, self._session)
        self.refresh_bindings()
        self._show_head()

    def _show_head(self) -> None:
        session = self._session
        left = Text.assemble((f" #{session.id} ", "bold"), present.kinds(session))
        self.query_one("#head", Bar).set_texts(left, Text(present.state(session) + " "))

    async def action_neighbour(self, step: int) -> None:
        """The session in front of this one in the list, or the one behind it."""
        journal = self.room.require_journal()
        place = place_of(self._session, self._pages.order)
        wanted, order = self._pages.wanted.sessions, self._pages.order
        before, after = (place, None) if step < 0 else (None, place)
        page = await journal.find(wanted, order, before=before, after=after, limit=1, seconds=math.inf)
        if page.sessions:
            self._session = page.sessions[0]
            self.wake()
        else:
            self.room.say(_("There is no other session in that direction"), on=self)

    def action_write_rejects(self) -> None:
        self.room.taking.rejects(self._session.id)

    def action_watch(self) -> None:
        self.room.await_end(self._session.id)
        self.room.say(_("The end of session {id} will be told").format(id=self._session.id), on=self)

    def action_close(self) -> None:
        self.dismiss()
