"""The line to type a filter into. Enter keeps it, Escape drops it."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import Input

from tui.filters import Filter


class FilterLine(Input):
    class Asked(Message):
        """Another filter is wanted."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.filter = wanted

    class Left(Message):
        """The keys belong to the table again."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(id="filter", placeholder=placeholder, select_on_focus=False, compact=True)
        self.cursor_blink = False

    def open(self) -> None:
        self.display = True
        self.focus()

    def drop(self) -> None:
        self.value = ""
        self.display = False
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Asked(Filter.parse(event.value)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(self.value)
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.drop()
