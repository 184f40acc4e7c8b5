"""A text in full, in a window of its own."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keys import bindings, rows
from tui.widgets.bars import KeyBar
from tui.widgets.text_pane import TextScroll


class PageScreen(ModalScreen[None]):
    BINDINGS = bindings("page", "app")
    AUTO_FOCUS = "TextScroll"

    def __init__(self, title: str, page: Text) -> None:
        super().__init__()
        self._title = title
        self._page = page

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(self._title, classes="title", markup=False)
            with TextScroll():
                yield Static(self._page, markup=False)
            yield KeyBar(rows("page"))

    def action_close(self) -> None:
        self.dismiss()
