"""What 1C means by what it writes, rule by rule: XML files through the real reader into a shop.

Every import here also holds the accounts to add up (`Told.counted`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shops import Shop, Told

from importers.commerceml import open_export
from tests.conftest import Obmen

FULL, CHANGES = "false", "true"


@dataclass
class Exchange:
    """1C on one side, the shop on the other: each package takes the place of the one before."""

    shop: Shop
    folder: Path

    async def take(self, files: str | dict[str, str], *kinds: str, **rest: Any) -> Told:
        """Import these kinds of a package: one file with sections, or several by name. What the last kind told."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, sections in ({"import.xml": files} if isinstance(files, str) else files).items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                '<КоммерческаяИнформация ВерсияСхемы="2.08" ДатаФормирования="2026-11-26T09:00:00">'
                f"\n{sections}\n</КоммерческаяИнформация>",
                encoding="utf-8",
            )
        told = Told()
        for kind in kinds:
            told = await self.shop.take(open_export(self.folder), kind, **rest)
            assert told.counted.kind == kind
        return told

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        return self.shop.rows(sql, *parameters)

    def removed(self, table: str) -> list[str]:
        return self.rows(f"SELECT id FROM {table} WHERE removed = 1 ORDER BY id")


@pytest.fixture
def exchange(shop: Shop, tmp_path: Path) -> Exchange:
    return Exchange(shop, tmp_path / "1c")


def section(name: str, head: str, only_changes: str | None, inside: str) -> str:
    said = "" if only_changes is None else f' СодержитТолькоИзменения="{only_changes}"'
    return f"<{name}{said}>{head}{inside}</{name}>"


def classifier(inside: str, only_changes: str | None = FULL, ident: str = "cl") -> str:
    return section("Классификатор", f"<Ид>{ident}</Ид>", only_changes, inside)


def catalog(goods: str, only_changes: str | None = FULL, ident: str = "cat", of: str = "cl") -> str:
    head = f"<Ид>{ident}</Ид><ИдКлассификатора>{of}</ИдКлассификатора>"
    return section("Каталог", head, only_changes, f"<Товары>\n{goods}\n</Товары>")


def package(offers: str, only_changes: str | None = FULL, ident: str = "cat", before: str = "") -> str:
    head = f"<Ид>{ident}#</Ид><ИдКаталога>{ident}</ИдКаталога><ИдКлассификатора>cl</ИдКлассификатора>{before}"
    return section("ПакетПредложений", head, only_changes, f"<Предложения>\n{offers}\n</Предложения>")


def element(name: str, ident: str, inside: str = "", called: str | None = "") -> str:
    """`called` "": by its id; None: without a name."""
    title = "" if called is None else f"<Наименование>{called or ident}</Наименование>"
    return f"<{name}><Ид>{ident}</Ид>{title}{inside}</{name}>"


def product(ident: str, inside: str = "", called: str | None = "") -> str:
    return element("Товар", ident, inside, called)


def offer(ident: str, inside: str = "", called: str | None = "") -> str:
    return element("Предложение", ident, inside, called)


def price(value: str, of_type: str = "retail", more: str = "") -> str:
    told = f"<ИдТипаЦены>{of_type}</ИдТипаЦены>" if of_type else ""
    return f"<Цена>{told}<ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу><Валюта>руб</Валюта>{more}</Цена>"


def priced(ident: str, *prices: str) -> str:
    return offer(ident, f"<Цены>{''.join(prices)}</Цены>")


def stocked(ident: str, total: str | None = None, **at: str) -> str:
    rows = "".join(
        f'<Склад ИдСклада="{warehouse}" КоличествоНаСкладе="{number}"/>' for warehouse, number in at.items()
    )
    return offer(ident, (f"<Количество>{total}</Количество>" if total is not None else "") + rows)


PRICES = "SELECT offer_id, price_type_id, value FROM price ORDER BY 1, 2"
STOCKS = "SELECT offer_id, warehouse_id, quantity FROM stock ORDER BY 1, 2"


# prices


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
    assert told.logs("not in the full export", level="warning")


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


# stocks


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
    logs = told.logs("another Количество", level="warning")
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


# absence in reference data

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
@pytest.mark.parametrize("where", ["before", "behind"])
async def test_full_is_said_by_an_element_too(exchange: Exchange, name: str, where: str) -> None:
    """<СодержитТолькоИзменения>false</…> as a child, in front of the records or behind them."""
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


UNITS = (
    "<ЕдиницыИзмерения><ЕдиницаИзмерения><Ид>u1</Ид><Код>796</Код><НаименованиеКраткое>шт</НаименованиеКраткое>"
    "<НаименованиеПолное>Штука</НаименованиеПолное></ЕдиницаИзмерения></ЕдиницыИзмерения>"
)


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


# records that are not whole


async def test_markup_in_a_unit_leaves_its_text(exchange: Exchange) -> None:
    await exchange.take(catalog(product("a", "<БазоваяЕдиница><Пересчет/>шт</БазоваяЕдиница>")), "catalog")
    assert exchange.rows("SELECT unit FROM product") == ["шт"]


async def test_the_text_of_a_field_is_all_text_below_it_in_order(exchange: Exchange) -> None:
    goods = product(
        "a", "<Описание>Лёгкая <b>палатка</b> на <i>троих</i>.</Описание>", "Палатка <sup>2</sup>+"
    )
    await exchange.take(catalog(goods), "catalog")
    assert exchange.rows("SELECT name, description FROM product") == [
        ("Палатка 2+", "Лёгкая палатка на троих.")
    ]


WHOLE = product(
    "a",
    "<Артикул>A-1</Артикул><Описание>Текст</Описание><Группы><Ид>g</Ид></Группы><Картинка>1.jpg</Картинка>",
)


async def test_goods_without_a_name_change_what_they_tell(exchange: Exchange) -> None:
    await exchange.take(catalog(WHOLE), "catalog")
    told = await exchange.take(
        catalog(product("a", "<Картинка>2.jpg</Картинка><Артикул>A-2</Артикул>", None), CHANGES), "catalog"
    )
    assert exchange.rows("SELECT name, article, description FROM product") == [("a", "A-2", "Текст")]
    assert exchange.rows("SELECT path FROM product_image") == ["2.jpg"]
    assert exchange.rows("SELECT category_id FROM product_category") == ["g"]
    assert told.table("product").updated == 1


async def test_goods_without_a_name_that_nobody_knows_are_rejected_with_their_place(
    exchange: Exchange,
) -> None:
    part = "<Картинка>2.jpg</Картинка>"
    told = await exchange.take(
        catalog(product("b") + "\n" + product("a", part, None)) + package(offer("x", part, None), CHANGES),
        "catalog",
    )
    assert sorted((r.record_id, r.file, r.line) for r in told.rejects) == [
        ("a", "import.xml", 5),
        ("x", "import.xml", 7),
    ]
    assert exchange.rows("SELECT id FROM product") == ["b"]
    assert exchange.rows("SELECT id FROM offer") == []
    assert not exchange.rows("SELECT path FROM product_image")


async def test_whole_goods_replace_all_they_told_before(exchange: Exchange) -> None:
    await exchange.take(catalog(WHOLE), "catalog")
    await exchange.take(catalog(product("a"), CHANGES), "catalog")
    assert exchange.rows("SELECT name, article, description FROM product") == [("a", None, None)]
    assert (
        exchange.rows("SELECT path FROM product_image")
        == exchange.rows("SELECT 1 FROM product_category")
        == []
    )


def variant(characteristic: str, inside: str = "") -> str:
    return product(
        f"a#{characteristic}",
        "<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Цвет</Наименование>"
        f"<Значение>{characteristic}</Значение></ХарактеристикаТовара></ХарактеристикиТовара>{inside}",
        f"Палатка ({characteristic})",
    )


@pytest.mark.parametrize("first", [True, False])
async def test_records_of_characteristics_do_not_replace_the_product(exchange: Exchange, first: bool) -> None:
    goods = [variant("red", "<Артикул>V</Артикул><Картинка>v.jpg</Картинка>"), WHOLE]
    await exchange.take(catalog("".join(goods if first else reversed(goods))), "catalog")
    assert exchange.rows("SELECT id, name, article, by_characteristic FROM product") == [("a", "a", "A-1", 0)]
    assert exchange.rows("SELECT path FROM product_image") == ["1.jpg"]
    assert exchange.rows("SELECT offer_id, value FROM offer_characteristic") == [("a#red", "red")]
    await exchange.take(catalog(variant("blue", "<Артикул>V2</Артикул>"), CHANGES), "catalog")
    assert exchange.rows("SELECT name, article FROM product") == [("a", "A-1")]
    assert exchange.rows("SELECT id FROM offer ORDER BY 1") == ["a#blue", "a#red"]


async def test_characteristics_alone_make_up_their_product(exchange: Exchange) -> None:
    goods = variant("red", "<Картинка>r.jpg</Картинка>") + variant("blue", "<Картинка>b.jpg</Картинка>")
    told = await exchange.take(catalog(goods), "catalog")
    assert exchange.rows("SELECT id, name, by_characteristic FROM product") == [("a", "Палатка (red)", 1)]
    assert exchange.rows("SELECT path FROM product_image ORDER BY position") == ["r.jpg", "b.jpg"]
    assert told.table("product").read == 2
    again = await exchange.take(catalog(goods), "catalog")
    assert again.table("product").unchanged == 2


async def test_offers_of_facts_alone_are_offers_and_go_and_return(exchange: Exchange) -> None:
    """Their files tell nothing but prices and stocks."""
    facts = "<Количество>1</Количество>"
    await exchange.take(package(offer("a", facts, None) + offer("b", facts, None)), "variants")
    assert exchange.rows("SELECT id, removed FROM offer ORDER BY 1") == [("a", 0), ("b", 0)]
    told = await exchange.take(package(offer("a", facts, None)), "variants")
    assert exchange.removed("offer") == ["b"]
    assert (told.table("offer").read, told.table("offer").removed) == (2, 1)
    await exchange.take(package(offer("b", facts, None), CHANGES), "variants")
    assert exchange.removed("offer") == []


async def test_facts_alone_leave_what_is_known_of_an_offer(exchange: Exchange) -> None:
    await exchange.take(package(offer("a", "<Артикул>A-1</Артикул>", "Палатка")), "variants")
    told = await exchange.take(package(offer("a", "<Количество>1</Количество>", None), CHANGES), "variants")
    assert exchange.rows("SELECT name, article FROM offer") == [("Палатка", "A-1")]
    assert told.counts.unchanged == 1


PART = "<Артикул>A-1</Артикул>"


@pytest.mark.parametrize(
    "sections",
    [
        package(offer("a", PART, None) + offer("a", "<Количество>1</Количество>", None)),
        package(offer("a", PART, None) + offer("a", "<Статус>Удален</Статус>", None)),
        catalog(product("a", PART, None) + product("a", "<Статус>Удален</Статус>", None)),
        catalog(product("a", PART, None) + product("a#1", "<Картинка>1.jpg</Картинка>"), CHANGES),
    ],
    ids=["facts of an offer", "a mark of an offer", "a mark of a product", "a characteristic"],
)
async def test_a_part_in_front_of_what_makes_the_thing_known_is_the_same_the_second_time(
    exchange: Exchange, sections: str
) -> None:
    await exchange.take(sections, "catalog")
    before = exchange.shop.checksum()
    told = await exchange.take(sections, "catalog")
    assert (told.counts.created, told.counts.updated, told.counts.removed) == (0, 0, 0)
    assert exchange.shop.checksum() == before


async def test_offers_of_parts_for_prices_and_rests_are_no_offers(exchange: Exchange) -> None:
    await exchange.take(
        {
            "offers/offers_1_1_a.xml": package(offer("a")),
            "prices/prices_1_1_a.xml": package(priced("b", price("1"))),
            "rests/rests_1_1_a.xml": package(stocked("c", w1="1")),
        },
        "catalog", "stocks", "prices",
    )  # fmt: skip
    assert exchange.rows("SELECT id FROM offer") == ["a"]


# ids


@pytest.mark.parametrize("ending", ["#", "#00000000-0000-0000-0000-000000000000"])
async def test_nothing_behind_the_sharp_is_no_characteristic(exchange: Exchange, ending: str) -> None:
    ident = "a" + ending
    offers = offer(ident, f"<Цены>{price('5')}</Цены><Количество>3</Количество>")
    await exchange.take(catalog(product(ident)) + package(offers), "catalog", "prices", "stocks")
    assert exchange.rows("SELECT id FROM product") == ["a"]
    assert exchange.rows("SELECT id, product_id, characteristic_id FROM offer") == [("a", "a", None)]
    assert exchange.rows("SELECT offer_id FROM price UNION ALL SELECT offer_id FROM stock") == ["a", "a"]


async def test_an_id_without_a_product_is_rejected(exchange: Exchange) -> None:
    offers = offer("#a", f"<Цены>{price('5')}</Цены><Количество>3</Количество>") + offer("b")
    files = catalog(product("#a") + product("b")) + package(offers)
    told = await exchange.take(files, "catalog")
    assert [r.reason for r in told.rejects] == ["the Ид is none that 1C makes: {value}"] * 2
    assert [r.args for r in told.rejects] == [{"value": "#a"}] * 2
    assert exchange.rows("SELECT id FROM product") == exchange.rows("SELECT id FROM offer") == ["b"]
    for kind in ("prices", "stocks"):
        told = await exchange.take(
            package(
                offers.replace("<Ид>b</Ид>", f"<Ид>b</Ид><Цены>{price('1')}</Цены><Количество>1</Количество>")
            ),
            kind,
        )
        assert len(told.rejects) == 1, kind
    assert exchange.rows("SELECT offer_id FROM price UNION ALL SELECT offer_id FROM stock") == ["b", "b"]


async def test_a_characteristic_told_apart_belongs_to_the_id_of_prices_and_stocks_too(
    exchange: Exchange,
) -> None:
    inside = f"<ИдХарактеристики>c</ИдХарактеристики><Цены>{price('5')}</Цены><Количество>3</Количество>"
    await exchange.take(package(offer("a", inside)), "variants", "prices", "stocks")
    assert (
        exchange.rows(
            "SELECT id FROM offer UNION ALL SELECT offer_id FROM price UNION ALL SELECT offer_id FROM stock"
        )
        == ["a#c"] * 3
    )


# a kind counts its own

OTHERS = (
    classifier(
        "<Группы><Группа><Наименование>без Ид</Наименование></Группа></Группы>"
        "<Свойства><Свойство><Ид>p</Ид><Наименование>p</Наименование></Свойство></Свойства>"
    )
    + catalog("<Товар><Наименование>без Ид</Наименование></Товар>" + product("a"))
    + package(
        "<Предложение><Наименование>без Ид</Наименование></Предложение>"
        + offer("a", f"<Цены>{price('1')}</Цены><Количество>1</Количество>")
    )
    + section("Контрагенты", "", FULL, element("Контрагент", "c"))
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "rejects"),
    [("catalog", 3), ("attributes", 0), ("variants", 1), ("stocks", 0), ("prices", 0), ("customers", 0)],
)
async def test_a_kind_rejects_only_records_of_its_own(exchange: Exchange, kind: str, rejects: int) -> None:
    told = await exchange.take(OTHERS, kind)
    assert len(told.rejects) == rejects
    assert told.counts.created >= 1


EMPTY = {
    "catalog": (
        classifier(
            "<Группы><Группа/><Группа><Ид/><Наименование/></Группа></Группы>"
            "<Свойства><Свойство/><Свойство><Ид/><Наименование/></Свойство></Свойства>"
            "<Категории><Категория/><Категория><Ид/></Категория></Категории>"
            "<ТипыЦен><ТипЦены/><ТипЦены><Ид/></ТипЦены></ТипыЦен><Склады><Склад/><Склад><Ид/></Склад></Склады>"
            "<ЕдиницыИзмерения><ЕдиницаИзмерения/><ЕдиницаИзмерения><Код/></ЕдиницаИзмерения></ЕдиницыИзмерения>"
        )
        + catalog("<Товар/><Товар><Ид/><Наименование> </Наименование></Товар>" + product("a", "<Картинка/>"))
        + package("<Предложение/><Предложение><Ид/></Предложение>")
    ),
    "attributes": classifier(
        "<Свойства><Свойство/><Свойство><Ид/></Свойство>"
        + element(
            "Свойство", "a",
            "<ВариантыЗначений><Справочник/><Вариант><Ид/></Вариант><Значение/></ВариантыЗначений>",
        )
        + "</Свойства>"
    ),
    "variants": package("<Предложение/><Предложение><Ид/></Предложение>" + offer("a")),
    "prices": package(
        "<Предложение/>" + priced("a", "<Цена/>", "<Цена><ИдТипаЦены/><ЦенаЗаЕдиницу/></Цена>", price("1"))
    ),
    "stocks": package(
        "<Предложение/>" + offer(
            "a",
            '<Склад/><Склады/><Остатки><Остаток/></Остатки><Склад ИдСклада="w" КоличествоНаСкладе="1"/>',
        )
    ),
    "customers": section(
        "Контрагенты", "", FULL, "<Контрагент/><Контрагент><Ид/></Контрагент>" + element("Контрагент", "a")
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", EMPTY)
async def test_an_element_with_nothing_in_it_is_no_record_and_no_reject(
    exchange: Exchange, kind: str
) -> None:
    told = await exchange.take(EMPTY[kind], kind)
    assert told.rejects == []
    assert told.counts.read == told.counts.created == 1


# pictures


async def test_pictures_may_be_addresses_and_must_not_lead_out_of_the_export(exchange: Exchange) -> None:
    address = "https://shop.example/p/1.jpg?w=200"
    paths = (address, "import_files\\a\\1.jpg", "../../etc/passwd")
    pictures = "".join(f"<Картинка>{path}</Картинка>" for path in paths)
    told = await exchange.take(catalog(product("a", pictures)), "catalog")
    assert exchange.rows("SELECT position, path FROM product_image ORDER BY 1") == [
        (0, address),
        (1, "import_files/a/1.jpg"),
    ]
    (reject,) = told.rejects
    assert reject.args == {"value": "../../etc/passwd"}


# what else 1C tells


async def test_all_that_1c_tells_of_goods_is_kept(exchange: Exchange) -> None:
    inside = """<Код>00-01</Код><ПолноеНаименование>Палатка туристическая</ПолноеНаименование><Страна>Россия</Страна>
        <Изготовитель><Ид>m1</Ид><Наименование>Кедр</Наименование></Изготовитель><Категория>t1</Категория>
        <Вес>3,50</Вес><Длина>60</Длина><Ширина>20.0</Ширина><Высота>15</Высота><Объем>0,018</Объем>
        <Группы><Ид>main</Ид><Ид>also</Ид></Группы>
        <Комплектующие><Комплектующее><Ид>peg</Ид><Количество>8</Количество></Комплектующее></Комплектующие>"""
    types = (
        "<Категории><Категория><Ид>t1</Ид><Наименование>Снаряжение</Наименование>"
        "<Свойства><Ид>color</Ид><Ид>size</Ид></Свойства></Категория></Категории>"
    )
    await exchange.take(classifier(types) + catalog(product("a", inside)), "catalog")
    columns = "code, full_name, country, manufacturer, manufacturer_id, brand, type_id"
    columns += ", weight, length, width, height, volume"
    assert exchange.rows(f"SELECT {columns} FROM product") == [
        (
            "00-01",
            "Палатка туристическая",
            "Россия",
            "Кедр",
            "m1",
            "Кедр",
            "t1",
            "3.5",
            "60",
            "20",
            "15",
            "0.018",
        )
    ]
    assert exchange.rows("SELECT category_id, position FROM product_category ORDER BY position") == [
        ("main", 0),
        ("also", 1),
    ]
    assert exchange.rows("SELECT component_id, quantity FROM product_component") == [("peg", "8")]
    assert exchange.rows("SELECT id, name FROM product_type") == [("t1", "Снаряжение")]
    assert exchange.rows("SELECT type_id, property_id FROM product_type_property ORDER BY 2") == [
        ("t1", "color"),
        ("t1", "size"),
    ]


async def test_weights_and_names_are_found_in_requisites_too(exchange: Exchange) -> None:
    told = {
        "Вес": "1,2",
        "Длина": "5",
        "Ширина": "6",
        "Высота": "7",
        "Объем": "8",
        "Полное наименование": "Палатка большая",
        "Код": "0-2",
    }
    rows = "".join(
        f"<ЗначениеРеквизита><Наименование>{k}</Наименование><Значение>{v}</Значение></ЗначениеРеквизита>"
        for k, v in told.items()
    )
    await exchange.take(catalog(product("a", f"<ЗначенияРеквизитов>{rows}</ЗначенияРеквизитов>")), "catalog")
    assert exchange.rows("SELECT weight, length, width, height, volume, full_name, code FROM product") == [
        ("1.2", "5", "6", "7", "8", "Палатка большая", "0-2")
    ]


async def test_all_that_1c_tells_of_offers_is_kept(exchange: Exchange) -> None:
    inside = """<Код>00-02</Код><Вес>1</Вес><Длина>2</Длина><Ширина>3</Ширина><Высота>4</Высота><Объем>5</Объем>
        <БазоваяЕдиница Код="796">шт
        <Пересчет><Единица>778</Единица><Коэффициент>6</Коэффициент></Пересчет></БазоваяЕдиница>
        <Комплектующие><Комплектующее><Ид>peg</Ид><Количество>8</Количество></Комплектующее></Комплектующие>"""
    await exchange.take(package(offer("a", inside)), "variants")
    assert exchange.rows("SELECT code, unit, weight, length, width, height, volume FROM offer") == [
        ("00-02", "796", *"12345")
    ]
    assert exchange.rows("SELECT unit, coefficient FROM offer_unit") == [("778", "6")]
    assert exchange.rows("SELECT component_id, quantity FROM offer_component") == [("peg", "8")]


async def test_sets_of_goods_tell_the_components_alone(exchange: Exchange) -> None:
    sets = (
        "<НаборыТоваров><НаборыТовара><Ид>a</Ид><Товар><Ид>peg</Ид><Количество>8</Количество></Товар>"
        "<Товар><Ид>rope</Ид></Товар></НаборыТовара></НаборыТоваров>"
    )
    await exchange.take(catalog(WHOLE), "catalog")
    told = await exchange.take(sets, "catalog")
    assert exchange.rows("SELECT component_id, quantity FROM product_component ORDER BY 1") == [
        ("peg", "8"),
        ("rope", ""),
    ]
    assert exchange.rows("SELECT name, article FROM product") == [("a", "A-1")]
    assert told.table("product").updated == 1


async def test_all_that_1c_tells_of_reference_data_is_kept(exchange: Exchange) -> None:
    await exchange.take(
        classifier(
            "<Группы>" + element(
                "Группа", "g",
                "<Описание>О группе</Описание><Картинка>g.jpg</Картинка><Сортировка>30</Сортировка>",
            ) + "</Группы>"
            "<Свойства>" + element(
                "Свойство", "p",
                "<ТипЗначений>Справочник</ТипЗначений><ДляТоваров>true</ДляТоваров><ДляПредложений>false</ДляПредложений>"
                "<Множественное>true</Множественное><Обязательное>false</Обязательное><Сортировка>20</Сортировка>"
                "<ЗначениеПоУмолчанию>v</ЗначениеПоУмолчанию><ВариантыЗначений><Вариант><Ид>v</Ид><Значение>V</Значение>"
                "<ПоУмолчанию>true</ПоУмолчанию><Сортировка>5</Сортировка></Вариант></ВариантыЗначений>",
            ) + "</Свойства>"
            "<Склады>" + element(
                "Склад", "w",
                "<Адрес><Представление>ул. Лесная, 1</Представление></Адрес><ГрафикРаботы>9-18</ГрафикРаботы>"
                "<Контакты><Контакт>"
                "<Тип>Телефон рабочий</Тип><Значение>+7 000</Значение></Контакт></Контакты>",
            ) + "</Склады>"
        ),
        "catalog",
    )  # fmt: skip
    assert exchange.rows("SELECT description, image, sort_order FROM category") == [("О группе", "g.jpg", 30)]
    assert exchange.rows(
        "SELECT type, for_products, for_offers, multiple, required, sort_order, default_value FROM property"
    ) == [("Справочник", 1, 0, 1, 0, 20, "v")]
    assert exchange.rows("SELECT id, value, sort_order, is_default FROM property_value") == [("v", "V", 5, 1)]
    assert exchange.rows("SELECT address, telephone, hours FROM warehouse") == [
        ("ул. Лесная, 1", "+7 000", "9-18")
    ]


async def test_each_catalog_and_its_owner_are_kept(exchange: Exchange) -> None:
    head = (
        "<Ид>cat</Ид><ИдКлассификатора>cl</ИдКлассификатора><Наименование>Основной</Наименование><Описание>Весь</Описание>"
        "<Владелец><Ид>o</Ид><Наименование>Тропа</Наименование><ИНН>990</ИНН><КПП>991</КПП></Владелец>"
    )
    await exchange.take(section("Каталог", head, FULL, f"<Товары>{product('a')}</Товары>"), "catalog")
    row = ("cat", "Основной", "cl", "Весь", "o", "Тропа", "990", "991")
    assert exchange.rows("SELECT * FROM catalog") == [row]
    told = await exchange.take(catalog(product("a"), CHANGES), "catalog")
    assert exchange.rows("SELECT * FROM catalog") == [row], "a stub takes nothing away"
    assert "catalog" not in told.counted.tables or not told.table("catalog").read


async def test_all_that_1c_tells_of_customers_is_kept(exchange: Exchange) -> None:
    inside = """<ИНН>990</ИНН><КПП>991</КПП><КодПоОКПО>992</КодПоОКПО>
        <АдресРегистрации><Представление>г. Образцов</Представление>
        <АдресноеПоле><Тип>Город</Тип><Значение>Образцов</Значение></АдресноеПоле></АдресРегистрации>
        <РасчетныеСчета><РасчетныйСчет><НомерСчета>407</НомерСчета>
        <Банк><Наименование>Банк</Наименование><БИК>044</БИК><СчетКорреспондентский>301</СчетКорреспондентский></Банк></РасчетныйСчет></РасчетныеСчета>
        <Представители><Представитель><Отношение>Директор</Отношение>
        <Ид>r</Ид><Наименование>Иванов</Наименование></Представитель>
        <Представитель><Контрагент><Отношение>Курьер</Отношение>
        <Ид>s</Ид><Наименование>Петров</Наименование></Контрагент></Представитель></Представители>"""
    await exchange.take(section("Контрагенты", "", FULL, element("Контрагент", "c", inside)), "customers")
    assert exchange.rows("SELECT inn, kpp, okpo FROM customer") == [("990", "991", "992")]
    assert exchange.rows("SELECT address, type, value FROM customer_address_field") == [
        ("АдресРегистрации", "Город", "Образцов")
    ]
    assert exchange.rows("SELECT type, value FROM customer_address") == [("АдресРегистрации", "г. Образцов")]
    assert exchange.rows("SELECT number, bank, bank_code, correspondent_account FROM customer_account") == [
        ("407", "Банк", "044", "301")
    ]
    assert exchange.rows(
        "SELECT representative_id, name, relation FROM customer_representative ORDER BY 1"
    ) == [
        ("r", "Иванов", "Директор"),
        ("s", "Петров", "Курьер"),
    ]
    assert exchange.rows("SELECT id FROM customer") == ["c"], "a representative is no customer"


# a package that holds some of what is asked for, as a cron job asks


def one_file(obmen: Obmen, sections: str) -> str:
    source = obmen.folder / "1c"
    source.mkdir(exist_ok=True)
    (source / "import.xml").write_text(
        f'<КоммерческаяИнформация ВерсияСхемы="2.08">{sections}</КоммерческаяИнформация>', encoding="utf-8"
    )
    return str(source)


def test_a_cron_line_takes_what_a_package_holds(obmen: Obmen) -> None:
    obmen.env["OBMEN_LAUNCH__RECENCY_SECONDS"] = "0"
    line = ("import", "catalog", "stocks", "prices", "--source")
    offers = offer("a", f"<Цены>{price('5')}</Цены><Количество>3</Количество>")
    told = obmen.json(*line, one_file(obmen, catalog(product("a")) + package(offers)))
    assert told["status"] == "completed"
    source = one_file(obmen, package(stocked("a", "4"), CHANGES))
    told = obmen.json(*line, source)
    assert (told["status"], told["by_kind"]["prices"]["read"], told["by_kind"]["stocks"]["updated"]) == (
        "completed",
        0,
        1,
    )
    assert "prices: nothing of it in this export" in obmen.run("logs", str(told["id"])).stdout
    assert obmen.json(*line, source, "--strict", code=None)["status"] != "completed"
    assert obmen.run(*line, source, "--strict").returncode in (1, 3)
    customers = ("import", "customers", "--source", source)
    assert obmen.run(*customers).returncode in (1, 3), "nothing of any chosen kind"
