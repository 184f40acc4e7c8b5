"""What records that are not whole mean, ids, and what counts as whose: XML files through the real reader into a shop.

Every import here also holds the accounts to add up (`Told.counted`).
"""

from __future__ import annotations

import pytest
from exchange import (
    CHANGES,
    FULL,
    WHOLE,
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
    stocked,
)


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
