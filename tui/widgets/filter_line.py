"""The line to type a filter into. Enter keeps it, Escape drops it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from importers.texts import _
from tui.filters import SHOP, Filter, Names


class FilterLine(Horizontal):
    class Asked(Message):
        """Another filter is wanted."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.filter = wanted

    class Left(Message):
        """The keys belong to the table again."""

    def __init__(self, placeholder: str, names: Callable[[], Names]) -> None:
        """`names`: what words may name."""
        super().__init__(classes="filter")
        self._placeholder = placeholder
        self._names = names

    def compose(self) -> ComposeResult:
        yield Static(_("Filter") + ": ", markup=False)
        yield Input(id="filter", placeholder=self._placeholder, select_on_focus=False, compact=True)

    def on_mount(self) -> None:
        self.input.cursor_blink = False

    @property
    def input(self) -> Input:
        return self.query_one(Input)

    def open(self) -> None:
        self.display = True
        self.input.focus()

    def next_shop(self) -> None:
        """Ask for the next shop alone, after the last one for all; other words stay."""
        shops, now = tuple(self._names().shops), self._filter(self.input.value).shop
        words = [word for word in self.input.value.split() if self._filter(word).shop is None]
        following = shops[shops.index(now) + 1 :] if now in shops else shops
        self.input.value = " ".join([*words, *(SHOP + shop for shop in following[:1])])
        self.display = bool(self.input.value)

    def _filter(self, text: str) -> Filter:
        return Filter.parse(text, self._names())

    def drop(self) -> None:
        self.input.value = ""
        self.display = False
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Asked(self._filter(event.value)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(event.value)
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.drop()
