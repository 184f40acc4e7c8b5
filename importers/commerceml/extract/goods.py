"""Goods and offers, with all that describes them (docs/commerceml.md, 1.3 and 1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.extract.context import BAD_ID, Context
from importers.commerceml.extract.elements import (
    Node,
    children,
    decimal,
    distinct,
    inner,
    is_removed,
    line_of,
    own_text,
    value,
)
from importers.commerceml.extract.facts import FACTS, PRICED, facts_of
from importers.commerceml.extract.images import images_of
from importers.commerceml.extract.stock_shapes import STOCKED
from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Partial,
    Product,
    Record,
    Rejected,
    Seen,
    UnitUse,
)

Goods = TypeVar("Goods", Product, Offer)
MANY_UNITS = 1000
"""So many units are told once; further ones are told again and again."""
NO_CONTENT = FACTS | {"Ид", "ИдХарактеристики", "НомерВерсии", "ПометкаУдаления", "Статус"}
"""What does not describe a product or an offer."""


def product(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    node = children(element)
    ident = context.identity(element, node, "Product", normalise.goods_identity)
    if not isinstance(ident, str):
        if isinstance(ident, Rejected) and _is_own(context, node, Product):
            yield ident
        return
    product_id, characteristic_id = split_id(ident)
    removed = is_removed(element, node)
    if characteristic_id and removed:  # a mark of one characteristic says nothing about the product
        yield from seen(context, product_id, Product)
    elif Product in context.wanted:
        yield from _product(context, element, node, ident, removed)
    if characteristic_id:  # 2.04 lists goods per characteristic: the product is what stands before the #
        yield from _offer(context, element, node, ident)
    yield from facts_of(context, node, ident)


def _product(
    context: Context, element: etree._Element, node: Node, ident: str, removed: bool
) -> Iterator[Record | Rejected]:
    product_id, characteristic_id = split_id(ident)
    images: list[str] = []
    if "Картинка" in node:
        yield from images_of(context, element, node, ident, images, "Картинка")
    unit = _unit(node)
    conversions = tuple(_conversions(node)) if "БазоваяЕдиница" in node else ()
    yield from _used(context, unit, conversions)
    name = value(node, "Наименование")
    requisites = tuple(_requisites(node))
    named = dict(reversed(requisites))
    maker = next((children(e) for e in node.get("Изготовитель", ())), {})
    partial = _partial(context, element, node, name, removed)
    if partial and not node.keys() & FACTS:  # of a Товар, an id alone is no more than a part
        partial = Partial("part", partial.file, partial.line)
    if characteristic_id and not (partial and partial.how == "facts"):
        partial = Partial("variant", context.file, line_of(element))
    whole = partial is None or partial.how == "variant"
    record = Product(
        id=product_id,
        name=name,
        article=value(node, "Артикул"),
        # Of a characteristic, its barcode is the offer's.
        barcode=None if characteristic_id else value(node, "Штрихкод", "ШтрихКод"),
        description=value(node, "Описание"),
        unit=unit.code if unit else None,
        brand=value(maker, "Наименование", "ОфициальноеНаименование"),
        vat_rate=_vat(node),
        removed=removed,
        catalog_id=context.section.catalog_id,
        groups=distinct(inner(node, "Группы", "Ид")) if whole or "Группы" in node else None,
        properties=tuple(_properties(node)) if whole or "ЗначенияСвойств" in node else None,
        requisites=requisites if whole or requisites else None,
        characteristics=()
        if characteristic_id
        else tuple(_characteristics(node))
        if whole or "ХарактеристикиТовара" in node
        else None,
        images=tuple(images) if whole or "Картинка" in node else None,
        units=conversions if whole or "БазоваяЕдиница" in node else None,
        components=tuple(_components(node)) if "Комплектующие" in node else () if whole else None,
        code=value(node, "Код") or named.get("Код"),
        full_name=value(node, "ПолноеНаименование") or named.get("Полное наименование"),
        country=value(node, "Страна"),
        manufacturer_id=value(maker, "Ид"),
        type_id=value(node, "Категория"),
        partial=partial,
    )
    yield _measured(record, node, named)


def _partial(
    context: Context, element: etree._Element, node: Node, name: str | None, removed: bool
) -> Partial | None:
    """How much a Товар or Предложение tells; None: everything, or that it is removed."""
    if removed or name:
        return None
    return Partial("part" if node.keys() - NO_CONTENT else "facts", context.file, line_of(element))


def product_set(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    """НаборыТовара: what a product that is sold as a set consists of; of the product it tells nothing else."""
    if Product not in context.wanted:
        return
    node = children(element)
    ident = context.identity(element, node, "Product", normalise.goods_identity)
    parts: dict[tuple[str, str], None] = {}
    for inside in element.iterdescendants(etree.Element):
        fields = children(inside)
        if component := value(fields, "Ид", "ИдТовара"):
            parts[component, decimal(value(fields, "Количество")) or ""] = None
    if isinstance(ident, Rejected):
        yield ident
    elif ident and parts:
        yield Product(
            ident,
            None,
            groups=None,
            properties=None,
            requisites=None,
            characteristics=None,
            images=None,
            units=None,
            components=tuple(parts),
            partial=Partial("part", context.file, line_of(element)),
        )


def _is_own(context: Context, node: Node, record: type[Record]) -> bool:
    """Whether a record without an id is a loss to what is wanted of it."""
    return (
        record in context.wanted
        or (OfferPrices in context.wanted and bool(node.keys() & PRICED))
        or (OfferStocks in context.wanted and bool(node.keys() & STOCKED))
    )


def offer(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    node = children(element)
    ident = context.identity(element, node, "Offer", normalise.goods_identity)
    if not isinstance(ident, str):
        if isinstance(ident, Rejected) and _is_own(context, node, Offer):
            yield ident
        return
    characteristic_id = value(node, "ИдХарактеристики")
    if characteristic_id and "#" not in ident:
        ident = f"{ident}#{characteristic_id}"
        if len(ident) > normalise.MAX_ID:
            if _is_own(context, node, Offer):
                yield context.rejected(element, "Offer", None, BAD_ID, value=ident[:40] + "…")
            return
    if Offer in context.wanted:
        yield from _offer(context, element, node, ident)
    else:
        yield from seen(context, ident, Offer)
    yield from facts_of(context, node, ident)


def seen(context: Context, ident: str, record: type[Record]) -> Iterator[Seen]:
    if Seen in context.wanted:
        yield Seen(ident, record.__name__)


def _offer(context: Context, element: etree._Element, node: Node, ident: str) -> Iterator[Record | Rejected]:
    if Offer not in context.wanted:
        return
    images: list[str] = []
    if "Картинка" in node:
        yield from images_of(context, element, node, ident, images, "Картинка")
    unit = _unit(node)
    conversions = tuple(_conversions(node)) if "БазоваяЕдиница" in node else ()
    yield from _used(context, unit, conversions)
    product_id, characteristic_id = split_id(ident)
    name = value(node, "Наименование")
    removed = is_removed(element, node)
    record = Offer(
        id=ident,
        product_id=product_id,
        characteristic_id=characteristic_id,
        name=name,
        article=value(node, "Артикул"),
        barcode=value(node, "Штрихкод", "ШтрихКод"),
        removed=removed,
        catalog_id=context.section.catalog_id,
        # Of goods by characteristic, one file may tell these and the other one prices.
        characteristics=tuple((name, text) for _ident, name, text in _characteristics(node))
        if "ХарактеристикиТовара" in node
        else None,
        properties=tuple(_properties(node)) if "ЗначенияСвойств" in node else None,
        images=tuple(images) if "Картинка" in node else None,
        units=conversions if "БазоваяЕдиница" in node else None,
        components=tuple(_components(node)) if "Комплектующие" in node else None,
        code=value(node, "Код"),
        unit=unit.code if unit else None,
        partial=_partial(context, element, node, name, removed),
    )
    yield _measured(record, node, {})


def _used(
    context: Context, unit: UnitUse | None, conversions: tuple[tuple[str, str], ...]
) -> Iterator[UnitUse]:
    """The units that a БазоваяЕдиница and its packs name, the first time that this section does so."""
    packs = (UnitUse(pack, None if pack.isdigit() else pack, None) for pack, _coefficient in conversions)
    for use in (unit, *packs):
        if use and use not in context.used_units and UnitUse in context.wanted:
            if len(context.used_units) < MANY_UNITS:
                context.used_units.add(use)
            yield use


def split_id(ident: str) -> tuple[str, str | None]:
    """(product, characteristic) of an offer's id."""
    product, _sharp, characteristic = ident.partition("#")
    return product, characteristic or None


def _unit(node: Node) -> UnitUse | None:
    """БазоваяЕдиница: its code, else a text of digits, else its short name; Единица where there is none."""
    for element in node.get("БазоваяЕдиница", ()):
        text = normalise.text(own_text(element))
        full = normalise.text(element.get("НаименованиеПолное"))
        international = normalise.text(element.get("МеждународноеСокращение"))
        short = normalise.text(element.get("НаименованиеКраткое")) or (
            text if text and not text.isdigit() else None
        )
        code = normalise.text(element.get("Код")) or text or short or international or full
        if code:
            return UnitUse(code, short, full, international)
    if plain := value(node, "Единица"):
        return UnitUse(plain, None if plain.isdigit() else plain, None)
    return None


MEASURES = {
    "Вес": "weight",
    "Длина": "length",
    "Ширина": "width",
    "Высота": "height",
    "Объем": "volume",
    "Объём": "volume",
}
"""Elements, or requisites of the same name, and the fields that they fill."""


def _measured(goods: Goods, node: Node, requisites: dict[str, str]) -> Goods:
    """With its weight and sizes, which few have."""
    if MEASURES.keys().isdisjoint(node) and MEASURES.keys().isdisjoint(requisites):
        return goods
    measures = {
        field: found
        for name, field in MEASURES.items()
        if (name in node or name in requisites)
        and (found := decimal(value(node, name) or requisites.get(name)))
    }
    return msgspec.structs.replace(goods, **measures)


def _conversions(node: Node) -> Iterator[tuple[str, str]]:
    """(unit, coefficient) of each Пересчет, each once."""
    found: dict[tuple[str, str], None] = {}
    for conversion in inner(node, "БазоваяЕдиница", "Пересчет"):
        fields = children(conversion)
        unit, coefficient = value(fields, "Единица"), decimal(value(fields, "Коэффициент"))
        if unit and coefficient:
            found[unit, coefficient] = None
    yield from found


def _components(node: Node) -> Iterator[tuple[str, str]]:
    """(id, quantity or "") of what a set of goods consists of."""
    for component in inner(node, "Комплектующие", "Комплектующее"):
        fields = children(component)
        if ident := value(fields, "Ид", "ИдТовара"):
            yield ident, decimal(value(fields, "Количество")) or ""


def _vat(node: Node) -> str | None:
    """The rate named НДС, else the first one; "Без НДС" is no rate."""
    rates = [children(rate) for rate in inner(node, "СтавкиНалогов", "СтавкаНалога")]
    if len(rates) > 1:
        rates.sort(key=lambda rate: (value(rate, "Наименование") or "").upper() != "НДС")
    for rate in (value(node, "СтавкаНДС"), *(value(fields, "Ставка") for fields in rates)):
        if rate:
            return decimal(rate)
    return None


def _properties(node: Node) -> Iterator[tuple[str, str]]:
    for element in inner(node, "ЗначенияСвойств", "ЗначенияСвойства"):
        fields = children(element)
        ident = value(fields, "Ид")
        values = [
            *fields.get("Значение", ()),
            *fields.get("ИдЗначения", ()),
            *inner(fields, "ЗначениеСвойства", "Значение"),
        ]
        for each in distinct(values):
            if ident:
                yield ident, each


def _requisites(node: Node) -> Iterator[tuple[str, str]]:
    for field in (
        *inner(node, "ЗначенияРеквизитов", "ЗначениеРеквизита"),
        *node.get("ЗначениеРеквизита", ()),
    ):
        fields = children(field)
        name = value(fields, "Наименование")
        for each in distinct(fields.get("Значение", ())):
            if name:
                yield name, each


def _characteristics(node: Node) -> Iterator[tuple[str, str, str]]:
    """(id or "", name, value)"""
    for element in inner(node, "ХарактеристикиТовара", "ХарактеристикаТовара"):
        fields = children(element)
        name, text = value(fields, "Наименование"), value(fields, "Значение")
        if name and text:
            yield value(fields, "Ид") or "", name, text
