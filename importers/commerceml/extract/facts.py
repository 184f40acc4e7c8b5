"""Prices and stocks of one element, in every shape that 1C writes (docs/commerceml.md, 1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.elements import Node, children, decimal, inner, is_empty, value
from importers.commerceml.extract.stock_shapes import STOCKED, quantities
from importers.commerceml.records import OfferPrices, OfferStocks, Price, Record, Rejected
from importers.texts import N_, shorten

PRICED = frozenset(("Цены",))
FACTS = PRICED | STOCKED

NO_NUMBER = N_("{field} is empty")
BAD_NUMBER = N_("{field} is not a number: {value}")
NO_WAREHOUSE = N_("has no ИдСклада")
NO_TYPE = N_("has no ИдТипаЦены")


def facts_of(context: Context, node: Node, ident: str) -> Iterator[Record | Rejected]:
    if OfferPrices in context.wanted and "Цены" in node:
        yield from prices_of(context, node, ident)
    if OfferStocks in context.wanted and not STOCKED.isdisjoint(node):
        yield from stocks_of(context, node, ident)


def prices_of(context: Context, node: Node, ident: str) -> Iterator[Record | Rejected]:
    """The list of an offer's prices. Of several of one type the base one is the price: of one base unit, from the
    first piece on."""
    of_types: dict[str, list[tuple[Price, str]]] = {}
    unset: dict[str, None] = {}
    whole = True
    for element in inner(node, "Цены", "Цена"):
        read = price_of(context, element, ident)
        if not isinstance(read, tuple) and is_empty(element):
            continue
        if isinstance(read, Rejected):
            yield read
            whole = False
        elif isinstance(read, str):
            unset[read] = None
        else:
            of_types.setdefault(read[0][0], []).append(read)
    prices: list[Price] = []
    beside: dict[tuple[str, str, str, str, str, str], None] = {}
    for of_type in of_types.values():
        base = max(of_type, key=_baseness) if len(of_type) > 1 else of_type[0]
        prices.append(base[0])
        for price, from_quantity in of_type:
            if (price, from_quantity) != base:
                row = (price[0], price[1], price[2] or "", price[3] or "", price[4], from_quantity)
                beside[row] = None
    if prices or unset or not whole:  # what cannot be read keeps the list from being whole
        not_set = tuple(price_type for price_type in unset if price_type not in of_types)
        yield OfferPrices(ident, tuple(prices), tuple(beside), whole, not_set)


def price_of(context: Context, element: etree._Element, ident: str) -> tuple[Price, str] | str | Rejected:
    """A Цена, and its МинКоличество or ""; the type alone of one that is empty. Without a type it is of the only one
    that the set defines."""
    fields = children(element)
    price_type = value(fields, "ИдТипаЦены") or context.price_types.only()
    if price_type is None:
        return context.rejected(element, "Price", ident, NO_TYPE)
    numbers: list[str | None] = []
    for name in ("ЦенаЗаЕдиницу", "Коэффициент", "МинКоличество"):
        try:
            numbers.append(normalise.number(value(fields, name)))
        except ValueError as error:
            return context.rejected(
                element, "Price", ident, BAD_NUMBER, field=name, value=shorten(str(error), 100)
            )
    amount, coefficient, from_quantity = numbers
    if amount is None:
        return price_type
    tax = next((value(children(e), "Наименование") for e in fields.get("Налог", ())), None)
    price = (
        price_type,
        amount,
        normalise.currency(value(fields, "Валюта")),
        value(fields, "Единица"),
        coefficient or "1",
        tax,
    )
    return price, "" if from_quantity in (None, "0") else str(from_quantity)


def stocks_of(context: Context, node: Node, ident: str) -> Iterator[Record | Rejected]:
    """All shapes of stock. A total counts only where no warehouse is told, with a number or not; beside warehouses
    it says whether they are all."""
    written = list(quantities(node))
    by_warehouse = any(warehouse for warehouse, _element, _raw in written)
    has_total = any(warehouse == "" for warehouse, _element, _raw in written)
    stocks = []
    total = None
    readable = True
    for warehouse, element, raw in written:
        if warehouse == "" and by_warehouse:
            total = decimal(raw) if total is None else total
            continue
        if warehouse is None and is_empty(element):
            continue
        amount = quantity_of(context, element, raw, ident)
        if warehouse is None and (by_warehouse or has_total):
            yield context.rejected(element, "Stock", ident, NO_WAREHOUSE)
            readable = False
        elif isinstance(amount, Rejected):
            yield amount
            readable = False
        elif amount is not None:
            stocks.append((warehouse or "", amount))
    yield from offer_stocks(ident, stocks, total, readable)


def offer_stocks(
    ident: str, stocks: Sequence[tuple[str, str]], total: str | None, readable: bool = True
) -> list[OfferStocks]:
    """The record of an offer's stocks, where it has any; `total`: what stands beside those of warehouses."""
    if readable and not stocks:
        return []
    equal = total is None or not stocks or normalise.total([quantity for _at, quantity in stocks]) == total
    whole = readable and total is not None and equal
    return [OfferStocks(ident, tuple(stocks), whole, unequal=not equal, readable=readable)]


def quantity_of(
    context: Context, element: etree._Element, raw: str | None, ident: str
) -> str | Rejected | None:
    """Canonical text; None for "not set"; a reject of this fact for nothing or for no number."""
    if not (raw or "").strip():
        return context.rejected(element, "Stock", ident, NO_NUMBER, field="Количество")
    try:
        return normalise.number(raw)
    except ValueError as error:
        return context.rejected(
            element, "Stock", ident, BAD_NUMBER, field="Количество", value=shorten(str(error), 100)
        )


def _baseness(price: tuple[Price, str]) -> tuple[bool, bool]:
    """How much a price is *the* price of its type: of one base unit, from the first piece on."""
    (_type, _amount, _currency, _unit, coefficient, _tax), from_quantity = price
    return coefficient == "1", not from_quantity
