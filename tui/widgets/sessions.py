"""The table of sessions. How many columns it has depends on the width of the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.text import Text
from textual.message import Message

from importers.sessions.finding import NEWEST, By, Order
from importers.sessions.models import FINAL, Session, Status
from importers.texts import N_, _
from importers.texts import width as width_of
from tui import present
from tui.widgets.table import Column
from tui.widgets.window import WindowTable

STATUS_STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "bold red",
    Status.IN_PROGRESS: "bold cyan",
    Status.STARTED: "cyan",
    Status.CANCELLING: "yellow",
    Status.CANCELLED: "dim",
}
MARK = "*"
ASCENDS, DESCENDS = "▴", "▾"


class Field(NamedTuple):
    column: Column
    wide: int
    """Screen width in cells from which the column is there."""
    text: Callable[[Session, datetime, int], Text]
    """For so many cells."""

    def cell(self, session: Session, now: datetime) -> Text:
        """As it stands in its column."""
        text = self.text(session, now, self.column.width)
        if self.column.right:
            text.pad_left(max(self.column.width - text.cell_len, 0))
        return text


def _text(text: str) -> Text:
    return Text(present.plain(text), no_wrap=True, overflow="ellipsis")


FIELDS = (
    Field(Column("type", N_("Type"), 14), 0, lambda s, now, room: _text(present.kinds(s, room))),
    Field(Column("status", N_("Status"), 14), 0, lambda s, now, room: status_text(s)),
    Field(Column("rejected", N_("Rejected"), 9, right=True), 52, lambda s, now, room: rejected_text(s)),
    Field(
        Column("started", N_("Started"), present.WHEN),
        65,
        lambda s, now, room: _text(present.when(s.started_at or s.created_at, now)),
    ),
    Field(
        Column("duration", N_("Duration"), 8, right=True),
        75,
        lambda s, now, room: _text(present.elapsed(s, now)),
    ),
    Field(Column("progress", N_("Done"), 16), 120, lambda s, now, room: _text(present.progress_bar(s, 10))),
    Field(
        Column("counts", N_("Records"), 18), 138, lambda s, now, room: _text(present.counts(s.counts, room))
    ),
    Field(Column("operator", N_("Operator"), 10), 92, lambda s, now, room: _text(s.operator)),
    Field(Column("request", N_("Request"), 8), 104, lambda s, now, room: _text(s.request_id)),
)


SHOP = Field(Column("shop", N_("Shop"), 10), 0, lambda s, now, room: _text(s.shop))
"""Only where there are several; the others need a wider screen then."""
STATUS_AND_REJECTED = Field(
    Column("status", N_("Status"), 17), 0, lambda s, now, room: status_text(s, rejected=True)
)
"""Where there is no room for a column of rejects."""


def fitting(
    width: int, *, shops: bool = False, digits: int = 5, running: bool = True, sorted_by: By | None = None
) -> list[Field]:
    """The fields for a screen of this width; the type takes what the others leave. `shops`: whether there are
    several; `digits`: of the largest id; `running`: whether any of the sessions is; `sorted_by`: the column that has a
    sign behind its title."""
    taken = (SHOP.column.width + 2 if shops else 0) + digits - 5
    fields = {field.column.key: field for field in FIELDS if field.wide <= width - taken}
    if shops:
        fields = {"shop": SHOP, **fields}
    if not running:
        fields.pop("progress", None)
    if "rejected" not in fields:
        fields["status"] = STATUS_AND_REJECTED
    for key, field in fields.items():
        if sorted_by and SORTED.get(key) is sorted_by:
            wide = max(field.column.width, width_of(_(field.column.title)) + 1)
            fields[key] = field._replace(column=field.column._replace(width=wide))
    spare = width - digits - 4 - sum(field.column.width + 2 for field in fields.values())
    column = fields["type"].column
    fields["type"] = fields["type"]._replace(
        column=column._replace(width=max(8, column.width + min(spare, 24)))
    )
    return list(fields.values())


def status_style(session: Session) -> str:
    if session.status is Status.COMPLETED and (session.counts.rejected or session.options.dry_run):
        return "yellow" if session.counts.rejected else "cyan"
    return STATUS_STYLES[session.status]


def status_text(session: Session, *, rejected: bool = False) -> Text:
    """What an operator must know of it: how far it is, that it only tries, that records were not taken, and, where
    nothing else tells, how many: `rejected`."""
    state, count = present.state(session), session.counts.rejected
    if rejected and count and session.status is Status.COMPLETED and not session.options.dry_run:
        state = "! " + present.rejected(count)
    return Text(state, style=status_style(session), no_wrap=True, overflow="ellipsis")


def rejected_text(session: Session) -> Text:
    rejected = session.counts.rejected
    text = present.number(rejected) if rejected else ""
    return Text(text, "bold yellow", no_wrap=True, overflow="ellipsis")


SORTED = {
    "id": By.ID,
    "type": By.KINDS,
    "status": By.STATUS,
    "rejected": By.REJECTED,
    "started": By.CREATED,
    "duration": By.DURATION,
    "operator": By.OPERATOR,
}
"""Columns that the list can be sorted by."""


def column_name(order: Order) -> str:
    """Of the column that it is sorted by, and which way."""
    key = next(key for key, by in SORTED.items() if by is order.by)
    titles = {"id": _("ID"), **{field.column.key: _(field.column.title) for field in FIELDS}}
    return f"{titles[key]} {DESCENDS if order.descending else ASCENDS}"


class SessionTable(WindowTable):
    """A window of sessions; `space` marks rows, `show_again` keeps cursor, scroll and marks."""

    class Resized(Message):
        """Other columns may fit."""

    def __init__(self) -> None:
        self._digits = 5
        self._order = NEWEST
        self._fields = fitting(80)
        super().__init__(self._titles(), id="sessions")
        self._sessions: dict[str, Session] = {}
        self._rows: dict[str, tuple[object, list[Text]]] = {}
        """As they were shown last, and of what."""
        self.marks: set[int] = set()
        """Also of sessions that are not in the window."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    @property
    def session(self) -> Session | None:
        """The session under the cursor."""
        return self._sessions.get(self.cursor_key or "")

    @property
    def sessions(self) -> list[Session]:
        """Those of the window."""
        return list(self._sessions.values())

    @property
    def running(self) -> bool:
        return any(session.status not in FINAL for session in self._sessions.values())

    def hold(self, sessions: Sequence[Session]) -> None:
        """The window is another one: to be fitted and shown next."""
        self._sessions = {str(session.id): session for session in sessions}

    def show_again(self, now: datetime, *, cursor: int | None = None) -> None:
        """Paint what changed: sessions, marks, running durations."""
        self._rows = {key: self._row(key, session, now) for key, session in self._sessions.items()}
        rows = [(key, cells) for key, (_of, cells) in self._rows.items()]
        self.show(rows, None if cursor is None else str(cursor))

    def fit(self, width: int, *, shops: bool, order: Order = NEWEST) -> bool:
        """Take the columns that fit a table of this width; whether the rows have to be shown again then. `shops`:
        whether there are several."""
        self._digits, self._order = max(5, len(max(self._sessions, key=len, default=""))), order
        self._fields = fitting(
            width, shops=shops, digits=self._digits, running=self.running, sorted_by=order.by
        )
        is_other = self.reshape(self._titles())
        if is_other:
            self._rows = {}
        return is_other

    def _row(self, key: str, session: Session, now: datetime) -> tuple[object, list[Text]]:
        mark = MARK if session.id in self.marks else " "
        moment = now.date() if session.status in FINAL else now
        of = (session, mark, moment)
        if (shown := self._rows.get(key)) and shown[0] == of:
            return shown
        number = Text(f"{mark}{session.id:>{self._digits}}", style="bold" if mark == MARK else "")
        return of, [number, *(field.cell(session, now) for field in self._fields)]

    def _titles(self) -> list[Column]:
        columns = [
            Column("id", N_("ID"), self._digits + 1, right=True),
            *(field.column for field in self._fields),
        ]
        sign = DESCENDS if self._order.descending else ASCENDS
        return [
            column._replace(order=sign) if SORTED.get(column.key) is self._order.by else column
            for column in columns
        ]
