"""Regular prices and stocks by the fast way (`fast_text.py`): an offer that is one list of them and nothing else.

Known elements in their known order; an offer that was matched becomes a pattern for those that are like it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from importers.commerceml import normalise
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.stock_shapes import ID, QUANTITY, REST
from importers.commerceml.fast_markup import S, after_space, compiled
from importers.commerceml.fast_text import Matcher
from importers.commerceml.records import OfferPrices, OfferStocks, Price, Record

START, END = "<Предложение>", "</Предложение>"

_PLAIN = r"[^<>&]{0,1000}"
_IN_A_LINE = r"[^<>&\n]{0,1000}"


def _field(name: str, *, wanted: bool = True, optional: bool = False) -> str:
    text = f"({_PLAIN})" if wanted else _PLAIN
    return rf"(?:<{name}>{text}</{name}>{S})" + ("?" if optional else "")


_WHOLE = r"(?:0|[1-9][0-9]{0,14})"
_NUMBER = rf"({_WHOLE}(?:\.[0-9]{{0,9}}[1-9](?=0{{0,10}}<)|(?=(?:\.0{{1,10}})?<)))[.0]*"
"""A plain number; what is captured is already canonical (see normalise.number), what follows is nothing but zeros."""


R = TypeVar("R", bound=Record)


def prices_matcher() -> Matcher:
    return _Alike(_match_prices, _same_prices)


def stocks_matcher() -> Matcher:
    return _Alike(_match_stocks, _same_stocks)


_ID = rf"{S}{START}{S}{_field('Ид')}"
_PRICES = rf"<Цены>{S}"
_PRICE = (
    rf"<Цена>{S}{_field('Представление', wanted=False, optional=True)}{_field('ИдТипаЦены')}"
    rf"<ЦенаЗаЕдиницу(?:/>|>{_NUMBER}</ЦенаЗаЕдиницу>){S}"
    rf"{_field('Валюта', optional=True)}{_field('Единица', optional=True)}{_field('Коэффициент', optional=True)}"
    rf"(?:<Налог>{S}{_field('Наименование')}{_field('УчтеноВСумме', wanted=False)}"
    rf"{_field('Акциз', wanted=False, optional=True)}</Налог>{S})?</Цена>{S}"
)
_PRICES_END = rf"</Цены>{S}{END}"


def _match_prices(text: str, position: int) -> tuple[OfferPrices, int] | None:
    found = _match_list(text, position, _PRICES, _PRICE, _PRICES_END)
    if found is None:
        return None
    ident, rows, end = found
    facts = _prices(rows)
    return (OfferPrices(ident, facts[0], unset=facts[1]), end) if facts else None


def prices_in(text: str, at: int, end: int) -> tuple[tuple[Price, ...], tuple[str, ...]] | None:
    """The prices that Цены holds, and the types that it tells without a price; None where one is not regular."""
    rows = _items_in(text, at, end, _PRICE)
    return None if rows is None else _prices(rows)


def _prices(
    rows: Iterable[Sequence[str | None]],
) -> tuple[tuple[Price, ...], tuple[str, ...]] | None:
    prices: dict[str, Price] = {}
    unset: dict[str, None] = {}
    for price_type, value, currency, unit, coefficient, tax in rows:
        terms = _terms(price_type, currency, unit, coefficient, tax)
        if terms is None or terms[0] in prices or terms[0] in unset:
            return None
        if value is None:
            unset[terms[0]] = None
        else:
            prices[terms[0]] = (terms[0], value, *terms[1:])
    return tuple(prices.values()), tuple(unset)


_RESTS, _REST, _WAREHOUSE = REST.paths[-1].split("/")
_STOCKS = rf"<{_RESTS}>{S}"
_STOCK = (
    rf"<{_REST}>{S}<{_WAREHOUSE}>{S}{_field(ID)}<{QUANTITY}>{_NUMBER}</{QUANTITY}>{S}</{_WAREHOUSE}>{S}"
    rf"</{_REST}>{S}"
)
_STOCKS_END = rf"</{_RESTS}>{S}{END}"


def _match_stocks(text: str, position: int) -> tuple[OfferStocks, int] | None:
    found = _match_list(text, position, _STOCKS, _STOCK, _STOCKS_END)
    if found is None:
        return None
    ident, rows, end = found
    stocks = _rests(rows)
    return (OfferStocks(ident, stocks), end) if stocks is not None else None


def rests_in(text: str, at: int, end: int) -> tuple[tuple[str, str], ...] | None:
    """What Остатки holds; None where one of them is not regular."""
    rows = _items_in(text, at, end, _STOCK)
    return None if rows is None else _rests(rows)


def _rests(rows: Iterable[Sequence[str | None]]) -> tuple[tuple[str, str], ...] | None:
    stocks = [(normalise.text(warehouse), value) for warehouse, value in rows]
    return tuple(stocks) if all(key and value is not None for key, value in stocks) else None  # type: ignore[arg-type]


def _same_prices(like: OfferPrices, ident: str, values: Sequence[str]) -> OfferPrices:
    prices = [
        (of, value, currency, unit, coefficient, tax)
        for (of, _was, currency, unit, coefficient, tax), value in zip(like.prices, values, strict=True)
    ]
    return OfferPrices(ident, tuple(prices), unset=like.unset)


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

    def __call__(self, _context: Context, text: str, position: int) -> tuple[list[R], int, int] | None:
        self._met += 1
        for at, (like, pattern, lines) in enumerate(self._known):
            if found := pattern.match(text, position):
                if at:
                    self._known.insert(0, self._known.pop(at))
                ident = normalise.goods_identity(found[1])
                return ([self._same(like, ident, found.groups()[1:])], found.end(), lines) if ident else None
        matched = self._match(text, position)
        if matched is None:
            return None
        record, end = matched
        self._learn(record, text[position:end])
        return [record], end, text.count("\n", position, end)

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


def _match_list(
    text: str, position: int, start: str, item: str, end: str
) -> tuple[str, list[tuple[str | None, ...]], int] | None:
    """(id, fields of each item, position behind the offer) of an offer that is one list and nothing else."""
    head = compiled(_ID).match(text, position)
    opened = head and compiled(start).match(text, head.end())
    if not head or not opened or (ident := normalise.goods_identity(head[1])) is None:
        return None
    rows = []
    at = opened.end()
    match = compiled(item).match
    while found := match(text, at):
        rows.append(found.groups())
        at = found.end()
    closed = compiled(end).match(text, at)
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


def _items_in(text: str, at: int, end: int, item: str) -> list[tuple[str | None, ...]] | None:
    """The fields of each item; None where there is anything else."""
    rows = []
    match = compiled(item).match
    at = after_space(text, at)
    while found := match(text, at, end):
        rows.append(found.groups())
        at = found.end()
    return rows if at == end else None
