"""The table of sessions. How many columns it has depends on the width of the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.text import Text

from importers.sessions.models import FINAL, Session, Status
from importers.texts import N_
from tui import present
from tui.widgets.table import Column, StableTable

STATUS_STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "bold red",
    Status.IN_PROGRESS: "bold cyan",
    Status.STARTED: "cyan",
    Status.CANCELLING: "yellow",
    Status.CANCELLED: "dim",
}
MARK = "*"


class Field(NamedTuple):
    column: Column
    wide: int
    """Screen width in cells from which the column is there."""
    text: Callable[[Session, datetime], Text]


def _right(text: str, width: int) -> Text:
    return Text(text.rjust(width), no_wrap=True)


def _left(text: str) -> Text:
    return Text(present.plain(text), no_wrap=True, overflow="ellipsis")


def _when(*, long: bool) -> Callable[[Session, datetime], Text]:
    return lambda session, now: _left(present.when(session.started_at or session.created_at, long=long))


FIELDS = (
    Field(Column("type", N_("Type"), 18), 0, lambda s, now: _left(present.kinds(s))),
    Field(Column("status", N_("Status"), 12), 0, lambda s, now: status_text(s.status)),
    Field(Column("started", N_("Started"), 11), 74, _when(long=False)),
    Field(
        Column("duration", N_("Duration"), 8, right=True),
        60,
        lambda s, now: _right(present.elapsed(s, now), 8),
    ),
    Field(Column("progress", N_("Done"), 4, right=True), 50, lambda s, now: _right(present.progress(s), 4)),
    Field(Column("counts", N_("Records"), 14), 110, lambda s, now: _left(present.counts(s.counts))),
    Field(Column("operator", N_("Operator"), 10), 92, lambda s, now: _left(s.operator)),
    Field(Column("request", N_("Request"), 8), 104, lambda s, now: _left(s.request_id)),
)


SHOP = Field(Column("shop", N_("Shop"), 10), 0, lambda s, now: _left(s.shop))
"""Only where there are several; the others need a wider screen then."""


def fitting(width: int, *, shops: bool = False) -> list[Field]:
    """The fields for a screen of this width; type and records take what the others leave. `shops`: whether there are
    several."""
    taken = SHOP.column.width + 2 if shops else 0
    fields = {field.column.key: field for field in FIELDS if field.wide <= width - taken}
    if shops:
        fields = {"shop": SHOP, **fields}
    spare = width - 7 - sum(field.column.width + 2 for field in fields.values()) - 2
    for key, most in (("type", 12), ("counts", 16)):
        if (field := fields.get(key)) and (more := max(0, min(spare, most))):
            fields[key] = field._replace(column=field.column._replace(width=field.column.width + more))
            spare -= more
    return list(fields.values())


def status_text(status: Status) -> Text:
    return Text(present.status(status), style=STATUS_STYLES[status], no_wrap=True)


class SessionTable(StableTable):
    """Sessions, newest first; `space` marks rows, `show_sessions` keeps cursor, scroll and marks."""

    def __init__(self) -> None:
        self._fields = fitting(80)
        super().__init__(self._titles(), id="sessions")
        self._sessions: dict[str, Session] = {}
        self.marks: set[int] = set()

    @property
    def session(self) -> Session | None:
        """The session under the cursor."""
        return self._sessions.get(self.cursor_key or "")

    @property
    def sessions(self) -> list[Session]:
        return list(self._sessions.values())

    @property
    def marked(self) -> list[Session]:
        return [session for session in self._sessions.values() if session.id in self.marks]

    @property
    def running(self) -> bool:
        return any(session.status not in FINAL for session in self._sessions.values())

    def show_sessions(self, sessions: Sequence[Session], now: datetime, *, cursor: int | None = None) -> None:
        self._sessions = {str(session.id): session for session in sessions}
        self.marks &= {session.id for session in sessions}
        self.show_again(now, cursor=cursor)

    def show_again(self, now: datetime, *, cursor: int | None = None) -> None:
        """Paint what changed without new data: marks, running durations."""
        rows = [(key, self._row(session, now)) for key, session in self._sessions.items()]
        self.show(rows, None if cursor is None else str(cursor))

    def fit(self, width: int, now: datetime, *, shops: bool) -> None:
        """Take the columns that fit a screen of this width. `shops`: whether there are several."""
        self._fields = fitting(width, shops=shops)
        if self.reshape(self._titles()):
            self.show_again(now)

    def _row(self, session: Session, now: datetime) -> list[Text]:
        mark = MARK if session.id in self.marks else " "
        return [Text(f"{mark}{session.id:>5}", style="bold" if mark == MARK else "")] + [
            field.text(session, now) for field in self._fields
        ]

    def _titles(self) -> list[Column]:
        return [Column("id", N_("ID"), 6, right=True), *(field.column for field in self._fields)]
