"""Goods and offers by the fast way (`fast_text.py`): elements in any order, each plain or one of those below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from importers.commerceml import normalise
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.elements import decimal
from importers.commerceml.extract.facts import offer_stocks
from importers.commerceml.extract.goods import (
    FIELDS,
    Written,
    offer_of,
    product_of,
    says_removed,
    split_id,
    unit_of,
)
from importers.commerceml.fast_facts import prices_in, prices_matcher, rests_in, stocks_matcher
from importers.commerceml.fast_markup import (
    ELEMENT,
    LONGEST_KNOWN,
    NO_REFERENCE,
    PLAIN,
    SPECIAL,
    TAG,
    S,
    after_space,
    attributes_of,
    compiled,
    is_regular,
    without_references,
)
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
)

_UNIT = "БазоваяЕдиница"
_OF_GOODS = frozenset((Product, Offer, OfferPrices, OfferStocks))


def matchers_for(wanted: frozenset[type[Record]]) -> dict[str, Matcher]:
    """What matches the elements of each list of goods, by its name, for the records that are wanted of it."""
    matchers: dict[str, Matcher] = {}
    if wanted & _OF_GOODS:
        matchers = {"Товары": _match_product, "Предложения": _match_offer}
    elif wanted == {Seen}:
        matchers = {"Предложения": _match_offer}
    # Its prices or stocks say that an offer is there: no Seen is told besides.
    if wanted & _OF_GOODS == {OfferPrices}:
        matchers["Предложения"] = _either(prices_matcher(), _match_offer)
    if wanted & _OF_GOODS == {OfferStocks}:
        matchers["Предложения"] = _either(stocks_matcher(), _match_offer)
    return matchers


def _either(first: Matcher, second: Matcher) -> Matcher:
    return lambda context, text, position: first(context, text, position) or second(context, text, position)


class _Read(Written):
    """What was read of an element, and of its facts."""

    __slots__ = ("prices", "rests", "warehouses")

    def __init__(self) -> None:
        super().__init__()
        self.prices: tuple[tuple[Price, ...], tuple[str, ...]] | None = None
        """See `prices_in`."""
        self.warehouses: list[tuple[str | None, str | None]] = []
        """(ИдСклада, КоличествоНаСкладе) of each Склад."""
        self.rests: tuple[tuple[str, str], ...] | None = None
        """(warehouse, quantity) of Остатки."""


def _match_product(context: Context, text: str, position: int) -> Matched | None:
    found = _match(context.wanted, text, position, "Товар")
    if found is None:
        return None
    ident, read, end = found
    facts = list(_facts(context, ident, read))  # first, as it may find them irregular
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


def _match_offer(context: Context, text: str, position: int) -> Matched | None:
    found = _match(context.wanted, text, position, "Предложение")
    if found is None:
        return None
    ident, read, end = found
    facts = list(_facts(context, ident, read))
    records: list[Record] = []
    if Offer in context.wanted:
        records += offer_of(context, ident, read, None)
    else:
        records += _seen(context, ident, Offer)
    records += facts
    return records, end, text.count("\n", position, end)


def _seen(context: Context, ident: str, record: type[Record]) -> list[Record]:
    return [Seen(ident, record.__name__)] if Seen in context.wanted else []


def _facts(context: Context, ident: str, read: _Read) -> Iterator[Record]:
    if read.prices and any(read.prices):
        yield OfferPrices(ident, read.prices[0], unset=read.prices[1])
    if OfferStocks in context.wanted:
        yield from _stocks(ident, read)


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
    wanted: frozenset[type[Record]], text: str, position: int, name: str
) -> tuple[str, _Read, int] | None:
    """(Ид, what is written, where the element ends) of one that is told as a whole, or is removed."""
    tag = TAG.match(text, after_space(text, position))
    attributes = attributes_of(tag[2]) if tag else None
    if tag is None or attributes is None or tag[1] != name or tag[3]:
        return None
    end = text.find(f"</{name}>", tag.end())
    has_references = text.find("&", tag.end(), end) >= 0
    if has_references and NO_REFERENCE.search(text, tag.end(), end):
        return None
    at = after_space(text, tag.end())
    read = _Read()
    fields = read.fields
    images: list[str | None] = []
    while at < end:
        element = ELEMENT.match(text, at)
        inner, value, closed = element.groups() if element else ("", None, None)
        if element is None or (closed is None and value is not None):
            after = _read_element(read, wanted, text, at, end)
            if after is None:
                return None
            at = after
            continue
        at = element.end()
        if value and has_references and "&" in value:
            value = without_references(value)
        if inner == "Картинка":
            images.append(value)
        elif inner not in fields:
            fields[inner] = value
        elif inner in _MEANT or inner in _LISTS or inner == _UNIT:
            return None
    ident = normalise.goods_identity(fields.get("Ид"))
    if ident is None or at > end or ("ИдХарактеристики" in fields and "#" not in ident):
        return None
    statuses = (attributes.get("Статус"), normalise.text(fields.get("Статус")))
    read.removed = any(map(says_removed, statuses)) or bool(normalise.boolean(fields.get("ПометкаУдаления")))
    if not read.removed and not normalise.text(fields.get("Наименование")) and wanted & {Product, Offer}:
        return None  # it is not told as a whole
    if images:
        read.images = images
    if _UNIT in fields:
        if read.conversions is not None:
            return None
        if len(fields[_UNIT] or "") > LONGEST_KNOWN:
            return None
        read.unit, read.conversions = unit_of(fields[_UNIT], None, None, None, None), ()
    if "Комплектующие" in fields:
        read.components = ()
    for empty in fields.keys() & _LISTS.keys():
        if getattr(read, _LISTS[empty][0]) is not None:
            return None
        setattr(read, _LISTS[empty][0], () if empty != "Изготовитель" else (None, None))
    if not SPECIAL.isdisjoint(fields) or (OfferStocks in wanted and not _WAREHOUSES.isdisjoint(fields)):
        return None
    return ident, read, end + len(name) + 3


def _read_element(read: _Read, wanted: frozenset[type[Record]], text: str, at: int, stop: int) -> int | None:
    """Read an element that has attributes, or others in it; where it ends, None where it is not regular."""
    tag = TAG.match(text, at)
    attributes = attributes_of(tag[2]) if tag else None
    if tag is None or attributes is None:
        return None
    name, inside = tag[1], tag.end()
    end = inside if tag[3] else text.find(f"</{name}>", inside, stop)
    if end < 0:
        return None
    if name == _UNIT:
        packs = _read_packs(text, inside, end) if read.conversions is None else None
        if packs is None:
            return None
        own = without_references(compiled(_PACK).sub("", text[inside:end]))
        if len(own) > LONGEST_KNOWN:
            return None
        read.unit, read.conversions = unit_of(own, *map(attributes.get, _UNIT_ATTRIBUTES)), packs
    elif name in _LISTS:
        attribute, read_list = _LISTS[name]
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
    elif name in read.fields or name == "Картинка" or text.find("<", inside, end) >= 0:
        return None
    else:
        read.fields[name] = without_references(text[inside:end])
    return after_space(text, end if tag[3] else end + len(name) + 3)


# Elements with others in them. What reads one is given its text and where its inside begins and ends; it says None for
# anything that it does not know.

Reader = Callable[[str, int, int], Any]


def _field(name: str) -> str:
    return rf"<{name}(?:{S}/>|>([^<]*)</{name}>){S}"


def _items(name: str, *fields: str) -> str:
    return rf"<{name}>{S}{''.join(fields)}</{name}>"


def _rows(item: str, tags: int, optional: str = "") -> Reader:
    """The texts in each item; an item has so many tags, and two more with the element that it may have."""

    def read(text: str, at: int, end: int) -> list[Any] | None:
        rows = compiled(item).findall(text, at, end)
        expected = tags * len(rows) + (2 * text.count(f"<{optional}", at, end) if optional else 0)
        if text.count("<", at, end) + text.count("/>", at, end) != expected:
            return None
        if text.find("&", at, end) < 0:
            return rows
        if rows and isinstance(rows[0], str):
            return list(map(without_references, rows))
        return [tuple(map(without_references, row)) for row in rows]

    return read


@lru_cache(maxsize=1024)
def _maker(inside: str) -> tuple[str | None, str | None] | None:
    fields = _plain_elements(inside)
    if fields is None:
        return None
    names = map(normalise.text, (fields.get("Наименование"), fields.get("ОфициальноеНаименование")))
    return fields.get("Ид"), next(filter(None, names), None)


def _plain_elements(text: str) -> dict[str, str] | None:
    """Plain elements and nothing else, each once."""
    fields = {name: without_references(value) for name, value in compiled(PLAIN).findall(text)}
    tags = text.count("<") + text.count("/>")
    return fields if tags == 2 * len(fields) and SPECIAL.isdisjoint(fields) else None


_LISTS: dict[str, tuple[str, Reader]] = {
    "ЗначенияСвойств": (
        "properties",
        _rows(
            _items(
                "ЗначенияСвойства", _field("Ид"), _field("Значение"), rf"(?:<Тип(?:{S}/>|>[^<]*</Тип>){S})?"
            ),
            6,
            optional="Тип",
        ),
    ),
    "ЗначенияРеквизитов": (
        "requisites",
        _rows(_items("ЗначениеРеквизита", _field("Наименование"), _field("Значение")), 6),
    ),
    "ХарактеристикиТовара": (
        "characteristics",
        _rows(
            _items(
                "ХарактеристикаТовара", f"(?:{_field('Ид')})?", _field("Наименование"), _field("Значение")
            ),
            6,
            optional="Ид",
        ),
    ),
    "Группы": ("groups", _rows(_field("Ид"), 2)),
    "СтавкиНалогов": ("rates", _rows(_items("СтавкаНалога", _field("Наименование"), _field("Ставка")), 6)),
    "Изготовитель": (
        "maker",
        lambda text, at, end: _maker(text[at:end]) if end - at <= LONGEST_KNOWN else None,
    ),
}
"""By the name of the element: what it is of a `Written`, and what reads it."""


_PACK = _items("Пересчет", _field("Единица"), _field("Коэффициент"))
_read_packs = _rows(_PACK, 6)
_UNIT_ATTRIBUTES = ("Код", "НаименованиеПолное", "МеждународноеСокращение", "НаименованиеКраткое")

_WAREHOUSES = frozenset(("Склад", "Склады"))
_MEANT = FIELDS | {
    "Ид", "ИдХарактеристики", "ПометкаУдаления", "Статус", "Картинка", "Комплектующие", "ЗначениеРеквизита",
    "Количество",
}  # fmt: skip
"""What a tree is asked for: with elements in them that are not known here they are not passed over."""
