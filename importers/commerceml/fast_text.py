"""Regular records, taken out of the text before it reaches the XML parser: the fast way for huge files.

Exports are tens of megabytes of a few patterns. Building a tree for them costs more than the rest of the import
together, so records that match a grammar to the letter are read here, and the parser is given line breaks in their
place. It stays exact, because the grammars (`fast_goods.py`, `fast_facts.py`) leave no room for anything else that XML
can mean: known elements, text without markup or forbidden characters, and only between an opening tag that the parser
itself has reported and the first thing that is not such a record. Everything else goes to the parser unchanged. Both
ways give equal results (tests/commerceml/test_fast_facts.py, test_fast_goods.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from importers.commerceml.extract.context import Context
from importers.commerceml.fast_markup import after_space
from importers.commerceml.records import Record
from importers.commerceml.sections import GOODS_IN

Matched = tuple[Sequence[Record], int, int]
"""Records of an element, the position behind it, and how many line breaks it takes to get there."""
Matcher = Callable[[Context, str, int], Matched | None]
"""(section, text, position): what begins there; None if it is not regular, ValueError for values that are none."""

LONGEST = 1 << 20
"""Characters that one element may have; a longer one goes to the parser, which has limits of its own."""

_DECLARATION = re.compile(r"\ufeff?<\?xml [^<>]*>")
_FORBIDDEN = {"]]>": "]", "\ufffe": "\ufffe", "\uffff": "\uffff"}
"""What XML does not allow in a text, besides control characters, and what is looked for first: one character costs a
tenth of several."""


class FastText:
    """Splits the text of one file into the records of matched elements and text that is left to the parser, in order.

    `matchers`: by the name of the list whose elements they match.
    """

    def __init__(self, matchers: Mapping[str, Matcher]) -> None:
        self._matchers = matchers
        self._openings = re.compile(f"<(?:{'|'.join(matchers)})>")
        self._longest_opening = max(map(len, matchers)) + 2
        self._match: Matcher | None = None
        """Of the list that is open."""
        self._start = self._end = self._closing = ""
        """How its elements begin and end, and the tag that closes it."""
        self._context: Context | None = None
        self._held = ""
        """Text that waits for the rest of its element, or of an opening tag."""
        self._given_up = False
        self._begun = False
        """The XML declaration is behind us: whatever else begins with `<?` or `<!` could hide what looks like tags."""

    def opened(self, name: str, context: Context) -> None:
        """The parser has met the opening tag that was passed on last, in a place where its elements are records."""
        self._match, self._context = self._matchers.get(name), context
        self._start, self._end, self._closing = f"<{GOODS_IN[name]}", f"</{GOODS_IN[name]}>", f"</{name}>"

    def give_up(self) -> None:
        """All the rest is the parser's: what comes has characters that XML does not allow, and it tells where."""
        self._given_up = True

    def split(self, text: str) -> Iterator[str | list[Record]]:
        """Pieces of `text`, in order; it has line feeds for all line breaks. The parser must have seen a piece before
        the next one is asked for."""
        checked = max(0, len(self._held) - 2)
        text, self._held = self._held + text, ""
        for one, character in _FORBIDDEN.items():
            if text.find(character, checked) >= 0 and text.find(one, checked) >= 0:
                self.give_up()
        ends: dict[str, int] = {}
        begin = at = 0
        while at < len(text):
            if self._given_up:
                break
            if self._match:
                if self._end not in ends:
                    ends[self._end] = text.rfind(self._end, at)
                if begin < at:
                    yield text[begin:at]  # before what follows is matched: it may be the first to name a unit
                    begin = at
                records, end, lines = self._records(text, at, ends[self._end])
                if end > at:
                    yield "\n" * lines
                    yield records
                    begin = at = end
                until = self._irregular(text, at)
                if until is None and len(text) - at < LONGEST:
                    self._held = text[at:]
                    text = text[:at]
                    break
                if until is None:
                    self._given_up = True
                else:
                    at = until
            else:
                opening = self._openings.search(text, at)
                end = opening.end() if opening else self._before_opening(text, at)
                if self._hides(text, at, end):
                    self._given_up = True
                    continue
                if not opening:
                    self._held = text[end:]  # the tag may lie across the end of the chunk
                    text = text[:end]
                    break
                yield text[begin:end]
                begin = at = end
        if begin < len(text):
            yield text[begin:]

    def _before_opening(self, text: str, at: int) -> int:
        """Where that begins, at the end of `text`, which may be a part of an opening tag."""
        tag = text.rfind("<", max(at, len(text) - self._longest_opening))
        return tag if tag >= 0 and text.find(">", tag) < 0 else len(text)

    def _hides(self, text: str, start: int, end: int) -> bool:
        """Whether there may be a comment, a CDATA section or an instruction: the parser's way for the whole file."""
        if not self._begun and (declaration := _DECLARATION.match(text)):
            start = declaration.end()
        self._begun = True
        return text.find("<!", start, end) >= 0 or text.find("<?", start, end) >= 0

    @property
    def held_lines(self) -> int:
        """Line breaks that the parser was not given yet."""
        return self._held.count("\n")

    def rest(self) -> str:
        """At the end of the file: what is still held."""
        held, self._held = self._held, ""
        return held

    def _records(self, text: str, position: int, last: int) -> tuple[list[Record], int, int]:
        """Those of the regular elements that begin at a position of `text`, where they end, and their line breaks;
        `last`: where the last one of all ends."""
        records: list[Record] = []
        lines = 0
        match, context = self._match, self._context
        try:
            while match and context and position < last and (matched := match(context, text, position)):
                more, position, breaks = matched
                records += more
                lines += breaks
        except ValueError:
            pass  # the parser's way tells which value it is
        return records, position, lines

    def _irregular(self, text: str, start: int) -> int | None:
        """Where that ends which the parser gets next: one element, or all from the end of the list on; None: wait for
        more text."""
        begin = after_space(text, start)
        behind = text[begin + len(self._start) : begin + len(self._start) + 1]
        if not text.startswith(self._start, begin) or (behind and behind not in "> \t\n"):
            if any(
                mark.startswith(text[begin : begin + len(mark)])
                for mark in (self._start, self._closing)
                if len(text) - begin < len(mark)
            ):
                return None
            self._match = None
            if not text.startswith(self._closing, begin):
                self._given_up = True
                return len(text)
            return begin + len(self._closing)
        end = text.find(self._end, begin)
        if end < 0:
            return None
        end += len(self._end)
        if (
            sum(text.count(self._start + behind, begin, end) for behind in "> \t\n") != 1
            or text.find("<!", begin, end) >= 0
            or text.find("<?", begin, end) >= 0
        ):
            self._given_up = True
            return len(text)
        return end
