"""A question with two answers."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import present
from tui.keys import bindings, rows
from tui.widgets.bars import KeyBar


class ConfirmScreen(ModalScreen[bool]):
    """True when the operator said yes."""

    BINDINGS = bindings("question", "app")

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(present.plain(self._question), markup=False)
            yield KeyBar(rows("question"))

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
