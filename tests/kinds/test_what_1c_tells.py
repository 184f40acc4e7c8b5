"""All that 1C tells is kept: XML files through the real reader into a shop.

Every import here also holds the accounts to add up (`Told.counted`).
"""

from __future__ import annotations

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
    product,
    section,
    stocked,
)

from tests.conftest import Obmen


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
    assert "prices: nothing of it in this export" in obmen.call("logs", str(told["id"])).stdout
    assert obmen.json(*line, source, "--strict", code=None)["status"] != "completed"
    assert obmen.call(*line, source, "--strict").returncode in (1, 3)
    customers = ("import", "customers", "--source", source)
    assert obmen.call(*customers).returncode in (1, 3), "nothing of any chosen kind"
