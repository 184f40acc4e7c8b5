"""Goods and offers by the fast way (`fast_text.py`): elements in any order, each plain or one of those below."""

from __future__ import annotations

from functools import cache, lru_cache, partial

from importers.commerceml import normalise
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.elements import decimal
from importers.commerceml.extract.facts import offer_stocks
from importers.commerceml.extract.goods import (
    FIELDS,
    Pairs,
    Written,
    offer_of,
    product_of,
    says_removed,
    split_id,
    unit_of,
)
from importers.commerceml.fast_facts import prices_in, prices_matcher, rests_in, stocks_matcher
from importers.commerceml.fast_lists import IMAGE, LISTS, PACK, read_images, read_packs
from importers.commerceml.fast_markup import (
    ELEMENT,
    LONGEST_KNOWN,
    SPECIAL,
    TAG,
    after_space,
    attributes_of,
    compiled,
    has_only_known_references,
    is_regular,
    without_references,
)
from importers.commerceml.fast_order import Order
from importers.commerceml.fast_text import Matched, Matcher
from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Partial,
    Price,
    Product,
    Record,
    Seen,
    UnitUse,
)

_UNIT = "БазоваяЕдиница"
_OF_GOODS = frozenset((Product, Offer, OfferPrices, OfferStocks))


@cache
def matchers_for(wanted: frozenset[type[Record]]) -> dict[str, Matcher]:
    """What matches the elements of each list of goods, by its name, for the records that are wanted of it. What one
    file has taught serves the next ones."""
    match_offer = partial(_match_offer, _order("Предложение"))
    matchers: dict[str, Matcher] = {}
    if wanted & _OF_GOODS:
        matchers = {"Товары": partial(_match_product, _order("Товар")), "Предложения": match_offer}
    elif wanted == {Seen}:
        matchers = {"Предложения": match_offer}
    # Its prices or stocks say that an offer is there: no Seen is told besides.
    if wanted & _OF_GOODS == {OfferPrices}:
        matchers["Предложения"] = _either(prices_matcher(), match_offer)
    if wanted & _OF_GOODS == {OfferStocks}:
        matchers["Предложения"] = _either(stocks_matcher(), match_offer)
    return matchers


def _either(first: Matcher, second: Matcher) -> Matcher:
    return lambda context, text, position: first(context, text, position) or second(context, text, position)


def _order(name: str) -> Order:
    return Order(
        name,
        texts=_TEXTS,
        lists={name: read.inside for name, (_of, read) in LISTS.items()},
        asked=_MEANT | _WAREHOUSES | {_UNIT},
    )


class _Read(Written):
    """What was read of an element, and of its facts."""

    prices: tuple[tuple[Price, ...], tuple[str, ...]] | None = None
    """See `prices_in`."""
    rests: tuple[tuple[str, str], ...] | None = None
    """(warehouse, quantity) of Остатки."""

    def __init__(self) -> None:
        super().__init__()
        self.warehouses: list[tuple[str | None, str | None]] = []
        """(ИдСклада, КоличествоНаСкладе) of each Склад."""


def _match_product(order: Order, context: Context, text: str, position: int) -> Matched | None:
    found = _match(order, context.wanted, text, position)
    if found is None:
        return None
    ident, read, end = found
    facts = _facts(context, ident, read)  # first, as it may find them irregular
    product_id, characteristic_id = split_id(ident)
    records: list[Record] = []
    if characteristic_id and read.removed:
        records += _seen(context, product_id, Product)
    elif Product in context.wanted:
        variant = Partial("variant", context.file, None) if characteristic_id else None
        records += product_of(context, ident, read, variant)
    if characteristic_id and Offer in context.wanted:
        records += offer_of(context, ident, read, None)
    records += facts
    return records, end, text.count("\n", position, end)


def _match_offer(order: Order, context: Context, text: str, position: int) -> Matched | None:
    found = _match(order, context.wanted, text, position)
    if found is None:
        return None
    ident, read, end = found
    facts = _facts(context, ident, read)
    records: list[Record] = []
    if Offer in context.wanted:
        records += offer_of(context, ident, read, None)
    else:
        records += _seen(context, ident, Offer)
    records += facts
    return records, end, text.count("\n", position, end)


def _seen(context: Context, ident: str, record: type[Record]) -> list[Record]:
    return [Seen(ident, record.__name__)] if Seen in context.wanted else []


def _facts(context: Context, ident: str, read: _Read) -> list[Record]:
    facts = _stocks(ident, read) if OfferStocks in context.wanted else []
    if read.prices and any(read.prices):
        facts.insert(0, OfferPrices(ident, read.prices[0], unset=read.prices[1]))
    return facts


def _stocks(ident: str, read: _Read) -> list[Record]:
    """As `stocks_of` of a tree. Raises ValueError where it would reject one."""
    total = read.fields.get("Количество")
    written = [*read.warehouses, *(read.rests or ())]
    if not written:
        amount = _number(total) if "Количество" in read.fields else None
        return [] if amount is None else [*offer_stocks(ident, [("", amount)], None)]
    stocks = []
    for written_id, quantity in written:
        warehouse, amount = normalise.text(written_id), _number(quantity)
        if warehouse is None:
            raise ValueError(written_id)
        if amount is not None:
            stocks.append((warehouse, amount))
    return [*offer_stocks(ident, stocks, decimal(total))]


def _number(written: str | None) -> str | None:
    if not (written or "").strip():
        raise ValueError(written)
    return normalise.number(written)


def _match(
    order: Order, wanted: frozenset[type[Record]], text: str, position: int
) -> tuple[str, _Read, int] | None:
    """(Ид, what is written, where the element ends) of one that is told as a whole, or is removed."""
    closing = f"</{order.name}>"
    end = text.find(closing, position)
    if end < 0:
        return None
    read = _Read()
    attributes = _read_at_once(read, order, wanted, text, position, end + len(closing))
    if attributes is None:
        read = _Read()
        attributes = _read_one_by_one(read, order, wanted, text, position, end)
    if attributes is None:
        return None
    fields = read.fields
    if "Комплектующие" in fields:
        read.components = ()
    ident = normalise.goods_identity(fields.get("Ид"))
    if ident is None or ("ИдХарактеристики" in fields and "#" not in ident):
        return None
    read.removed = (
        says_removed(attributes.get("Статус"))
        or says_removed(normalise.text(fields.get("Статус")))
        or bool(normalise.boolean(fields.get("ПометкаУдаления")))
    )
    if not read.removed and not normalise.text(fields.get("Наименование")) and wanted & {Product, Offer}:
        return None  # it is not told as a whole
    return ident, read, end + len(closing)


def _read_at_once(
    read: _Read, order: Order, wanted: frozenset[type[Record]], text: str, position: int, end: int
) -> dict[str, str] | None:
    """Read an element that has all in the learned order; its attributes, None where it is not so or not regular."""
    found = order.match(text, position, end)
    if found is None:
        return None
    values = found.groups("")
    read.fields = {name: values[group - 1] for group, name in order.texts}
    if text.find("&", position, end) >= 0:
        if not has_only_known_references(text, position, end):
            return None
        for name, value in read.fields.items():
            if value and "&" in value:
                read.fields[name] = without_references(value)
    for group, name in order.lists:
        if not values[group - 1]:
            continue
        start, stop = found.span(group)
        inside = stop if values[group - 1].endswith("/>") else start + 1
        attribute, read_list = LISTS[name]
        rows = read_list.regular(text, inside, max(inside, stop - len(name) - 3))
        if rows is None:
            return None
        setattr(read, attribute, rows)
    for group, name in order.others:
        if values[group - 1] and not _read_others(read, wanted, text, name, found.span(group)):
            return None
    return attributes_of(values[0]) if values[0] else {}


def _read_others(
    read: _Read, wanted: frozenset[type[Record]], text: str, name: str, span: tuple[int, int]
) -> bool:
    """Read elements of a name, one behind the other; whether they are regular."""
    at, stop = span
    if name == IMAGE:
        read.images = read_images(text, at, stop)
        return read.images is not None
    if name == _UNIT and stop - at <= LONGEST_KNOWN:
        read.unit, read.conversions = _known_unit(text[at:stop])
        return read.conversions is not None
    while at < stop:
        named = _read_element(read, wanted, text, at, stop)
        if named is None:
            return False
        at = named[1]
    return at == stop


@lru_cache(maxsize=1024)
def _known_unit(element: str) -> tuple[UnitUse | None, Pairs | None]:
    """What a БазоваяЕдиница says; no conversions where it is not regular."""
    read = _Read()
    named = _read_element(read, frozenset(), element, 0, len(element))
    return (read.unit, read.conversions) if named and named[1] == len(element) else (None, None)


def _read_one_by_one(
    read: _Read, order: Order, wanted: frozenset[type[Record]], text: str, position: int, end: int
) -> dict[str, str] | None:
    """As `_read_at_once`, of one with all that it has in any order."""
    tag = TAG.match(text, after_space(text, position))
    attributes = attributes_of(tag[2]) if tag else None
    if tag is None or attributes is None or tag[1] != order.name or tag[3]:
        return None
    has_references = text.find("&", tag.end(), end) >= 0
    if has_references and not has_only_known_references(text, tag.end(), end):
        return None
    at = after_space(text, tag.end())
    fields = read.fields
    images: list[str | None] = []
    names: list[str] = []
    odd: list[str] = []
    while at < end:
        element = ELEMENT.match(text, at)
        inner, value, closed = element.groups() if element else ("", None, None)
        if element is None or (closed is None and value is not None):
            named = _read_element(read, wanted, text, at, end)
            if named is None:
                return None
            name, at = named
            names.append(name)
            odd.append(name)
            continue
        at = element.end()
        names.append(inner)
        if value and has_references and "&" in value:
            value = without_references(value)
        if inner == IMAGE:
            images.append(value)
        elif inner not in fields:
            fields[inner] = value
        elif inner in _MEANT or inner in LISTS or inner == _UNIT:
            return None
    if at > end:
        return None
    if images:
        read.images = images
    if _UNIT in fields:
        if read.conversions is not None:
            return None
        if len(fields[_UNIT] or "") > LONGEST_KNOWN:
            return None
        read.unit, read.conversions = unit_of(fields[_UNIT], None, None, None, None), ()
    for empty in fields.keys() & LISTS.keys():
        if getattr(read, LISTS[empty][0]) is not None:
            return None
        setattr(read, LISTS[empty][0], () if empty != "Изготовитель" else (None, None))
    if not SPECIAL.isdisjoint(fields) or (OfferStocks in wanted and not _WAREHOUSES.isdisjoint(fields)):
        return None
    order.learn(names, odd)
    return attributes


def _read_element(
    read: _Read, wanted: frozenset[type[Record]], text: str, at: int, stop: int
) -> tuple[str, int] | None:
    """Read an element that has attributes, or others in it; its name, and where it ends and white space behind it. None
    where it is not regular."""
    tag = TAG.match(text, at)
    attributes = attributes_of(tag[2]) if tag else None
    if tag is None or attributes is None:
        return None
    name, inside = tag[1], tag.end()
    end = inside if tag[3] else text.find(f"</{name}>", inside, stop)
    if end < 0:
        return None
    if name == _UNIT:
        packs = read_packs(text, inside, end) if read.conversions is None else None
        if packs is None:
            return None
        own = without_references(compiled(PACK).sub("", text[inside:end]))
        if len(own) > LONGEST_KNOWN:
            return None
        read.unit, read.conversions = unit_of(own, *map(attributes.get, _UNIT_ATTRIBUTES)), packs
    elif name in LISTS:
        attribute, read_list = LISTS[name]
        rows = read_list(text, inside, end) if getattr(read, attribute) is None else None
        if rows is None:
            return None
        setattr(read, attribute, rows)
    elif name == "Цены" and OfferPrices in wanted:
        prices = prices_in(text, inside, end) if read.prices is None else None
        if prices is None:
            return None
        read.prices = prices
    elif name == "Остатки" and OfferStocks in wanted:
        rests = rests_in(text, inside, end) if read.rests is None else None
        if rests is None:
            return None
        read.rests = rests
    elif name in _WAREHOUSES and OfferStocks in wanted:
        if name != "Склад" or inside != end:
            return None
        read.warehouses.append((attributes.get("ИдСклада"), attributes.get("КоличествоНаСкладе")))
    elif name not in _MEANT:
        if name in SPECIAL or not is_regular(text, inside, end):
            return None
    elif name in read.fields or name == IMAGE or text.find("<", inside, end) >= 0:
        return None
    else:
        read.fields[name] = without_references(text[inside:end])
    return name, after_space(text, end if tag[3] else end + len(name) + 3)


_TEXTS = FIELDS | {"Ид", "ПометкаУдаления", "Статус"}
_UNIT_ATTRIBUTES = ("Код", "НаименованиеПолное", "МеждународноеСокращение", "НаименованиеКраткое")

_WAREHOUSES = frozenset(("Склад", "Склады"))
_MEANT = FIELDS | {
    "Ид", "ИдХарактеристики", "ПометкаУдаления", "Статус", IMAGE, "Комплектующие", "ЗначениеРеквизита",
    "Количество",
}  # fmt: skip
"""What a tree is asked for: with elements in them that are not known here they are not passed over."""
