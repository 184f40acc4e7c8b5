"""All keys on one page, from the table of keys."""

from __future__ import annotations

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from importers.texts import N_, _
from tui import present
from tui.keys import PLACES, bindings, rows, shown
from tui.widgets.bars import KeyBar
from tui.widgets.text_pane import TextScroll


class HelpScreen(ModalScreen[None]):
    BINDINGS = bindings("help", "app")

    def __init__(self, *, shops: bool = True) -> None:
        super().__init__()
        self._shops = shops

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            with TextScroll():
                yield Static(Group(page(shops=self._shops), "", _(GOOD_TO_KNOW)), markup=False)
            yield KeyBar(rows("help"))

    def action_close(self) -> None:
        self.dismiss()


def page(*, shops: bool = True) -> Table:
    """One group a place, one row a key, with its name in the settings. `shops`: whether there are several."""
    table = Table.grid(Column(no_wrap=True), Column(ratio=1), padding=(0, 2, 0, 0), expand=True)
    for place, title in PLACES.items():
        table.add_row(Text(_(title), "bold", end=""))
        for key in rows(place):
            if shops or not key.shops:
                keys = " ".join(shown(one) for one in key.keys.split(","))
                table.add_row(_keys(keys), Text.assemble(_(key.hint), "  ", (key.id, "dim")))
        table.add_row()
    table.add_row(Text(_("Records"), "bold"))
    for name, sign in present.COUNT_SIGNS:
        table.add_row(_keys(sign), _(name))
    return table


def _keys(keys: str) -> Text:
    return Text(f"  {keys}", "cyan")


GOOD_TO_KNOW = N_(
    "Imports run on their own: closing this screen or losing the connection does not stop them.\n"
    "Tab moves between the table and what is below it.\n"
    "Letters work under the Russian layout too.\n"
    "Shift with the mouse selects text; `obmen logs ID` prints a whole log outside this screen."
)
