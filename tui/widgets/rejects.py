"""The records of a session that were not taken: where they stand, why, and the fragment of the selected one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from importers.sessions.models import StoredReject
from importers.texts import N_, _, render
from tui import present
from tui.widgets.table import Column, StableTable

PAGE = 200
"""Rejects loaded at once; more when the cursor reaches the last one."""

Load = Callable[[int, int], Awaitable[Sequence[StoredReject]]]
"""Rejects after an id, at most so many."""


class RejectsPane(Vertical):
    class MoreWanted(Message):
        """The cursor has come to the last one; `update` loads more."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self.session_id: int | None = None
        self._load: Load | None = None
        self._rejects: dict[str, StoredReject] = {}

    def compose(self) -> ComposeResult:
        yield StableTable(self._fitting(), id="rejects-table")
        yield Static("", id="fragment", markup=False)

    @property
    def table(self) -> StableTable:
        return self.query_one(StableTable)

    def open(self, session_id: int | None, load: Load | None) -> None:
        """Show the rejects of another session."""
        self.session_id = session_id
        self._load, self._rejects = load, {}
        self.table.show([])
        self._update_details()

    async def update(self) -> None:
        """Load what the journal has gained, as far as the cursor has come."""
        load = self._load
        if load is None or (len(self._rejects) >= PAGE and not self.table.at_end):
            return
        last = next(reversed(self._rejects.values())).id if self._rejects else 0
        found = await load(last, PAGE)
        if load is self._load and found:
            self._rejects |= {str(reject.id): reject for reject in found}
            self._show()
        self._update_details()

    def _show(self) -> None:
        self.table.show((key, self._row(reject)) for key, reject in self._rejects.items())

    def on_resize(self) -> None:
        if self.table.reshape(self._fitting()):
            self._show()

    def on_stable_table_pointed(self, event: StableTable.Pointed) -> None:
        self._update_details()
        if event.table.at_end and event.key:
            self.post_message(self.MoreWanted())

    def _update_details(self) -> None:
        reject = self._rejects.get(self.table.cursor_key or "")
        text = (
            present.plain(reject.fragment) if reject else "" if self._rejects else _("Nothing was rejected.")
        )
        self.query_one("#fragment", Static).update(text)

    def _row(self, reject: StoredReject) -> list[Text]:
        place = reject.file.rpartition("/")[2] + (f":{reject.line}" if reject.line else "")
        cells = (
            present.kind(reject.kind),
            place,
            reject.record_id,
            render(reject.reason, reject.args),
        )
        return [Text(present.plain(cell), no_wrap=True, overflow="ellipsis") for cell in cells]

    def _fitting(self) -> list[Column]:
        room = max(60, self.app.size.width) - 9
        kind, place = 16, min(24, room // 4)
        record = min(36, room // 4)
        return [
            Column("kind", N_("Type"), kind),
            Column("place", N_("File and line"), place),
            Column("record", N_("Record"), record),
            Column("reason", N_("Reason"), room - kind - place - record),
        ]
