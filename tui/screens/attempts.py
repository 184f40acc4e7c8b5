"""Every confirm and what came of it: who, where, when, outcome, session."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from importers import words
from importers.sessions import Attempt, Journal, Outcome
from importers.texts import N_, _
from tui import present
from tui.filters import Filter
from tui.heading import attempts_in, counts
from tui.keys import bindings, rows
from tui.pages import AttemptPages, Move
from tui.room import Room
from tui.screens.counting import Counting
from tui.screens.live import LiveScreen
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.filter_line import FilterLine
from tui.widgets.notices import NoticeBar
from tui.widgets.table import Column
from tui.widgets.window import WindowTable

LEAST_OF_TYPE = 6
OUTCOME_STYLES = {
    Outcome.CREATED: "green",
    Outcome.JOINED: "yellow",
    Outcome.REPLAYED: "yellow",
    Outcome.MISMATCH: "bold red",
    Outcome.REFUSED: "red",
    Outcome.ERROR: "bold red",
}


class AttemptsScreen(LiveScreen[None]):
    BINDINGS = bindings("attempts")
    AUTO_FOCUS = "WindowTable"

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self._pages = AttemptPages(Filter())
        self._move: Move | None = None
        self._counting = Counting(self, self._show_count)
        self._digits = 6
        """Of the largest id."""

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        yield WindowTable(self._fitting(self.app.size.width), id="attempts")
        yield Static(id="detail", markup=False)
        yield NoticeBar(self.room)
        yield KeyBar(rows("attempts", "app"))

    def on_mount(self) -> None:
        self.wake()

    @property
    def table(self) -> WindowTable:
        return self.query_one(WindowTable)

    @property
    def attempt(self) -> Attempt | None:
        key = self.table.cursor_key
        return next((attempt for attempt in self._pages.rows if attempt.request_id == key), None)

    async def load(self, journal: Journal) -> None:
        pages, move, self._move = self._pages, self._move, None
        await pages.load(journal, move)
        if pages is not self._pages:
            return  # another filter meanwhile; it has asked for a load of its own
        self.refresh_bindings()  # some keys need a row
        self.room.note_shops(pages.rows)
        self._digits = max(6, *(len(str(attempt.session_id or "")) for attempt in pages.rows), 0)
        self.table.reshape(self._fitting(self.size.width))
        self._show(move)
        if pages.searching:
            self.wake()
        self._counting.count(journal, pages)

    def _show(self, move: Move | None = None) -> None:
        rows, table = self._pages.rows, self.table
        cursor = rows[0 if move == "first" else -1].request_id if rows and move in {"first", "last"} else None
        table.open_as(self._pages)
        table.show([(attempt.request_id, self._row(attempt)) for attempt in rows], cursor)
        self._show_count()
        self._update_details()

    def _show_count(self) -> None:
        count = counts(self._pages, attempts_in)
        self.query_one("#head", Bar).set_texts(
            Text.assemble((" obmen ", "bold"), " ", _("Attempts: every confirm and what came of it")),
            Text(count + " "),
        )

    def _update_details(self) -> None:
        """Below the table: why, what the launch lock did, and what of it the columns have no room for."""
        text = ""
        if attempt := self.attempt:
            rooms = {column.key: column.width for column in self._fitting(self.app.size.width)}
            kinds = present.kinds(attempt)
            parts = (
                present.message(attempt.reason),
                _("dry run") if attempt.dry_run and not attempt.reason else "",
                kinds if present.width(kinds) > rooms["type"] else "",
                _("Request") + f" {attempt.request_id}" if "request" not in rooms else "",
                _("Operator") + f" {present.plain(attempt.operator)}" if "operator" not in rooms else "",
                _("launch lock: {lock}").format(lock=words.lock(attempt.lock)) if attempt.lock else "",
                present.plain(attempt.source),
            )
            text = "  ".join(filter(None, parts))
        self.query_one("#detail", Static).update(text)

    def on_stable_table_pointed(self) -> None:
        self._update_details()
        if (move := self.table.wants) is not None:
            self._move = move
            self.wake()

    def on_window_table_end_wanted(self, event: WindowTable.EndWanted) -> None:
        self._move = event.move
        self.wake()

    def on_resize(self, event: events.Resize) -> None:
        if self.table.reshape(self._fitting(event.size.width)):
            self._show()

    def _row(self, attempt: Attempt) -> list[Text]:
        columns = self._fitting(self.app.size.width)
        rooms = {column.key: column.width for column in columns}
        cells = {
            "at": Text(present.when(attempt.at, self.room.now())),
            "request": Text(attempt.request_id),
            "outcome": Text(
                present.outcome(attempt),
                OUTCOME_STYLES[attempt.outcome] if attempt.outcome else "bold red",
            ),
            "shop": Text(attempt.shop),
            "session": Text(str(attempt.session_id or "").rjust(self._digits + 1)),
            "type": Text(present.kinds(attempt, rooms["type"])),
            "operator": Text(present.plain(attempt.operator)),
            "host": Text(present.plain(f"{attempt.host}:{attempt.pid}")),
            "reason": Text(present.message(attempt.reason)),
        }
        for cell in cells.values():
            cell.no_wrap, cell.overflow = True, "ellipsis"
        return [cells[column.key] for column in columns]

    def _fitting(self, width: int) -> list[Column]:
        shops = self.room.has_shops
        columns = [
            Column("at", N_("When"), present.WHEN),
            Column("request", N_("Request"), 8),
            Column("outcome", N_("Outcome"), 12),
            Column("session", N_("Session"), self._digits + 1, right=True),
            *([Column("shop", N_("Shop"), 10)] if shops else []),
        ]
        room = width - 1 - sum(column.width + 2 for column in columns)
        if room < LEAST_OF_TYPE + 2:
            room += columns.pop(1).width + 2  # the line below tells it
        columns.append(Column("type", N_("Type"), max(LEAST_OF_TYPE, min(18, room - 2))))
        width -= 12 if shops else 0
        if width >= 92:
            columns.append(Column("operator", N_("Operator"), 10))
        if width >= 112:
            columns.append(Column("host", N_("Host"), 18))
        taken = sum(column.width + 2 for column in columns) + 1
        if width - taken >= 14:
            columns.append(Column("reason", N_("Reason"), width - taken - 2))
        return columns

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "shop":
            return self.room.has_shops
        return action not in {"goto", "copy_id"} or bool(self._pages.rows)

    def on_data_table_row_selected(self) -> None:
        """Enter in the table: DataTable takes the key before the screen does."""
        self.action_goto()

    def action_goto(self) -> None:
        attempt = self.attempt
        if attempt and attempt.session_id is not None:
            self.dismiss()
            self.room.show_session.publish(attempt.session_id)

    def action_copy_id(self) -> None:
        if attempt := self.attempt:
            self.room.taking.copy(attempt.request_id)

    async def action_filter(self) -> None:
        (await self._filter_line()).open()

    async def action_shop(self) -> None:
        (await self._filter_line()).next_shop()

    async def _filter_line(self) -> FilterLine:
        if not self.query(FilterLine):
            placeholder = _("words to find: a request id, prices, an operator, joined")
            await self.mount(FilterLine(placeholder, lambda: self._counting.names), after="#head")
        return self.query_one(FilterLine)

    def on_filter_line_asked(self, event: FilterLine.Asked) -> None:
        self._pages = AttemptPages(event.filter, total=self._pages.total)
        self.wake()

    def on_filter_line_left(self) -> None:
        self.table.focus()

    def action_close(self) -> None:
        """The filter, then the screen."""
        if self._pages.wanted:
            self.query_one(FilterLine).drop()
        else:
            self.dismiss()
