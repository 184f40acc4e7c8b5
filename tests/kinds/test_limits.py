"""Guarantee 9: a disastrous export changes nothing, unless the operator says so."""

from __future__ import annotations

import pytest
from record_exports import RecordExport, RecordPart, export
from shops import Shop

from importers import texts
from importers.commerceml.records import (
    Customer,
    Offer,
    OfferPrices,
    PriceType,
    Product,
    Record,
    Rejected,
    Section,
)
from importers.errors import LimitExceeded
from importers.kinds import Counts, Options
from importers.settings import Limits

FULL = Section("c", "Каталог", False, "c")
FULL_PACKAGE = Section("c#", "ПакетПредложений", False, "c")
CHANGES = Section("c", "Каталог", True, "c")


def goods(count: int, **rest: object) -> list[Record]:
    return [Product(f"p{n:03}", "P", catalog_id="c", **rest) for n in range(count)]  # type: ignore[arg-type]


def rejects(count: int) -> list[Record]:
    return [Rejected(f"r{n}", "import.xml", n, "Product", "bad") for n in range(count)]


async def test_too_many_rejects_change_nothing(shop: Shop) -> None:
    with pytest.raises(
        LimitExceeded,
        match=r"catalog: 12 of 100 records are rejected, more than 10%; nothing is changed.*--force",
    ):
        await shop.take(export(CHANGES, *goods(88), *rejects(12)), "catalog")
    assert shop.rows("SELECT count(*) FROM product") == [0]
    assert shop.told.counts.created == 88, "the operator sees what would have happened"
    assert len(shop.told.rejects) == 12


async def test_rejects_up_to_the_limit_are_fine(shop: Shop) -> None:
    told = await shop.take(export(CHANGES, *goods(180), *rejects(20)), "catalog")
    assert (told.counts.created, told.counts.rejected) == (180, 20)


async def test_a_handful_of_rejects_is_no_disaster(shop: Shop) -> None:
    told = await shop.take(export(CHANGES, *goods(3), *rejects(10)), "catalog")
    assert told.counts.created == 3


async def test_a_limit_of_nothing_takes_nothing(shop: Shop) -> None:
    strict = Limits(max_reject_share=0, max_removed_share=0)
    await shop.take(export(FULL, *goods(5)), "catalog", limits=strict)
    with pytest.raises(LimitExceeded, match="1 of 6 records are rejected, more than 0%"):
        await shop.take(export(FULL, *goods(5), *rejects(1)), "catalog", limits=strict)
    with pytest.raises(LimitExceeded, match="1 of 5 rows of products would be removed, more than 0%"):
        await shop.take(export(FULL, *goods(4)), "catalog", limits=strict)
    assert shop.rows("SELECT count(*) FROM product WHERE NOT removed") == [5]


async def test_the_limit_is_the_settings(shop: Shop) -> None:
    with pytest.raises(LimitExceeded, match=r"more than 1\.5%"):
        await shop.take(
            export(CHANGES, *goods(189), *rejects(11)), "catalog", limits=Limits(max_reject_share=0.015)
        )


@pytest.mark.parametrize("how", ["absence", "marks"])
async def test_too_many_removals_change_nothing(shop: Shop, how: str) -> None:
    await shop.take(export(FULL, *goods(100)), "catalog")
    disaster = export(FULL, *goods(69)) if how == "absence" else export(CHANGES, *goods(31, removed=True))
    with pytest.raises(
        LimitExceeded, match=r"catalog: 31 of 100 rows of products would be removed, more than 30%"
    ):
        await shop.take(disaster, "catalog")
    assert shop.rows("SELECT count(*) FROM product WHERE removed") == [0]
    assert shop.told.counts.removed == 31

    told = await shop.take(disaster, "catalog", options=Options(force=True))
    assert told.counts.removed == 31
    (log,) = told.logs("would be removed", level="warning")
    assert (log.args["removed"], log.args["active"]) == (31, 100)
    assert shop.rows("SELECT count(*) FROM product WHERE removed") == [31]


async def test_of_prices_offers_are_counted_that_would_lose_theirs(shop: Shop) -> None:
    offers = [Offer(f"p{n:03}", f"p{n:03}", None, "P", catalog_id="c") for n in range(40)]
    two = (("retail", "2", "RUB", None, "1", None), ("whole", "1", "RUB", None, "1", None))
    prices = [OfferPrices(offer.id, two) for offer in offers]
    types = [PriceType("retail", "Retail", "RUB", None), PriceType("whole", "Whole", "RUB", None)]
    await shop.take(export(FULL, *goods(40), FULL_PACKAGE, *types, *offers, *prices), "catalog", "prices")
    with pytest.raises(LimitExceeded, match="prices: 20 of 40 offers would lose their prices, more than 30%"):
        await shop.take(export(FULL_PACKAGE, *types, *offers, *prices[:20]), "prices")
    assert shop.rows("SELECT count(*) FROM price") == [80]


async def test_what_is_removed_already_does_not_count_again(shop: Shop) -> None:
    await shop.take(export(CHANGES, *goods(100, removed=True)), "catalog")
    await shop.take(export(CHANGES, *goods(40, removed=True)), "catalog")


async def test_limits_hold_for_every_table(shop: Shop) -> None:
    customers = [Customer(f"c{n:02}", "C") for n in range(40)]
    everyone = Section("", "Контрагенты", False)
    await shop.take(export(everyone, *customers), "customers")
    with pytest.raises(LimitExceeded, match="of customers would be removed"):
        await shop.take(export(everyone, *customers[:20]), "customers")
    assert shop.rows("SELECT count(*) FROM customer WHERE removed") == [0]


async def test_the_message_speaks_the_operators_language(shop: Shop) -> None:
    texts.use("en")
    with pytest.raises(LimitExceeded) as caught:
        await shop.take(export(CHANGES, *rejects(11)), "catalog")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("kind", ["catalog", "attributes", "variants", "stocks", "prices", "customers"])
async def test_a_kind_without_files_or_records_is_not_silently_done(shop: Shop, kind: str) -> None:
    for nothing in (RecordExport((RecordPart([]),)), export(CHANGES)):
        told = await shop.take(nothing, kind)
        assert told.counted.empty
        assert told.counts == Counts()
        (log,) = told.logs("nothing of it in this export", level="warning")
        assert log.args == {"kind": kind}
