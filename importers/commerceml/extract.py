"""One XML element → records. Plain and complete; `shortcut.py` has the fast way for regular prices and stocks.

Element names and their variations: docs/format.md, COMMERCEML 1.3 to 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.records import (
    Customer,
    Group,
    Offer,
    OfferPrices,
    OfferStocks,
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
from importers.texts import N_

FRAGMENT = 500
MAX_LINE = 65535
"""libxml2 keeps the line of an element in 16 bits; text nodes have it whole."""
FACTS = frozenset(("Цены", "Остатки", "Количество", "Склад", "Склады"))
NO_CONTENT = FACTS | {"Ид", "ИдХарактеристики", "НомерВерсии", "ПометкаУдаления", "Статус"}
"""What does not describe a product or an offer."""

NO_ID = N_("has no Ид")
NO_NAME = N_("has no Наименование")
NO_NUMBER = N_("{field} is empty")
BAD_NUMBER = N_("{field} is not a number: {value}")
NO_WAREHOUSE = N_("has no ИдСклада")
NO_TYPE = N_("has no ИдТипаЦены")
LONG_ID = N_("the Ид is longer than any that 1C makes: {value}")
BAD_PATH = N_("the picture's path leads out of the export: {value}")

Node = dict[str, list[etree._Element]]


def children(element: etree._Element) -> Node:
    """The child elements by their local name."""
    found: Node = {}
    for child in element.iterchildren(etree.Element):
        found.setdefault(child.tag.rpartition("}")[2], []).append(child)
    return found


def value(node: Node, *names: str) -> str | None:
    """The normalised text of the first child of these names that has any."""
    for name in names:
        for child in node.get(name, ()):
            if found := normalise.text(child.text):
                return found
    return None


def inner(node: Node, *path: str) -> Iterator[etree._Element]:
    """All elements at a path of local names below the node."""
    first, *rest = path
    for child in node.get(first, ()):
        if rest:
            yield from inner(children(child), *rest)
        else:
            yield child


def line_of(element: etree._Element) -> int | None:
    for inside in element.iter(etree.Element):
        line = cast("int | None", inside.sourceline)
        if line and line != MAX_LINE:
            return line
    return None


class Extractor:
    """Turns the elements of one section of one file into records of the wanted types."""

    def __init__(self, file: str, wanted: frozenset[type[Record]], section: Section) -> None:
        self.file = file
        self.wanted = wanted
        self.section = section
        self.by_element: dict[str, Callable[[etree._Element], Iterator[Record | Rejected]]] = {
            "Товар": self.product,
            "Предложение": self.offer,
            "Контрагент": self.customer,
            "Свойство": self.property,
            "Группы": self.groups,
            "ТипыЦен": self.price_types,
            "Склады": self.warehouses,
            "ЕдиницыИзмерения": self.units,
        }

    def rejected(
        self, element: etree._Element, record: str, ident: str | None, reason: str, **args: str
    ) -> Rejected:
        fragment = etree.tostring(element, encoding="unicode", with_tail=False)[:FRAGMENT]
        return Rejected(ident or "", self.file, line_of(element), record, reason, args, fragment)

    def identity(self, element: etree._Element, node: Node, record: str) -> str | Rejected:
        """The Ид of a record, or why it has none."""
        try:
            ident = next((i for e in node.get("Ид", ()) if (i := normalise.identity(e.text))), None)
        except ValueError as error:
            return self.rejected(element, record, None, LONG_ID, value=str(error))
        return ident or self.rejected(element, record, None, NO_ID)

    def named(self, element: etree._Element, node: Node, record: str) -> tuple[str, str | None] | Rejected:
        """Ид and Наименование, both required; of what is removed, the Ид will do."""
        ident = self.identity(element, node, record)
        if isinstance(ident, Rejected):
            return ident
        name = value(node, "Наименование")
        if name is None and not is_removed(element, node):
            return self.rejected(element, record, ident, NO_NAME)
        return ident, name

    # reference data

    def groups(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Group in self.wanted:
            yield from self._groups(element, None)

    def _groups(self, element: etree._Element, parent: str | None) -> Iterator[Record | Rejected]:
        for group in children(element).get("Группа", ()):
            node = children(group)
            found = self.named(group, node, "Group")
            if isinstance(found, Rejected):
                yield found
            else:
                yield Group(found[0], parent, found[1], is_removed(group, node))
            for nested in node.get("Группы", ()):
                yield from self._groups(nested, parent if isinstance(found, Rejected) else found[0])

    def property(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Property not in self.wanted and PropertyValue not in self.wanted:
            return
        node = children(element)
        found = self.named(element, node, "Property")
        if isinstance(found, Rejected):
            yield found
            return
        if Property in self.wanted:
            yield Property(*found, value(node, "ТипЗначений"), is_removed(element, node))
        for variants in node.get("ВариантыЗначений", ()):
            for variant in variants.iterchildren(etree.Element):
                yield from self.property_value(variant, found[0])

    def property_value(self, variant: etree._Element, property_id: str) -> Iterator[Record | Rejected]:
        """Справочник{ИдЗначения,Значение}, Вариант{Ид,Значение}, or a bare Значение that is its own id."""
        if PropertyValue not in self.wanted:
            return
        node = children(variant)
        if not node:
            if bare := normalise.text(variant.text):
                yield PropertyValue(bare, property_id, bare)
            return
        told = value(node, "Значение")
        if ident := value(node, "ИдЗначения", "Ид") or told:
            yield PropertyValue(ident, property_id, told or "")

    def price_types(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if PriceType not in self.wanted:
            return
        for price_type in children(element).get("ТипЦены", ()):
            node = children(price_type)
            found = self.named(price_type, node, "PriceType")
            if isinstance(found, Rejected):
                yield found
                continue
            tax = next(inner(node, "Налог", "УчтеноВСумме"), None)
            yield PriceType(
                *found,
                normalise.currency(value(node, "Валюта")),
                normalise.boolean(tax.text) if tax is not None else None,
                is_removed(price_type, node),
            )

    def warehouses(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Warehouse not in self.wanted:
            return
        for warehouse in children(element).get("Склад", ()):
            node = children(warehouse)
            found = self.named(warehouse, node, "Warehouse")
            yield found if isinstance(found, Rejected) else Warehouse(*found, is_removed(warehouse, node))

    def units(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Unit not in self.wanted:
            return
        for unit in children(element).get("ЕдиницаИзмерения", ()):
            node = children(unit)
            short, full = value(node, "НаименованиеКраткое"), value(node, "НаименованиеПолное")
            code = value(node, "Код", "Ид") or short
            yield Unit(code, short, full) if code else self.rejected(unit, "Unit", None, NO_ID)

    # goods and offers

    def product(self, element: etree._Element) -> Iterator[Record | Rejected]:
        node = children(element)
        ident = self.identity(element, node, "Product")
        if isinstance(ident, Rejected):
            if Product in self.wanted:
                yield ident
            return
        product_id, trait = split_id(ident)
        removed = is_removed(element, node)
        # A mark of one characteristic says nothing about the product, nor do facts.
        if (trait and removed) or has_only_facts(node, removed):
            yield from self.seen(product_id, Product)
        elif Product in self.wanted:
            images: list[str] = []
            yield from self._images(element, node, ident, images)
            yield Product(
                id=product_id,
                name=value(node, "Наименование"),
                article=value(node, "Артикул"),
                barcode=value(node, "Штрихкод", "ШтрихКод"),
                description=value(node, "Описание"),
                unit=_unit(node),
                brand=next(
                    (t for e in inner(node, "Изготовитель", "Наименование") if (t := normalise.text(e.text))),
                    None,
                ),
                vat_rate=_vat(node),
                removed=removed,
                catalog_id=self.section.catalog_id,
                groups=_ids(inner(node, "Группы", "Ид")),
                properties=tuple(_properties(node)),
                requisites=tuple(_requisites(node)),
                characteristics=() if trait else tuple(_characteristics(node)),
                images=tuple(images),
            )
        if trait:  # 2.04 lists goods per characteristic: the product is what stands before the #
            yield from self._offer(element, node, ident)
        yield from self.facts(element, node, ident)

    def offer(self, element: etree._Element) -> Iterator[Record | Rejected]:
        node = children(element)
        ident = self.identity(element, node, "Offer")
        if isinstance(ident, Rejected):
            yield ident
            return
        trait = value(node, "ИдХарактеристики")
        if trait and "#" not in ident:
            ident = f"{ident}#{trait}"
        if has_only_facts(node, is_removed(element, node)):
            yield from self.seen(ident, Offer)
        else:
            yield from self._offer(element, node, ident)
        yield from self.facts(element, node, ident)

    def seen(self, ident: str, record: type[Record]) -> Iterator[Seen]:
        if record in self.wanted and Seen in self.wanted:
            yield Seen(ident, record.__name__)

    def _offer(self, element: etree._Element, node: Node, ident: str) -> Iterator[Record | Rejected]:
        if Offer not in self.wanted:
            return
        images: list[str] = []
        yield from self._images(element, node, ident, images)
        product_id, trait = split_id(ident)
        yield Offer(
            id=ident,
            product_id=product_id,
            characteristic_id=trait,
            name=value(node, "Наименование"),
            article=value(node, "Артикул"),
            barcode=value(node, "Штрихкод", "ШтрихКод"),
            removed=is_removed(element, node),
            catalog_id=self.section.catalog_id,
            # Of goods by characteristic, one file may tell these and the other one prices.
            characteristics=tuple((name, told) for _ident, name, told in _characteristics(node))
            if "ХарактеристикиТовара" in node
            else None,
            properties=tuple(_properties(node)) if "ЗначенияСвойств" in node else None,
            images=tuple(images) if "Картинка" in node else None,
        )

    def _images(
        self, element: etree._Element, node: Node, ident: str, found: list[str]
    ) -> Iterator[Rejected]:
        paths: dict[str, None] = {}
        for picture in node.get("Картинка", ()):
            try:
                path = normalise.image_path(picture.text)
            except ValueError:
                yield self.rejected(
                    picture, "Image", ident, BAD_PATH, value=(picture.text or "").strip()[:200]
                )
                continue
            if path:
                paths[path] = None
        found += paths

    # facts

    def facts(self, element: etree._Element, node: Node, ident: str) -> Iterator[Record | Rejected]:
        if OfferPrices in self.wanted:
            yield from self.prices(node, ident)
        if OfferStocks in self.wanted:
            yield from self.stocks(node, ident)

    def prices(self, node: Node, ident: str) -> Iterator[Record | Rejected]:
        found = []
        for price in inner(node, "Цены", "Цена"):
            fields = children(price)
            price_type = value(fields, "ИдТипаЦены")
            if price_type is None:
                yield self.rejected(price, "Price", ident, NO_TYPE)
                continue
            amount = self.number(price, fields.get("ЦенаЗаЕдиницу", ()), "Price", ident, "ЦенаЗаЕдиницу")
            if isinstance(amount, Rejected):
                yield amount
                continue
            try:
                coefficient = normalise.number(value(fields, "Коэффициент")) or "1"
            except ValueError as error:
                yield self.rejected(
                    price, "Price", ident, BAD_NUMBER, field="Коэффициент", value=str(error)[:100]
                )
                continue
            if amount is not None:
                found.append(
                    (
                        price_type,
                        amount,
                        normalise.currency(value(fields, "Валюта")),
                        value(fields, "Единица"),
                        coefficient,
                    )
                )
        if found:
            yield OfferPrices(ident, tuple(found))

    def stocks(self, node: Node, ident: str) -> Iterator[Record | Rejected]:
        """The five shapes of COMMERCEML 1.4. A total counts only where no warehouse is told, with a number or not."""
        told = list(_quantities(node))
        by_warehouse = any(warehouse for warehouse, _element, _raw in told)
        total = any(warehouse == "" for warehouse, _element, _raw in told)
        found = []
        for warehouse, element, raw in told:
            if warehouse == "" and by_warehouse:
                continue
            amount = self.number(element, [raw], "Stock", ident, "Количество")
            if warehouse is None and (by_warehouse or total):
                yield self.rejected(element, "Stock", ident, NO_WAREHOUSE)
            elif isinstance(amount, Rejected):
                yield amount
            elif amount is not None:
                found.append((warehouse or "", amount))
        if found:
            yield OfferStocks(ident, tuple(found))

    def number(
        self,
        element: etree._Element,
        raw: Iterable[etree._Element | str | None],
        record: str,
        ident: str,
        field: str,
    ) -> str | Rejected | None:
        """Canonical text; None for "not set"; a reject of this fact for nothing or for no number."""
        for one in raw:
            told = one if isinstance(one, str) or one is None else one.text
            if not (told or "").strip():
                break
            try:
                return normalise.number(told)
            except ValueError as error:
                return self.rejected(element, record, ident, BAD_NUMBER, field=field, value=str(error)[:100])
        return self.rejected(element, record, ident, NO_NUMBER, field=field)

    # customers

    def customer(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Customer not in self.wanted:
            return
        node = children(element)
        ident = self.identity(element, node, "Customer")
        if isinstance(ident, Rejected):
            yield ident
            return
        person = " ".join(filter(None, (value(node, part) for part in ("Фамилия", "Имя", "Отчество"))))
        name = value(node, "Наименование") or person or None
        if not name and not is_removed(element, node):
            yield self.rejected(element, "Customer", ident, NO_NAME)
            return
        yield Customer(
            id=ident,
            name=name,
            full_name=value(node, "ПолноеНаименование", "ОфициальноеНаименование"),
            role=", ".join(t for e in node.get("Роль", ()) if (t := normalise.text(e.text))) or None,
            inn=value(node, "ИНН"),
            kpp=value(node, "КПП"),
            removed=is_removed(element, node),
            contacts=tuple(_contacts(node)),
            addresses=tuple(_addresses(node)),
        )


def is_removed(element: etree._Element, node: Node) -> bool:
    """Статус="Удален" as attribute or element, or ПометкаУдаления."""
    for status in (element.get("Статус"), value(node, "Статус")):
        if status and status.strip().lower().replace("ё", "е") == "удален":
            return True
    return any(normalise.boolean(mark.text) for mark in node.get("ПометкаУдаления", ()))


def has_only_facts(node: Node, removed: bool) -> bool:
    """Prices or stocks and nothing else: what is known of the product or offer itself stays."""
    return not removed and bool(node.keys() & FACTS) and node.keys() <= NO_CONTENT


def split_id(ident: str) -> tuple[str, str | None]:
    """(product, characteristic) of an offer's id."""
    product, _sharp, trait = ident.partition("#")
    return product, trait or None


def _ids(elements: Iterable[etree._Element]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for e in elements if (t := normalise.text(e.text))))


def _unit(node: Node) -> str | None:
    for unit in node.get("БазоваяЕдиница", ()):
        for told in (
            unit.text,
            unit.get("МеждународноеСокращение"),
            unit.get("НаименованиеПолное"),
            unit.get("Код"),
        ):
            if found := normalise.text(told):
                return found
    return value(node, "Единица")


def _vat(node: Node) -> str | None:
    """The rate named НДС, else the first one; "Без НДС" is no rate."""
    rates = [children(rate) for rate in inner(node, "СтавкиНалогов", "СтавкаНалога")]
    rates.sort(key=lambda rate: (value(rate, "Наименование") or "").upper() != "НДС")
    for told in (value(node, "СтавкаНДС"), *(value(rate, "Ставка") for rate in rates)):
        if told:
            try:
                return normalise.number(told)
            except ValueError:
                return None
    return None


def _properties(node: Node) -> Iterator[tuple[str, str]]:
    for values in inner(node, "ЗначенияСвойств", "ЗначенияСвойства"):
        fields = children(values)
        ident = value(fields, "Ид")
        told = [
            *fields.get("Значение", ()),
            *fields.get("ИдЗначения", ()),
            *inner(fields, "ЗначениеСвойства", "Значение"),
        ]
        for each in _ids(told):
            if ident:
                yield ident, each


def _requisites(node: Node) -> Iterator[tuple[str, str]]:
    for field in (
        *inner(node, "ЗначенияРеквизитов", "ЗначениеРеквизита"),
        *node.get("ЗначениеРеквизита", ()),
    ):
        fields = children(field)
        name = value(fields, "Наименование")
        for each in _ids(fields.get("Значение", ())):
            if name:
                yield name, each


def _characteristics(node: Node) -> Iterator[tuple[str, str, str]]:
    """(id or "", name, value)"""
    for element in inner(node, "ХарактеристикиТовара", "ХарактеристикаТовара"):
        fields = children(element)
        name, told = value(fields, "Наименование"), value(fields, "Значение")
        if name and told:
            yield value(fields, "Ид") or "", name, told


def _quantities(node: Node) -> Iterator[tuple[str | None, etree._Element, str | None]]:
    """(warehouse id, element, number as written) of every stock that an offer tells, in any shape; "" is a total,
    None a warehouse without an id."""
    for total in node.get("Количество", ()):
        yield "", total, total.text
    for warehouse in (*node.get("Склад", ()), *node.get("Склады", ()), *inner(node, "Склады", "Склад")):
        fields = children(warehouse)
        if "Склад" in fields:
            continue
        amount = warehouse.get("КоличествоНаСкладе")
        if amount is None:
            amount = value(fields, "КоличествоНаСкладе", "Количество")
        yield normalise.text(warehouse.get("ИдСклада")) or value(fields, "ИдСклада", "Ид"), warehouse, amount
    for rest in (*node.get("Остатки", ()), *inner(node, "Остатки", "Остаток")):
        fields = children(rest)
        beside = fields.get("Количество", ())
        for warehouse in fields.get("Склад", ()):
            inside = children(warehouse)
            amounts = [found.text for found in (*inside.get("Количество", ()), *beside)]
            yield value(inside, "Ид") or normalise.text(warehouse.text), warehouse, (*amounts, None)[0]
        if "Склад" not in fields:
            for total in beside:
                yield "", total, total.text


def _contacts(node: Node) -> Iterator[tuple[str, str]]:
    for contact in inner(node, "Контакты", "Контакт"):
        fields = children(contact)
        told = value(fields, "Значение", "Представление")
        if told:
            yield value(fields, "Тип", "Вид") or "", told


def _addresses(node: Node) -> Iterator[tuple[str, str]]:
    """АдресРегистрации, ЮридическийАдрес, Адрес, … whatever 1C calls them."""
    for name in node:
        for address in node[name] if "адрес" in name.lower() else ():
            fields = children(address)
            told = value(fields, "Представление")
            if told is None:
                parts = (value(children(part), "Значение") for part in fields.get("АдресноеПоле", ()))
                told = ", ".join(filter(None, parts)) or normalise.text(address.text)
            if told:
                yield name, told
