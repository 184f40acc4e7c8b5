"""Where to: the number of a session."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from importers.texts import _
from tui.keys import bindings, rows
from tui.widgets.bars import KeyBar


class JumpScreen(ModalScreen[int | None]):
    """The number that was typed; None without one."""

    BINDINGS = bindings("jump", "app")
    AUTO_FOCUS = "Input"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with Horizontal(classes="line"):
                yield Static(_("Go to session") + "  ", markup=False)
                yield Input(id="number", compact=True, type="integer", max_length=18)
            yield KeyBar(rows("jump"))

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(int(event.value) if event.value.isdecimal() else None)

    def action_close(self) -> None:
        self.dismiss(None)
