"""Which element is read by what."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from importers.commerceml.extract.context import Context
from importers.commerceml.extract.customers import customer
from importers.commerceml.extract.goods_tree import offer, product
from importers.commerceml.extract.reference import (
    groups,
    price_types,
    product_types,
    property_,
    units,
    warehouses,
)
from importers.commerceml.records import Record, Rejected

EXTRACT: dict[str, Callable[[Context, etree._Element], Iterator[Record | Rejected]]] = {
    "Товар": product,
    "Предложение": offer,
    "Контрагент": customer,
    "Свойство": property_,
    "Группы": groups,
    "ТипыЦен": price_types,
    "Склады": warehouses,
    "ЕдиницыИзмерения": units,
    "Категории": product_types,
}
"""How the elements that hold records are read."""
