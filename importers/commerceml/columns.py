"""Prices of regular offers, read column by column: the fast way for files with hundreds of thousands of them.

Reading the name of each child costs more than parsing it. One XPath per column over a batch of sibling offers costs a
third of that, and is exact when every Цена has exactly one of each field that any has. That is checked, also by
XPath; a batch that is not regular is read element by element (`extract.py`), with equal results.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.extract import Extractor
from importers.commerceml.records import Offer, OfferPrices, OfferStocks, Record, Rejected

OF_AN_OFFER = frozenset({Offer, OfferPrices, OfferStocks})
OFFERS = "n:Предложение[position() <= $count]"
PRICES = OFFERS + "/n:Цены/n:Цена"
FIELDS = ("ИдТипаЦены", "ЦенаЗаЕдиницу", "Валюта", "Единица", "Коэффициент")


class _Paths:
    """The compiled expressions for one namespace."""

    def __init__(self, namespace: str) -> None:
        def compiled(path: str) -> etree.XPath:
            if not namespace:
                path = path.replace("n:", "")
            return etree.XPath(path, namespaces={"n": namespace} if namespace else None, smart_strings=False)

        twice = " | ".join(
            f"{PRICES}/n:{field}[2] | {PRICES}/n:{field}[*] | {PRICES}/n:{field}/text()[2]"
            for field in FIELDS
        )
        self.irregular = compiled(
            f"boolean({twice} | {OFFERS}/n:Ид[2] | {OFFERS}/n:ИдХарактеристики | {OFFERS}/n:Цены[2])"
        )
        self.ids = compiled(f"{OFFERS}/n:Ид/text()")
        self.count = compiled("count(n:Цены/n:Цена)")
        self.fields = [compiled(f"{PRICES}/n:{field}/text()") for field in FIELDS]


@lru_cache(maxsize=8)
def _paths(namespace: str) -> _Paths:
    return _Paths(namespace)


def read(container: etree._Element, count: int, extractor: Extractor) -> list[Record | Rejected] | None:
    """The prices of the first `count` offers of the container; None where they must be read one by one."""
    if extractor.wanted & OF_AN_OFFER != {OfferPrices}:
        return None
    namespace, _brace, name = str(container.tag).removeprefix("{").rpartition("}")
    if name != "Предложения":
        return None
    paths = _paths(namespace)
    if paths.irregular(container, count=count):
        return None
    ids = paths.ids(container, count=count)
    counts = [int(paths.count(offer)) for offer in islice(container, count)]
    total = sum(counts)
    types, values, *rest = [field(container, count=count) for field in paths.fields]
    if (
        len(ids) != count
        or len(types) != total
        or len(values) != total
        or any(len(c) not in (0, total) for c in rest)
    ):
        return None
    currencies, units, coefficients = [column or [None] * total for column in rest]
    try:
        amounts = list(map(normalise.number, values))
        terms = list(map(_terms, types, currencies, units, coefficients))
        keys = list(map(normalise.identity, ids))
    except ValueError:
        return None
    if None in amounts or None in terms or None in keys:
        return None
    prices = [(term[0], amount, *term[1:]) for term, amount in zip(terms, amounts, strict=True)]
    records: list[Record | Rejected] = []
    start = 0
    for key, number in zip(keys, counts, strict=True):
        if number:
            records.append(OfferPrices(key, tuple(prices[start : start + number])))
            start += number
    return records


@lru_cache(maxsize=4096)
def _terms(
    price_type: str, currency: str | None, unit: str | None, coefficient: str | None
) -> tuple[str, str | None, str | None, str] | None:
    """All of a price but its value, normalised: an export has few different ones. None without a type."""
    found = normalise.text(price_type)
    if found is None:
        return None
    return (
        found,
        normalise.currency(currency),
        normalise.text(unit),
        normalise.number(coefficient) or "1",
    )
