from __future__ import annotations

import pytest
from record_exports import GOODS, PACKAGE, export
from shops import Shop

from importers.commerceml.records import Offer, OfferStocks, Product, Warehouse


def stock(offer: str, **by_warehouse: str) -> OfferStocks:
    return OfferStocks(offer, tuple(by_warehouse.items()))


def total(offer: str, quantity: str) -> OfferStocks:
    return OfferStocks(offer, (("", quantity),))


WAREHOUSES = (Warehouse("w1", "Основной"), Warehouse("w2", "Магазин"))


async def test_quantities_are_kept_by_warehouse(shop: Shop) -> None:
    told = await shop.take(
        export(PACKAGE, *WAREHOUSES, stock("a", w1="2", w2="-3"), total("b", "0.5")), "stocks"
    )
    assert (told.table("stock").created, told.table("warehouse").created) == (3, 2)
    assert shop.rows("SELECT * FROM stock") == [("a", "w1", "2"), ("a", "w2", "-3"), ("b", "", "0.5")]
    assert shop.rows("SELECT id FROM warehouse") == ["w1", "w2"], "a total is in no warehouse"


async def test_a_quantity_that_is_not_told_stays(shop: Shop) -> None:
    await shop.take(export(PACKAGE, *WAREHOUSES, stock("a", w1="2", w2="3")), "stocks")
    told = await shop.take(export(PACKAGE, stock("a", w1="5")), "stocks")
    assert shop.rows("SELECT warehouse_id, quantity FROM stock ORDER BY 1") == [("w1", "5"), ("w2", "3")]
    assert (told.table("stock").read, told.table("stock").updated) == (1, 1)


async def test_warehouses_of_an_offer_that_is_split_over_parts_are_joined(shop: Shop) -> None:
    await shop.take(export(PACKAGE, stock("a", w1="2"), stock("b", w1="1"), stock("a", w2="3")), "stocks")
    assert shop.rows("SELECT warehouse_id, quantity FROM stock WHERE offer_id = 'a'") == [
        ("w1", "2"),
        ("w2", "3"),
    ]


async def test_a_total_and_warehouses_replace_each_other(shop: Shop) -> None:
    await shop.take(export(PACKAGE, total("a", "9")), "stocks")
    told = await shop.take(export(PACKAGE, *WAREHOUSES, stock("a", w1="2", w2="3")), "stocks")
    assert shop.rows("SELECT warehouse_id, quantity FROM stock ORDER BY 1") == [("w1", "2"), ("w2", "3")]
    assert (told.table("stock").read, told.table("stock").created, told.table("stock").removed) == (3, 2, 1)

    told = await shop.take(export(PACKAGE, total("a", "0")), "stocks")
    assert shop.rows("SELECT warehouse_id, quantity FROM stock ORDER BY 1") == [("", "0")]
    assert (told.table("stock").read, told.table("stock").created, told.table("stock").removed) == (3, 1, 2)

    told = await shop.take(export(PACKAGE, total("a", "5"), stock("a", w1="1")), "stocks")
    assert shop.rows("SELECT warehouse_id, quantity FROM stock ORDER BY 1") == [("w1", "1")], (
        "the last one counts here too"
    )


@pytest.mark.parametrize(
    ("told", "left"),
    [((("w1", "5"), ("w1", "7")), [("w1", "7")]), ((("", "9"), ("w1", "5")), [("w1", "5")])],
)
async def test_of_what_one_record_tells_twice_the_last_one_counts(
    shop: Shop, told: tuple[tuple[str, str], ...], left: list[tuple[str, str]]
) -> None:
    counts = (await shop.take(export(PACKAGE, *WAREHOUSES, OfferStocks("a", told)), "stocks")).table("stock")
    assert shop.rows("SELECT warehouse_id, quantity FROM stock ORDER BY 1") == left
    assert (counts.read, counts.created, counts.unchanged) == (2, 1, 1)


async def test_an_undefined_warehouse_is_made_and_warned_about_once(shop: Shop) -> None:
    told = await shop.take(export(PACKAGE, stock("a", x="1"), stock("b", x="1")), "stocks")
    (log,) = told.logs("Warehouses that the export defines nowhere", level="warning")
    assert log.args == {"count": 1, "ids": "x"}
    assert shop.rows("SELECT id, name, removed FROM warehouse") == [("x", "x", 0)]
    assert not (await shop.take(export(PACKAGE, stock("a", x="2")), "stocks")).logs("defines nowhere")


async def test_products_that_lost_their_stock_are_told_by_name(shop: Shop) -> None:
    goods = [Product("p", "Палатка"), Product("q", "Котелок"), Product("r", "Фонарь")]
    offers = [Offer("p#1", "p", "1"), Offer("p#2", "p", "2"), Offer("q#1", "q", "1"), Offer("q#2", "q", "2")]
    await shop.take(export(GOODS, *goods, PACKAGE, *offers), "catalog")
    before = [stock(ident, w1="1", w2="2") for ident in ("p#1", "p#2", "q#1", "r")]
    await shop.take(export(PACKAGE, *WAREHOUSES, *before), "stocks")
    after = [
        stock("p#1", w1="0", w2="0"), stock("p#2", w1="-1", w2="0"),
        stock("q#1", w1="0", w2="0"), stock("q#2", w1="4"),
        total("r", "0"),
    ]  # fmt: skip
    told = await shop.take(export(PACKAGE, *after), "stocks")
    (log,) = told.logs("out of stock", level="warning")
    assert log.args == {"count": 2, "products": "Палатка, Фонарь"}, "the other offer of q came into stock"
