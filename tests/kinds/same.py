"""One export after the other, into catalogs of several engines: what they are told and hold does not differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from shops import NOT_ITS_OWN, Shop
from support.engines import Hand

from importers.catalog.columns import TYPES, Type
from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.events import Event, Options, Progress

FORCE = Options(force=True)
PRODUCT = re.compile(r"<Товар>.*?</Товар>\s*", re.DOTALL)
PRICE = re.compile(r"(<ЦенаЗаЕдиницу>)([^<]*)")
NAME = re.compile(r"(<Наименование>[^<]+)")
ONLY_CHANGES = re.compile(r"(<СодержитТолькоИзменения>|СодержитТолькоИзменения=\")true")
FEWEST = 3
"""Rows that a table must hold at least once, or nothing was compared."""


async def import_both(source: Path, kinds: Sequence[str], *shops: Shop) -> list[Event]:
    """Asserts that each of them tells the same and holds the same, row by row. What was told."""
    told: list[list[Event]] = []
    for shop in shops:
        try:
            await shop.take(open_export(source), *kinds, options=FORCE)
        except ObmenError as error:
            told.append([*_events(shop), str(error)])  # type: ignore[list-item]
        else:
            told.append(_events(shop))
    first, *others = (tables(shop.hand) for shop in shops)
    for of_other in others:
        assert of_other.keys() == first.keys()
        for table, rows in first.items():
            assert of_other[table] == rows, table
    assert all(events == told[0] for events in told)
    return told[0]


def _events(shop: Shop) -> list[Event]:
    """How far it was is told by the clock."""
    return [
        event for told in shop.by_kind.values() for event in told.events if not isinstance(event, Progress)
    ]


def tables(hand: Hand) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table of the shop, as SQLite has them, in the order of all their cells."""
    found = {}
    for table in hand.tables():
        if table not in NOT_ITS_OWN:
            columns, rows = hand.table(table)
            of_types = [TYPES.get(column, Type.TEXT) for column in columns]
            found[table] = sorted((tuple(map(_cell, row, of_types)) for row in rows), key=repr)
    return found


def _cell(cell: Any, type_: Type) -> Any:
    return int(cell) if type_ is Type.BOOLEAN and cell is not None else cell


def change(source: Path, target: Path) -> Path:
    """Write a full export that differs in some of everything: products are gone, prices and names are others."""
    products, prices, names = count(), count(), count()
    for file in source.rglob("*.xml"):
        data = file.read_bytes()
        try:
            text, encoding = data.decode("utf-8-sig"), "utf-8-sig"
        except UnicodeDecodeError:
            text, encoding = data.decode("cp1251"), "cp1251"
        text = PRODUCT.sub(lambda found: "" if next(products) % 5 == 4 else found[0], text)
        text = PRICE.sub(lambda found: f"{found[1]}1{found[2]}" if next(prices) % 3 == 2 else found[0], text)
        text = NAME.sub(lambda found: f"{found[1]} 2" if next(names) % 7 == 6 else found[1], text)
        text = ONLY_CHANGES.sub(r"\1false", text)
        written = target / file.relative_to(source)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(text.encode(encoding))
    return target
