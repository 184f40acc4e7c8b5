"""The line to type a filter into. Enter keeps it, Escape drops it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.message import Message
from textual.widgets import Input

from tui.filters import SHOP, Filter


class FilterLine(Input):
    class Asked(Message):
        """Another filter is wanted."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.filter = wanted

    class Left(Message):
        """The keys belong to the table again."""

    def __init__(self, placeholder: str, shops: Callable[[], tuple[str, ...]]) -> None:
        """`shops`: which ones there are."""
        super().__init__(id="filter", placeholder=placeholder, select_on_focus=False, compact=True)
        self.cursor_blink = False
        self._shops = shops

    def open(self) -> None:
        self.display = True
        self.focus()

    def next_shop(self) -> None:
        """Ask for the next shop alone, after the last one for all; other words stay."""
        shops, now = self._shops(), self._filter(self.value).shop
        words = [word for word in self.value.split() if self._filter(word).shop is None]
        following = shops[shops.index(now) + 1 :] if now in shops else shops
        self.value = " ".join([*words, *(SHOP + shop for shop in following[:1])])
        self.display = bool(self.value)

    def _filter(self, text: str) -> Filter:
        return Filter.parse(text, self._shops())

    def drop(self) -> None:
        self.value = ""
        self.display = False
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Asked(self._filter(event.value)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(self.value)
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.drop()
