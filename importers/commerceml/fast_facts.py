"""Regular prices and stocks, taken out of the text before it reaches the XML parser: the fast way for huge files.

Files of prices are tens of megabytes of one pattern. Building a tree for it costs more than the rest of the import
together, so offers that match the pattern to the letter become records here, and the parser is given line breaks in
their place. It stays exact, because the pattern leaves no room for anything else that XML can mean: known elements
in their known order, text without markup, entities or forbidden characters, and only between a `<Предложения>` that
the parser itself has reported and the first thing that is not such an offer. Everything else goes to the parser
unchanged. Both ways give equal results (tests/commerceml/test_fast_facts.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Generic, TypeVar

from importers.commerceml import normalise
from importers.commerceml.extract.stock_shapes import ID, QUANTITY, REST
from importers.commerceml.records import Offer, OfferPrices, OfferStocks, Price, Record

OPENING, CLOSING = "<Предложения>", "</Предложения>"
START, END = "<Предложение>", "</Предложение>"

LONGEST = 1 << 20
"""Characters that one offer may have; a longer one goes to the parser, which has limits of its own."""

_S = r"[ \t\r\n]*"
_SPACE = re.compile(_S)
_PLAIN = r"[^<>&\x00-\x08\x0b-\x1f\ufffe\uffff]{0,1000}"
"""Without a carriage return: the parser would make it a line feed."""
_IN_A_LINE = _PLAIN.replace(r"\x0b", r"\x0a")
_DECLARATION = re.compile(r"\ufeff?<\?xml [^<>]*>")


def _field(name: str, *, wanted: bool = True, optional: bool = False) -> str:
    text = f"({_PLAIN})" if wanted else _PLAIN
    return rf"(?:<{name}>{text}</{name}>{_S})" + ("?" if optional else "")


_WHOLE = r"(?:0|[1-9][0-9]{0,14})"
_NUMBER = rf"({_WHOLE}(?:\.[0-9]{{0,9}}[1-9](?=0{{0,10}}<)|(?=(?:\.0{{1,10}})?<)))[.0]*"
"""A plain number; what is captured is already canonical (see normalise.number), what follows is nothing but zeros."""


R = TypeVar("R", bound=Record)
Matcher = Callable[[str, int], tuple[Record, int, int] | None]
"""(text, position) → the record that begins there, the position behind it and how many line breaks lie between them;
None if it is not regular. Raises ValueError for values that are none."""


def matcher_for(wanted: frozenset[type[Record]]) -> Matcher | None:
    """What matches offers for the records that are wanted; None where these are more than one kind of fact."""
    of_an_offer = wanted & {Offer, OfferPrices, OfferStocks}
    if of_an_offer == {OfferPrices}:
        return _Alike(_match_prices, _same_prices)
    if of_an_offer == {OfferStocks}:
        return _Alike(_match_stocks, _same_stocks)
    return None


_ID = rf"{_S}{START}{_S}{_field('Ид')}"
_PRICES = rf"<Цены>{_S}"
_PRICE = (
    rf"<Цена>{_S}{_field('Представление', wanted=False, optional=True)}{_field('ИдТипаЦены')}"
    rf"<ЦенаЗаЕдиницу>{_NUMBER}</ЦенаЗаЕдиницу>{_S}"
    rf"{_field('Валюта', optional=True)}{_field('Единица', optional=True)}{_field('Коэффициент', optional=True)}"
    rf"(?:<Налог>{_S}{_field('Наименование')}{_field('УчтеноВСумме', wanted=False)}"
    rf"{_field('Акциз', wanted=False, optional=True)}</Налог>{_S})?</Цена>{_S}"
)
_PRICES_END = rf"</Цены>{_S}{END}"


def _match_prices(text: str, position: int) -> tuple[OfferPrices, int] | None:
    found = _match_list(text, position, _PRICES, _PRICE, _PRICES_END)
    if found is None:
        return None
    ident, rows, end = found
    prices: dict[str, Price] = {}
    for price_type, value, currency, unit, coefficient, tax in rows:
        terms = _terms(price_type, currency, unit, coefficient, tax)
        if terms is None or value is None or terms[0] in prices:
            return None
        prices[terms[0]] = (terms[0], value, *terms[1:])
    return OfferPrices(ident, tuple(prices.values())), end


_RESTS, _REST, _WAREHOUSE = REST.paths[-1].split("/")
_STOCKS = rf"<{_RESTS}>{_S}"
_STOCK = (
    rf"<{_REST}>{_S}<{_WAREHOUSE}>{_S}{_field(ID)}<{QUANTITY}>{_NUMBER}</{QUANTITY}>{_S}</{_WAREHOUSE}>{_S}"
    rf"</{_REST}>{_S}"
)
_STOCKS_END = rf"</{_RESTS}>{_S}{END}"


def _match_stocks(text: str, position: int) -> tuple[OfferStocks, int] | None:
    found = _match_list(text, position, _STOCKS, _STOCK, _STOCKS_END)
    if found is None:
        return None
    ident, rows, end = found
    stocks = []
    for warehouse, value in rows:
        key = normalise.text(warehouse)
        if key is None or value is None:
            return None
        stocks.append((key, value))
    return OfferStocks(ident, tuple(stocks)), end


def _same_prices(like: OfferPrices, ident: str, values: Sequence[str]) -> OfferPrices:
    prices = [
        (of, value, currency, unit, coefficient, tax)
        for (of, _was, currency, unit, coefficient, tax), value in zip(like.prices, values, strict=True)
    ]
    return OfferPrices(ident, tuple(prices))


def _same_stocks(like: OfferStocks, ident: str, values: Sequence[str]) -> OfferStocks:
    stocks = [(of, value) for (of, _was), value in zip(like.stocks, values, strict=True)]
    return OfferStocks(ident, tuple(stocks))


class _Alike(Generic[R]):
    """Matches offers that differ from an earlier one in nothing but id, numbers and `Представление`, by one match.

    The earlier one, matched the general way, becomes a pattern: its text to the letter, but for these three.
    """

    def __init__(
        self,
        match: Callable[[str, int], tuple[R, int] | None],
        same: Callable[[R, str, Sequence[str]], R],
    ) -> None:
        self._match = match
        self._same = same
        self._known: list[tuple[R, re.Pattern[str], int]] = []
        """With the line breaks in such an offer: to count them in the text of each takes a tenth of the time."""
        self._met = self._missed = 0

    def __call__(self, text: str, position: int) -> tuple[R, int, int] | None:
        self._met += 1
        for at, (like, pattern, lines) in enumerate(self._known):
            if found := pattern.match(text, position):
                if at:
                    self._known.insert(0, self._known.pop(at))
                ident = normalise.goods_identity(found[1])
                return (self._same(like, ident, found.groups()[1:]), found.end(), lines) if ident else None
        matched = self._match(text, position)
        if matched is None:
            return None
        record, end = matched
        self._learn(record, text[position:end])
        return record, end, text.count("\n", position, end)

    def _learn(self, record: R, offer: str) -> None:
        """To compile a pattern costs as much as hundreds of offers: only a few are worth it."""
        self._missed += 1
        if self._missed <= MAX_ALIKE and len(offer) <= LONGEST_ALIKE:
            self._known.insert(0, (record, *_pattern_of(offer)))
        elif self._missed > MAX_MISSED and self._missed * 2 > self._met:
            self._known.clear()  # they are too different: to try in vain would only cost


def _pattern_of(offer: str) -> tuple[re.Pattern[str], int]:
    """What matches all that are like an offer, and how many line breaks each has."""
    parts, tag, named, lines = [], "", False, 0
    for piece in re.split(r"(<[^>]*>)", offer):
        if piece.startswith("<"):
            tag = piece
        elif tag == "<Ид>" and not named:
            parts.append(f"({_IN_A_LINE})")
            named = True
            continue
        elif tag in _VARIED:
            parts.append(_VARIED[tag])
            continue
        parts.append(re.escape(piece))
        lines += piece.count("\n")
    return re.compile("".join(parts)), lines


_VARIED = {"<Представление>": _IN_A_LINE, "<ЦенаЗаЕдиницу>": _NUMBER, f"<{QUANTITY}>": _NUMBER}
MAX_ALIKE = 4
LONGEST_ALIKE = 20_000
"""So many patterns are kept at most, of offers with so many characters."""
MAX_MISSED = 1000
"""After so many offers that were like none of them it counts whether they were the half."""


_compiled = cache(re.compile)
"""Here, when one is first needed: to compile them all takes longer than many a file."""


def _match_list(
    text: str, position: int, start: str, item: str, end: str
) -> tuple[str, list[tuple[str | None, ...]], int] | None:
    """(id, fields of each item, position behind the offer) of an offer that is one list and nothing else."""
    head = _compiled(_ID).match(text, position)
    opened = head and _compiled(start).match(text, head.end())
    if not head or not opened or (ident := normalise.goods_identity(head[1])) is None:
        return None
    rows = []
    at = opened.end()
    match = _compiled(item).match
    while found := match(text, at):
        rows.append(found.groups())
        at = found.end()
    closed = _compiled(end).match(text, at)
    return (ident, rows, closed.end()) if closed and rows else None


@lru_cache(maxsize=1024)
def _terms(
    price_type: str, currency: str | None, unit: str | None, coefficient: str | None, tax: str | None
) -> tuple[str, str | None, str | None, str, str | None] | None:
    """All of a price but its value, normalised: an export has few different ones. None without a type."""
    type_id = normalise.text(price_type)
    if type_id is None:
        return None
    number = normalise.number(coefficient) or "1"
    return type_id, normalise.currency(currency), normalise.text(unit), number, normalise.text(tax)


class FastFacts:
    """Splits the text of one file into the records of matched offers and text that is left to the parser, in order."""

    def __init__(self, matcher: Matcher) -> None:
        self._match = matcher
        self._held = ""
        """Text that waits for the rest of its offer, or of an opening tag."""
        self._open = False
        self._given_up = False
        self._begun = False
        """The XML declaration is behind us: whatever else begins with `<?` or `<!` could hide what looks like tags."""

    def opened(self) -> None:
        """The parser has met the opening tag that was passed on last, in a place where offers are records."""
        self._open = True

    def split(self, text: str) -> Iterator[str | list[Record]]:
        """Pieces of `text`, in order. The parser must have seen a piece before the next one is asked for."""
        text, self._held = self._held + text, ""
        at = 0
        while at < len(text):
            if self._given_up:
                yield text[at:]
                return
            if self._open:
                records, end, lines = self._records(text, at)
                if records:
                    yield "\n" * lines
                    yield records
                at = end
                until = self._irregular(text, at)
                if until is None and len(text) - at < LONGEST:
                    self._held = text[at:]
                    return
                if until is None:
                    self._given_up = True
                    continue
                end = until
            else:
                opening = text.find(OPENING, at)
                end = opening + len(OPENING) if opening >= 0 else len(text) - _beginning(text, OPENING)
                if self._hides(text, at, end):
                    self._given_up = True
                    continue
                if opening < 0:
                    self._held = text[end:]  # the tag may lie across the end of the chunk
                    yield text[at:end]
                    return
            yield text[at:end]
            at = end

    def _hides(self, text: str, start: int, end: int) -> bool:
        """Whether there may be a comment, a CDATA section or an instruction: the parser's way for the whole file."""
        if not self._begun and (declaration := _DECLARATION.match(text)):
            start = declaration.end()
        self._begun = True
        return text.find("<!", start, end) >= 0 or text.find("<?", start, end) >= 0

    def rest(self) -> str:
        """At the end of the file: what is still held."""
        held, self._held = self._held, ""
        return held

    def _records(self, text: str, position: int) -> tuple[list[Record], int, int]:
        """The regular offers that begin at a position of `text`, where they end, and their line breaks."""
        records: list[Record] = []
        lines = 0
        last = text.rfind(END, position)
        match = self._match
        try:
            while position < last and (matched := match(text, position)):
                record, position, breaks = matched
                records.append(record)
                lines += breaks
        except ValueError:
            pass  # the parser's way tells which value it is
        return records, position, lines

    def _irregular(self, text: str, start: int) -> int | None:
        """Where that ends which the parser gets next: one offer, or all from the end of the list on; None: wait for
        more text."""
        begin = _SPACE.match(text, start).end()  # type: ignore[union-attr]  # it matches nothing, too
        if not text.startswith(START, begin):
            if any(
                mark.startswith(text[begin : begin + len(mark)])
                for mark in (START, CLOSING)
                if len(text) - begin < len(mark)
            ):
                return None
            self._open = False
            if not text.startswith(CLOSING, begin):
                self._given_up = True
                return len(text)
            return begin + len(CLOSING)
        end = text.find(END, begin)
        if end < 0:
            return None
        end += len(END)
        if (
            text.count(START, begin, end) != 1
            or text.find("<!", begin, end) >= 0
            or text.find("<?", begin, end) >= 0
        ):
            self._given_up = True
            return len(text)
        return end


def _beginning(text: str, tag: str) -> int:
    """How many characters of the tag `text` ends with."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
