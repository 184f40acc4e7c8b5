"""The health check: what is set up wrong, each with its cure, and whether one confirm still makes one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from importers.texts import _, ngettext
from tui import present
from tui.keys import bindings, rows
from tui.room import Room
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.notices import NoticeBar
from tui.widgets.text_pane import TextScroll

if TYPE_CHECKING:
    from importers.doctor import Check

WIDE = 100
"""From here on there is room for a column of titles."""


class DoctorScreen(Screen[None]):
    """Works on a scratch journal and catalog; leaving the screen stops it."""

    BINDINGS = bindings("doctor")
    AUTO_FOCUS = "TextScroll"

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        self._checks: list[Check] = []
        self._running = False

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        with TextScroll(id="findings"):
            yield Static(id="page", markup=False)
        yield NoticeBar(self._room)
        yield KeyBar(rows("doctor", "app"))

    def on_mount(self) -> None:
        self.action_recheck()

    def action_recheck(self) -> None:
        self.run_worker(self._run(), group="doctor", exclusive=True, exit_on_error=False)

    async def _run(self) -> None:
        from importers.doctor import check

        self._checks, self._running = [], True
        self._show()
        with self._room.reporting():
            async for finding in check(self._room.settings, self._room.file):
                self._checks.append(finding)
                self._show()
        self._running = False
        self._show()

    def _show(self) -> None:
        words = {True: "✓ " + _("ok"), False: "✗ " + _("fails")}
        state, title = max(map(present.width, words.values())), 26
        is_narrow = self.app.size.width < WIDE  # what is checked stands above what came of it
        columns = [Column(width=state), *([] if is_narrow else [Column(max_width=title)]), Column(ratio=1)]
        room = self.app.size.width - 3 - state - 2 - (0 if is_narrow else title + 2)
        page = Table.grid(*columns, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
        for finding in self._checks:
            state_text = Text(words[finding.ok], "green" if finding.ok else "bold red")
            detail = Text(present.broken(present.plain(finding.detail), room))
            if not finding.ok and finding.cure:
                detail.append("\n" + present.broken("» " + present.plain(finding.cure), room), "yellow")
            what = Text(finding.title, "bold")
            page.add_row(
                state_text, *([what.append("\n").append_text(detail)] if is_narrow else [what, detail])
            )
        if self._running:
            page.add_row(Text(_("Checking…"), "dim"))
        self.query_one("#page", Static).update(page)
        bad = sum(not finding.ok for finding in self._checks)
        word = (
            ngettext("{count} failure", "{count} failures", bad).format(count=bad)
            if bad
            else _("no failures")
        )
        self.query_one("#head", Bar).set_texts(
            Text.assemble((" obmen ", "bold"), " ", _("Health check")),
            Text((_("checking…") if self._running else word) + " "),
        )

    def on_resize(self) -> None:
        self._show()

    def action_close(self) -> None:
        self.dismiss()
