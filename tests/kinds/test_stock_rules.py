"""What 1C means by stocks: XML files through the real reader into a shop.

Every import here also holds the accounts to add up (`Told.counted`).
"""

from __future__ import annotations

import pytest
from exchange import CHANGES, STOCKS, Exchange, catalog, offer, package, product, stocked


async def test_in_a_full_package_warehouses_that_are_not_told_go(exchange: Exchange) -> None:
    await exchange.take(package(stocked("a", w1="2", w2="3") + stocked("b", w1="1")), "stocks")
    told = await exchange.take(package(stocked("a", w2="3") + stocked("b", w1="1")), "stocks")
    assert exchange.rows(STOCKS) == [("a", "w2", "3"), ("b", "w1", "1")]
    assert (told.table("stock").unchanged, told.table("stock").removed) == (2, 1)


async def test_an_offer_that_a_full_package_leaves_out_has_no_stock(exchange: Exchange) -> None:
    both = stocked("a", w1="2", w2="3") + stocked("b", w1="1")
    await exchange.take(catalog(product("a") + product("b")) + package(both), "catalog", "stocks")
    await exchange.take(package(stocked("b", w1="1"), CHANGES), "stocks")
    assert len(exchange.rows(STOCKS)) == 3
    told = await exchange.take(package(stocked("b", w1="1")), "stocks")
    assert exchange.rows(STOCKS) == [("b", "w1", "1")]
    assert told.table("stock").removed == 2


@pytest.mark.parametrize(
    ("total", "left", "warned"),
    [("5", ["w1"], False), ("5.0", ["w1"], False), ("6", ["w1", "w2"], True), (None, ["w1", "w2"], False)],
)
async def test_changes_tell_the_whole_stock_where_the_total_is_their_sum(
    exchange: Exchange, total: str | None, left: list[str], warned: bool
) -> None:
    await exchange.take(package(stocked("a", w1="2", w2="3")), "stocks")
    told = await exchange.take(package(stocked("a", total, w1="5"), CHANGES), "stocks")
    assert exchange.rows("SELECT warehouse_id FROM stock ORDER BY 1") == left
    assert exchange.rows("SELECT quantity FROM stock WHERE warehouse_id = 'w1'") == ["5"]
    logs = told.logs("Количество is not", level="warning")
    assert [log.args["ids"] for log in logs] == (["a"] if warned else [])


@pytest.mark.parametrize("written", ["", "many"])
async def test_a_quantity_that_cannot_be_read_is_rejected_and_never_zero(
    exchange: Exchange, written: str
) -> None:
    await exchange.take(package(stocked("a", w1="2", w2="3")), "stocks")
    told = await exchange.take(package(stocked("a", w1="4", w2=written)), "stocks")
    assert exchange.rows(STOCKS) == [("a", "w1", "4"), ("a", "w2", "3")]
    assert [reject.record_id for reject in told.rejects] == ["a"]


async def test_an_offer_without_a_word_of_stock_keeps_it(exchange: Exchange) -> None:
    await exchange.take(package(stocked("a", w1="2") + stocked("b", w1="1")), "stocks")
    await exchange.take(package(offer("a") + stocked("b", w1="0")), "stocks")
    assert exchange.rows(STOCKS) == [("a", "w1", "2"), ("b", "w1", "0")]
