"""All that the room has said since it was opened, the newest first."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from importers.texts import _, ngettext
from tui import present
from tui.keys import bindings, rows
from tui.room import Room
from tui.telling import Notice
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.text_pane import TextScroll


class MessagesScreen(Screen[None]):
    BINDINGS = bindings("messages")
    AUTO_FOCUS = "TextScroll"

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        with TextScroll(id="findings"):
            yield Static(id="page", markup=False)
        yield KeyBar(rows("messages", "app"))

    def on_mount(self) -> None:
        self._room.noticed.subscribe(self, lambda _notice: self._show(), immediate=True)
        self._show()

    def _show(self) -> None:
        said = list(reversed(self._room.notices))
        page = (
            Text("\n").join(_entry(notice) for notice in said)
            if said
            else Text(_("Nothing was said yet."), "dim")
        )
        self.query_one("#page", Static).update(page)
        count = ngettext("{count} message", "{count} messages", len(said)).format(count=len(said))
        self.query_one("#head", Bar).set_texts(
            Text.assemble((" obmen ", "bold"), " ", _("Messages")), Text(count + " ")
        )

    def action_close(self) -> None:
        self._room.dismiss()
        self.dismiss()


def _entry(notice: Notice) -> Text:
    return Text.assemble((present.clock(notice.at.isoformat()), "dim"), "  ", notice.page)
