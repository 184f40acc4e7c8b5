"""The command palette, quiet: its cursor does not blink, so that it too writes nothing while nothing happens."""

from __future__ import annotations

from textual.command import CommandInput, CommandPalette


class Palette(CommandPalette):
    def on_mount(self) -> None:
        self.query_one(CommandInput).cursor_blink = False
