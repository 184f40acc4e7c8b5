from __future__ import annotations

from exchange import PRICES
from record_exports import PACKAGE, export
from shops import Shop

from importers.commerceml.records import Offer, OfferPrices, PriceType, Product, Rejected, Section


def price(offer: str, value: str, price_type: str = "retail", currency: str = "RUB") -> OfferPrices:
    return OfferPrices(offer, ((price_type, value, currency, "796", "1", None),))


RETAIL = PriceType("retail", "Розничная", "RUB", True)


async def test_prices_are_created_then_updated_then_unchanged(shop: Shop) -> None:
    told = await shop.take(export(PACKAGE, RETAIL, price("a", "10.5"), price("b", "7")), "prices")
    assert (told.table("price").created, told.table("price").read) == (2, 2)
    assert shop.rows("SELECT * FROM price ORDER BY offer_id") == [
        ("a", "retail", "10.5", "RUB", "796", "1", None),
        ("b", "retail", "7", "RUB", "796", "1", None),
    ]

    told = await shop.take(export(PACKAGE, RETAIL, price("a", "11"), price("b", "7")), "prices")
    counts = told.table("price")
    assert (counts.updated, counts.unchanged) == (1, 1)
    assert shop.rows("SELECT value FROM price ORDER BY offer_id") == ["11", "7"]


async def test_the_list_of_an_offer_is_whole(shop: Shop) -> None:
    both = OfferPrices("a", (("retail", "10", "RUB", None, "1", None), ("bulk", "8", "RUB", None, "1", None)))
    await shop.take(export(PACKAGE, both, price("b", "5", "bulk")), "prices")
    told = await shop.take(export(PACKAGE, price("a", "12")), "prices")
    assert shop.rows(PRICES) == [
        ("a", "retail", "12"),
        ("b", "bulk", "5"),
    ], "the package tells changes only: of b it says nothing"
    counts = told.table("price")
    assert (counts.read, counts.updated, counts.removed) == (2, 1, 1)


async def test_a_list_that_could_not_be_read_whole_takes_nothing_away(shop: Shop) -> None:
    both = OfferPrices("a", (("retail", "10", "RUB", None, "1", None), ("bulk", "8", "RUB", None, "1", None)))
    await shop.take(export(PACKAGE, both), "prices")
    part = OfferPrices("a", (("retail", "12", "RUB", None, "1", None),), whole=False)
    await shop.take(export(PACKAGE, part), "prices")
    assert shop.rows("SELECT price_type_id, value FROM price ORDER BY 1") == [("bulk", "8"), ("retail", "12")]


async def test_the_last_of_repeated_prices_counts(shop: Shop) -> None:
    told = await shop.take(export(PACKAGE, price("a", "1"), price("b", "5"), price("a", "2")), "prices")
    counts = told.table("price")
    assert (counts.read, counts.created, counts.unchanged) == (3, 2, 1)
    assert shop.rows("SELECT value FROM price WHERE offer_id = 'a'") == ["2"]
    (log,) = told.logs("came again")
    assert (log.level, log.args["count"]) == ("warning", 1)


async def test_prices_of_one_offer_in_two_parts_are_joined(shop: Shop) -> None:
    told = await shop.take(export(PACKAGE, price("a", "1"), price("a", "2", "bulk")), "prices")
    assert told.table("price").created == 2
    assert not told.logs("came again")


async def test_an_undefined_price_type_is_made_and_warned_about_once(shop: Shop) -> None:
    told = await shop.take(export(PACKAGE, price("a", "1", "x1"), price("b", "1", "x1")), "prices")
    (log,) = told.logs("Price types", level="warning")
    assert log.args == {"count": 1, "ids": "x1"}
    assert shop.rows("SELECT id, name, removed FROM price_type") == [("x1", "x1", 0)]
    told = await shop.take(
        export(PACKAGE, PriceType("x1", "Опт", "RUB", None), price("a", "2", "x1")), "prices"
    )
    assert shop.rows("SELECT name FROM price_type") == ["Опт"]
    assert not told.logs("Price type")


async def test_a_price_of_an_unknown_offer_is_kept_and_joined_when_the_offer_arrives(shop: Shop) -> None:
    told = await shop.take(export(PACKAGE, RETAIL, price("p#c", "10"), price("q", "3")), "prices")
    assert told.counts.orphans == 2
    (log,) = told.logs("unknown offers")
    assert (log.level, log.args) == ("warning", {"table": "price", "count": 2, "ids": "p#c, q"})
    await shop.take(export(PACKAGE, Product("p", "P"), Offer("p#c", "p", "c"), Product("q", "Q")), "catalog")
    joined = shop.rows("SELECT offer.id, value FROM offer JOIN price ON price.offer_id = offer.id")
    assert joined == [("p#c", "10")]
    told = await shop.take(export(PACKAGE, RETAIL, price("p#c", "10"), price("q", "3")), "prices")
    assert told.counts.orphans == 0, "a product without offers carries its price itself"


async def test_the_largest_changes_are_told_with_names(shop: Shop) -> None:
    offers = [Offer(f"o{n}", "p", None, f"Offer {n}") for n in range(9)]
    await shop.take(export(PACKAGE, RETAIL, *offers, Product("p", "P")), "catalog")
    await shop.take(export(PACKAGE, *(price(f"o{n}", "100") for n in range(9))), "prices")
    changed = ["101", "1", "20000", "100", "102", "103", "104", "0", "99.99"]
    told = await shop.take(export(PACKAGE, *(price(f"o{n}", v) for n, v in enumerate(changed))), "prices")
    largest = told.logs("Large price change")
    assert [log.args["new"] for log in largest] == ["0 RUB", "20000 RUB", "1 RUB", "104 RUB", "103 RUB"]
    assert largest[0].args == {
        "offer": "Offer 7",
        "price_type": "Розничная",
        "old": "100 RUB",
        "new": "0 RUB",
    }


async def test_an_unknown_currency_is_kept_and_told_once(shop: Shop) -> None:
    prices = [
        OfferPrices(f"o{n}", (("t", "1", currency, None, "1", None),))
        for n, currency in enumerate(("у.е.", "RUB", "у.е."))
    ]
    told = await shop.take(export(PACKAGE, PriceType("t", "Опт", "тугрик", None), *prices), "prices")
    assert [log.args for log in told.logs("Currency", "is unknown")] == [
        {"currency": "тугрик"},
        {"currency": "у.е."},
    ]
    assert shop.rows("SELECT DISTINCT currency FROM price ORDER BY 1") == ["RUB", "у.е."]


async def test_an_export_of_empty_prices_only_ends_them(shop: Shop) -> None:
    await shop.take(export(PACKAGE, price("a", "10"), price("b", "5")), "prices")
    unset = OfferPrices("a", (), unset=("retail",))
    told = await shop.take(export(PACKAGE, unset), "prices")
    assert not told.counted.empty
    assert shop.rows("SELECT offer_id FROM price ORDER BY 1") == ["b"]


async def test_an_offer_without_an_id_keeps_absence_from_taking_prices(shop: Shop) -> None:
    full = Section("catalog-1#", "ПакетПредложений", False, "catalog-1")
    offers = [
        Offer("a", "a", None, "A", catalog_id="catalog-1"),
        Offer("b", "b", None, "B", catalog_id="catalog-1"),
    ]
    await shop.take(export(full, *offers), "variants")
    await shop.take(export(full, price("a", "10"), price("b", "5")), "prices")
    lost = Rejected("", "offers.xml", 1, "Offer", "has no Ид")
    await shop.take(export(full, price("a", "10"), lost), "prices")
    assert shop.rows("SELECT offer_id FROM price ORDER BY 1") == ["a", "b"]
    await shop.take(export(full, price("a", "10")), "prices")
    assert shop.rows("SELECT offer_id FROM price ORDER BY 1") == ["a"]
