"""The order in which an export writes what is in a product or an offer: after some hundreds of them one pattern matches
all of it at once, each thing there or left out, in place of one match for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from importers.commerceml.fast_markup import ATTRIBUTE, S

FIRST_MISSES = 200
"""To compile a pattern costs as much as so many elements that are read one thing after the other."""
MAX_PATTERNS = 4
MAX_MISSED = 1000
"""After so many more that the last one did not match it counts whether they were the half."""
MAX_NAMES = 60
"""A pattern of more things would cost more than it saves."""


class Order:
    """Of the elements of one `name`, learned from those that were read one thing after the other.

    `texts`: things of which nothing but the text is wanted, if there is one. `lists`: those that have others in them,
    and what matches these; "": whatever they are. `asked`: more that somebody asks for.
    """

    def __init__(
        self, name: str, *, texts: Collection[str], lists: Mapping[str, str], asked: Collection[str]
    ) -> None:
        self.name = name
        self._of_text = texts
        self._of_others = lists
        self._asked = asked
        self._names: list[str] = []
        self._odd: set[str] = set()
        """Those that had attributes or others in them, or came several times."""
        self._missed: Counter[tuple[str, ...]] = Counter()
        self._misses = self._tried = self._patterns = 0
        self._match: Callable[[str, int, int], re.Match[str] | None] | None = None
        self.texts: list[tuple[int, str]] = []
        """(number of the group, name)"""
        self.lists: list[tuple[int, str]] = []
        """Alike; the group is `>`, what stands in the list and its closing tag, or ends with `/>`."""
        self.others: list[tuple[int, str]] = []
        """Alike, of one or several such elements, one behind the other, and white space behind them."""

    def match(self, text: str, position: int, end: int) -> re.Match[str] | None:
        """Of all that stands from a position to an end that is that of an element. Its first group are the attributes
        of the element, the others what `texts`, `lists` and `others` say; "" or nothing where it is not there."""
        if self._match is None:
            return None
        self._tried += 1
        return self._match(text, position, end)

    def learn(self, names: Sequence[str], odd: Collection[str]) -> None:
        """All that was in an element that the pattern did not match, and what of it had attributes or others in it."""
        self._misses += 1
        if self._patterns == MAX_PATTERNS:
            if self._misses > MAX_MISSED and self._misses * 2 > self._tried:
                self._match = None  # they are too different: to try in vain would only cost
            return
        distinct = tuple(dict.fromkeys(names))
        self._missed[distinct] += 1
        self._odd.update(odd)
        if len(distinct) < len(names):
            self._odd.update(name for name in distinct if names.count(name) > 1)
        if self._misses >= FIRST_MISSES << 2 * self._patterns:
            self._compile()

    def _compile(self) -> None:
        for names, _count in self._missed.most_common():
            self._add(names)
        self._missed.clear()
        self._misses = self._tried = 0
        self._patterns += 1
        pieces, captured = [], []
        for name in self._names:
            piece, captures = self._piece(name)
            pieces.append(piece)
            captured += [name] * captures
        groups = list(enumerate(captured, 2))
        self.texts = [(group, name) for group, name in groups if self._is_text(name)]
        self.lists = [(group, name) for group, name in groups if name in self._of_others]
        self.others = [each for each in groups if each not in (*self.texts, *self.lists)]
        whole = rf"{S}<{self.name}((?:{ATTRIBUTE})*){S}>{S}{''.join(pieces)}</{self.name}>"
        self._match = re.compile(whole).fullmatch

    def _add(self, names: Sequence[str]) -> None:
        """Into what is known; not where they stand in another order."""
        places = [self._names.index(name) for name in names if name in self._names]
        if places != sorted(places) or len(self._names) + len(names) - len(places) > MAX_NAMES:
            return
        at = 0
        for name in names:
            if name in self._names:
                at = self._names.index(name)
            else:
                self._names.insert(at, name)
            at += 1

    def _is_text(self, name: str) -> bool:
        return name in self._of_text and name not in self._odd

    def _piece(self, name: str) -> tuple[str, bool]:
        """What matches it where it is there, and whether that captures it."""
        if name in self._of_others:
            inside = self._of_others[name] or _inside(name)
            return rf"(?:<{name}({S}/>|>{inside}</{name}>){S})?+", True
        if self._is_text(name):
            return rf"(?:<{name}(?:{S}/>|>([^<]*)</{name}>){S})?+", True
        if name in self._asked or name in self._odd:
            return rf"((?:<{name}(?=[ \t\n/>])[^<>]*(?:/>|>{_inside(name)}</{name}>){S})*+)", True
        return rf"(?:<{name}(?:{S}/>|>[^<]*</{name}>){S})?+", False


def _inside(name: str) -> str:
    """Whatever stands in front of the first closing tag."""
    return rf"(?:[^<]*+<(?!/{name}>))*+[^<]*+"
