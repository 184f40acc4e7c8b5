"""A question that is answered with a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.keys import bindings, rows
from tui.widgets.bars import KeyBar

if TYPE_CHECKING:
    from textual.widgets._input import InputType


class AskScreen(ModalScreen[str]):
    """What was typed; "" without an answer."""

    BINDINGS = bindings("ask", "app")
    AUTO_FOCUS = "Input"

    def __init__(self, question: str, *, value: str = "", only: InputType = "text") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._only = only

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with Horizontal(classes="line"):
                yield Static(self._question + "  ", markup=False)
                yield Input(self._value, id="answer", compact=True, type=self._only, max_length=200)
            yield KeyBar(rows("ask"))

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)

    def action_close(self) -> None:
        self.dismiss("")
