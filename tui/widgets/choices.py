"""The list of import types in the launch dialog: several may be chosen, numbered in the order chosen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from importers.kinds.registry import names
from importers.launch.holdings import Held, why_not
from importers.texts import _, ngettext
from tui import present
from tui.keys import bindings

SHORT = 22
"""Rows of a screen that has none to spare."""


class Choices(Widget, can_focus=True):
    """One line a kind: number, name, what the source holds, or why it cannot be chosen now."""

    BINDINGS = bindings("choices")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choices--cursor", "choices--off"}

    class Changed(Message):
        """Other kinds are chosen."""

    class Refused(Message):
        """The kind under the cursor cannot be chosen now."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(id="choices")
        self._now = now
        self._holdings: tuple[Held, ...] = ()
        self._source = ""
        self._has_products = False
        self._counting = True
        self._nothing = "-"
        """What stands there while there is no list."""
        self.is_waiting = True
        """Whether a list will come."""
        self._cursor = 0
        self._top = 0
        """The first row in view, when plug-ins add more kinds than fit."""
        self._pressed: list[Callable[[], None]] = []
        """What was asked for while there was no list yet; it counts as soon as there is one."""
        self.chosen: tuple[str, ...] = ()
        """In the order chosen: the first one is the session's type."""

    def set_holdings(
        self, holdings: tuple[Held, ...], source: str, *, has_products: bool, counting: bool = True
    ) -> None:
        """Show what a source holds. `counting`: what is not known of it yet will be."""
        self._counting = counting
        self._show(holdings)
        self.is_waiting = not holdings
        self._source, self._has_products = source, has_products
        self._drop()
        pressed, self._pressed = self._pressed, []
        for press in pressed:
            press()

    def clear(self, text: str = "-", *, waiting: bool = False) -> None:
        """Nothing can be chosen: show this instead. `waiting`: a list will come."""
        self._show(())
        self._nothing, self.is_waiting = text, waiting
        self.chosen, self._pressed = (), []

    def _show(self, holdings: tuple[Held, ...]) -> None:
        layout = len(holdings) != len(self._holdings)
        self._holdings = holdings
        self.refresh(layout=layout)

    @property
    def is_listed(self) -> bool:
        """Whether it is known what the source holds."""
        return bool(self._holdings)

    def reason(self, held: Held) -> str:
        """Why a kind cannot be chosen now, "" if it can."""
        if not held.served:
            return _("the source has no files for it")
        if held.records == 0:
            return _("the source has no record of it")
        if why_not(held, self.chosen, has_products=self._has_products, source=self._source):
            return _("no products yet: choose the catalog too")
        return ""

    def action_cursor_up(self) -> None:
        self._move(-1)

    def action_cursor_down(self) -> None:
        self._move(1)

    def action_scroll_top(self) -> None:
        self._move(-len(names()))

    def action_scroll_bottom(self) -> None:
        self._move(len(names()))

    def _move(self, rows: int) -> None:
        if self._waits_for_list(partial(self._move, rows)):
            return
        self._point(self._cursor + rows)

    def _point(self, row: int) -> None:
        self._cursor = max(0, min(len(self._holdings) - 1, row))
        self.refresh()

    def _waits_for_list(self, press: Callable[[], None]) -> bool:
        if not self._holdings and self.is_waiting:
            self._pressed.append(press)
        return not self._holdings

    def choose(self) -> None:
        """Choose or drop the kind under the cursor."""
        if self._waits_for_list(self.choose):
            return
        holding = self._holdings[self._cursor]
        if holding.kind in self.chosen:
            self.chosen = tuple(kind for kind in self.chosen if kind != holding.kind)
            self._drop()
        elif reason := self.reason(holding):
            self.post_message(self.Refused(f"{present.kind(holding.kind)}: {reason}"))
            return
        else:
            self.chosen += (holding.kind,)
        self.refresh()
        self.post_message(self.Changed())

    def _drop(self) -> None:
        """Drop chosen kinds that have lost what they need."""
        able = {holding.kind for holding in self._holdings if not self.reason(holding)}
        self.chosen = tuple(kind for kind in self.chosen if kind in able)

    def on_click(self, event: events.Click) -> None:
        if self._top + event.y < len(self._holdings):
            self._cursor = self._top + event.y
            self.choose()

    def get_content_height(self, *_args: object) -> int:
        most = 9 if self.app.size.height > SHORT else 7  # the list follows the cursor, the rest stays in view
        return min(most, max(7, len(self._holdings)))

    def render(self) -> Text:
        if not self._holdings:
            return Text(self._nothing, "dim", no_wrap=True, overflow="ellipsis")
        titles = [present.kind(holding.kind) for holding in self._holdings]
        first = max(map(present.width, titles)) + 2
        lines = []
        height = max(1, self.size.height)
        self._top = max(min(self._top, self._cursor), self._cursor - height + 1)
        for row in range(self._top, min(self._top + height, len(titles))):
            holding, name = self._holdings[row], titles[row]
            reason = self.reason(holding)
            place = f"{self.chosen.index(holding.kind) + 1}" if holding.kind in self.chosen else " "
            box = f" [{place}] " if not reason else "  -  "
            line = Text(box + name + " " * (first - present.width(name)))
            room = self.size.width - line.cell_len
            line.append(reason or holds(holding, self._now(), room, counting=self._counting))
            line.truncate(self.size.width, overflow="ellipsis", pad=True)
            if reason:
                line.stylize(self.get_component_rich_style("choices--off", partial=True))
            if row == self._cursor and self.has_focus:
                line.stylize(self.get_component_rich_style("choices--cursor", partial=True))
            lines.append(line)
        return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()


def holds(held: Held, now: datetime, room: int, *, counting: bool = True) -> str:
    """Records, size and date, in columns, as far as there is room; what is not known says so."""
    if held.records is None:
        return _("counting…") if counting else _("not counted")
    records = ngettext("{count} record", "{count} records", held.records).format(
        count=present.number(held.records)
    )
    text = f"{records:<17}{present.size(held.bytes or 0):>8}"
    date = f"   {present.when(held.newest, now)}"
    return text + date if len(text) + len(date) <= room else text
