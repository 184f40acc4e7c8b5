"""Regular prices and stocks, taken out of the text before it reaches the XML parser: the fast way for huge files.

Files of prices are tens of megabytes of one pattern. Building a tree for it costs more than the rest of the import
together, so offers that match the pattern to the letter become records here, and the parser is given line breaks in
their place. It stays exact, because the pattern leaves no room for anything else that XML can mean: known elements
in their known order, text without markup, entities or forbidden characters, and only between a `<Предложения>` that
the parser itself has reported and the first thing that is not such an offer. Everything else goes to the parser
unchanged. Both ways give equal results (tests/commerceml/test_shortcut.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from importers.commerceml import normalise
from importers.commerceml.records import Offer, OfferPrices, OfferStocks, Record

OPENING = "<Предложения>"
START, END = "<Предложение>", "</Предложение>"

LONGEST = 1 << 20
"""Characters that one offer may have; a longer one goes to the parser, which has limits of its own."""

_S = r"[ \t\r\n]*"
_PLAIN = r"[^<>&\x00-\x08\x0b-\x1f\ufffe\uffff]{0,1000}"
"""Without a carriage return: the parser would make it a line feed."""
_DECLARATION = re.compile(r"\ufeff?<\?xml [^<>]*>")


def _field(name: str, *, wanted: bool = True, optional: bool = False) -> str:
    text = f"({_PLAIN})" if wanted else _PLAIN
    return rf"(?:<{name}>{text}</{name}>{_S})" + ("?" if optional else "")


_NUMBER = r"((?:0|[1-9][0-9]{0,14})(?![0-9])(?:\.[0-9]{0,9}[1-9])?)(?:\.0{1,10}|0{1,10})?"
"""A plain number; what is captured is already canonical (see normalise.number)."""


Take = Callable[[str, int], tuple[Record, int] | None]
"""(text, position) → the record that begins there and the position behind it; None if it is not regular.
Raises ValueError for values that are none."""


def take_for(wanted: frozenset[type[Record]]) -> Take | None:
    """The way to take what is wanted of an offer; None where offers have more to tell than one kind of fact."""
    of_an_offer = wanted & {Offer, OfferPrices, OfferStocks}
    if of_an_offer == {OfferPrices}:
        return _take_prices
    if of_an_offer == {OfferStocks}:
        return _take_stocks
    return None


_ID = re.compile(rf"{_S}{START}{_S}{_field('Ид')}")
_PRICES = re.compile(rf"<Цены>{_S}")
_PRICE = re.compile(
    rf"<Цена>{_S}{_field('Представление', wanted=False, optional=True)}{_field('ИдТипаЦены')}"
    rf"<ЦенаЗаЕдиницу>{_NUMBER}</ЦенаЗаЕдиницу>{_S}"
    rf"{_field('Валюта', optional=True)}{_field('Единица', optional=True)}{_field('Коэффициент', optional=True)}"
    rf"(?:<Налог>{_S}{_field('Наименование', wanted=False)}{_field('УчтеноВСумме', wanted=False)}"
    rf"{_field('Акциз', wanted=False, optional=True)}</Налог>{_S})?</Цена>{_S}"
)
_PRICES_END = re.compile(rf"</Цены>{_S}{END}")


def _take_prices(text: str, position: int) -> tuple[OfferPrices, int] | None:
    found = _list(text, position, _PRICES, _PRICE, _PRICES_END)
    if found is None:
        return None
    ident, rows, end = found
    prices = []
    for price_type, value, currency, unit, coefficient in rows:
        terms = _terms(price_type, currency, unit, coefficient)
        if terms is None or value is None:
            return None
        prices.append((terms[0], value, terms[1], terms[2], terms[3]))
    return OfferPrices(ident, tuple(prices)), end


_STOCKS = re.compile(rf"<Остатки>{_S}")
_STOCK = re.compile(
    rf"<Остаток>{_S}<Склад>{_S}{_field('Ид')}<Количество>{_NUMBER}</Количество>{_S}</Склад>{_S}</Остаток>{_S}"
)
_STOCKS_END = re.compile(rf"</Остатки>{_S}{END}")


def _take_stocks(text: str, position: int) -> tuple[OfferStocks, int] | None:
    found = _list(text, position, _STOCKS, _STOCK, _STOCKS_END)
    if found is None:
        return None
    ident, rows, end = found
    stocks = {}
    for warehouse, value in rows:
        key = normalise.text(warehouse)
        if key is None or value is None:
            return None
        stocks[key] = value
    return OfferStocks(ident, tuple(stocks.items())), end


def _list(
    text: str, position: int, start: re.Pattern[str], item: re.Pattern[str], end: re.Pattern[str]
) -> tuple[str, list[tuple[str | None, ...]], int] | None:
    """(id, fields of each item, position behind the offer) of an offer that is one list and nothing else."""
    head = _ID.match(text, position)
    opened = head and start.match(text, head.end())
    if not head or not opened or (ident := normalise.identity(head[1])) is None:
        return None
    rows = []
    at = opened.end()
    match = item.match
    while found := match(text, at):
        rows.append(found.groups())
        at = found.end()
    closed = end.match(text, at)
    return (ident, rows, closed.end()) if closed and rows else None


@lru_cache(maxsize=1024)
def _terms(
    price_type: str, currency: str | None, unit: str | None, coefficient: str | None
) -> tuple[str, str | None, str | None, str] | None:
    """All of a price but its value, normalised: an export has few different ones. None without a type."""
    found = normalise.text(price_type)
    if found is None:
        return None
    return found, normalise.currency(currency), normalise.text(unit), normalise.number(coefficient) or "1"


class Shortcut:
    """Splits the text of one file into records that were taken and text that is left to the parser, in order."""

    def __init__(self, take: Take) -> None:
        self._take = take
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
        while text:
            if self._given_up:
                yield text
                return
            if self._open:
                records, end = self._records(text)
                if records:
                    yield "\n" * text.count("\n", 0, end)
                    yield records
                text = text[end:]
                piece = self._irregular(text)
                if piece is None and len(text) < LONGEST:
                    self._held = text
                    return
                if piece is None:
                    self._given_up = True
                    continue
                yield piece
                text = text[len(piece) :]
            else:
                opening = text.find(OPENING)
                if self._hides(text[:opening] if opening >= 0 else text):
                    self._given_up = True
                    continue
                if opening < 0:
                    # The tag may lie across the end of the chunk.
                    keep = next((n for n in range(len(OPENING) - 1, 0, -1) if text.endswith(OPENING[:n])), 0)
                    self._held = text[len(text) - keep :]
                    yield text[: len(text) - keep]
                    return
                end = opening + len(OPENING)
                yield text[:end]
                text = text[end:]

    def _hides(self, text: str) -> bool:
        """Whether there may be a comment, a CDATA section or an instruction: the parser's way for the whole file."""
        start = 0
        if not self._begun and (declaration := _DECLARATION.match(text)):
            start = declaration.end()
        self._begun = True
        return text.find("<!", start) >= 0 or text.find("<?", start) >= 0

    def rest(self) -> str:
        """At the end of the file: what is still held."""
        held, self._held = self._held, ""
        return held

    def _records(self, text: str) -> tuple[list[Record], int]:
        """The regular offers at the beginning of `text`, and where they end."""
        records: list[Record] = []
        position = 0
        last = text.rfind(END)
        take = self._take
        try:
            while position < last and (taken := take(text, position)):
                record, position = taken
                records.append(record)
        except ValueError:
            pass  # the parser's way tells which value it is
        return records, position

    def _irregular(self, text: str) -> str | None:
        """What the parser gets next: one offer, or all from the end of the list on; None: wait for more text."""
        begin = len(text) - len(text.lstrip(" \t\r\n"))
        if not text.startswith(START, begin):
            if len(text) - begin < len("</Предложения>") and "</Предложения>".startswith(text[begin:]):
                return None
            if len(text) - begin < len(START) and START.startswith(text[begin:]):
                return None
            self._open = False
            if not text.startswith("</Предложения>", begin):
                self._given_up = True
                return text
            return text[: begin + len("</Предложения>")]
        end = text.find(END, begin)
        if end < 0:
            return None
        piece = text[: end + len(END)]
        if piece.count(START) != 1 or "<!" in piece or "<?" in piece:
            self._given_up = True
            return text
        return piece
