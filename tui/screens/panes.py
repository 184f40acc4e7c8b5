"""What one session is made of, in tabs: its log, its rejects, its facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from importers.sessions import FINAL, Journal, LogLine, Session
from importers.sessions.details import Files, Gains, Standing
from importers.sessions.models import Level
from importers.texts import N_, _
from importers.words import LOG_NOT_KEPT
from tui import present, reports
from tui.keys import shown_of
from tui.reports import Details
from tui.room import Room
from tui.widgets.bars import Tab, TabBar
from tui.widgets.log import LogView
from tui.widgets.rejects import RejectsPane
from tui.widgets.text_pane import TextPane

LEVELS: tuple[Level, ...] = ("info", "warning", "error")
LEVEL_NAMES = {"warning": N_("warnings and errors"), "error": N_("errors only")}
TITLES = {
    "log": N_("Log"),
    "rejects": N_("Rejects"),
    "summary": N_("Summary"),
    "changes": N_("Changes"),
    "files": N_("Files"),
    "details": N_("Details"),
}
SHORT = ("log", "rejects", "summary")
"""The tabs below or beside a list."""


class Panes(Vertical):
    """Shows the session that it was last loaded with. Panes are mounted when first asked for."""

    class Wanted(Message):
        """There is more to load."""

    def __init__(self, room: Room, tabs: Sequence[str] = SHORT) -> None:
        super().__init__(id="panes")
        self._room = room
        self.tabs = tuple(tabs)
        self.tab = self.tabs[0]
        self._session: Session | None = None
        self._opened: int | None = -1
        """The session whose log is open; -1: not even none."""
        self._details, self._details_of, self._ended = Details(), -1, False
        """Of which session, and whether it had ended then."""
        self.least: Level = "info"
        """The log shows lines of this level and worse."""

    def compose(self) -> ComposeResult:
        yield TabBar(id="tabs")
        yield Static(id="waiting", markup=False)
        yield Static(id="standing", markup=False)
        yield LogView(id="log")

    @property
    def log_view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def _alone(self) -> bool:
        """Whether they are a screen of their own, without a list."""
        return self.tabs != SHORT

    async def load(self, journal: Journal, session: Session | None, empty: str = "") -> None:
        """Show a session, or what has changed of it. `empty`: what an empty log says when there is none."""
        self._session = session
        is_said = session is not None or self.log_view.empty == empty
        if (session.id if session else None) != self._opened or not is_said:
            self._opened = session.id if session else None
            lines = _Lines(journal, session.id, self.least) if session else None
            running = session is not None and session.status not in FINAL
            self.log_view.open(lines, follow=running, empty=self._empty_log(session) if session else empty)
        if session and (session.id != self._details_of or session.status not in FINAL or not self._ended):
            self._details, self._details_of = await _details(journal, session), session.id
            self._ended = session.status in FINAL
        # Last what paints: with the tabs and the head, which follow at once, it is one frame.
        if self.tab == "log":
            if await self.log_view.update():
                self.post_message(self.Wanted())
        elif self.tab == "rejects" and await self.query_one(RejectsPane).update(journal, session):
            self.post_message(self.Wanted())
        self.show_again()

    def _empty_log(self, session: Session) -> str:
        if self.least == "info":
            ended = session.status in FINAL
            return _(LOG_NOT_KEPT) if ended else _("No log lines yet")
        return _("No such lines: press {key} for others").format(key=shown_of("errors"))

    def show_again(self) -> None:
        """Paint what changes with time alone."""
        session = self._session
        for pane in self.query(f"#{self.tab}").results(TextPane):
            pane.show(self._page(session) if session else Text())
        self._update_tabs(session)
        self._show_waiting(session)
        self._show_standing(session)

    def _page(self, session: Session) -> Text:
        """What the tab says of the session."""
        now, shops, width = self._room.now(), self._room.has_shops, self.size.width - 3
        match self.tab:
            case "summary":
                page = reports.summary(session, self._details, now, width)
                return (
                    page
                    if self._alone
                    else page + Text("\n") + reports.facts(session, now, width, shops=shops)
                )
            case "changes":
                return reports.changes(session, self._details.gains)
            case "files":
                return reports.files(self._details, now, width, ended=session.status.final)
            case _:
                return reports.facts(session, now, width, shops=shops)

    async def open_tab(self, tab: str) -> None:
        """Show another pane; it is loaded by the next `load`. It has the focus, unless a list beside it has."""
        takes_focus = self._alone or self.has_focus_within
        self.tab = tab
        if not self.query(f"#{tab}"):
            await self.mount(RejectsPane(id=tab, alone=self._alone) if tab == "rejects" else TextPane(id=tab))
        for other in self.tabs:
            for pane in self.query(f"#{other}"):
                pane.display = other == tab
        if takes_focus:
            self._content(tab).focus()
        self._update_tabs(self._session)
        self.post_message(self.Wanted())

    def _content(self, tab: str) -> Widget:
        """What of a pane the keys are for."""
        return self.query_one(RejectsPane).table if tab == "rejects" else self.query_one(f"#{tab}")

    def next_level(self) -> None:
        """Show lines of the next level and worse; after errors alone all again."""
        self._show_level(LEVELS[(LEVELS.index(self.least) + 1) % len(LEVELS)])

    def toggle_errors(self) -> None:
        """Errors alone, or all lines again."""
        self._show_level("error" if self.least == "info" else "info")

    def _show_level(self, least: Level) -> None:
        self.least = least
        self._opened = -1
        self.post_message(self.Wanted())

    async def next_tab(self, step: int) -> None:
        await self.open_tab(self.tabs[(self.tabs.index(self.tab) + step) % len(self.tabs)])

    def _update_tabs(self, session: Session | None) -> None:
        rejected = session.counts.rejected if session else 0
        numbers = {"rejects": f" {present.number(rejected)}" if rejected else ""}
        tabs = [
            Tab(tab, str(digit), _(TITLES[tab]), numbers.get(tab, ""))
            for digit, tab in enumerate(self.tabs, 1)
        ]
        self.query_one(TabBar).show(tabs, self.tab, self._beside_tabs(session))

    def _beside_tabs(self, session: Session | None) -> list[Text]:
        """What of the log is in view, and which session it is unless the screen's head tells; then less of it."""
        if session is None:
            return [Text()]
        state = Text(f"#{session.id} {present.state(session)} " if not self._alone else "")
        if self.tab != "log":
            return [state]
        how = [_(LEVEL_NAMES[self.least])] if self.least != "info" else []
        if session.status not in FINAL:
            how.append(_("following") if self.log_view.follow else _("paused"))
        place = [position] if (position := self.log_view.position) else []
        long, short = (Text(", ".join(words) + "   " if words else "", "dim") for words in (place + how, how))
        return [long + state, short + state, state if self.least == "info" else short]

    def _show_waiting(self, session: Session | None) -> None:
        """Why no worker has the session yet: its log says nothing of that."""
        why = present.message(session.waiting) if session and session.waiting else ""
        line = self.query_one("#waiting", Static)
        if line.content != why:
            line.update(why)
        line.display = bool(why)

    def _show_standing(self, session: Session | None) -> None:
        """How far a running session is; its summary tells that and more."""
        standing = self._details.standing
        is_told = session is not None and not session.status.final and self.tab != "summary"
        line = self.query_one("#standing", Static)
        if session and standing and is_told:
            told = reports.standing_line(session, standing, self.size.width - 2)
            if line.content != told:
                line.update(told)
        line.display = bool(is_told and standing)

    def on_resize(self) -> None:
        self.show_again()

    def on_descendant_focus(self) -> None:
        self._show_focus(has=True)

    def on_descendant_blur(self) -> None:
        self._show_focus(has=False)

    def _show_focus(self, *, has: bool) -> None:
        self.query_one(TabBar).set_class(has, "-focused")
        self.call_after_refresh(self.query_one(TabBar).refresh)

    def on_log_view_moved(self) -> None:
        self._update_tabs(self._session)

    def on_rejects_pane_more_wanted(self) -> None:
        self.post_message(self.Wanted())

    async def on_tab_bar_chosen(self, event: TabBar.Chosen) -> None:
        await self.open_tab(event.tab)


async def _details(journal: Journal, session: Session) -> Details:
    return Details(
        await journal.detail(session.id, Standing),
        await journal.detail(session.id, Files),
        await journal.detail(session.id, Gains),
    )


class _Lines(NamedTuple):
    """The log of a session, of lines of a level and worse."""

    journal: Journal
    session_id: int
    least: Level

    async def load(self, after: int, limit: int) -> Sequence[LogLine]:
        return await self.journal.events(self.session_id, after=after, least=self.least, limit=limit)

    async def skip(self, after: int, count: int) -> int | None:
        return await self.journal.line_behind(self.session_id, after=after, count=count, least=self.least)
