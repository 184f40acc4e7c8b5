"""What an operator wants to know after an import beyond the counts: odd terms, goods that cannot be sold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import cast

from importers.catalog.protocol import FIRST_FEW, CatalogTransaction, Change
from importers.catalog.tables import PRODUCT
from importers.commerceml.earlier import NeedsEarlier
from importers.commerceml.normalise import KNOWN_CURRENCIES
from importers.commerceml.records import OfferPrices, OfferStocks, PriceType, Record
from importers.events import Counts, Event, Log
from importers.kinds.findings import some
from importers.texts import N_

MANY = 10_000
"""So many ids are kept at most, so that memory does not grow with the export; beyond it, "at least" is said."""


_CURRENCY_AND_UNIT = itemgetter(2, 3)


class Terms:
    """Currencies and units of prices. Currencies that nobody knows are kept as written, each is told once."""

    def __init__(self) -> None:
        self._of_prices: set[tuple[str | None, ...]] = set()
        self._of_types: set[str | None] = set()

    def observe(self, records: Sequence[Record]) -> None:
        """`records`: of one type."""
        if len(self._of_prices) > MANY or len(self._of_types) > MANY:
            return
        if isinstance(records[0], OfferPrices):
            prices = cast("Sequence[OfferPrices]", records)
            self._of_prices.update(map(_CURRENCY_AND_UNIT, chain.from_iterable([r.prices for r in prices])))
            self._of_prices.update(map(_CURRENCY_AND_UNIT, chain.from_iterable([r.beside for r in prices])))
        elif isinstance(records[0], PriceType):
            self._of_types.update(price_type.currency for price_type in cast("Sequence[PriceType]", records))

    def extend(self, other: Terms) -> None:
        """See `Observer`: of very many, some are passed over, which depends on all before."""
        of_prices, of_types = self._of_prices | other._of_prices, self._of_types | other._of_types
        if len(of_prices) > MANY or len(of_types) > MANY:
            raise NeedsEarlier
        self._of_prices, self._of_types = of_prices, of_types

    @property
    def units(self) -> list[str]:
        return sorted({unit for _currency, unit in self._of_prices if unit})[:MANY]

    def report(self) -> Iterator[Event]:
        currencies = self._of_types | {currency for currency, _unit in self._of_prices}
        unknown = sorted(currency for currency in currencies if currency and currency not in KNOWN_CURRENCIES)
        for currency in unknown[:FIRST_FEW]:
            yield Log(
                "warning", N_("Currency {currency} is unknown; it is kept as written"), {"currency": currency}
            )
        if len(unknown) > FIRST_FEW:
            yield Log(
                "warning",
                N_("More unknown currencies, kept as written: {count}"),
                {"count": len(unknown) - FIRST_FEW},
            )


class Totals:
    """Offers of which the total is another than the sum over their warehouses."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def observe(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, OfferStocks) and record.unequal:
                self._count += 1
                self._first += [record.id][: FIRST_FEW - len(self._first)]

    def extend(self, other: Totals) -> None:
        self._count += other._count
        self._first += other._first[: FIRST_FEW - len(self._first)]

    def report(self) -> Iterator[Event]:
        if self._count:
            yield Log(
                "warning",
                N_(
                    "Offers whose Количество is not the sum of their warehouses, which counts ({count}): {ids}"
                ),
                {"count": self._count, "ids": some(self._first, self._count)},
            )


class LostImages:
    """Products that had an image before and have none now."""

    def __init__(self) -> None:
        self._products: list[str] = []
        self._at = [part.name for part in PRODUCT.tables].index("product_image")

    def observe(self, change: Change) -> None:
        if len(self._products) < MANY and change.old[self._at] and not change.new[self._at]:
            self._products.append(change.key)

    async def report(self, catalog: CatalogTransaction) -> AsyncIterator[Event]:
        async for event in report_lost(
            catalog,
            self._products,
            N_("Products that lost their last image ({count}): {products}"),
            len(self._products) >= MANY,
        ):
            yield event


SELLING = ("catalog", "variants", "stocks", "prices")
"""Import types after which products may lack what makes them sold."""
SMALL = 100
"""A session that read so many times fewer records than there are products is not worth a look at all of them."""
_UNSOLD = """
    FROM product p
    WHERE p.removed = FALSE
      AND NOT EXISTS (SELECT 1 FROM {facts} f WHERE f.offer_id = p.id)
      AND NOT EXISTS (
          SELECT 1 FROM offer o JOIN {facts} f ON f.offer_id = o.id WHERE o.product_id = p.id AND o.removed = FALSE
      )
"""
_UNSOLD_TEXTS = {
    "price": N_("Products without a price in this shop ({count}): {ids}"),
    "stock": N_("Products without a stock in this shop, not even zero ({count}): {ids}"),
}


def read_to_sell(by_kind: Mapping[str, Counts]) -> int:
    """How many records these import types read."""
    return sum(counts.read for kind, counts in by_kind.items() if kind in SELLING)


async def unsold(catalog: CatalogTransaction, by_kind: Mapping[str, Counts]) -> AsyncIterator[Log]:
    """After a session: products that no price or no stock belongs to, whoever should have brought it."""
    read = read_to_sell(by_kind)
    if not read or await catalog.active(PRODUCT, read * SMALL + 1) > read * SMALL:
        return
    for facts, text in _UNSOLD_TEXTS.items():
        lacking = _UNSOLD.format(facts=facts)
        (count,) = [count async for (count,) in catalog.rows(f"SELECT count(*) {lacking}")]
        if count:
            first = f"SELECT p.id {lacking} ORDER BY p.id LIMIT {FIRST_FEW}"
            ids = some([product async for (product,) in catalog.rows(first)], count)
            yield Log("warning", text, {"count": count, "ids": ids})


async def report_lost(
    catalog: CatalogTransaction, products: Sequence[str], message: str, more: bool
) -> AsyncIterator[Event]:
    """A warning that names the first of them. `more`: there may be others."""
    if products:
        first = products[:FIRST_FEW]
        called = await catalog.names(PRODUCT.table, first)
        listed = some([called[product] for product in first], len(products))
        count = f"≥ {len(products)}" if more else len(products)
        yield Log("warning", message, {"count": count, "products": listed}, once=True)
