"""The main screen: sessions above, the selected session's log, rejects or summary below."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from importers.sessions import FINAL, Journal, Session
from importers.sessions.models import LogLine, Status, StoredReject
from importers.targets import target_of
from importers.texts import _, ngettext
from tui import present
from tui.filters import Filter
from tui.keys import bindings, rows
from tui.pages import SessionPages
from tui.room import Room
from tui.screens.live import LiveScreen
from tui.widgets.bars import Bar, KeyBar, TabBar
from tui.widgets.filter_line import FilterLine
from tui.widgets.log import LogView
from tui.widgets.notices import NoticeBar
from tui.widgets.rejects import RejectsPane
from tui.widgets.sessions import SessionTable
from tui.widgets.summary import SummaryPane
from tui.widgets.table import StableTable


class MainScreen(LiveScreen[None]):
    BINDINGS = bindings("main")
    AUTO_FOCUS = "SessionTable"

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self._tab = "log"
        self._opened: int | None = -1
        """The session whose log is open below; -1: not even none."""
        self._go: int | None = None
        """A session to go to as soon as it is loaded."""
        self._pages = SessionPages(Filter())
        self._older = False
        """The cursor has come to the last row: more is wanted."""
        self._shown_keys: tuple[bool | None, ...] = ()

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        yield SessionTable()
        yield TabBar(id="tabs")
        yield Static(id="waiting", markup=False)
        yield LogView(id="log")
        yield NoticeBar(self.room)
        yield KeyBar(rows("main", "app"))

    def on_mount(self) -> None:
        super().on_mount()
        self.room.troubled.subscribe(self, self._show_trouble)
        self.room.deleted.subscribe(self, self._forget)
        self.room.show_session.subscribe(self, self._go_to)
        self.log_view.open(None, follow=False, empty=_("Opening the journal of sessions…"))
        self.update_bars()
        self.set_interval(1, self._tick)

    @property
    def table(self) -> SessionTable:
        return self.query_one(SessionTable)

    @property
    def log_view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def session(self) -> Session | None:
        """The session under the cursor."""
        return self.table.session

    # Looking at the journal

    async def load(self, journal: Journal) -> None:
        pages, older, self._older = self._pages, self._older, False
        await pages.load(journal, older=older, reach=self._go)
        if pages is not self._pages:
            return  # another filter meanwhile; it has asked for a load of its own
        self.room.note_shops(pages.matching)
        self._fit(self.size.width)
        self.table.show_sessions(pages.matching, self.room.now(), cursor=self._go)
        self._go = None
        if (usable := self._usable()) != self._shown_keys:
            self._shown_keys = usable
            self.refresh_bindings()
        await self._load_below(journal)
        self.update_bars()

    async def _load_below(self, journal: Journal) -> None:
        session = self.session
        if (session.id if session else None) != self._opened:
            self._opened = session.id if session else None
            read = partial(_events, journal, session.id) if session else None
            running = session is not None and session.status not in FINAL
            self.log_view.open(read, follow=running, empty=self._nothing())
        if self._tab == "log":
            if await self.log_view.update():
                self.wake()
        elif self._tab == "rejects":
            rejects = self.query_one(RejectsPane)
            if rejects.session_id != self._opened:
                rejects.open(self._opened, partial(_rejects, journal, session.id) if session else None)
            await rejects.update()
        else:
            self._show_summary()

    def _nothing(self) -> str:
        """What an empty log says."""
        if self.session:
            return _("No log lines yet")
        return (
            _("No session matches the filter")
            if self._pages.wanted
            else _("No imports yet: press n to run one")
        )

    def _forget(self, session_ids: list[int]) -> None:
        """These sessions were deleted."""
        self._pages.forget(session_ids)
        self.wake()

    def _go_to(self, session_id: int) -> None:
        """Put the cursor on a session, dropping a filter that hides it."""
        self._go = session_id
        if self._pages.wanted:
            self._pages = SessionPages(Filter())
            self._drop_filter()
        self.wake()

    def _tick(self) -> None:
        """Durations of running sessions; nothing is painted while nothing runs and the journal can be reached."""
        self.room.note_connection()
        if self.table.running:
            self.table.show_again(self.room.now())
            if self._tab == "summary":
                self._show_summary()

    def _show_summary(self) -> None:
        pane, shops = self.query_one(SummaryPane), self.room.has_shops
        pane.show(self.session, self.room.now(), shops=shops)

    async def _show_trouble(self, text: str) -> None:
        """A line above the table for as long as the journal cannot be read; "" takes it away."""
        await self.query("#trouble").remove()
        if text:
            line = Static(_("ERROR") + ": " + present.plain(text), id="trouble", markup=False)
            await self.mount(line, after="#head")

    def update_bars(self) -> None:
        """The bars: what this is, what runs, what the session below is."""
        sessions = self.table.sessions
        running = sum(session.status not in FINAL for session in sessions)
        count = f"{len(sessions)}+" if self._pages.more else str(len(sessions))
        right = [ngettext("{count} session", "{count} sessions", len(sessions)).format(count=count)]
        if running:
            right.insert(0, ngettext("{count} running", "{count} running", running).format(count=running))
        if marked := len(self.table.marks):
            right.insert(0, ngettext("{count} marked", "{count} marked", marked).format(count=marked))
        name = " obmen " + (_("demo") + " " if self.room.demo else "")
        settings = self.room.settings
        name += _("read-only") + " " if settings.read_only else ""
        there = ", ".join(settings.shop_names) if settings.shops else target_of(settings).source
        left = Text.assemble((name, "bold"), " ", present.plain(there))
        self.query_one("#head", Bar).set_texts(left, Text(", ".join(right) + " "))
        session = self.session
        rejected = session.counts.rejected if session else 0
        tabs = (
            ("log", "1 " + _("Log")),
            ("rejects", " ".join(["2", _("Rejects"), *([present.number(rejected)] if rejected else [])])),
            ("summary", "3 " + _("Summary")),
        )
        right_text = Text()
        if session:
            right_text = Text(f"#{session.id} {present.state(session)} ")
            if self._tab == "log" and self.size.width >= 70 and (position := self.log_view.position):
                if self.log_view.follow and session.status not in FINAL:
                    position += ", " + _("following")
                right_text = Text(f"{position}   ", "dim") + right_text
        self.query_one(TabBar).show(tabs, self._tab, right_text)
        self._show_waiting(session)

    def _show_waiting(self, session: Session | None) -> None:
        """Why no worker has the session yet: its log says nothing of that."""
        why = present.message(session.waiting) if session and session.waiting else ""
        line = self.query_one("#waiting", Static)
        if line.content != why:
            line.update(why)
        line.display = bool(why)

    def on_stable_table_pointed(self, event: StableTable.Pointed) -> None:
        if event.table is not self.table:
            return
        self._older = event.table.at_end
        self.refresh_bindings()
        self.wake()

    def on_rejects_pane_more_wanted(self) -> None:
        self.wake()

    def on_log_view_moved(self) -> None:
        self.update_bars()

    def on_tab_bar_chosen(self, event: TabBar.Chosen) -> None:
        self.call_later(self.action_tab, event.tab)

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size.width)

    def _fit(self, width: int) -> None:
        self.table.fit(width, self.room.now(), shops=self.room.has_shops)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in {"launch", "cancel", "retry", "delete"} and self.room.settings.read_only:
            return False
        session = self.table.session if self.is_mounted else None
        if action == "cancel":
            return session is not None and session.status in {Status.STARTED, Status.IN_PROGRESS}
        if action == "retry":
            return session is not None and session.status in {Status.FAILED, Status.CANCELLED}
        if action == "delete":
            return session is not None and bool(self._deletable())
        if action == "shop":
            return self.room.has_shops
        if action in {"mark", "copy_id", "copy_log"}:
            return session is not None
        return True

    def _usable(self) -> tuple[bool | None, ...]:
        """Which of the keys that are not always there can be used now."""
        return tuple(self.check_action(action, ()) for action in KEYS_THAT_COME)

    def action_launch(self) -> None:
        from tui.screens.launch import LaunchScreen

        self.app.push_screen(LaunchScreen(self.room, self._pages.wanted.shop))

    def action_mark(self) -> None:
        if session := self.session:
            self.table.marks ^= {session.id}
            self.table.show_again(self.room.now())
            self.table.action_cursor_down()
            self.update_bars()
            self.refresh_bindings()

    def action_unmark(self) -> None:
        """What was said first, then marks and filter."""
        if self.room.dismiss():
            return
        self.table.marks.clear()
        self.table.show_again(self.room.now())
        self._drop_filter()
        self.table.focus()
        self.update_bars()

    def action_cancel(self) -> None:
        if session := self.session:
            self._ask(
                _("Stop session {id}, {type}? The catalog stays as it was before.").format(
                    id=session.id, type=self.room.what(session)
                ),
                partial(self.room.cancel, session.id),
            )

    def action_retry(self) -> None:
        if session := self.session:
            self._ask(
                _("Run session {id}, {type}, again?").format(id=session.id, type=self.room.what(session)),
                partial(self.room.retry, session.id),
            )

    def action_delete(self) -> None:
        if found := self._deletable():
            self._ask(
                ngettext(
                    "Delete session {ids} with its log and rejects?",
                    "Delete {count} sessions with their logs and rejects: {ids}?",
                    len(found),
                ).format(count=len(found), ids=", ".join(str(session.id) for session in found)),
                partial(self.room.delete, [session.id for session in found]),
            )

    def _deletable(self) -> list[Session]:
        """The marked sessions, or else the one under the cursor, as far as they are finished."""
        chosen = self.table.marked or ([self.session] if self.session else [])
        return [session for session in chosen if session.status in FINAL]

    def _ask(self, question: str, act: partial[None]) -> None:
        from tui.screens.confirm import ConfirmScreen

        self.app.push_screen(ConfirmScreen(question), lambda yes: act() if yes else None)

    def action_attempts(self) -> None:
        from tui.screens.attempts import AttemptsScreen

        self.app.push_screen(AttemptsScreen(self.room))

    def action_doctor(self) -> None:
        from tui.screens.doctor import DoctorScreen

        self.app.push_screen(DoctorScreen(self.room))

    def action_copy_id(self) -> None:
        if session := self.session:
            self.room.copy(session.request_id)

    def action_copy_log(self) -> None:
        if session := self.session:
            self.room.copy_log(session.id)

    # Tabs and filter: mounted when first asked for, so that the first frame is early

    async def action_tab(self, tab: str) -> None:
        self._tab = tab
        if tab == "rejects" and not self.query(RejectsPane):
            await self.mount(RejectsPane(id="rejects"), before=BELOW)
        if tab == "summary" and not self.query(SummaryPane):
            await self.mount(SummaryPane(id="summary"), before=BELOW)
        for pane in self.query("#log, #rejects, #summary"):
            pane.display = pane.id == tab
        self.update_bars()
        self.wake()

    async def action_next_tab(self, step: int) -> None:
        await self.action_tab(TABS[(TABS.index(self._tab) + step) % len(TABS)])

    async def action_filter(self) -> None:
        (await self._filter_line()).open()

    async def action_shop(self) -> None:
        (await self._filter_line()).next_shop()

    async def _filter_line(self) -> FilterLine:
        if not self.query("#filter"):
            words = _("words to find: failed, prices, an operator, a request id")
            await self.mount(FilterLine(words, lambda: self.room.shops), after="#head")
        return self.query_one(FilterLine)

    def on_filter_line_asked(self, event: FilterLine.Asked) -> None:
        self._pages = SessionPages(event.filter)
        self.wake()

    def on_filter_line_left(self) -> None:
        self.table.focus()

    def _drop_filter(self) -> None:
        for line in self.query(FilterLine):
            line.drop()


KEYS_THAT_COME = ("cancel", "retry", "delete", "mark", "shop")
BELOW = "NoticeBar"
"""Panes stand above it."""
TABS = ("log", "rejects", "summary")


async def _events(journal: Journal, session_id: int, after: int, limit: int) -> Sequence[LogLine]:
    return await journal.events(session_id, after=after, limit=limit)


async def _rejects(journal: Journal, session_id: int, after: int, limit: int) -> Sequence[StoredReject]:
    return await journal.rejects(session_id, after=after, limit=limit)
