"""A page of text that is repainted when it changed, and scrolls."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static


class TextPane(VerticalScroll):
    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._page = Static(Text(), markup=False)
        self._shown = Text()

    def compose(self) -> ComposeResult:
        yield self._page

    def show(self, page: Text) -> None:
        if page != self._shown:
            self._shown = page
            self._page.update(page)
