"""Groups, properties, units, price types and warehouses become records, in all forms of 1C (docs/commerceml.md 1.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml.records import (
    Group,
    OfferStocks,
    PriceType,
    Property,
    PropertyValue,
    Record,
    Rejected,
    Section,
    Unit,
    Warehouse,
)
from tests.commerceml.exports import classifier, package, read_body


def test_groups_come_before_their_children(tmp_path: Path) -> None:
    nested = "<Группы><Группа><Ид>b</Ид><Наименование>Б</Наименование><Группы/></Группа></Группы>"
    body = f"<Группы><Группа><Ид>a</Ид><Наименование> А </Наименование>{nested}</Группа></Группы>"
    assert read_body(tmp_path, classifier(body), Group) == [Group("a", None, "А"), Group("b", "a", "Б")]


def test_a_group_without_a_name_does_not_take_its_children_with_it(tmp_path: Path) -> None:
    nested = "<Группы><Группа><Ид>c</Ид><Наименование>В</Наименование></Группа></Группы>"
    middle = f"<Группы><Группа><Ид>b</Ид><Наименование/>{nested}</Группа></Группы>"
    body = f"<Группы><Группа><Ид>a</Ид><Наименование>А</Наименование>{middle}</Группа></Группы>"
    first, reject, last = read_body(tmp_path, classifier(body), Group)
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
    assert read_body(tmp_path, classifier(told), type(mark)) == [mark]


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
    found = read_body(tmp_path, classifier(body), Property, PropertyValue)
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
    found = read_body(tmp_path, classifier(body), Property, PropertyValue)
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
    found = read_body(tmp_path, classifier(body), PropertyValue)
    assert found == [PropertyValue("v", "p", "V")]


def test_units_without_padding(tmp_path: Path) -> None:
    body = "<ЕдиницыИзмерения><ЕдиницаИзмерения><Ид>796 </Ид><НаименованиеКраткое>шт</НаименованиеКраткое><Код>796 </Код>"
    body += f"<НаименованиеПолное>{'Штука':50}</НаименованиеПолное></ЕдиницаИзмерения></ЕдиницыИзмерения>"
    assert read_body(tmp_path, classifier(body), Unit) == [Unit("796", "шт", "Штука")]


@pytest.mark.parametrize(
    "place", [classifier, lambda body: f"<ПакетПредложений><Ид>x#</Ид>{body}</ПакетПредложений>"]
)
def test_price_types_and_warehouses_stand_in_both_places(tmp_path: Path, place) -> None:  # type: ignore[no-untyped-def]
    tax = "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог>"
    body = (
        f"<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Опт</Наименование><Валюта>руб</Валюта>{tax}</ТипЦены></ТипыЦен>"
        "<Склады><Склад><Ид>w</Ид><Наименование>Основной</Наименование></Склад></Склады>"
    )
    found = read_body(tmp_path, place(body), PriceType, Warehouse)
    assert found == [PriceType("t", "Опт", "RUB", True, tax="НДС"), Warehouse("w", "Основной")]


@pytest.mark.parametrize(
    ("attribute", "changes_only"),
    [("", None), ("true", True), ("false", False), ("0", False), ("yes", True), ("+", True)],
)
def test_sections_come_first_and_say_whether_they_are_full(
    tmp_path: Path, attribute: str, changes_only: bool | None
) -> None:
    attributes = f' СодержитТолькоИзменения="{attribute}"' if attribute else ""
    body = package("<Предложение><Ид>o</Ид><Количество>1</Количество></Предложение>", attributes)
    found = read_body(tmp_path, body, Section, OfferStocks)
    section = Section("cat#", "ПакетПредложений", changes_only, "cat", set=1, file="import.xml")
    assert found == [section, OfferStocks("o", (("", "1"),))]
