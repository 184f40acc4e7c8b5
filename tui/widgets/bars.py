"""The one-line bars: what this is (top), the tabs of the session, the keys (bottom)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from importers.texts import _
from tui.keys import Key, shown, with_twins
from tui.present import fitted, width


class Bar(Widget):
    """Text at the left, text at the right; the left one gives way."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._left = Text()
        self._right = Text()

    def set_texts(self, left: Text, right: Text) -> None:
        """Change the texts; nothing is painted when they are the same."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render(self) -> Text:
        room = max(0, self.size.width - _beside(self._right))
        left = self._left.copy()
        left.truncate(room, overflow="ellipsis")
        gap = self.size.width - left.cell_len - self._right.cell_len
        line = left + Text(" " * gap) + self._right
        line.no_wrap = True
        return line


def _beside(right: Text) -> int:
    """The cells that it takes from what stands at the left: a gap is between them."""
    return right.cell_len + 1 if right else 0


LEAST_OF_A_TAB = 5
"""Cells that its digit and its title are cut to."""


class Tab(NamedTuple):
    name: str
    digit: str
    title: str
    number: str = ""
    """Stands behind the title, and is never cut."""


class TabBar(Bar):
    """The tabs of the session below: digit, title. Where not all fit, titles of those that are not open give way: the
    longest ones are cut, and where that is not enough, the last ones leave their digit."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--active"}

    class Chosen(Message):
        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._tabs: Sequence[Tab] = ()
        self._active = ""
        self._rights: Sequence[Text] = (Text(),)
        self._spans: list[tuple[int, int, str]] = []

    def show(self, tabs: Sequence[Tab], active: str, rights: Sequence[Text]) -> None:
        """`rights`: what may stand at the right, from the longest to what is there at any width."""
        if (tabs, active, rights) != (self._tabs, self._active, self._rights):
            self._tabs, self._active, self._rights = tabs, active, rights
            self.refresh()

    def render(self) -> Text:
        """The active one is in brackets too, not only in another colour."""
        texts, self._right = self._fitting()
        self._left, self._spans = Text(), []
        for tab, text in zip(self._tabs, texts, strict=True):
            start = self._left.cell_len
            if tab.name == self._active:
                self._left.append(f"[{text}]", self.get_component_rich_style("bar--active", partial=True))
            else:
                self._left.append(f" {text} ")
            self._spans.append((start, self._left.cell_len, tab.name))
        return super().render()

    def _fitting(self) -> tuple[list[str], Text]:
        texts = [f"{tab.digit} {tab.title}{tab.number}" for tab in self._tabs]

        def fits(right: Text) -> bool:
            return sum(width(text) + 2 for text in texts) + _beside(right) <= self.size.width

        right = next(filter(fits, self._rights), self._rights[-1])
        others = [place for place, tab in enumerate(self._tabs) if tab.name != self._active]
        while not fits(right) and others:
            titles = {place: texts[place].removesuffix(self._tabs[place].number) for place in others}
            longest = max(others, key=lambda place: width(titles[place]))
            room = width(titles[longest]) - 1
            if room >= LEAST_OF_A_TAB:
                texts[longest] = fitted(titles[longest], room) + self._tabs[longest].number
            else:
                place = others.pop()
                texts[place] = self._tabs[place].digit
        return texts, right

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))


class KeyBar(Widget):
    """The keys of the screen, as many as fit; a click presses them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keybar--key"}

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = [key for key in keys if key.bar]
        self._spans: list[tuple[int, int, Key]] = []
        self._pressed: dict[Key, str] = {}
        """What to press for each of them, where the focus is now."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._check())

    def _check(self) -> None:
        if self._to_press() != self._pressed:
            self.refresh()

    def _to_press(self) -> dict[Key, str]:
        """The first key of each row that does what the bar says, where the focus is now; others may be taken."""
        active = {
            key: found.binding.id for key, found in self.screen.active_bindings.items() if found.enabled
        }
        focused = self.screen.focused

        def does(key: str, row: Key) -> bool:
            pressed, sign = with_twins(key)[0], key if len(key) == 1 else None
            is_typed = focused is not None and focused.check_consume_key(pressed, sign)
            return active.get(pressed) == row.id and not is_typed

        found = {row: next((key for key in row.keys.split(",") if does(key, row)), "") for row in self._keys}
        return {row: key for row, key in found.items() if key}

    def render(self) -> Text:
        self._pressed = self._to_press()
        usable = list(self._pressed)
        labels = {key: (shown(pressed), _(key.title)) for key, pressed in self._pressed.items()}
        room = {key: width(label) + width(title) + 3 for key, (label, title) in labels.items()}
        for key in reversed(usable):
            if key in room and sum(room.values()) > self.size.width and not key.keep:
                for one in [one for one in room if one is key or one.id == key.pair]:
                    del room[one]
        key_style = self.get_component_rich_style("keybar--key", partial=True)
        line = Text(no_wrap=True)
        self._spans = []
        for key in room:
            start = line.cell_len
            line.append(" ").append(labels[key][0], key_style).append(f" {labels[key][1]} ")
            self._spans.append((start, line.cell_len, key))
        return line

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spans:
            if start <= event.x < end:
                self.app.simulate_key(with_twins(self._pressed[key])[0])
