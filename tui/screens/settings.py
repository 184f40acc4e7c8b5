"""All settings in force, read-only, each with who says so."""

from __future__ import annotations

import asyncio

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import DataTable

from importers.origins import Value, values
from importers.texts import N_, _, ngettext
from tui import present
from tui.keys import bindings, rows
from tui.room import Room
from tui.widgets.bars import Bar, KeyBar
from tui.widgets.notices import NoticeBar
from tui.widgets.table import Column, StableTable


class SettingsScreen(Screen[None]):
    BINDINGS = bindings("settings")
    AUTO_FOCUS = "StableTable"

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room
        self._values: dict[str, Value] = {}

    def compose(self) -> ComposeResult:
        yield Bar(id="head")
        yield StableTable(_fitting(self.app.size.width), id="settings")
        yield NoticeBar(self._room)
        yield KeyBar(rows("settings", "app"))

    async def on_mount(self) -> None:
        with self._room.reporting():
            found = await asyncio.to_thread(values, self._room.settings, self._room.file)
            self._values = {value.key: value for value in found}
        self._show()

    def _show(self) -> None:
        table = self.query_one(StableTable)
        table.show((value.key, _row(value)) for value in self._values.values())
        count = ngettext("{count} setting", "{count} settings", len(self._values)).format(
            count=len(self._values)
        )
        left = Text.assemble((" obmen ", "bold"), " ", _("Settings in force; they are changed in their file"))
        self.query_one("#head", Bar).set_texts(left, Text(count + " "))

    def on_resize(self, event: events.Resize) -> None:
        if self.query_one(StableTable).reshape(_fitting(event.size.width)):
            self._show()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        from tui.screens.page import PageScreen

        event.stop()
        if value := self._values.get(self.query_one(StableTable).cursor_key or ""):
            page = Text(f"{present.plain(value.shown)}\n\n{present.plain(str(value.origin))}")
            self.app.push_screen(PageScreen(value.key, page))

    def action_close(self) -> None:
        self.dismiss()


def _row(value: Value) -> list[Text]:
    style = "" if isinstance(value.origin, str) else "dim"
    cells = (value.key, value.shown, str(value.origin))
    return [Text(present.plain(cell), style, no_wrap=True, overflow="ellipsis") for cell in cells]


def _fitting(width: int) -> list[Column]:
    key = min(28, width // 3)
    value = max(12, (width - key) // 2 - 4)
    return [
        Column("key", N_("Setting"), key),
        Column("value", N_("Value"), value),
        Column("origin", N_("From"), max(8, width - key - value - 7)),
    ]
