"""What the shop gained and lost, and what was read of each file: as a session tells it at its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from record_exports import GOODS, PACKAGE, RecordExport, RecordPart, export
from shops import Shop
from support.engine_stage import no_processes, staged
from support.workers import worked

from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    PriceType,
    Product,
    Rejected,
    Section,
)
from importers.events import Changes, Counts, Gone, Log, Options, PriceChange, Progress, StockLoss
from importers.kinds import changes
from importers.kinds.changes import MOST
from importers.sample import EXPORT
from importers.sessions.details import Files, Gains, Standing

RETAIL = PriceType("retail", "Розничная", "RUB", True)
FULL = Section("catalog-1", "Каталог", False, "catalog-1")


def price(offer: str, value: str) -> OfferPrices:
    return OfferPrices(offer, (("retail", value, "RUB", "796", "1", None),))


def stock(offer: str, *quantities: tuple[str, str]) -> OfferStocks:
    return OfferStocks(offer, quantities)


def changed(shop: Shop) -> Changes:
    (found,) = (event for event in shop.told.events if isinstance(event, Changes))
    return found


async def test_the_largest_changes_of_prices(shop: Shop) -> None:
    offers = [Offer(f"o{n}", "p", None, f"Offer {n}") for n in range(7)]
    await shop.take(export(PACKAGE, RETAIL, *offers, Product("p", "P")), "catalog")
    old = ["100", "100", "100", "100", "100", "0", "-5"]
    await shop.take(export(PACKAGE, *(price(f"o{n}", value) for n, value in enumerate(old))), "prices")
    assert changed(shop) == Changes("prices", {"price": Counts(7, created=7)})
    new = ["100", "125", "1", "90.5", "100", "7", "20"]
    await shop.take(export(PACKAGE, *(price(f"o{n}", value) for n, value in enumerate(new))), "prices")
    told = changed(shop)
    assert told.prices == (
        PriceChange("o5", "Offer 5", "Розничная", "0", "7", "RUB", None),
        PriceChange("o2", "Offer 2", "Розничная", "100", "1", "RUB", -99.0),
        PriceChange("o6", "Offer 6", "Розничная", "-5", "20", "RUB", None),
        PriceChange("o1", "Offer 1", "Розничная", "100", "125", "RUB", 25.0),
        PriceChange("o3", "Offer 3", "Розничная", "100", "90.5", "RUB", -9.5),
    )
    assert (told.raised, told.lowered) == (3, 2)
    assert told.tables["price"] == Counts(7, updated=5, unchanged=2)


async def test_the_largest_of_very_many(file_shop: Shop) -> None:
    numbers = range(3 * MOST)
    await file_shop.take(export(PACKAGE, *(price(f"o{n:03}", "1000") for n in numbers)), "prices")
    await file_shop.take(export(PACKAGE, *(price(f"o{n:03}", str(1001 + n)) for n in numbers)), "prices")
    told = changed(file_shop)
    assert [entry.offer for entry in told.prices] == [f"o{n:03}" for n in reversed(numbers[-MOST:])]
    assert told.raised == len(numbers)


async def test_stocks_that_fell(shop: Shop) -> None:
    offers = [Offer(name, "p", None, name.upper()) for name in "abcde"]
    await shop.take(export(PACKAGE, *offers, Product("p", "P")), "catalog")
    before = [stock("a", ("w1", "5"), ("w2", "2")), stock("b", ("w1", "3")), stock("c", ("w1", "1"))]
    await shop.take(export(PACKAGE, *before, stock("d", ("w1", "0")), stock("e", ("w1", "9"))), "stocks")
    after = [stock("a", ("w1", "0"), ("w2", "0")), stock("b", ("w1", "2.5")), stock("c", ("w1", "4"))]
    await shop.take(export(PACKAGE, *after, stock("d", ("w1", "-1")), stock("e", ("w1", "9"))), "stocks")
    told = changed(shop)
    assert told.stocks == (
        StockLoss("a", "A", 7, 0), StockLoss("d", "D", 0, -1), StockLoss("b", "B", 3, 2.5),
    )  # fmt: skip
    assert told.emptied == 1


async def test_what_is_gone(shop: Shop) -> None:
    """Marked by 1C, or left out of a full export; what was gone before is not told again."""
    await shop.take(
        export(FULL, *(Product(name, name.upper(), catalog_id="catalog-1") for name in "abcd")), "catalog"
    )
    for again in range(2):
        left = [
            Product("a", "A", catalog_id="catalog-1"),
            Product("b", "B", catalog_id="catalog-1", removed=True),
        ]
        await shop.take(export(FULL, *left), "catalog", options=Options(force=True))
        if not again:
            gone = changed(shop).gone["product"]
            assert sorted(gone, key=lambda it: it.id) == [Gone("b", "B"), Gone("c", "C"), Gone("d", "D")]
        else:
            assert not [event for event in shop.told.events if isinstance(event, Changes)]


async def test_nothing_is_told_where_nothing_changed(shop: Shop) -> None:
    for _again in range(2):
        await shop.take(export(PACKAGE, price("a", "1")), "prices")
    assert not [event for event in shop.told.events if isinstance(event, Changes)]


async def test_what_was_read_of_each_file(file_shop: Shop) -> None:
    bad = Rejected("", "b.xml", 3, "Product", "no id")
    parts = (
        RecordPart((GOODS, Product("a", "A"), Product("b", "B")), "a.xml"),
        RecordPart((PACKAGE, bad, Offer("a#1", "a", "1")), "b.xml"),
    )
    told = await file_shop.take(RecordExport(parts, batch=1), "catalog")
    (files,) = (event.files for event in told.events if isinstance(event, Progress) and event.files)
    assert [(file.name, file.records, file.rejected) for file in files] == [
        ("a.xml", {"product": 2}, 0), ("b.xml", {"offer": 1}, 1),
    ]  # fmt: skip
    assert all(file.seconds > 0 for file in files)


async def test_the_journal_keeps_it_after_the_session(tmp_path: Path) -> None:
    async with staged(tmp_path, source={"path": str(EXPORT)}) as stage:
        no_processes(stage)
        await stage.launch("catalog", "prices")
        await worked(stage)
        session, journal = await stage.journal.session(1), stage.journal
        told = await journal.detail(1, Files)
        assert told
        rows = [rows for file in told.files for read in file.read.values() for rows in read.records.values()]
        rejected = [read.rejected for file in told.files for read in file.read.values()]
        standing = await journal.detail(1, Standing)
        assert standing
        assert sum(rows) == standing.records
        assert sum(rejected) == session.counts.rejected
        for file in told.files:
            assert file.size == (EXPORT / file.name).stat().st_size
            assert file.modified.endswith("Z")
        gains = await journal.detail(1, Gains)
        assert gains
        assert {kind: sum(c.created for c in of.tables.values()) for kind, of in gains.kinds.items()} == {
            kind: counts.created for kind, counts in session.by_kind.items()
        }
        assert sum(file.seconds for file in told.files) < 30


@pytest.mark.parametrize("number", [1, 3])
async def test_the_log_tells_the_first_few(
    file_shop: Shop, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "FIRST_FEW", number)
    for value in ("1", "2"):
        await file_shop.take(export(PACKAGE, *(price(f"o{n}", value) for n in range(9))), "prices")
    logs = [
        event for event in file_shop.told.events if isinstance(event, Log) and "Large price" in event.message
    ]
    assert len(logs) == number
