"""All keys on one page, from the table of keys."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from importers.texts import N_, _
from tui import present
from tui.keys import PLACES, bindings, rows, shown
from tui.widgets.bars import KeyBar
from tui.widgets.text_pane import Reading


class HelpScreen(ModalScreen[None]):
    BINDINGS = bindings("help", "app")

    def __init__(self, *, shops: bool = True) -> None:
        super().__init__()
        self._shops = shops

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            with Reading():
                yield Static(page(shops=self._shops), markup=False)
            yield KeyBar(rows("help"))

    def action_close(self) -> None:
        self.dismiss()


def page(*, shops: bool = True) -> Text:
    """One group a place, one line a key. `shops`: whether there are several."""
    text = Text()
    for place, title in PLACES.items():
        text.append(_(title) + "\n", "bold")
        for key in rows(place):
            if key.shops and not shops:
                continue
            keys = " ".join(shown(one) for one in key.keys.split(","))
            text.append(f"  {keys}" + " " * max(1, 16 - present.width(keys)), "cyan").append(
                _(key.hint) + "\n"
            )
        text.append("\n")
    signs = {sign: _(name) for name, sign in present.COUNT_SIGNS}
    text.append(_("Records") + "\n", "bold")
    for sign, name in signs.items():
        text.append(f"  {sign}" + " " * 15, "cyan").append(name + "\n")
    text.append("\n" + _(GOOD_TO_KNOW))
    return text


GOOD_TO_KNOW = N_(
    "Imports run on their own: closing this screen or losing the connection does not stop them.\n"
    "Tab moves between the table and what is below it.\n"
    "Letters work under the Russian layout too.\n"
    "Shift with the mouse selects text; `obmen logs ID` prints a whole log outside this screen."
)
