"""Memory has bounds whatever an export holds: what no 1C writes is refused, what is only told is told in part."""

from __future__ import annotations

import pytest
from record_exports import PACKAGE, export
from shops import Shop

from importers.catalog import links, merge
from importers.commerceml.records import OfferPrices, Product, Section, UnitUse
from importers.errors import BadFile, ObmenError
from importers.kinds import fullness, summary


async def test_links_to_very_many_things_are_counted_in_part(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_LINKED", 40)
    goods = [Product(f"p{n}", "P", groups=(f"group-{n % 100:04}",)) for n in range(200)]
    told = await shop.take(export(*goods), "catalog")
    (log,) = told.logs("links to unknown ones")
    assert log.args["count"] == 10, "five ids, each twice"
    assert shop.rows("SELECT count(*) FROM product_category") == [200]


async def test_more_price_types_than_any_1c_has(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MAX_REFERENCES", 40)
    prices = [OfferPrices(f"o{n}", ((f"type-{n}", "1", None, None, "1", None),)) for n in range(10)]
    with pytest.raises(
        ObmenError, match=r"prices: there are more price_type_id than any 1C has, type-\d is one"
    ):
        await shop.take(export(PACKAGE, *prices), "prices")
    assert shop.rows("SELECT count(*) FROM price") == [0]
    monkeypatch.setattr(merge, "MAX_REFERENCES", 80)
    await shop.take(export(PACKAGE, *prices), "prices")


async def test_one_offer_told_very_often(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MAX_KEY_BYTES", 500)
    prices = [OfferPrices("o", ((f"type-{n}", "1", None, None, "1", None),)) for n in range(10)]
    with pytest.raises(ObmenError, match="prices: o is told so often"):
        await shop.take(export(PACKAGE, *prices), "prices")


async def test_more_catalogs_than_any_1c_has(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fullness, "MANY_SCOPES", 5)
    sections = [Section(f"c{n}", "Каталог", True, f"c{n}", file="import.xml") for n in range(6)]
    with pytest.raises(BadFile, match=r"import\.xml.*more catalogs or classifiers than any 1C writes"):
        await shop.take(export(*sections, Product("p", "P")), "catalog")
    await shop.take(export(*sections[:4], Product("p", "P")), "catalog")


async def test_many_unknown_currencies_are_told_in_part(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = [OfferPrices(f"o{n}", (("t", "1", f"C{n:02}", None, "1", None),)) for n in range(30)]
    told = await shop.take(export(PACKAGE, *prices), "prices")
    assert len(told.logs("Currency {currency} is unknown")) == summary.FIRST_FEW
    assert [log.args["count"] for log in told.logs("More unknown currencies")] == [30 - summary.FIRST_FEW]


async def test_what_is_too_long_for_a_unit_defines_none(shop: Shop) -> None:
    units = [UnitUse("796", "шт", None), UnitUse("x" * 256, None, None), UnitUse("y", "z" * 256, None)]
    await shop.take(export(*units, Product("p", "P", unit="796")), "catalog")
    assert shop.rows("SELECT code FROM unit") == ["796"]
