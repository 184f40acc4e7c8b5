"""Goods and offers out of the tree that the parser builds of them: whatever an element may hold."""

from __future__ import annotations

from collections.abc import Iterator

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
from importers.commerceml.extract.goods import FIELDS, Written, offer_of, product_of, split_id, unit_of
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
    written, rejected = _written(context, node, ident, removed)
    yield from rejected
    partial = _partial(context, element, node, removed)
    if partial and not node.keys() & FACTS:  # of a Товар, an id alone is no more than a part
        partial = Partial("part", partial.file, partial.line)
    if "#" in ident and not (partial and partial.how == "facts"):
        partial = Partial("variant", context.file, None)
    yield from product_of(context, ident, written, partial)


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
    removed = is_removed(element, node)
    written, rejected = _written(context, node, ident, removed)
    yield from rejected
    yield from offer_of(context, ident, written, _partial(context, element, node, removed))


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


def _partial(context: Context, element: etree._Element, node: Node, removed: bool) -> Partial | None:
    """How much a Товар or Предложение tells; None: everything, or that it is removed."""
    if removed or value(node, "Наименование"):
        return None
    return Partial("part" if node.keys() - NO_CONTENT else "facts", context.file, line_of(element))


def _written(context: Context, node: Node, ident: str, removed: bool) -> tuple[Written, list[Rejected]]:
    """What the element holds, in whatever shape; rejects of pictures."""
    written = Written()
    written.removed = removed
    written.fields = {name: value(node, name) for name in FIELDS & node.keys()}
    rejected: list[Rejected] = []
    if "Картинка" in node:
        written.images = paths = list[str]()
        rejected += images_of(context, node, ident, paths, "Картинка")
    if "Группы" in node:
        written.groups = distinct(inner(node, "Группы", "Ид"))
    if "ЗначенияСвойств" in node:
        written.properties = list(_properties(node))
    if "ЗначенияРеквизитов" in node or "ЗначениеРеквизита" in node:
        written.requisites = list(_requisites(node))
    if "ХарактеристикиТовара" in node:
        written.characteristics = [
            (value(fields, "Ид"), value(fields, "Наименование"), value(fields, "Значение"))
            for fields in map(children, inner(node, "ХарактеристикиТовара", "ХарактеристикаТовара"))
        ]
    if "БазоваяЕдиница" in node:
        written.unit = next(filter(None, map(_unit, node["БазоваяЕдиница"])), None)
        written.conversions = [
            (value(fields, "Единица"), value(fields, "Коэффициент"))
            for fields in map(children, inner(node, "БазоваяЕдиница", "Пересчет"))
        ]
    if "Комплектующие" in node:
        written.components = [
            (value(fields, "Ид", "ИдТовара"), value(fields, "Количество"))
            for fields in map(children, inner(node, "Комплектующие", "Комплектующее"))
        ]
    if "СтавкиНалогов" in node:
        written.rates = [
            (value(fields, "Наименование"), value(fields, "Ставка"))
            for fields in map(children, inner(node, "СтавкиНалогов", "СтавкаНалога"))
        ]
    if "Изготовитель" in node:
        maker = children(node["Изготовитель"][0])
        written.maker = value(maker, "Ид"), value(maker, "Наименование", "ОфициальноеНаименование")
    return written, rejected


def _unit(element: etree._Element) -> UnitUse | None:
    return unit_of(
        own_text(element),
        element.get("Код"),
        element.get("НаименованиеПолное"),
        element.get("МеждународноеСокращение"),
        element.get("НаименованиеКраткое"),
    )


def _properties(node: Node) -> Iterator[tuple[str | None, str]]:
    for element in inner(node, "ЗначенияСвойств", "ЗначенияСвойства"):
        fields = children(element)
        ident = value(fields, "Ид")
        values = [
            *fields.get("Значение", ()),
            *fields.get("ИдЗначения", ()),
            *inner(fields, "ЗначениеСвойства", "Значение"),
        ]
        for each in distinct(values):
            yield ident, each


def _requisites(node: Node) -> Iterator[tuple[str | None, str]]:
    for field in (
        *inner(node, "ЗначенияРеквизитов", "ЗначениеРеквизита"),
        *node.get("ЗначениеРеквизита", ()),
    ):
        fields = children(field)
        name = value(fields, "Наименование")
        for each in distinct(fields.get("Значение", ())):
            yield name, each
