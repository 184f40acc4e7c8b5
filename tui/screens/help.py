"""All keys on one page, from the table of keys."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from importers.texts import _
from tui.keys import PLACES, bindings, rows, shown
from tui.show import width
from tui.widgets.bars import KeyBar


class HelpScreen(ModalScreen[None]):
    BINDINGS = bindings("help")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            with VerticalScroll():
                yield Static(page(), markup=False)
            yield KeyBar(rows("help"))

    def action_close(self) -> None:
        self.dismiss()


def page() -> Text:
    """One group a place, one line a key."""
    text = Text()
    for place, title in PLACES.items():
        text.append(_(title) + "\n", "bold")
        for key in rows(place):
            keys = " ".join(shown(one) for one in key.keys.split(","))
            text.append(f"  {keys}" + " " * max(1, 16 - width(keys)), "cyan").append(_(key.hint) + "\n")
        text.append("\n")
    text.append(
        _(
            "Letters work under the Russian layout too. Shift with the mouse selects text in the terminal.\n"
            "Imports run on their own: closing this screen or losing the connection does not stop them."
        )
    )
    return text
