"""What a shop gained and lost: the largest changes of prices, stocks that fell, what is gone. Memory is bounded."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from itertools import islice

from importers.catalog.columns import Row
from importers.catalog.protocol import FIRST_FEW, CatalogTransaction, Change, Merged
from importers.catalog.tables import OFFER, PRICE_TYPE, SHAPES, Shape
from importers.events import Event, Gone, Log, PriceChange, StockLoss
from importers.kinds.summary import MANY, report_lost
from importers.texts import N_

MOST = 50
"""So many of each are told by name."""
TABLES = {shape.table.name: shape.table for shape in SHAPES}


class PriceChanges:
    """The largest changes of prices, by ratio: what a misplaced decimal point looks like."""

    def __init__(self) -> None:
        self.raised = self.lowered = 0
        self._top: list[tuple[float, str, str, str, str, str, str]] = []
        """(ratio, offer, price type, old price and currency, new ones), the smallest first."""

    def observe(self, change: Change) -> None:
        old = {row[0]: row for row in change.old[0]}
        for row in change.new[0]:
            was = old.get(row[0], row)
            if was[1] == row[1]:
                continue
            before, after = float(str(was[1])), float(str(row[1]))
            self.raised += before < after
            self.lowered += before > after
            ratio = _ratio(before, after)
            if len(self._top) < MOST or ratio >= self._top[0][0]:
                self._keep((ratio, change.key, str(row[0]), *_money(was), *_money(row)))

    def _keep(self, entry: tuple[float, str, str, str, str, str, str]) -> None:
        if len(self._top) < MOST:
            heapq.heappush(self._top, entry)
        else:
            heapq.heappushpop(self._top, entry)

    async def largest(self, catalog: CatalogTransaction) -> tuple[PriceChange, ...]:
        offers = await catalog.names(OFFER.table, [entry[1] for entry in self._top])
        types = await catalog.names(PRICE_TYPE.table, [entry[2] for entry in self._top])
        return tuple(
            PriceChange(offer, offers[offer], types[price_type], old, new, currency, _percent(old, new))
            for _ratio, offer, price_type, old, _currency, new, currency in sorted(self._top, reverse=True)
        )

    async def report(self, catalog: CatalogTransaction) -> AsyncIterator[Event]:
        first = sorted(self._top, reverse=True)[:FIRST_FEW]
        offers = await catalog.names(OFFER.table, [entry[1] for entry in first])
        types = await catalog.names(PRICE_TYPE.table, [entry[2] for entry in first])
        for _ratio, offer, price_type, *money in first:
            old, new = (f"{money[n]} {money[n + 1]}".rstrip() for n in (0, 2))
            yield Log(
                "info",
                N_("Large price change: {offer}, {price_type}: {old} → {new}"),
                {"offer": offers[offer], "price_type": types[price_type], "old": old, "new": new},
                once=True,
            )


class LostStocks:
    """Products of which some offer was in stock before and no offer is now, and the offers that lost most."""

    def __init__(self) -> None:
        self.emptied = 0
        self._products: dict[str, None] = {}
        self._top: list[tuple[float, str, float, float]] = []
        """(loss, offer, before, after), the smallest first."""

    def observe(self, change: Change) -> None:
        before, after = _in_all(change.old[0]), _in_all(change.new[0])
        if before <= after:
            return
        if after <= 0 < before:
            self.emptied += 1
        entry = (before - after, change.key, before, after)
        if len(self._top) < MOST:
            heapq.heappush(self._top, entry)
        elif entry > self._top[0]:
            heapq.heapreplace(self._top, entry)
        if len(self._products) < MANY and _in_stock(change.old[0]) and not _in_stock(change.new[0]):
            self._products[change.key.partition("#")[0]] = None

    async def largest(self, catalog: CatalogTransaction) -> tuple[StockLoss, ...]:
        offers = await catalog.names(OFFER.table, [entry[1] for entry in self._top])
        return tuple(
            StockLoss(offer, offers[offer], before, after)
            for _loss, offer, before, after in sorted(self._top, reverse=True)
        )

    async def report(self, catalog: CatalogTransaction) -> AsyncIterator[Event]:
        lost = await catalog.out_of_stock(list(self._products))
        message = N_("Products out of stock now ({count}): {products}")
        async for event in report_lost(catalog, lost, message, len(self._products) >= MANY):
            yield event


class WhatChanged:
    """The first things of each table that were there and are gone."""

    def __init__(self) -> None:
        self._gone: dict[str, list[str]] = defaultdict(list)

    def observe(self, shape: Shape, merged: Merged) -> None:
        if not merged.hidden:
            return
        gone = self._gone[shape.table.name]
        mark = shape.removed_at
        told = (
            change.key
            for change in merged.changes
            if mark is not None and not shape.facts and change.new[0][0][mark] and not change.old[0][0][mark]
        )
        gone += islice(told, MOST - len(gone))
        gone += merged.absent_first[: MOST - len(gone)]

    async def gone(self, catalog: CatalogTransaction) -> dict[str, tuple[Gone, ...]]:
        found = {}
        for table, keys in self._gone.items():
            named = OFFER.table if TABLES[table].keys > 1 else TABLES[table]
            names = await catalog.names(named, keys) if "name" in named.columns else {}
            found[table] = tuple(Gone(key, names.get(key, key)) for key in keys)
        return found


def _in_stock(rows: Sequence[Row]) -> bool:
    return any(str(quantity) != "0" and not str(quantity).startswith("-") for _warehouse, quantity in rows)


def _in_all(rows: Sequence[Row]) -> float:
    return sum(float(str(quantity)) for _warehouse, quantity in rows)


def _money(row: Row) -> tuple[str, str]:
    return str(row[1]), str(row[2] or "")


def _ratio(old: float, new: float) -> float:
    """How many times dearer or cheaper; only for ranking, so a float will do."""
    low, high = sorted((abs(old), abs(new)))
    return high / low if low else float("inf")


def _percent(old: str, new: str) -> float | None:
    return round((float(new) / float(old) - 1) * 100, 1) if float(old) > 0 else None
