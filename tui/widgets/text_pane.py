"""A page of text that is repainted when it changed, and scrolls."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.keys import bindings


class TextScroll(VerticalScroll, inherit_bindings=False):
    """Scrolls by the keys of the log."""

    BINDINGS = bindings("text")

    def action_scroll(self, rows: int) -> None:
        self.scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)

    def action_top(self) -> None:
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        self.scroll_end(animate=False)


class TextPane(TextScroll):
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
