"""Where records stand in a file: the elements that hold them, and the section that these belong to."""

from __future__ import annotations

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.extract.elements import children, local_name, value
from importers.commerceml.parts import Part
from importers.commerceml.records import Section

SECTIONS = ("Каталог", "Классификатор", "ПакетПредложений", "ИзмененияПакетаПредложений", "Контрагенты")
RECORDS = {
    "Товар": "Товары",
    "Предложение": "Предложения",
    "Контрагент": "Контрагенты",
    "Свойство": "Свойства",
}
"""Record elements by the container they must stand in: a Контрагент may also be a Представитель's."""
GOODS_IN = {"Товары": "Товар", "Предложения": "Предложение"}
"""What the lists of goods hold."""
GOODS = tuple(GOODS_IN.values())
VALUES = ("Справочник", "Вариант")
"""Allowed values of a Свойство in its ВариантыЗначений: there may be more of them than anybody wants in memory."""
LISTS = ("Группы", "ТипыЦен", "Склады", "ЕдиницыИзмерения", "Категории")
"""Small lists of reference data that are read whole when they end."""
SETS = ("НаборыТовара", "НаборТоваров")
"""What goods that are sold as a set consist of, in НаборыТоваров beside the sections."""
DROPPED = ("Документ",)
"""Records of no import type, cut off all the same to keep memory constant."""


def local(element: etree._Element) -> str:
    return local_name(element.tag)


def section_of(container: etree._Element) -> etree._Element | None:
    """The section that a container of records stands in; Контрагенты are both. Those of an order are none: an order
    tells of its customer only what was typed into it."""
    parent = container.getparent()
    if local(container) in SECTIONS:
        return None if parent is not None and local(parent) == "Документ" else container
    return parent if parent is not None and local(parent) in SECTIONS else None


def property_of(container: etree._Element) -> tuple[etree._Element, str] | None:
    """(Свойства, Ид of the Свойство) of ВариантыЗначений; None where the Ид is none, or comes only after them."""
    of = container.getparent()
    holder = of.getparent() if of is not None else None
    if (
        of is None
        or holder is None
        or (local(container), local(of), local(holder)) != ("ВариантыЗначений", "Свойство", "Свойства")
        or section_of(holder) is None
    ):
        return None
    try:
        ident = normalise.identity(value(children(of), "Ид"))
    except ValueError:
        return None
    return (holder, ident) if ident else None


def section_record(element: etree._Element, part: Part) -> Section:
    node = children(element)
    ident = value(node, "Ид") or ""
    name = local(element)
    written = normalise.text(element.get("СодержитТолькоИзменения")) or value(node, "СодержитТолькоИзменения")
    return Section(
        ident,
        name,
        # Only what says so in a known word is full: by what is missing in it things are removed.
        written.lower() not in ("false", "0", "нет", "ложь") if written else None,
        ident if name == "Каталог" else value(node, "ИдКаталога") or ident.strip("#"),
        ident if name == "Классификатор" else value(node, "ИдКлассификатора") or "",
        part.set,
        part.name,
    )
