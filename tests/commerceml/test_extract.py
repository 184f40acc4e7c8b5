"""Elements become records, in all the forms that 1C writes them in (docs/commerceml.md 1.3 to 1.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from importers.commerceml.records import (
    Customer,
    Group,
    Offer,
    OfferPrices,
    OfferStocks,
    Partial,
    PriceType,
    Product,
    Property,
    PropertyValue,
    Record,
    Rejected,
    Section,
    Seen,
    Unit,
    Warehouse,
)
from tests.commerceml.exports import classifier, goods, package, read, rejects, write, xml


def one(folder: Path, body: str, *wanted: type[Record]) -> list[Record]:
    return read(write(folder, xml(body)), *wanted)


def test_groups_come_before_their_children(tmp_path: Path) -> None:
    nested = "<Группы><Группа><Ид>b</Ид><Наименование>Б</Наименование><Группы/></Группа></Группы>"
    body = f"<Группы><Группа><Ид>a</Ид><Наименование> А </Наименование>{nested}</Группа></Группы>"
    assert one(tmp_path, classifier(body), Group) == [Group("a", None, "А"), Group("b", "a", "Б")]


def test_a_group_without_a_name_does_not_take_its_children_with_it(tmp_path: Path) -> None:
    nested = "<Группы><Группа><Ид>c</Ид><Наименование>В</Наименование></Группа></Группы>"
    middle = f"<Группы><Группа><Ид>b</Ид><Наименование/>{nested}</Группа></Группы>"
    body = f"<Группы><Группа><Ид>a</Ид><Наименование>А</Наименование>{middle}</Группа></Группы>"
    first, reject, last = one(tmp_path, classifier(body), Group)
    assert (first, last) == (Group("a", None, "А"), Group("c", "a", "В"))
    assert isinstance(reject, Rejected)
    assert (reject.id, reject.reason) == ("b", "has no Наименование")


@pytest.mark.parametrize(
    ("body", "mark"),
    [
        ("<Группы><Группа>{}</Группа></Группы>", Group("x", None, None, True)),
        ("<Свойства><Свойство>{}</Свойство></Свойства>", Property("x", None, None, True)),
        ("<Склады><Склад>{}</Склад></Склады>", Warehouse("x", None, True)),
        ("<ТипыЦен><ТипЦены>{}</ТипЦены></ТипыЦен>", PriceType("x", None, None, None, True)),
    ],
)
def test_a_deletion_mark_needs_no_name(tmp_path: Path, body: str, mark: Record) -> None:
    told = body.format("<Ид>x</Ид><ПометкаУдаления>true</ПометкаУдаления>")
    assert one(tmp_path, classifier(told), type(mark)) == [mark]


def test_a_deletion_mark_of_a_customer_needs_no_name(tmp_path: Path) -> None:
    body = "<Контрагенты><Контрагент><Ид>x</Ид><ПометкаУдаления>true</ПометкаУдаления></Контрагент></Контрагенты>"
    assert one(tmp_path, body, Customer) == [Customer("x", None, removed=True)]


def test_the_customer_of_an_order_is_no_record(tmp_path: Path) -> None:
    people = "<Контрагенты><Контрагент><Ид>{}</Ид><Наименование>x</Наименование></Контрагент></Контрагенты>"
    body = f"<Документ><Ид>d</Ид>{people.format('a')}</Документ>{people.format('b')}<Контейнер><Документ>{people.format('c')}</Документ></Контейнер>"
    assert one(tmp_path, body, Customer) == [Customer("b", "x")]


@pytest.mark.parametrize(
    ("variants", "values"),
    [
        (
            "<Справочник><ИдЗначения>v</ИдЗначения><Значение>Красный</Значение></Справочник>",
            [("v", "Красный")],
        ),
        ("<Вариант><Ид>v</Ид><Значение>Красный</Значение></Вариант>", [("v", "Красный")]),
        ("<Значение>Красный</Значение><Значение/>", [("Красный", "Красный")]),
        ("<Справочник><ИдЗначения/><Значение/></Справочник>", []),
        ("", []),
    ],
)
def test_property_values_in_three_forms(tmp_path: Path, variants: str, values: list[tuple[str, str]]) -> None:
    body = (
        "<Свойства><Свойство><Ид>p</Ид><Наименование>Цвет</Наименование><ТипЗначений>Справочник</ТипЗначений>"
        f"<ВариантыЗначений>{variants}</ВариантыЗначений></Свойство></Свойства>"
    )
    found = one(tmp_path, classifier(body), Property, PropertyValue)
    found.remove(Property("p", "Цвет", "Справочник"))  # before its values or after them
    assert found == [PropertyValue(i, "p", v) for i, v in values]


def test_a_property_may_have_very_many_values(tmp_path: Path) -> None:
    """More than the tree may have nodes: each is read when it ends, whatever stands around it."""
    variants = "".join(
        f"<Справочник><ИдЗначения>{n}</ИдЗначения><Значение>v{n}</Значение></Справочник>\n"
        for n in range(150_000)
    )
    mixed = f"<Значение>bare</Значение>{variants}<Вариант><Ид>last</Ид><Значение>v</Значение></Вариант><Значение>end</Значение>"
    body = f"<Свойства><Свойство><Ид>p</Ид><Наименование>Цвет</Наименование><ВариантыЗначений>{mixed}</ВариантыЗначений></Свойство></Свойства>"
    found = one(tmp_path, classifier(body), Property, PropertyValue)
    assert [record.id for record in found if isinstance(record, PropertyValue)] == [
        "bare",
        *map(str, range(150_000)),
        "last",
        "end",
    ]
    assert Property("p", "Цвет", None) in found


@pytest.mark.parametrize("late", ["<Ид>p</Ид>", ""])
def test_values_before_the_id_of_their_property(tmp_path: Path, late: str) -> None:
    early = "" if late else "<Ид>p</Ид>"
    variants = "<ВариантыЗначений><Справочник><ИдЗначения>v</ИдЗначения><Значение>V</Значение></Справочник></ВариантыЗначений>"
    body = (
        f"<Свойства><Свойство>{early}<Наименование>Цвет</Наименование>{variants}{late}</Свойство></Свойства>"
    )
    found = one(tmp_path, classifier(body), PropertyValue)
    assert found == [PropertyValue("v", "p", "V")]


def test_units_without_padding(tmp_path: Path) -> None:
    body = "<ЕдиницыИзмерения><ЕдиницаИзмерения><Ид>796 </Ид><НаименованиеКраткое>шт</НаименованиеКраткое><Код>796 </Код>"
    body += f"<НаименованиеПолное>{'Штука':50}</НаименованиеПолное></ЕдиницаИзмерения></ЕдиницыИзмерения>"
    assert one(tmp_path, classifier(body), Unit) == [Unit("796", "шт", "Штука")]


@pytest.mark.parametrize(
    "place", [classifier, lambda body: f"<ПакетПредложений><Ид>x#</Ид>{body}</ПакетПредложений>"]
)
def test_price_types_and_warehouses_stand_in_both_places(tmp_path: Path, place) -> None:  # type: ignore[no-untyped-def]
    tax = "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог>"
    body = (
        f"<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Опт</Наименование><Валюта>руб</Валюта>{tax}</ТипЦены></ТипыЦен>"
        "<Склады><Склад><Ид>w</Ид><Наименование>Основной</Наименование></Склад></Склады>"
    )
    found = one(tmp_path, place(body), PriceType, Warehouse)
    assert found == [PriceType("t", "Опт", "RUB", True, tax="НДС"), Warehouse("w", "Основной")]


def test_product_with_everything(tmp_path: Path) -> None:
    product = """<Товар><Ид>p</Ид><Артикул/><Штрихкод>46</Штрихкод><Наименование> Термос </Наименование>
        <БазоваяЕдиница Код="796 ">шт</БазоваяЕдиница><Группы><Ид>g1</Ид><Ид>g2</Ид></Группы><Описание>&lt;b&gt;</Описание>
        <Картинка>import_files\\a.jpg</Картинка><Картинка/><Картинка>import_files/a.jpg</Картинка><Картинка>b.png</Картинка>
        <Изготовитель><Ид>m</Ид><Наименование>Кедр</Наименование></Изготовитель>
        <ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение>v</Значение></ЗначенияСвойства>
        <ЗначенияСвойства><Ид>e</Ид><Значение/></ЗначенияСвойства></ЗначенияСвойств>
        <СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>22%</Ставка></СтавкаНалога></СтавкиНалогов>
        <ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Вес</Наименование><Значение>1,5</Значение></ЗначениеРеквизита>
        </ЗначенияРеквизитов></Товар>"""
    assert one(tmp_path, goods(product), Product) == [
        Product(
            id="p", name="Термос", barcode="46", description="<b>", unit="796", brand="Кедр", vat_rate="22",
            catalog_id="cat", groups=("g1", "g2"), properties=(("c", "v"),), requisites=(("Вес", "1,5"),),
            images=("import_files/a.jpg", "b.png"), manufacturer_id="m", weight="1.5",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "mark",
    [
        '<Товар Статус="Удален">',
        "<Товар><Статус>Удалён</Статус>",
        "<Товар><ПометкаУдаления>true</ПометкаУдаления>",
        '<Товар Статус="Изменен"><Статус>Удален</Статус>',
    ],
)
def test_deletion_marks(tmp_path: Path, mark: str) -> None:
    (found,) = one(tmp_path, goods(f"{mark}<Ид>p</Ид></Товар>"), Product)
    assert isinstance(found, Product)
    assert found.removed


def test_the_deletion_mark_of_a_characteristic_says_nothing_of_its_product(tmp_path: Path) -> None:
    found = one(tmp_path, goods('<Товар Статус="Удален"><Ид>p#c</Ид></Товар>'), Product, Offer, Seen)
    assert found == [
        Seen("p", "Product"),
        Offer(
            "p#c",
            "p",
            "c",
            removed=True,
            catalog_id="cat",
            characteristics=None,
            properties=None,
            images=None,
            units=None,
            components=None,
        ),
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "<НомерВерсии>AAA=</НомерВерсии><ПометкаУдаления>false</ПометкаУдаления>",
        "<ИдХарактеристики>c</ИдХарактеристики>",
    ],
)
def test_facts_alone_say_that_their_offer_is_there(tmp_path: Path, nothing: str) -> None:
    told = f"<Ид>p</Ид>{nothing}<Количество>5</Количество>"
    ident = "p#c" if "Характеристики" in nothing else "p"
    (offer,) = one(tmp_path, package(f"<Предложение>{told}</Предложение>"), Offer, Seen)
    assert isinstance(offer, Offer)
    assert (offer.id, offer.product_id, offer.partial) == (ident, "p", Partial("facts", "import.xml", 2))
    (product,) = one(tmp_path, goods(f"<Товар>{told}</Товар>"), Product, Seen)
    assert isinstance(product, Product)
    assert (product.id, product.partial) == ("p", Partial("facts", "import.xml", 2))
    assert (product.groups, product.images) == (None, None)
    assert one(tmp_path, package(f"<Предложение>{told}</Предложение>"), OfferPrices, Seen) == [
        Seen(ident, "Offer")
    ]


@pytest.mark.parametrize(
    ("attribute", "element"),
    [
        (' Статус="Удален"', ""),
        ("", "<Статус>Удален</Статус>"),
        ("", "<ПометкаУдаления>true</ПометкаУдаления>"),
    ],
)
def test_a_deletion_mark_beside_facts_holds(tmp_path: Path, attribute: str, element: str) -> None:
    offer = f"<Предложение{attribute}><Ид>p</Ид>{element}<Количество>0</Количество></Предложение>"
    (found,) = one(tmp_path, package(offer), Offer, Seen)
    assert isinstance(found, Offer)
    assert found.removed


def test_characteristics_that_stand_with_a_product(tmp_path: Path) -> None:
    trait = "<ХарактеристикаТовара>{}<Наименование>Цвет</Наименование><Значение>{}</Значение></ХарактеристикаТовара>"
    traits = trait.format("<Ид>c</Ид>", "хаки") + trait.format("", "синий") + trait.format("<Ид>d</Ид>", "")
    product = f"<Товар><Ид>p</Ид><Наименование>n</Наименование><ХарактеристикиТовара>{traits}</ХарактеристикиТовара></Товар>"
    assert one(tmp_path, goods(product), Product, Offer) == [
        Product("p", "n", catalog_id="cat", characteristics=(("c", "Цвет", "хаки"), ("", "Цвет", "синий")))
    ]


def test_what_an_offer_does_not_tell(tmp_path: Path) -> None:
    """Nothing of its characteristics, properties and pictures, or that there are none of them."""
    silent = "<Предложение><Ид>p</Ид><Наименование>n</Наименование></Предложение>"
    empty = silent.replace("</П", "<ХарактеристикиТовара/><ЗначенияСвойств/><Картинка/></П")
    told = silent.replace(
        "</П",
        "<ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение>v</Значение></ЗначенияСвойства></ЗначенияСвойств></П",
    )
    other: dict[str, Any] = {"units": None, "components": None}
    assert one(tmp_path, package(silent + empty + told), Offer) == [
        Offer(
            "p", "p", None, "n", catalog_id="cat", characteristics=None, properties=None, images=None, **other
        ),
        Offer("p", "p", None, "n", catalog_id="cat", **other),
        Offer(
            "p",
            "p",
            None,
            "n",
            catalog_id="cat",
            characteristics=None,
            properties=(("c", "v"),),
            images=None,
            **other,
        ),
    ]


def test_goods_per_characteristic_are_product_and_offer(tmp_path: Path) -> None:
    """2.04 lists goods as `product#characteristic`."""
    trait = "<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Цвет</Наименование><Значение>хаки</Значение>"
    product = f"<Товар><Ид>p#c</Ид><Наименование>Тент</Наименование>{trait}</ХарактеристикаТовара></ХарактеристикиТовара></Товар>"
    assert one(tmp_path, goods(product), Product, Offer) == [
        Product("p", "Тент", catalog_id="cat", partial=Partial("variant", "import.xml", 2)),
        Offer(
            "p#c",
            "p",
            "c",
            "Тент",
            catalog_id="cat",
            characteristics=(("Цвет", "хаки"),),
            properties=None,
            images=None,
            units=None,
            components=None,
        ),
    ]


def test_offer_ids(tmp_path: Path) -> None:
    names = "<Наименование>x</Наименование>"
    offers = (
        f"<Предложение><Ид>p</Ид>{names}</Предложение><Предложение><Ид>p#c</Ид>{names}</Предложение>"
        f"<Предложение><Ид>p</Ид><ИдХарактеристики>d</ИдХарактеристики>{names}</Предложение>"
    )
    found = one(tmp_path, package(offers), Offer)
    assert [(o.id, o.product_id, o.characteristic_id) for o in found if isinstance(o, Offer)] == [
        ("p", "p", None), ("p#c", "p", "c"), ("p#d", "p", "d"),
    ]  # fmt: skip


STOCKS = [
    ("<Количество>2.0</Количество>", [("", "2")]),
    ('<Склад ИдСклада="w" КоличествоНаСкладе="-3"/><Склад ИдСклада="v" КоличествоНаСкладе="1"/>', [("w", "-3"), ("v", "1")]),
    ('<Склады ИдСклада="w" КоличествоНаСкладе="4"/>', [("w", "4")]),
    ("<Остатки><Остаток><Склад><Ид>w</Ид><Количество>5</Количество></Склад></Остаток></Остатки>", [("w", "5")]),
    ("<Остатки><Остаток><Количество>6</Количество></Остаток></Остатки>", [("", "6")]),
    ('<Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе="7"/>', [("w", "7")]),
    ("<Остатки><Количество>6</Количество></Остатки>", [("", "6")]),
    ("<Остатки><Склад><Ид>w</Ид><Количество>6</Количество></Склад></Остатки>", [("w", "6")]),
    ("<Склад><ИдСклада>w</ИдСклада><КоличествоНаСкладе>8</КоличествоНаСкладе></Склад>", [("w", "8")]),
    ('<Склад КоличествоНаСкладе="7"/>', [("", "7")]),
    ('<Склад ИдСклада="w" КоличествоНаСкладе="2"/><Склад ИдСклада="w" КоличествоНаСкладе="3"/>', [("w", "2"), ("w", "3")]),
    ('<Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе="-999 999 999,9"/>', None),
    ("<Наименование>x</Наименование>", None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "stocks"), STOCKS)
@pytest.mark.parametrize("namespace", ["", ' xmlns="urn:1C.ru:commerceml_210"'])
def test_stocks_in_five_shapes(
    tmp_path: Path, told: str, stocks: list[tuple[str, str]] | None, namespace: str
) -> None:
    text = xml(package(f"<Предложение><Ид>o</Ид>{told}</Предложение>"), namespace=namespace)
    found = read(write(tmp_path, text), OfferStocks)
    unequal = "Количество>9<" in told
    assert found == ([] if stocks is None else [OfferStocks("o", tuple(stocks), unequal=unequal)])


@pytest.mark.parametrize(("total", "whole"), [("3", True), ("3.00", True), ("4", False), ("?", False)])
def test_a_total_beside_warehouses_says_whether_they_are_all(tmp_path: Path, total: str, whole: bool) -> None:
    shops = '<Склад ИдСклада="w" КоличествоНаСкладе="0.1"/><Склад ИдСклада="v" КоличествоНаСкладе="2.9"/>'
    offer = f"<Предложение><Ид>o</Ид><Количество>{total}</Количество>{shops}</Предложение>"
    stocks = (("w", "0.1"), ("v", "2.9"))
    assert one(tmp_path, package(offer), OfferStocks) == [
        OfferStocks("o", stocks, whole=whole, unequal=total == "4")
    ]


@pytest.mark.parametrize(
    ("told", "taken", "reason"),
    [
        ('<Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе=""/>', [], "{field} is empty"),
        ('<Количество>9</Количество><Склад КоличествоНаСкладе="7"/>', [("", "9")], "has no ИдСклада"),
        (
            '<Склад ИдСклада="w" КоличествоНаСкладе="1"/><Склад КоличествоНаСкладе="7"/>',
            [("w", "1")],
            "has no ИдСклада",
        ),
    ],
)
def test_a_wrong_stock_is_rejected_and_no_total_takes_its_place(
    tmp_path: Path, told: str, taken: list[tuple[str, str]], reason: str
) -> None:
    offer = f"<Предложение><Ид>o</Ид>{told}</Предложение>"
    reject, *found = one(tmp_path, package(offer), OfferStocks)
    assert isinstance(reject, Rejected)
    assert reject.reason == reason
    assert found == [OfferStocks("o", tuple(taken), readable=False)]


def price(value: str, more: str = "") -> str:
    return f"<Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу>{more}</Цена>"


def test_prices_also_of_goods(tmp_path: Path) -> None:
    terms = "<Валюта>грн</Валюта><Единица>шт</Единица><Коэффициент>12</Коэффициент>"
    body = goods(f"<Товар><Ид>p</Ид><Цены>{price('1 234,50', terms)}</Цены></Товар>") + package(
        f"<Предложение><Ид>o</Ид><Цены>{price('0')}</Цены></Предложение>"
    )
    assert one(tmp_path, body, OfferPrices) == [
        OfferPrices("p", (("t", "1234.5", "UAH", "шт", "12", None),)),
        OfferPrices("o", (("t", "0", None, None, "1", None),)),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (price("дорого"), "{field} is not a number: {value}"),
        (price("1e999"), "{field} is not a number: {value}"),
        ("<Цена><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу></Цена>", "has no ИдТипаЦены"),
    ],
)
def test_a_wrong_price_is_rejected_and_the_others_are_taken(tmp_path: Path, wrong: str, reason: str) -> None:
    offer = f"\n\n<Предложение><Ид>o</Ид><Цены>\n{wrong}{price('5')}</Цены></Предложение>"
    found = one(tmp_path, package(offer), OfferPrices)
    (reject,) = rejects(found)
    assert (reject.id, reject.file, reject.line, reject.reason) == ("o", "import.xml", 5, reason)
    assert "Цена" in reject.fragment
    assert found[-1] == OfferPrices("o", (("t", "5", None, None, "1", None),), whole=False)


def test_a_record_without_id_is_rejected_with_its_line_beyond_65535(tmp_path: Path) -> None:
    blank = "\n" * 70_000
    found = one(tmp_path, goods(f"{blank}<Товар><Наименование>x</Наименование></Товар>"), Product)
    assert [(r.line, r.reason) for r in rejects(found)] == [(70_002, "has no Ид")]


def test_customers(tmp_path: Path) -> None:
    body = """<Контрагенты><Контрагент><Ид>c</Ид><Наименование>Поход ООО</Наименование><Роль>Покупатель</Роль>
        <Роль>Поставщик</Роль><ИНН>99</ИНН><КПП/><ПолноеНаименование>ООО «Поход»</ПолноеНаименование>
        <АдресРегистрации><Представление>г. Образцов</Представление></АдресРегистрации>
        <Адрес><АдресноеПоле><Тип>Город</Тип><Значение>Образцов</Значение></АдресноеПоле></Адрес>
        <Контакты><Контакт><Тип>Почта</Тип><Значение>a@b.example</Значение></Контакт></Контакты>
        <Представители><Представитель><Контрагент><Ид>inner</Ид><Наименование>x</Наименование></Контрагент></Представитель>
        </Представители></Контрагент>
        <Контрагент><Ид>d</Ид><Фамилия>Котелков</Фамилия><Имя>Глеб</Имя></Контрагент></Контрагенты>"""
    assert one(tmp_path, body, Customer) == [
        Customer(
            "c", "Поход ООО", "ООО «Поход»", "Покупатель, Поставщик", "99", None,
            contacts=(("Почта", "a@b.example"),), addresses=(("АдресРегистрации", "г. Образцов"), ("Адрес", "Образцов")),
            address_fields=(("Адрес", "Город", "Образцов"),), representatives=(("inner", "x", ""),),
        ),
        Customer("d", "Котелков Глеб"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attribute", "changes_only"),
    [("", None), ("true", True), ("false", False), ("0", False), ("yes", True), ("+", True)],
)
def test_sections_come_first_and_say_whether_they_are_full(
    tmp_path: Path, attribute: str, changes_only: bool | None
) -> None:
    attributes = f' СодержитТолькоИзменения="{attribute}"' if attribute else ""
    body = package("<Предложение><Ид>o</Ид><Количество>1</Количество></Предложение>", attributes)
    found = one(tmp_path, body, Section, OfferStocks)
    section = Section("cat#", "ПакетПредложений", changes_only, "cat", set=1, file="import.xml")
    assert found == [section, OfferStocks("o", (("", "1"),))]
