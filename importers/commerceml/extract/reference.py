"""Reference data: catalogs, groups, properties and their values, types of goods and of prices, warehouses, units."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.extract.contacts import addresses, contacts
from importers.commerceml.extract.context import NO_ID, Context
from importers.commerceml.extract.elements import (
    children,
    decimal,
    distinct,
    flag,
    inner,
    is_empty,
    is_removed,
    value,
)
from importers.commerceml.extract.images import images_of
from importers.commerceml.records import (
    CatalogInfo,
    Group,
    PriceType,
    ProductType,
    Property,
    PropertyValue,
    Record,
    Rejected,
    Unit,
    Warehouse,
)


def catalog_info(context: Context, element: etree._Element) -> Iterator[Record]:
    """What a Каталог says of itself, when it ends. A stub, as each part of 3.x has, may say nothing new."""
    if CatalogInfo in context.wanted and context.section.name == "Каталог" and context.section.id:
        node = children(element)
        owner = next((children(e) for e in node.get("Владелец", ())), {})
        yield CatalogInfo(
            context.section.id,
            value(node, "Наименование"),
            context.section.classifier_id or None,
            value(node, "Описание"),
            value(owner, "Ид"),
            value(owner, "Наименование", "ОфициальноеНаименование", "ПолноеНаименование"),
            value(owner, "ИНН"),
            value(owner, "КПП"),
        )


def groups(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    if Group in context.wanted:
        yield from _groups(context, element, None)


def _groups(context: Context, element: etree._Element, parent: str | None) -> Iterator[Record | Rejected]:
    for group in children(element).get("Группа", ()):
        node = children(group)
        named = context.named(group, node, "Group")
        if isinstance(named, tuple):
            pictures: list[str] = []
            yield from images_of(context, node, named[0], pictures, "Картинка", "Изображение")
            yield Group(
                named[0],
                parent,
                named[1],
                is_removed(group, node),
                value(node, "Описание"),
                next(iter(pictures), None),
                decimal(value(node, "Сортировка", "БитриксСортировка")),
            )
        elif named:
            yield named
        for nested in node.get("Группы", ()):
            yield from _groups(context, nested, named[0] if isinstance(named, tuple) else parent)


def property_(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    if Property not in context.wanted and PropertyValue not in context.wanted:
        return
    node = children(element)
    named = context.named(element, node, "Property")
    if not isinstance(named, tuple):
        if named:
            yield named
        return
    if Property in context.wanted:
        yield Property(
            *named,
            value(node, "ТипЗначений"),
            is_removed(element, node),
            flag(node, "ДляТоваров"),
            flag(node, "ДляПредложений"),
            flag(node, "Множественное"),
            normalise.boolean(value(node, "Обязательное", "БитриксОбязательное")),
            decimal(value(node, "Сортировка", "БитриксСортировка")),
            value(node, "ЗначениеПоУмолчанию"),
        )
    for variants in node.get("ВариантыЗначений", ()):
        for variant in variants:
            yield from property_value(context, variant, named[0])


def property_value(
    context: Context, variant: etree._Element, property_id: str
) -> Iterator[Record | Rejected]:
    """Справочник{ИдЗначения,Значение}, Вариант{Ид,Значение}, or a bare Значение that is its own id."""
    if PropertyValue not in context.wanted:
        return
    node = children(variant)
    if not node:
        if bare := normalise.text(variant.text):
            yield PropertyValue(bare, property_id, bare)
        return
    text = value(node, "Значение")
    ident = value(node, "ИдЗначения", "Ид") or text
    if ident and ("Сортировка" in node or "ПоУмолчанию" in node):
        sort = decimal(value(node, "Сортировка"))
        yield PropertyValue(ident, property_id, text or "", sort, flag(node, "ПоУмолчанию"))
    elif ident:
        yield PropertyValue(ident, property_id, text or "")


def product_types(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    if ProductType not in context.wanted:
        return
    for product_type in children(element).get("Категория", ()):
        node = children(product_type)
        named = context.named(product_type, node, "ProductType")
        if isinstance(named, tuple):
            properties = distinct(inner(node, "Свойства", "Ид"))
            yield ProductType(*named, is_removed(product_type, node), properties)
        elif named:
            yield named


def price_types(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    for price_type in children(element).get("ТипЦены", ()):
        node = children(price_type)
        named = context.named(price_type, node, "PriceType")
        if isinstance(named, tuple):
            context.price_types.add(named[0])
        if PriceType not in context.wanted or named is None:
            continue
        if isinstance(named, Rejected):
            yield named
            continue
        tax = next((children(e) for e in node.get("Налог", ())), {})
        yield PriceType(
            *named,
            normalise.currency(value(node, "Валюта")),
            flag(tax, "УчтеноВСумме"),
            is_removed(price_type, node),
            value(tax, "Наименование"),
        )


def warehouses(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    if Warehouse not in context.wanted:
        return
    for warehouse in children(element).get("Склад", ()):
        node = children(warehouse)
        named = context.named(warehouse, node, "Warehouse")
        if isinstance(named, tuple):
            telephones = [text for kind, text in contacts(node) if "телефон" in kind.lower()]
            yield Warehouse(
                *named,
                is_removed(warehouse, node),
                next((text for _name, text in addresses(node)), None),
                ", ".join(dict.fromkeys(telephones)) or value(node, "Телефон"),
                value(node, "ГрафикРаботы", "ЧасыРаботы"),
            )
        elif named:
            yield named


def units(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    if Unit not in context.wanted:
        return
    for unit in children(element).get("ЕдиницаИзмерения", ()):
        node = children(unit)
        short, full = value(node, "НаименованиеКраткое"), value(node, "НаименованиеПолное")
        if code := value(node, "Код") or short or value(node, "Ид"):
            yield Unit(code, short, full, value(node, "МеждународноеСокращение"))
        elif not is_empty(unit):
            yield context.rejected(unit, "Unit", None, NO_ID)
