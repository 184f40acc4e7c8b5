"""What 1C means by lists of reference data, and by units: XML files through the real reader into a shop.

Every import here also holds the accounts to add up (`Told.counted`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from exchange import (
    CHANGES,
    FULL,
    UNITS,
    Exchange,
    catalog,
    classifier,
    element,
    offer,
    package,
    price,
    priced,
    product,
    section,
)

from importers.commerceml import reader

REFERENCE = {
    "category": ("catalog", "<Группы>{}</Группы>", "Группа"),
    "warehouse": ("catalog", "<Склады>{}</Склады>", "Склад"),
    "price_type": ("catalog", "<ТипыЦен>{}</ТипыЦен>", "ТипЦены"),
    "property": ("attributes", "<Свойства>{}</Свойства>", "Свойство"),
    "product_type": ("catalog", "<Категории>{}</Категории>", "Категория"),
}


def reference(table: str, *ids: str) -> str:
    _kind, around, name = REFERENCE[table]
    return around.format("".join(element(name, ident) for ident in ids))


@pytest.mark.parametrize("table", REFERENCE)
async def test_reference_data_go_by_absence_in_full_only_and_in_their_own_classifier(
    exchange: Exchange, table: str
) -> None:
    kind = REFERENCE[table][0]
    await exchange.take(classifier(reference(table, "z"), ident="other"), kind)
    await exchange.take(classifier(reference(table, "a", "b")), kind)
    await exchange.take(classifier(reference(table, "a"), CHANGES), kind)
    await exchange.take(classifier(reference(table, "a"), None), kind)
    assert exchange.removed(table) == [], "changes, and what says nothing of itself"
    told = await exchange.take(classifier(reference(table, "a")), kind)
    assert exchange.removed(table) == ["b"], "and not that of another classifier"
    assert (told.table(table).read, told.table(table).removed) == (2, 1)
    await exchange.take(classifier(reference(table, "b"), CHANGES), kind)
    assert exchange.removed(table) == [], "what comes again is there again"


def valued(*values: str) -> str:
    each = "".join(
        f"<Справочник><ИдЗначения>{v}</ИдЗначения><Значение>{v}</Значение></Справочник>" for v in values
    )
    return (
        "<Свойства>"
        + element("Свойство", "p", f"<ВариантыЗначений>{each}</ВариантыЗначений>")
        + "</Свойства>"
    )


async def test_values_of_properties_go_by_absence_in_full_only_and_in_their_own_classifier(
    exchange: Exchange,
) -> None:
    other = valued("z").replace("<Ид>p</Ид>", "<Ид>q</Ид>")
    await exchange.take(classifier(other, ident="other"), "attributes")
    await exchange.take(classifier(valued("s", "m", "l")), "attributes")
    await exchange.take(classifier(valued("s"), CHANGES), "attributes")
    assert exchange.removed("property_value") == []
    told = await exchange.take(classifier(valued("s", "m")), "attributes")
    assert exchange.removed("property_value") == ["l"]
    assert told.table("property_value").removed == 1


async def test_customers_go_by_absence_in_full_only(exchange: Exchange) -> None:
    def customers(ids: str, only_changes: str | None) -> str:
        return section(
            "Контрагенты", "", only_changes, "".join(element("Контрагент", i) for i in ids.split())
        )

    await exchange.take(customers("a b", FULL), "customers")
    for said in (CHANGES, None):
        await exchange.take(customers("a", said), "customers")
        assert exchange.removed("customer") == []
    await exchange.take(customers("a", FULL), "customers")
    assert exchange.removed("customer") == ["b"]


@pytest.mark.parametrize("by", [FULL, CHANGES])
async def test_a_classifier_that_says_nothing_is_as_full_as_the_catalog_that_names_it(
    exchange: Exchange, by: str
) -> None:
    """1C 2.0x writes СодержитТолькоИзменения on the Каталог alone."""
    await exchange.take(classifier(reference("category", "g", "h"), None) + catalog(product("a")), "catalog")
    await exchange.take(classifier(reference("category", "g"), None) + catalog(product("a"), by), "catalog")
    assert exchange.removed("category") == (["h"] if by == FULL else [])
    await exchange.take(
        classifier(reference("category", "g"), None) + catalog(product("a"), of="another"), "catalog"
    )
    assert exchange.removed("category") == (["h"] if by == FULL else []), "a Каталог of another classifier"


@pytest.mark.parametrize("name", ["Классификатор", "Каталог", "ПакетПредложений", "Контрагенты"])
@pytest.mark.parametrize(
    "where", ["before", "behind", "behind, in another chunk", "behind, by the parser alone"]
)
async def test_full_is_said_by_an_element_too(
    exchange: Exchange, name: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<СодержитТолькоИзменения>false</…> as a child, in front of the records or behind them."""
    if "chunk" in where or "parser" in where:
        monkeypatch.setattr(reader, "CHUNK", 300 if "chunk" in where else 1 << 17)
    if "parser" in where:
        monkeypatch.setattr(reader, "matchers_for", lambda wanted: {})
    places: dict[str, tuple[str, str, Callable[[str], str]]] = {
        "Классификатор": ("catalog", "category", lambda ids: reference("category", *ids)),
        "Каталог": ("catalog", "product", lambda ids: f"<Товары>{''.join(map(product, ids))}</Товары>"),
        "ПакетПредложений": (
            "variants", "offer", lambda ids: f"<Предложения>{''.join(map(offer, ids))}</Предложения>",
        ),
        "Контрагенты": ("customers", "customer", lambda ids: "".join(element("Контрагент", i) for i in ids)),
    }  # fmt: skip
    kind, table, inside = places[name]
    head = "" if name == "Контрагенты" else "<Ид>cat</Ид>"

    def said(ids: str, value: str) -> str:
        mark = f"<СодержитТолькоИзменения>{value}</СодержитТолькоИзменения>"
        body = head + mark + inside(ids) if where == "before" else head + inside(ids) + mark
        return f"<{name}>{body}</{name}>"

    await exchange.take(said("ab", "false"), kind)
    await exchange.take(said("a", "true"), kind)
    assert exchange.removed(table) == []
    await exchange.take(said("a", "false"), kind)
    assert exchange.removed(table) == ["b"]


# units


@pytest.mark.parametrize(
    ("written", "code", "row"),
    [
        ('<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>',
         "796", ("796", "шт", "Штука", "PCE")),
        ("<БазоваяЕдиница>796 </БазоваяЕдиница>", "796", ("796", None, None, None)),
        ("<БазоваяЕдиница>шт</БазоваяЕдиница>", "шт", ("шт", "шт", None, None)),
        ('<БазоваяЕдиница Код="    ">шт</БазоваяЕдиница>', "шт", ("шт", "шт", None, None)),
    ],
)  # fmt: skip
async def test_a_unit_is_its_code_or_digits_or_short_name(
    exchange: Exchange, written: str, code: str, row: tuple[str | None, ...]
) -> None:
    await exchange.take(catalog(product("a", written)), "catalog")
    assert exchange.rows("SELECT unit FROM product") == [code]
    assert exchange.rows("SELECT * FROM unit") == [row], "what it tells makes the row"


async def test_units_join_whatever_way_they_are_written(exchange: Exchange) -> None:
    told = {
        "a": '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница>',
        "b": "<БазоваяЕдиница>796</БазоваяЕдиница>",
        "c": "<БазоваяЕдиница>шт</БазоваяЕдиница>",
        "d": "<Единица>шт</Единица>",
    }
    goods = "".join(product(ident, unit) for ident, unit in told.items())
    prices = priced("a", price("1", more="<Единица>шт</Единица>")) + priced(
        "b", price("1", more="<Единица>796</Единица>")
    )
    pack = (
        '<БазоваяЕдиница Код="796">шт<Пересчет><Единица>шт</Единица><Коэффициент>12,0</Коэффициент></Пересчет>'
        "</БазоваяЕдиница>"
    )
    await exchange.take(
        classifier(UNITS) + catalog(goods + product("e", pack)) + package(prices + offer("a#1", told["c"])),
        "catalog", "prices",
    )  # fmt: skip
    assert exchange.rows(
        "SELECT p.id FROM product p JOIN unit u ON u.code = p.unit AND u.full_name = 'Штука' ORDER BY 1"
    ) == [*"abcde"]
    assert exchange.rows("SELECT p.offer_id FROM price p JOIN unit u ON u.code = p.unit ORDER BY 1") == [
        "a",
        "b",
    ]
    assert exchange.rows("SELECT unit FROM offer WHERE id = 'a#1'") == ["796"]
    assert exchange.rows("SELECT * FROM product_unit") == [("e", "796", "12")]
    assert exchange.rows("SELECT code FROM unit") == ["796"]


async def test_the_unit_of_a_conversion_is_defined_where_nobody_defines_it(exchange: Exchange) -> None:
    pack = (
        '<БазоваяЕдиница Код="796">шт<Пересчет><Единица>778</Единица><Коэффициент>6</Коэффициент></Пересчет>'
        "</БазоваяЕдиница>"
    )
    await exchange.take(catalog(product("a", pack)), "catalog")
    assert exchange.rows("SELECT * FROM product_unit") == [("a", "778", "6")]
    assert exchange.rows("SELECT unit FROM product_unit WHERE unit NOT IN (SELECT code FROM unit)") == [], (
        "it joins"
    )


async def test_a_unit_that_only_a_price_names_is_defined(exchange: Exchange) -> None:
    await exchange.take(package(priced("a", price("1", more="<Единица>кор</Единица>"))), "prices")
    assert exchange.rows("SELECT code, short_name FROM unit") == [("кор", "кор")]
