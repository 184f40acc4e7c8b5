"""A table over a window of many rows: it tells when it needs others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.message import Message

from tui.pages import Move, Pages
from tui.widgets.table import Column, StableTable

EDGE = 60
"""So many rows before an end of what it holds the table wants more."""


class WindowTable(StableTable):
    class EndWanted(Message):
        """The first or the last of all rows, which the table does not hold."""

        def __init__(self, *, first: bool) -> None:
            super().__init__()
            self.first = first

        @property
        def move(self) -> Move:
            return "first" if self.first else "last"

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(columns, id=id)
        self.open_before = self.open_after = False
        """Whether there are more in front of the window, behind it."""

    def open_as(self, pages: Pages[Any]) -> None:
        self.open_before, self.open_after = pages.before, pages.after

    @property
    def wants(self) -> Move | None:
        """Where the window has to go, the cursor being where it is."""
        if self.open_after and self.cursor_row >= self.row_count - EDGE:
            return "on"
        return "back" if self.open_before and self.cursor_row < EDGE else None

    def action_scroll_top(self) -> None:
        if self.open_before:
            self.post_message(self.EndWanted(first=True))
        else:
            self.move_cursor(row=0)

    def action_scroll_bottom(self) -> None:
        if self.open_after:
            self.post_message(self.EndWanted(first=False))
        else:
            self.move_cursor(row=max(0, self.row_count - 1))
