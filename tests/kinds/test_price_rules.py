"""What 1C means by prices: XML files through the real reader into a shop.

Every import here also holds the accounts to add up (`Told.counted`).
"""

from __future__ import annotations

import pytest
from exchange import (
    CHANGES,
    FULL,
    PRICES,
    UNITS,
    Exchange,
    catalog,
    classifier,
    element,
    package,
    price,
    priced,
    product,
)


@pytest.mark.parametrize("only_changes", [FULL, CHANGES])
async def test_prices_that_a_list_leaves_out_go(exchange: Exchange, only_changes: str) -> None:
    await exchange.take(
        package(priced("a", price("10"), price("8", "bulk")) + priced("b", price("5", "bulk"))), "prices"
    )
    told = await exchange.take(
        package(priced("a", price("11")) + priced("b", price("5", "bulk")), only_changes), "prices"
    )
    assert exchange.rows(PRICES) == [("a", "retail", "11"), ("b", "bulk", "5")]
    counts = told.table("price")
    assert (counts.read, counts.updated, counts.removed, counts.unchanged) == (3, 1, 1, 1)


async def test_an_offer_that_a_full_package_leaves_out_has_no_prices(exchange: Exchange) -> None:
    both = priced("a", price("10"), price("8", "bulk")) + priced("b", price("5"))
    await exchange.take(package(both), "prices")
    await exchange.take(catalog(product("a") + product("b")) + package(both), "catalog")
    await exchange.take(package(priced("b", price("5")), CHANGES), "prices")
    assert len(exchange.rows(PRICES)) == 3, "changes say nothing of what they do not name"
    told = await exchange.take(package(priced("b", price("5"))), "prices")
    assert exchange.rows(PRICES) == [("b", "retail", "5")]
    assert (told.table("price").read, told.table("price").removed) == (3, 2)
    assert told.logs("full export has them no more", level="warning")


async def test_a_full_package_takes_no_prices_of_another_catalog(exchange: Exchange) -> None:
    for ident, of in (("cat", "a"), ("other", "z")):
        await exchange.take(
            catalog(product(of), ident=ident) + package(priced(of, price("1")), ident=ident),
            "catalog",
            "prices",
        )
    await exchange.take(catalog(product("b")) + package(priced("b", price("2"))), "catalog", "prices")
    assert exchange.rows(PRICES) == [("b", "retail", "2"), ("z", "retail", "1")]


async def test_an_empty_price_is_not_set_and_no_reject(exchange: Exchange) -> None:
    await exchange.take(package(priced("a", price("10"), price("8", "bulk"))), "prices")
    told = await exchange.take(package(priced("a", price("10"), price("", "bulk")), CHANGES), "prices")
    assert exchange.rows(PRICES) == [("a", "retail", "10")]
    assert not told.rejects
    assert (told.table("price").unchanged, told.table("price").removed) == (1, 1)


async def test_a_price_that_cannot_be_read_takes_no_other_with_it(exchange: Exchange) -> None:
    await exchange.take(package(priced("a", price("10"), price("8", "bulk"))), "prices")
    told = await exchange.take(package(priced("a", price("11"), price("eight", "bulk")), CHANGES), "prices")
    assert exchange.rows(PRICES) == [("a", "bulk", "8"), ("a", "retail", "11")]
    assert [reject.record_id for reject in told.rejects] == ["a"]


async def test_an_empty_price_beside_one_that_cannot_be_read_is_not_set(exchange: Exchange) -> None:
    await exchange.take(package(priced("a", price("10"), price("8", "bulk"))), "prices")
    told = await exchange.take(package(priced("a", price("ten"), price("", "bulk")), CHANGES), "prices")
    assert len(told.rejects) == 1
    assert exchange.rows(PRICES) == [("a", "retail", "10")]


@pytest.mark.parametrize("bad", ["prices_1_1_a", "prices_1_2_a"])
async def test_a_price_that_cannot_be_read_stays_though_another_part_of_the_set_tells_more(
    exchange: Exchange, bad: str
) -> None:
    await exchange.take(package(priced("a", price("10"), price("8", "bulk"))), "prices")
    parts = {
        f"prices/prices_1_{n}_a.xml": package(
            priced("a", price("ten", "bulk") if f"prices_1_{n}_a" == bad else price("11")), CHANGES
        )
        for n in (1, 2)
    }
    await exchange.take(parts, "prices")
    assert exchange.rows(PRICES) == [("a", "bulk", "8"), ("a", "retail", "11")]


async def test_of_two_prices_of_a_type_the_base_one_counts_and_the_other_is_kept_beside(
    exchange: Exchange,
) -> None:
    pack = price("540", more="<Единица>778</Единица><Коэффициент>6</Коэффициент>")
    scale = price("90", more="<Единица>796</Единица><МинКоличество>10</МинКоличество>")
    base = price("100", more="<Единица>796</Единица><Коэффициент>1</Коэффициент>")
    told = await exchange.take(package(priced("a", pack, scale, base)), "prices")
    assert exchange.rows(PRICES) == [("a", "retail", "100")]
    beside = "SELECT value, unit, coefficient, min_quantity FROM price_beside ORDER BY value"
    assert exchange.rows(beside) == [("540", "778", "6", ""), ("90", "796", "1", "10")]
    assert told.table("price").read == 3
    assert told.logs("beside", level="warning")

    again = await exchange.take(package(priced("a", pack, scale, base)), "prices")
    assert again.table("price").unchanged == 3
    told = await exchange.take(package(priced("a", pack, base), CHANGES), "prices")
    assert exchange.rows(beside) == [("540", "778", "6", "")]
    assert (told.table("price").unchanged, told.table("price").removed) == (2, 1)

    told = await exchange.take(package(priced("a", base)), "prices")
    assert exchange.rows(beside) == [], "a whole list without it"
    assert (told.table("price").unchanged, told.table("price").removed) == (1, 1)


async def test_prices_that_become_the_same_by_the_code_of_their_unit_are_counted_one_by_one(
    exchange: Exchange,
) -> None:
    await exchange.take(classifier(UNITS) + catalog(product("a")), "catalog")
    prices = [
        price("100"),
        *(price("540", more=f"<Единица>{of}</Единица><Коэффициент>6</Коэффициент>") for of in ("шт", "796")),
    ]
    told = await exchange.take(package(priced("a", *prices)), "prices")
    assert exchange.rows("SELECT value, unit FROM price_beside") == [("540", "796")]
    counts = told.table("price")
    assert (counts.read, counts.created, counts.unchanged) == (3, 2, 1)
    again = await exchange.take(package(priced("a", *prices)), "prices")
    assert again.table("price").unchanged == 3


async def test_prices_of_an_offer_in_two_parts_of_a_set_are_one_list(exchange: Exchange) -> None:
    parts = {
        "prices/prices_1_1_a.xml": package(priced("a", price("10")), CHANGES),
        "prices/prices_1_2_a.xml": package(priced("a", price("8", "bulk")), CHANGES),
    }
    await exchange.take(package(priced("a", price("1", "stale"))), "prices")
    await exchange.take(parts, "prices")
    assert exchange.rows(PRICES) == [("a", "bulk", "8"), ("a", "retail", "10")]


TYPES = "<ТипыЦен><ТипЦены><Ид>only</Ид><Наименование>Розничная</Наименование><Валюта>руб</Валюта></ТипЦены></ТипыЦен>"


@pytest.mark.parametrize("where", ["in the package", "in another file of the set"])
async def test_a_price_without_a_type_is_of_the_only_one(exchange: Exchange, where: str) -> None:
    offers = priced("a", price("10", of_type=""))
    files = (
        {"offers.xml": package(offers, before=TYPES)}
        if where == "in the package"
        else {
            "priceLists/priceLists_1_1_a.xml": classifier(TYPES),
            "prices/prices_1_1_a.xml": package(offers),
        }
    )
    told = await exchange.take(files, "prices")
    assert exchange.rows(PRICES) == [("a", "only", "10")]
    assert not told.rejects


@pytest.mark.parametrize("types", ["", TYPES + TYPES.replace("only", "second")])
async def test_a_price_without_a_type_is_rejected_where_none_or_several_are_defined(
    exchange: Exchange, types: str
) -> None:
    told = await exchange.take(
        package(priced("a", price("10", of_type="")) + priced("b", price("1")), before=types), "prices"
    )
    assert exchange.rows(PRICES) == [("b", "retail", "1")]
    (reject,) = told.rejects
    assert (reject.record_id, reject.reason, reject.line) == ("a", "has no ИдТипаЦены", 4)


@pytest.mark.parametrize(
    ("setting", "stay", "unknown"),
    [
        ("", [], ""),
        ("mine", ["mine"], ""),
        ("акция, x", ["mine"], "x"),
        ("*", ["bulk", "mine"], ""),
        ("Опт, крупный, акция", ["bulk", "mine"], ""),
        ("Опт", [], "Опт"),
        ("**;mine", [], "**;mine"),
    ],
)
async def test_prices_of_types_that_the_shop_keeps_stay(
    exchange: Exchange, setting: str, stay: list[str], unknown: str
) -> None:
    types = (
        "<ТипыЦен>" + element("ТипЦены", "mine", called="Акция")
        + element("ТипЦены", "bulk", called="Опт, крупный") + "</ТипыЦен>"
    )  # fmt: skip
    await exchange.take(
        package(priced("a", price("10"), price("7", "mine"), price("8", "bulk")), before=types), "prices"
    )
    told = await exchange.take(package(priced("a", price("11")), CHANGES), "prices", keep_unlisted=setting)
    assert exchange.rows("SELECT price_type_id FROM price ORDER BY 1") == sorted([*stay, "retail"])
    assert [log.args["names"] for log in told.logs("keep_unlisted")] == [unknown] * bool(unknown)


async def test_the_tax_of_a_price_and_of_its_type_are_kept(exchange: Exchange) -> None:
    tax = "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог>"
    types = "<ТипыЦен>" + element("ТипЦены", "retail", tax) + "</ТипыЦен>"
    await exchange.take(package(priced("a", price("10", more=tax)), before=types), "prices")
    assert exchange.rows("SELECT tax FROM price") == ["НДС"]
    assert exchange.rows("SELECT tax_included, tax FROM price_type") == [(1, "НДС")]
