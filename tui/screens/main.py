"""The main screen: sessions, and below or beside them the panes of the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import DataTable

from importers.errors import UnknownSession
from importers.sessions import FINAL, Journal, Order, Session
from importers.sessions.details import Standing
from importers.texts import _, ngettext
from tui import present
from tui.filters import Filter
from tui.heading import counts, heading, sessions_in
from tui.keys import bindings, rows, shown_of
from tui.pages import Move, SessionPages
from tui.room import Room
from tui.screens.acting import ActingScreen
from tui.screens.counting import Counting
from tui.screens.panes import Panes
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.filter_line import FilterLine
from tui.widgets.log import LogView
from tui.widgets.notices import NoticeBar
from tui.widgets.sessions import SORTED, SessionTable, column_name
from tui.widgets.table import StableTable
from tui.widgets.window import WindowTable

REST_SECONDS = 0.15
"""So long the cursor rests on a session before its log is opened: a walk through the list costs nothing but that."""
WIDE = 130
"""From so many columns on the panes stand beside the list."""


class MainScreen(ActingScreen[None]):
    BINDINGS = bindings("main")
    AUTO_FOCUS = "SessionTable"

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self._go: int | None = None
        """A session to go to as soon as it is loaded."""
        self._pages = SessionPages(Filter())
        self._move: Move | None = None
        """Where the window has to go with the next load."""
        self._active: Sequence[Session] = ()
        self._standing: Standing | None = None
        self._rest: Timer | None = None
        self._stale = True
        """The list is older than the journal, or another one is wanted."""
        self._counting = Counting(self, self.update_bars)
        self._shown_keys: tuple[bool | None, ...] = ()

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        with Container(id="body"):
            yield SessionTable()
            yield Panes(self.room)
        yield NoticeBar(self.room)
        yield KeyBar([*rows("log"), *rows("main", "app")])

    def on_mount(self) -> None:
        self.room.deleted.subscribe(self, self._forget)
        self.room.show_session.subscribe(self, self._go_to)
        self._show_opening()
        self.update_bars()
        self.set_interval(1, self._tick)

    @property
    def table(self) -> SessionTable:
        return self.query_one(SessionTable)

    @property
    def log_view(self) -> LogView:
        return self.panes.log_view

    @property
    def session(self) -> Session | None:
        """The session under the cursor."""
        return self.table.session

    # Looking at the journal

    async def load(self, journal: Journal) -> None:
        if self._stale:
            self._stale = False
            if not await self._load_list(journal):
                return
        await self.panes.load(journal, self.session, self._nothing())
        self.update_bars()
        if self._pages.searching:
            self.wake()
        self._counting.count(journal, self._pages)

    async def _load_list(self, journal: Journal) -> bool:
        """False: another filter was set meanwhile, which has asked for a load of its own."""
        pages, move, self._move = self._pages, self._move, None
        go, self._go = self._go, None
        if go is not None and not await pages.reach(journal, go):
            self.room.say(_("There is no session {id}").format(id=go), "warning", on=self)
            go = None
        await pages.load(journal, move)
        if pages is not self._pages:
            return False
        if go is not None and not pages.wanted:
            self._drop_filter()
        self._active = await self.room.running(journal)
        self._standing = await journal.detail(self._active[-1].id, Standing) if self._active else None
        await self._forget_gone(journal)
        self.room.note_shops(pages.rows)
        self._show_rows(move, go)
        self._update_keys()
        return True

    async def _forget_gone(self, journal: Journal) -> None:
        """Marks of sessions that are not in the window any more, because somebody deleted them."""
        gone = {session.id for session in self.table.sessions} - {session.id for session in self._pages.rows}
        for session_id in self.table.marks & gone:
            try:
                await journal.session(session_id)
            except UnknownSession:
                self.table.marks.discard(session_id)

    def _show_rows(self, move: Move | None, go: int | None) -> None:
        pages, table = self._pages, self.table
        cursor = go
        if move in {"first", "last"} and pages.rows:
            cursor = pages.rows[0 if move == "first" else -1].id
        table.open_as(pages)
        table.hold(pages.rows)
        self._fit()
        table.show_again(self.room.now(), cursor=cursor)

    def _nothing(self) -> str:
        """What an empty log says when there is no session."""
        if self._pages.searching:
            return _("Searching…")
        if self._pages.wanted:
            return _("No session matches the filter")
        if self.room.settings.read_only:
            return _("No imports yet")
        return _("No imports yet: press {key} to run one").format(key=shown_of("launch"))

    def _forget(self, session_ids: list[int]) -> None:
        """These sessions were deleted."""
        self.table.marks.difference_update(session_ids)
        self._pages.recount()
        self.wake()

    def _go_to(self, session_id: int) -> None:
        """Put the cursor on a session, dropping a filter that hides it."""
        self._go = session_id
        self.wake()

    def _tick(self) -> None:
        """Durations of running sessions; nothing is painted while nothing runs and the journal can be reached."""
        self.room.note_connection()
        if self.table.running or self._active:
            self.table.show_again(self.room.now())
            self.panes.show_again()
            self.update_bars()

    async def show_trouble(self, text: str) -> None:
        await super().show_trouble(text)
        if self.room.journal is None:
            self._show_opening()

    def _show_opening(self) -> None:
        """What stands in the log's place before there is a journal."""
        opening, trouble = _("Opening the journal of sessions…"), _("The journal of sessions is not open")
        self.log_view.open(None, follow=False, empty=trouble if self.room.trouble else opening)

    def update_bars(self) -> None:
        """The top line: what matters now, and how many sessions there are."""
        right = counts(self._pages, sessions_in, len(self.table.marks))
        left = heading(self.room, self._active, self._standing, self.size.width - len(right) - 4)
        self.query_one("#head", Bar).set_texts(left, Text(right + " "))

    def on_stable_table_pointed(self, event: StableTable.Pointed) -> None:
        if event.table is not self.table:
            return
        self._update_keys()
        if (move := self.table.wants) is not None:
            self._move = move
            self.wake()
            return
        self._stop_rest()
        self._rest = self.set_timer(REST_SECONDS, self._show_pointed)

    def _show_pointed(self) -> None:
        """The session under the cursor; the list is as it was."""
        self._stop_rest()
        super().wake()

    def _stop_rest(self) -> None:
        if self._rest:
            self._rest.stop()
            self._rest = None

    def wake(self) -> None:
        self._stale = True
        self._show_pointed()

    @property
    def busy(self) -> bool:
        return super().busy or self._rest is not None

    def on_window_table_end_wanted(self, event: WindowTable.EndWanted) -> None:
        self._move = event.move
        self.wake()

    def on_resize(self) -> None:
        self.update_bars()

    def on_session_table_resized(self) -> None:
        """Later than the screen, which may have taken the panes from beside the table."""
        if self._fit():
            self.table.show_again(self.room.now())

    def _fit(self) -> bool:
        width = self.table.size.width or self.size.width
        return self.table.fit(width, shops=self.room.has_shops, order=self._pages.order)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "delete" and not self.room.settings.read_only:
            return self.is_mounted and (
                bool(self.table.marks) or (self.session is not None and self.session.status in FINAL)
            )
        if action == "shop":
            return self.room.has_shops
        if action in {"mark", "open"}:
            return self.is_mounted and self.session is not None
        return super().check_action(action, parameters)

    def _update_keys(self) -> None:
        if (usable := self._usable()) != self._shown_keys:
            self._shown_keys = usable
            self.refresh_bindings()

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
            self._update_keys()

    def action_unmark(self) -> None:
        """The filter, then the marks."""
        if self._pages.wanted:
            self._drop_filter()
        else:
            self.table.marks.clear()
            self.table.show_again(self.room.now())
            self.refresh_bindings()
        self.table.focus()
        self.update_bars()

    async def action_delete(self) -> None:
        """The marked sessions, or else the one under the cursor, as far as they are finished."""
        found = await self._chosen()
        ended = [session for session in found if session.status in FINAL]
        if not ended:
            return
        shown = ", ".join(str(session.id) for session in ended[:IDS_SHOWN])
        question = ngettext(
            "Delete session {ids} with its log and rejects?",
            "Delete {count} sessions ({ids}) with their logs and rejects?",
            len(ended),
        ).format(count=present.number(len(ended)), ids=shown + ("…" if len(ended) > IDS_SHOWN else ""))
        if kept := len(found) - len(ended):
            question += " " + ngettext(
                "{count} that has not ended stays.", "{count} that have not ended stay.", kept
            ).format(count=kept)
        self.ask(question, partial(self.room.delete, [session.id for session in ended]))

    async def _chosen(self) -> list[Session]:
        """The marked sessions, wherever they are; else the one under the cursor."""
        if not self.table.marks:
            return [self.session] if self.session else []
        journal, found = self.room.require_journal(), []
        for session_id in sorted(self.table.marks):
            try:
                found.append(await journal.session(session_id))
            except UnknownSession:
                self.table.marks.discard(session_id)
        return found

    def action_export(self) -> None:
        self.room.taking.sessions(self._pages.wanted.sessions, self._pages.order, frozenset(self.table.marks))

    def action_attempts(self) -> None:
        from tui.screens.attempts import AttemptsScreen

        self.app.push_screen(AttemptsScreen(self.room))

    def action_doctor(self) -> None:
        from tui.screens.doctor import DoctorScreen

        self.app.push_screen(DoctorScreen(self.room))

    def action_open(self) -> None:
        from tui.screens.session import SessionScreen

        if session := self.session:
            self.app.push_screen(SessionScreen(self.room, session, self._pages))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter, or a click on the row under the cursor."""
        event.stop()
        self.action_open()

    # Order, filter, jump

    def action_sort(self) -> None:
        """By the next column that can be sorted by."""
        shown = [SORTED[key] for key in self.table.column_keys if key in SORTED]
        at = shown.index(self._pages.order.by) if self._pages.order.by in shown else -1
        self._sort(Order(shown[(at + 1) % len(shown)]))

    def action_reverse(self) -> None:
        order = self._pages.order
        self._sort(Order(order.by, not order.descending))

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if (by := SORTED.get(str(event.column_key.value))) is not None:
            order = self._pages.order
            self._sort(Order(by, not order.descending if by is order.by else True))

    def _sort(self, order: Order) -> None:
        self._list(self._pages.wanted, order)
        self.room.say(_("Sorted by: {column}").format(column=column_name(order)), on=self)

    def _list(self, wanted: Filter, order: Order) -> None:
        """Other sessions, or in another order, from the first on."""
        self._pages = SessionPages(wanted, order, self._pages.total)
        self._move = "first"
        self.update_bars()
        self.wake()

    async def action_filter(self) -> None:
        (await self._filter_line()).open()

    async def action_shop(self) -> None:
        (await self._filter_line()).next_shop()

    def action_jump(self) -> None:
        from tui.screens.ask import AskScreen

        def go(answer: str | None) -> None:
            if answer and answer.isdecimal():
                self._go_to(int(answer))

        self.app.push_screen(AskScreen(_("Go to session"), only="integer"), go)

    async def _filter_line(self) -> FilterLine:
        if not self.query(FilterLine):
            words = _("failed  prices  anna  today  2026-03..  rejects  dry  any words")
            await self.mount(FilterLine(words, lambda: self._counting.names), after="#head")
        return self.query_one(FilterLine)

    def on_filter_line_asked(self, event: FilterLine.Asked) -> None:
        if event.filter != self._pages.wanted:
            self._list(event.filter, self._pages.order)

    def on_filter_line_left(self) -> None:
        self.table.focus()

    def _drop_filter(self) -> None:
        for line in self.query(FilterLine):
            line.drop()


KEYS_THAT_COME = ("cancel", "retry", "delete", "mark", "shop", "open")
IDS_SHOWN = 12
