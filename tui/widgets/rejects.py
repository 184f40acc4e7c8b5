"""The records of a session that were not taken: by reason, each with its place, the whole reason and its fragment."""

from __future__ import annotations

import re

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Static

from importers.sessions import Journal, Session
from importers.sessions.models import StoredReject
from importers.texts import N_, _, render
from importers.words import NOT_KEPT
from tui import present
from tui.keys import bindings, shown_of
from tui.widgets.table import Column, StableTable

PAGE = 200
"""Rejects loaded at once; more when the cursor reaches the last one."""
LOOKED_AT = 1000
"""Rejects looked at once for what those of a reason have in common."""
DIFFERS = "…"
"""Stands for what they have not."""
FIELD = re.compile(r"{[^{}]*}")


class RejectsPane(Vertical):
    """The reasons with their numbers; Enter leads to the rejects of one, and there to all of a reject. Of a single
    reason the rejects are shown at once."""

    BINDINGS = bindings("rejects")

    class MoreWanted(Message):
        """There is more to load; `update` loads it."""

    class Opened(Message):
        """A reject is to be shown in full."""

        def __init__(self, page: Text) -> None:
            super().__init__()
            self.page = page

    def __init__(self, *, id: str | None = None, alone: bool) -> None:  # noqa: A002 (Textual's name)
        """`alone`: without a list of sessions beside it, whose keys go first."""
        super().__init__(id=id)
        self._alone = alone
        self.session_id: int | None = None
        self._are_gone = False
        """The session had rejects, and the journal keeps them no longer."""
        self._reasons: dict[str, int] = {}
        self._common: dict[str, dict[str, object]] = {}
        """By reason, the arguments of its rejects; `DIFFERS` where these are not all the same."""
        self._looked_at = 0
        """The id of the last reject that `_common` knows."""
        self._reason: str | None = None
        """The one whose rejects are shown; None: the reasons are."""
        self._rejects: dict[str, StoredReject] = {}

    def compose(self) -> ComposeResult:
        yield StableTable(self._fitting(), id="rejects-table")
        yield Static("", id="fragment", markup=False)

    @property
    def table(self) -> StableTable:
        return self.query_one(StableTable)

    def _open(self, session_id: int | None) -> None:
        self.session_id, self._are_gone = session_id, False
        self._reasons, self._reason = {}, None
        self._common, self._looked_at = {}, 0
        self._clear()

    async def update(self, journal: Journal, session: Session | None) -> bool:
        """Load what the journal has of a session, as far as the cursor has come. True: there is more to look at."""
        session_id = session.id if session else None
        if session_id != self.session_id:
            self._open(session_id)
        if session is None or session_id is None:
            return False
        reasons = dict(await journal.reasons(session_id))
        if session_id != self.session_id:
            return False
        self._are_gone = session.status.final and session.counts.rejected > 0 and not reasons
        if len(reasons) == 1 and self._reason is None:
            self._show_reason(next(iter(reasons)))
        self._reasons = reasons
        reason = self._reason
        if reason is not None and (len(self._rejects) < PAGE or self.table.at_end):
            last = next(reversed(self._rejects.values())).id if self._rejects else 0
            found = await journal.rejects(session_id, after=last, reason=reason, limit=PAGE)
            if (session_id, reason) == (self.session_id, self._reason):
                self._rejects |= {str(reject.id): reject for reject in found}
        more = len(reasons) > 1 and reason is None and await self._look_on(journal, session_id)
        self._show()
        return more

    async def _look_on(self, journal: Journal, session_id: int) -> bool:
        """Take in what the next rejects have in common; whether there may be more of them."""
        found = await journal.rejects(session_id, after=self._looked_at, limit=LOOKED_AT)
        if session_id != self.session_id:
            return False
        for reject in found:
            common = self._common.setdefault(reject.reason, dict(reject.args))
            for name in common.keys() | reject.args.keys():
                if common.get(name) != reject.args.get(name):
                    common[name] = DIFFERS
            self._looked_at = reject.id
        return len(found) == LOOKED_AT

    def action_back(self) -> None:
        """From the rejects of a reason to all reasons."""
        self._reason = None
        self._clear()
        self.post_message(self.MoreWanted())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "back" or (self._reason is not None and len(self._reasons) > 1)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if self._reason is None:
            if self.table.cursor_key is not None:
                self._show_reason(self.table.cursor_key)
                self.post_message(self.MoreWanted())
        elif reject := self._rejects.get(self.table.cursor_key or ""):
            self.post_message(self.Opened(detail(reject)))

    def _show_reason(self, reason: str) -> None:
        self._reason = reason
        self._clear()

    def _clear(self) -> None:
        self._rejects = {}
        self.table.reshape(self._fitting())
        self.table.show([])
        self._update_details()
        self.refresh_bindings()

    def _show(self) -> None:
        if self._reason is None:
            self.table.show(
                (reason, self._reason_row(reason, count)) for reason, count in self._reasons.items()
            )
        else:
            self.table.show((key, self._row(reject)) for key, reject in self._rejects.items())
        self._update_details()

    def on_resize(self) -> None:
        if self.table.reshape(self._fitting()):
            self._show()

    def on_stable_table_pointed(self, event: StableTable.Pointed) -> None:
        event.stop()
        self._update_details()
        if event.table.at_end and event.key and self._reason is not None:
            self.post_message(self.MoreWanted())

    def _update_details(self) -> None:
        """Below the table: the whole of what is under the cursor."""
        if self._reason is not None:
            reject = self._rejects.get(self.table.cursor_key or "")
            text = detail(reject) if reject else Text()
        elif self._reasons:
            text = Text(self._hint(), "dim")
        else:
            none = _(NOT_KEPT) if self._are_gone else _("Nothing was rejected.")
            text = Text(none if self.session_id is not None else "")
        self.query_one("#fragment", Static).update(text)

    def _hint(self) -> str:
        """What the keys do, where the focus is."""
        text = _("{key} shows the rejects of this reason.").format(key=shown_of("open_row"))
        if self._alone:
            write = _("{key} writes all rejects of the session as CSV.")
            return f"{text} {write.format(key=shown_of('write_rejects'))}"
        return text if self.has_focus_within else _("tab leads into this table.") + " " + text

    def on_descendant_focus(self) -> None:
        self._update_details()

    def on_descendant_blur(self) -> None:
        self._update_details()

    def _reason_row(self, reason: str, count: int) -> list[Text]:
        common = self._common.get(reason)
        text = present.plain(FIELD.sub(DIFFERS, _(reason)) if common is None else render(reason, common))
        return [Text(present.number(count).rjust(9)), Text(text, no_wrap=True, overflow="ellipsis")]

    def _row(self, reject: StoredReject) -> list[Text]:
        at, _record, _reason = self._rooms()
        cells = (_short_place(reject, at), reject.record_id, render(reject.reason, reject.args))
        return [Text(present.plain(cell), no_wrap=True, overflow="ellipsis") for cell in cells]

    def _fitting(self) -> list[Column]:
        rooms = self._rooms()
        if self._reason is None:
            return [
                Column("count", N_("Number"), 9, right=True),
                Column("reason", N_("Reason"), sum(rooms) - 7),
            ]
        columns = (("place", N_("File and line")), ("record", N_("Record")), ("reason", N_("Reason")))
        return [Column(key, title, room) for (key, title), room in zip(columns, rooms, strict=True)]

    def _rooms(self) -> tuple[int, int, int]:
        """Cells for the place of a reject, its record and its reason."""
        room = max(40, self.size.width or self.app.size.width) - 7
        at, record = min(30, room // 3), min(36, room // 4)
        return at, record, room - at - record


def place(reject: StoredReject) -> str:
    return reject.file + (f":{reject.line}" if reject.line else "")


def _short_place(reject: StoredReject, room: int) -> str:
    """The line whole, the file as far as there is room."""
    line = f":{reject.line}" if reject.line else ""
    return present.shortened(reject.file.rpartition("/")[2], room - len(line)) + line


def detail(reject: StoredReject) -> Text:
    """All of it: the reason, where it stands, the fragment."""
    page = Text()
    page.append(present.plain(render(reject.reason, reject.args)) + "\n", "bold")
    page.append(
        f"{present.kind(reject.kind)}  {present.plain(place(reject))}  {present.plain(reject.record_id)}\n"
    )
    page.append(present.plain(reject.fragment), "dim")
    return page
