"""One XML element → records. Plain and complete; `shortcut.py` has the fast way for regular prices and stocks.

Element names and their variations: docs/commerceml.md, 1.3 to 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.elements import (
    Node,
    children,
    distinct,
    flag,
    inner,
    is_empty,
    line_of,
    own_text,
    text_of,
    value,
)
from importers.commerceml.records import (
    CatalogInfo,
    Customer,
    Group,
    Offer,
    OfferPrices,
    OfferStocks,
    Partial,
    Price,
    PriceType,
    Product,
    ProductType,
    Property,
    PropertyValue,
    Record,
    Rejected,
    Section,
    Seen,
    Unit,
    UnitUse,
    Warehouse,
)
from importers.texts import N_

FRAGMENT = 500
FACTS = frozenset(("Цены", "Остатки", "Количество", "Склад", "Склады"))
PRICED = frozenset(("Цены",))
STOCKED = FACTS - PRICED
NO_CONTENT = FACTS | {"Ид", "ИдХарактеристики", "НомерВерсии", "ПометкаУдаления", "Статус"}
"""What does not describe a product or an offer."""

NO_ID = N_("has no Ид")
NO_NAME = N_("has no Наименование")
NO_NUMBER = N_("{field} is empty")
BAD_NUMBER = N_("{field} is not a number: {value}")
NO_WAREHOUSE = N_("has no ИдСклада")
NO_TYPE = N_("has no ИдТипаЦены")
BAD_ID = N_("the Ид is none that 1C makes: {value}")
BAD_PATH = N_("the picture's path leads out of the export: {value}")


class Extractor:
    """Turns the elements of one section of one file into records of the wanted types.

    `price_types`: the ids of those that the set has defined so far, shared by the files of a set.
    """

    def __init__(
        self,
        file: str,
        wanted: frozenset[type[Record]],
        section: Section,
        price_types: set[str] | None = None,
    ) -> None:
        self.file = file
        self.wanted = wanted
        self.section = section
        self._defined_types = set() if price_types is None else price_types
        self._used_units: set[UnitUse] = set()
        self.by_element: dict[str, Callable[[etree._Element], Iterator[Record | Rejected]]] = {
            "Товар": self.product,
            "Предложение": self.offer,
            "Контрагент": self.customer,
            "Свойство": self.property,
            "Группы": self.groups,
            "ТипыЦен": self.price_types,
            "Склады": self.warehouses,
            "ЕдиницыИзмерения": self.units,
            "Категории": self.product_types,
        }

    def rejected(
        self, element: etree._Element, record: str, ident: str | None, reason: str, **args: str
    ) -> Rejected:
        fragment = etree.tostring(element, encoding="unicode", with_tail=False)[:FRAGMENT]
        return Rejected(ident or "", self.file, line_of(element), record, reason, args, fragment)

    def identity(
        self,
        element: etree._Element,
        node: Node,
        record: str,
        read: Callable[[str | None], str | None] = normalise.identity,
    ) -> str | Rejected | None:
        """The Ид of a record, or why it has none; None for an element with nothing in it."""
        try:
            ident = read(value(node, "Ид"))
        except ValueError as error:
            return self.rejected(element, record, None, BAD_ID, value=str(error))
        if ident is None:
            return None if is_empty(element) else self.rejected(element, record, None, NO_ID)
        return ident

    def named(
        self, element: etree._Element, node: Node, record: str
    ) -> tuple[str, str | None] | Rejected | None:
        """Ид and Наименование, both required; of what is removed, the Ид will do."""
        ident = self.identity(element, node, record)
        if not isinstance(ident, str):
            return ident
        name = value(node, "Наименование")
        if name is None and not is_removed(element, node):
            return self.rejected(element, record, ident, NO_NAME)
        return ident, name

    # reference data

    def catalog_info(self, element: etree._Element) -> Iterator[Record]:
        """What a Каталог says of itself, when it ends. A stub, as each part of 3.x has, may say nothing new."""
        if CatalogInfo in self.wanted and self.section.name == "Каталог" and self.section.id:
            node = children(element)
            owner = next((children(e) for e in node.get("Владелец", ())), Node())
            yield CatalogInfo(
                self.section.id,
                value(node, "Наименование"),
                self.section.classifier_id or None,
                value(node, "Описание"),
                value(owner, "Ид"),
                value(owner, "Наименование", "ОфициальноеНаименование", "ПолноеНаименование"),
                value(owner, "ИНН"),
                value(owner, "КПП"),
            )

    def groups(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Group in self.wanted:
            yield from self._groups(element, None)

    def _groups(self, element: etree._Element, parent: str | None) -> Iterator[Record | Rejected]:
        for group in children(element).get("Группа", ()):
            node = children(group)
            found = self.named(group, node, "Group")
            if isinstance(found, tuple):
                pictures: list[str] = []
                yield from self._images(group, node, found[0], pictures, "Картинка", "Изображение")
                yield Group(
                    found[0],
                    parent,
                    found[1],
                    is_removed(group, node),
                    value(node, "Описание"),
                    next(iter(pictures), None),
                    _number(value(node, "Сортировка", "БитриксСортировка")),
                )
            elif found:
                yield found
            for nested in node.get("Группы", ()):
                yield from self._groups(nested, found[0] if isinstance(found, tuple) else parent)

    def property(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Property not in self.wanted and PropertyValue not in self.wanted:
            return
        node = children(element)
        found = self.named(element, node, "Property")
        if not isinstance(found, tuple):
            if found:
                yield found
            return
        if Property in self.wanted:
            yield Property(
                *found,
                value(node, "ТипЗначений"),
                is_removed(element, node),
                flag(node, "ДляТоваров"),
                flag(node, "ДляПредложений"),
                flag(node, "Множественное"),
                normalise.boolean(value(node, "Обязательное", "БитриксОбязательное")),
                _number(value(node, "Сортировка", "БитриксСортировка")),
                value(node, "ЗначениеПоУмолчанию"),
            )
        for variants in node.get("ВариантыЗначений", ()):
            for variant in variants:
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
            yield PropertyValue(
                ident,
                property_id,
                told or "",
                _number(value(node, "Сортировка")),
                flag(node, "ПоУмолчанию"),
            )

    def product_types(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if ProductType not in self.wanted:
            return
        for product_type in children(element).get("Категория", ()):
            node = children(product_type)
            found = self.named(product_type, node, "ProductType")
            if isinstance(found, tuple):
                properties = distinct(inner(node, "Свойства", "Ид"))
                yield ProductType(*found, is_removed(product_type, node), properties)
            elif found:
                yield found

    def price_types(self, element: etree._Element) -> Iterator[Record | Rejected]:
        for price_type in children(element).get("ТипЦены", ()):
            node = children(price_type)
            found = self.named(price_type, node, "PriceType")
            if isinstance(found, tuple):
                self._defined_types.add(found[0])
            if PriceType not in self.wanted or found is None:
                continue
            if isinstance(found, Rejected):
                yield found
                continue
            tax = next((children(e) for e in node.get("Налог", ())), Node())
            yield PriceType(
                *found,
                normalise.currency(value(node, "Валюта")),
                flag(tax, "УчтеноВСумме"),
                is_removed(price_type, node),
                value(tax, "Наименование"),
            )

    def warehouses(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Warehouse not in self.wanted:
            return
        for warehouse in children(element).get("Склад", ()):
            node = children(warehouse)
            found = self.named(warehouse, node, "Warehouse")
            if isinstance(found, tuple):
                telephones = [told for kind, told in _contacts(node) if "телефон" in kind.lower()]
                yield Warehouse(
                    *found,
                    is_removed(warehouse, node),
                    next((told for _name, told in _addresses(node)), None),
                    ", ".join(dict.fromkeys(telephones)) or value(node, "Телефон"),
                    value(node, "ГрафикРаботы", "ЧасыРаботы"),
                )
            elif found:
                yield found

    def units(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Unit not in self.wanted:
            return
        for unit in children(element).get("ЕдиницаИзмерения", ()):
            node = children(unit)
            short, full = value(node, "НаименованиеКраткое"), value(node, "НаименованиеПолное")
            if code := value(node, "Код") or short or value(node, "Ид"):
                yield Unit(code, short, full, value(node, "МеждународноеСокращение"))
            elif not is_empty(unit):
                yield self.rejected(unit, "Unit", None, NO_ID)

    def used(self, unit: UnitUse | None) -> Iterator[UnitUse]:
        """The unit that a БазоваяЕдиница names, the first time that this section does so."""
        if unit and unit not in self._used_units and UnitUse in self.wanted:
            self._used_units.add(unit)
            yield unit

    # goods and offers

    def product(self, element: etree._Element) -> Iterator[Record | Rejected]:
        node = children(element)
        ident = self.identity(element, node, "Product", normalise.goods_identity)
        if not isinstance(ident, str):
            if isinstance(ident, Rejected) and self._is_own(node, Product):
                yield ident
            return
        product_id, characteristic_id = split_id(ident)
        removed = is_removed(element, node)
        if characteristic_id and removed:  # a mark of one characteristic says nothing about the product
            yield from self.seen(product_id, Product)
        elif Product in self.wanted:
            yield from self._product(element, node, ident, removed)
        if characteristic_id:  # 2.04 lists goods per characteristic: the product is what stands before the #
            yield from self._offer(element, node, ident)
        yield from self.facts(element, node, ident)

    def _product(
        self, element: etree._Element, node: Node, ident: str, removed: bool
    ) -> Iterator[Record | Rejected]:
        product_id, characteristic_id = split_id(ident)
        images: list[str] = []
        if "Картинка" in node:
            yield from self._images(element, node, ident, images, "Картинка")
        unit = _unit(node)
        conversions = tuple(_conversions(node)) if "БазоваяЕдиница" in node else ()
        if unit:
            yield from self.used(unit)
        for pack, _coefficient in conversions:
            yield from self.used(UnitUse(pack, None if pack.isdigit() else pack, None))
        name = value(node, "Наименование")
        requisites = tuple(_requisites(node))
        named = dict(reversed(requisites))
        maker = next((children(e) for e in node.get("Изготовитель", ())), Node())
        partial = self._partial(element, node, name, removed)
        if partial and not node.keys() & FACTS:  # of a Товар, an id alone is no more than a part
            partial = Partial("part", partial.file, partial.line)
        if characteristic_id and not (partial and partial.how == "facts"):
            partial = Partial("variant", self.file, line_of(element))
        whole = partial is None or partial.how == "variant"
        yield Product(
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
            catalog_id=self.section.catalog_id,
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
            **_measures(node, named),
        )

    def _partial(
        self, element: etree._Element, node: Node, name: str | None, removed: bool
    ) -> Partial | None:
        """How much a Товар or Предложение tells; None: everything, or that it is removed."""
        if removed or name:
            return None
        return Partial("part" if node.keys() - NO_CONTENT else "facts", self.file, line_of(element))

    def product_set(self, element: etree._Element) -> Iterator[Record | Rejected]:
        """НаборыТовара: what a product that is sold as a set consists of; of the product it tells nothing else."""
        if Product not in self.wanted:
            return
        node = children(element)
        ident = self.identity(element, node, "Product", normalise.goods_identity)
        parts: dict[tuple[str, str], None] = {}
        for inside in element.iterdescendants(etree.Element):
            fields = children(inside)
            if component := value(fields, "Ид", "ИдТовара"):
                parts[component, _number(value(fields, "Количество")) or ""] = None
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
                partial=Partial("part", self.file, line_of(element)),
            )

    def _is_own(self, node: Node, record: type[Record]) -> bool:
        """Whether a record without an id is a loss to what is wanted of it."""
        return (
            record in self.wanted
            or (OfferPrices in self.wanted and bool(node.keys() & PRICED))
            or (OfferStocks in self.wanted and bool(node.keys() & STOCKED))
        )

    def offer(self, element: etree._Element) -> Iterator[Record | Rejected]:
        node = children(element)
        ident = self.identity(element, node, "Offer", normalise.goods_identity)
        if not isinstance(ident, str):
            if isinstance(ident, Rejected) and self._is_own(node, Offer):
                yield ident
            return
        characteristic_id = value(node, "ИдХарактеристики")
        if characteristic_id and "#" not in ident:
            ident = f"{ident}#{characteristic_id}"
        if Offer in self.wanted:
            yield from self._offer(element, node, ident)
        else:
            yield from self.seen(ident, Offer)
        yield from self.facts(element, node, ident)

    def seen(self, ident: str, record: type[Record]) -> Iterator[Seen]:
        if Seen in self.wanted:
            yield Seen(ident, record.__name__)

    def _offer(self, element: etree._Element, node: Node, ident: str) -> Iterator[Record | Rejected]:
        if Offer not in self.wanted:
            return
        images: list[str] = []
        if "Картинка" in node:
            yield from self._images(element, node, ident, images, "Картинка")
        unit = _unit(node)
        conversions = tuple(_conversions(node)) if "БазоваяЕдиница" in node else ()
        if unit:
            yield from self.used(unit)
        for pack, _coefficient in conversions:
            yield from self.used(UnitUse(pack, None if pack.isdigit() else pack, None))
        product_id, characteristic_id = split_id(ident)
        name = value(node, "Наименование")
        removed = is_removed(element, node)
        yield Offer(
            id=ident,
            product_id=product_id,
            characteristic_id=characteristic_id,
            name=name,
            article=value(node, "Артикул"),
            barcode=value(node, "Штрихкод", "ШтрихКод"),
            removed=removed,
            catalog_id=self.section.catalog_id,
            # Of goods by characteristic, one file may tell these and the other one prices.
            characteristics=tuple((name, told) for _ident, name, told in _characteristics(node))
            if "ХарактеристикиТовара" in node
            else None,
            properties=tuple(_properties(node)) if "ЗначенияСвойств" in node else None,
            images=tuple(images) if "Картинка" in node else None,
            units=conversions if "БазоваяЕдиница" in node else None,
            components=tuple(_components(node)) if "Комплектующие" in node else None,
            code=value(node, "Код"),
            unit=unit.code if unit else None,
            partial=self._partial(element, node, name, removed),
            **_measures(node, {}),
        )

    def _images(
        self, element: etree._Element, node: Node, ident: str, found: list[str], *names: str
    ) -> Iterator[Rejected]:
        paths: dict[str, None] = {}
        for name in names:
            for picture in node.get(name, ()):
                told = text_of(picture)
                try:
                    path = normalise.image_path(told)
                except ValueError:
                    yield self.rejected(picture, "Image", ident, BAD_PATH, value=(told or "").strip()[:200])
                    continue
                if path:
                    paths[path] = None
        found += paths

    # facts

    def facts(self, element: etree._Element, node: Node, ident: str) -> Iterator[Record | Rejected]:
        if OfferPrices in self.wanted and "Цены" in node:
            yield from self.prices(node, ident)
        if OfferStocks in self.wanted and not STOCKED.isdisjoint(node):
            yield from self.stocks(node, ident)

    def prices(self, node: Node, ident: str) -> Iterator[Record | Rejected]:
        """The list of an offer's prices. Of several of one type the base one is the price: of one base unit, from the
        first piece on."""
        told: dict[str, list[tuple[Price, str]]] = {}
        whole = True
        for element in inner(node, "Цены", "Цена"):
            if is_empty(element):
                continue
            read = self.price(element, ident)
            if isinstance(read, Rejected):
                yield read
                whole = False
            else:
                told.setdefault(read[0][0], []).append(read)
        prices: list[Price] = []
        beside: dict[tuple[str, str, str, str, str, str], None] = {}
        for of_type in told.values():
            base = max(of_type, key=_baseness) if len(of_type) > 1 else of_type[0]
            prices.append(base[0])
            for price, from_quantity in of_type:
                if price[1] is not None and (price, from_quantity) != base:
                    row = (price[0], price[1], price[2] or "", price[3] or "", price[4], from_quantity)
                    beside[row] = None
        if prices:
            yield OfferPrices(ident, tuple(prices), tuple(beside), whole)

    def price(self, element: etree._Element, ident: str) -> tuple[Price, str] | Rejected:
        """A Цена, and its МинКоличество or "". Without a type it is of the only one that the set defines."""
        fields = children(element)
        price_type = value(fields, "ИдТипаЦены")
        if price_type is None and len(self._defined_types) == 1:
            (price_type,) = self._defined_types
        if price_type is None:
            return self.rejected(element, "Price", ident, NO_TYPE)
        numbers: list[str | None] = []
        for name in ("ЦенаЗаЕдиницу", "Коэффициент", "МинКоличество"):
            try:
                numbers.append(normalise.number(value(fields, name)))
            except ValueError as error:
                return self.rejected(element, "Price", ident, BAD_NUMBER, field=name, value=str(error)[:100])
        amount, coefficient, from_quantity = numbers
        tax = next((value(children(e), "Наименование") for e in fields.get("Налог", ())), None)
        price = (
            price_type,
            amount,
            normalise.currency(value(fields, "Валюта")),
            value(fields, "Единица"),
            coefficient or "1",
            tax,
        )
        return price, "" if from_quantity in (None, "0") else str(from_quantity)

    def stocks(self, node: Node, ident: str) -> Iterator[Record | Rejected]:
        """All shapes of stock. A total counts only where no warehouse is told, with a number or not; beside warehouses
        it says whether they are all."""
        told = list(_quantities(node))
        by_warehouse = any(warehouse for warehouse, _element, _raw in told)
        has_total = any(warehouse == "" for warehouse, _element, _raw in told)
        found = []
        total = None
        readable = True
        for warehouse, element, raw in told:
            if warehouse == "" and by_warehouse:
                total = _number(raw) if total is None else total
                continue
            if warehouse is None and is_empty(element):
                continue
            amount = self.quantity(element, raw, ident)
            if warehouse is None and (by_warehouse or has_total):
                yield self.rejected(element, "Stock", ident, NO_WAREHOUSE)
                readable = False
            elif isinstance(amount, Rejected):
                yield amount
                readable = False
            elif amount is not None:
                found.append((warehouse or "", amount))
        if found:
            equal = total is None or normalise.total([quantity for _at, quantity in found]) == total
            whole = readable and total is not None and equal
            yield OfferStocks(ident, tuple(found), whole, unequal=not equal, readable=readable)

    def quantity(self, element: etree._Element, raw: str | None, ident: str) -> str | Rejected | None:
        """Canonical text; None for "not set"; a reject of this fact for nothing or for no number."""
        if not (raw or "").strip():
            return self.rejected(element, "Stock", ident, NO_NUMBER, field="Количество")
        try:
            return normalise.number(raw)
        except ValueError as error:
            return self.rejected(
                element, "Stock", ident, BAD_NUMBER, field="Количество", value=str(error)[:100]
            )

    # customers

    def customer(self, element: etree._Element) -> Iterator[Record | Rejected]:
        if Customer not in self.wanted:
            return
        node = children(element)
        ident = self.identity(element, node, "Customer")
        if not isinstance(ident, str):
            if ident:
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
            role=", ".join(distinct(node.get("Роль", ()))) or None,
            inn=value(node, "ИНН"),
            kpp=value(node, "КПП"),
            removed=is_removed(element, node),
            okpo=value(node, "КодПоОКПО", "ОКПО"),
            contacts=tuple(_contacts(node)),
            addresses=tuple(_addresses(node)),
            address_fields=tuple(_address_fields(node)),
            accounts=tuple(_accounts(node)),
            representatives=tuple(_representatives(node)),
        )


def is_removed(element: etree._Element, node: Node) -> bool:
    """Статус="Удален" as attribute or element, or ПометкаУдаления."""
    for status in (element.get("Статус"), value(node, "Статус")):
        if status and status.strip().lower().replace("ё", "е") == "удален":
            return True
    return any(normalise.boolean(text_of(mark)) for mark in node.get("ПометкаУдаления", ()))


def split_id(ident: str) -> tuple[str, str | None]:
    """(product, characteristic) of an offer's id."""
    product, _sharp, characteristic = ident.partition("#")
    return product, characteristic or None


def _baseness(price: tuple[Price, str]) -> tuple[bool, bool, bool]:
    """How much a price is *the* price of its type: told, of one base unit, from the first piece on."""
    (_type, amount, _currency, _unit, coefficient, _tax), from_quantity = price
    return amount is not None, coefficient == "1", not from_quantity


def _number(told: str | None) -> str | None:
    """Canonical text of what is no record of its own: what is no number is not told."""
    try:
        return normalise.number(told)
    except ValueError:
        return None


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


def _measures(node: Node, requisites: dict[str, str]) -> dict[str, str]:
    if MEASURES.keys().isdisjoint(node) and MEASURES.keys().isdisjoint(requisites):  # nearly all
        return {}
    return {
        field: found
        for name, field in MEASURES.items()
        if (name in node or name in requisites)
        and (found := _number(value(node, name) or requisites.get(name)))
    }


def _conversions(node: Node) -> Iterator[tuple[str, str]]:
    """(unit, coefficient) of each Пересчет, each once."""
    found: dict[tuple[str, str], None] = {}
    for conversion in inner(node, "БазоваяЕдиница", "Пересчет"):
        fields = children(conversion)
        unit, coefficient = value(fields, "Единица"), _number(value(fields, "Коэффициент"))
        if unit and coefficient:
            found[unit, coefficient] = None
    yield from found


def _components(node: Node) -> Iterator[tuple[str, str]]:
    """(id, quantity or "") of what a set of goods consists of."""
    for component in inner(node, "Комплектующие", "Комплектующее"):
        fields = children(component)
        if ident := value(fields, "Ид", "ИдТовара"):
            yield ident, _number(value(fields, "Количество")) or ""


def _vat(node: Node) -> str | None:
    """The rate named НДС, else the first one; "Без НДС" is no rate."""
    rates = [children(rate) for rate in inner(node, "СтавкиНалогов", "СтавкаНалога")]
    if len(rates) > 1:
        rates.sort(key=lambda rate: (value(rate, "Наименование") or "").upper() != "НДС")
    for told in (value(node, "СтавкаНДС"), *(value(rate, "Ставка") for rate in rates)):
        if told:
            return _number(told)
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
        for each in distinct(told):
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
        name, told = value(fields, "Наименование"), value(fields, "Значение")
        if name and told:
            yield value(fields, "Ид") or "", name, told


def _quantities(node: Node) -> Iterator[tuple[str | None, etree._Element, str | None]]:
    """(warehouse id, element, number as written) of every stock that an offer tells, in any shape; "" is a total,
    None a warehouse without an id."""
    for total in node.get("Количество", ()):
        yield "", total, text_of(total)
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
            amounts = [text_of(found) for found in (*inside.get("Количество", ()), *beside)]
            ident = value(inside, "Ид") or normalise.text(warehouse.text)
            yield ident, warehouse, (*amounts, None)[0]
        if "Склад" not in fields:
            for total in beside:
                yield "", total, text_of(total)


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


def _address_fields(node: Node) -> Iterator[tuple[str, str, str]]:
    for name in node:
        if "адрес" in name.lower():
            for part in inner(node, name, "АдресноеПоле"):
                fields = children(part)
                if told := value(fields, "Значение"):
                    yield name, value(fields, "Тип") or "", told


def _accounts(node: Node) -> Iterator[tuple[str, str, str, str]]:
    for account in inner(node, "РасчетныеСчета", "РасчетныйСчет"):
        fields = children(account)
        bank = next((children(e) for e in fields.get("Банк", ())), Node())
        if number := value(fields, "НомерСчета"):
            names = ("Наименование", "БИК", "СчетКорреспондентский")
            name, code, correspondent = (value(bank, told) or "" for told in names)
            yield number, name, code, correspondent


def _representatives(node: Node) -> Iterator[tuple[str, str, str]]:
    """Представитель tells the person itself, or holds it as a Контрагент (2.0x)."""
    for element in inner(node, "Представители", "Представитель"):
        fields = children(element)
        person = next((children(e) for e in fields.get("Контрагент", ())), fields)
        ident, name = value(person, "Ид") or "", value(person, "Наименование") or ""
        if ident or name:
            yield ident, name, value(fields, "Отношение") or value(person, "Отношение") or ""
