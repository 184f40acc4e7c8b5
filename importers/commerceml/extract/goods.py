"""A product or an offer from what is written in its element (docs/commerceml.md, 1.3 and 1.4): one builder for both
ways to read it, `goods_tree.py` and `fast_goods.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from importers.commerceml import normalise
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.elements import decimal
from importers.commerceml.records import Offer, Partial, Product, Record, UnitUse

Pairs = Iterable[tuple[str | None, str | None]]
MANY_UNITS = 1000
"""So many units are told once; further ones are told again and again."""
MEASURES = dict.fromkeys(("Вес", "Длина", "Ширина", "Высота", "Объем", "Объём"))
"""Elements, or requisites of the same name."""
Measures = tuple[str | None, str | None, str | None, str | None, str | None]
"""(weight, length, width, height, volume)"""
NO_MEASURES: Measures = (None,) * 5
FIELDS = frozenset(
    (
        "Наименование", "Артикул", "Штрихкод", "ШтрихКод", "Описание", "Код", "ПолноеНаименование", "Страна",
        "Категория", "СтавкаНДС", "Единица", *MEASURES,
    )
)  # fmt: skip
"""Elements with one text."""


class Written:
    """What is written in a Товар or Предложение, each text as it stands there or normalised already.

    `fields`: by FIELDS, the first text that is one. Lists are None where no element holds one.
    """

    removed = False
    groups: Iterable[str | None] | None = None
    properties: Pairs | None = None
    """(Ид, Значение)"""
    requisites: Pairs | None = None
    """(Наименование, Значение)"""
    characteristics: Iterable[tuple[str | None, str | None, str | None]] | None = None
    """(Ид, Наименование, Значение)"""
    images: Iterable[str | None] | None = None
    unit: UnitUse | None = None
    """Of БазоваяЕдиница, which holds `conversions`: (Единица, Коэффициент)"""
    conversions: Pairs | None = None
    components: Pairs | None = None
    """(Ид, Количество)"""
    rates: Pairs | None = None
    """(Наименование, Ставка)"""
    maker: tuple[str | None, str | None] | None = None
    """(Ид, Наименование) of Изготовитель"""

    def __init__(self) -> None:
        self.fields: dict[str, str | None] = {}


def product_of(context: Context, ident: str, written: Written, partial: Partial | None) -> list[Record]:
    """The product, after units that nobody has named before. Raises ValueError for a picture out of the export."""
    product_id, characteristic_id = split_id(ident)
    whole = partial is None or partial.how == "variant"
    fields = _texts(written.fields)
    requisites = _pairs(written.requisites)
    named = dict(reversed(requisites)) if requisites else {}
    maker_id, maker = map(normalise.known_text, written.maker or (None, None))
    weight, length, width, height, volume = _measures(fields, named)
    unit, conversions = _units(written, fields)
    record = Product(
        id=product_id,
        name=fields.get("Наименование"),
        article=fields.get("Артикул"),
        # Of a characteristic, its barcode is the offer's.
        barcode=None if characteristic_id else _barcode(fields),
        description=fields.get("Описание"),
        unit=unit.code if unit else None,
        brand=maker,
        vat_rate=_vat(written, fields),
        removed=written.removed,
        catalog_id=context.section.catalog_id,
        groups=_ids(written.groups) if whole or written.groups is not None else None,
        properties=_pairs(written.properties) if whole or written.properties is not None else None,
        requisites=requisites if whole or requisites else None,
        characteristics=()
        if characteristic_id
        else _characteristics(written)
        if whole or written.characteristics is not None
        else None,
        images=_images(written) if whole or written.images is not None else None,
        units=conversions if whole or written.conversions is not None else None,
        components=_components(written) if written.components is not None else () if whole else None,
        code=fields.get("Код") or named.get("Код"),
        full_name=fields.get("ПолноеНаименование") or named.get("Полное наименование"),
        country=fields.get("Страна"),
        manufacturer_id=maker_id,
        type_id=fields.get("Категория"),
        weight=weight,
        length=length,
        width=width,
        height=height,
        volume=volume,
        partial=partial,
    )
    return [*_used(context, unit, conversions), record]


def offer_of(context: Context, ident: str, written: Written, partial: Partial | None) -> list[Record]:
    """As `product_of`, the offer."""
    product_id, characteristic_id = split_id(ident)
    fields = _texts(written.fields)
    weight, length, width, height, volume = _measures(fields, {})
    unit, conversions = _units(written, fields)
    record = Offer(
        id=ident,
        product_id=product_id,
        characteristic_id=characteristic_id,
        name=fields.get("Наименование"),
        article=fields.get("Артикул"),
        barcode=_barcode(fields),
        removed=written.removed,
        catalog_id=context.section.catalog_id,
        # Of goods by characteristic, one file may tell these and the other one prices.
        characteristics=tuple([(name, text) for _ident, name, text in _characteristics(written)])
        if written.characteristics is not None
        else None,
        properties=_pairs(written.properties) if written.properties is not None else None,
        images=_images(written) if written.images is not None else None,
        units=conversions if written.conversions is not None else None,
        components=_components(written) if written.components is not None else None,
        code=fields.get("Код"),
        unit=unit.code if unit else None,
        weight=weight,
        length=length,
        width=width,
        height=height,
        volume=volume,
        partial=partial,
    )
    return [*_used(context, unit, conversions), record]


def split_id(ident: str) -> tuple[str, str | None]:
    """(product, characteristic) of an offer's id."""
    product, _sharp, characteristic = ident.partition("#")
    return product, characteristic or None


@lru_cache(maxsize=1024)
def unit_of(
    text: str | None, code: str | None, full: str | None, international: str | None, short: str | None
) -> UnitUse | None:
    """A БазоваяЕдиница by its text and attributes: its code, else a text of digits, else its short name."""
    text, code, full, international, short = map(normalise.text, (text, code, full, international, short))
    short = short or (text if text and not text.isdigit() else None)
    code = code or text or short or international or full
    return UnitUse(code, short, full, international) if code else None


def says_removed(status: str | None) -> bool:
    """Whether a Статус is that of a thing that is removed."""
    return bool(status) and status.strip().lower().replace("ё", "е") == "удален"  # type: ignore[union-attr]


def _texts(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Those that say something."""
    text = normalise.text
    return {name: value for name, written in fields.items() if written and (value := text(written))}


def _barcode(fields: Mapping[str, str]) -> str | None:
    return fields.get("Штрихкод") or fields.get("ШтрихКод")


def _ids(written: Iterable[str | None] | None) -> tuple[str, ...]:
    """Each once."""
    return tuple(dict.fromkeys([text for each in written or () if (text := normalise.text(each))]))


def _pairs(written: Pairs | None) -> tuple[tuple[str, str], ...]:
    if not written:
        return ()
    text = normalise.known_text
    return tuple([(one, other) for a, b in written if (one := text(a)) and (other := text(b))])


def _characteristics(written: Written) -> tuple[tuple[str, str, str], ...]:
    """(id or "", name, value)"""
    text = normalise.known_text
    return tuple(
        [
            (text(ident) or "", name, value)
            for ident, a, b in written.characteristics or ()
            if (name := text(a)) and (value := text(b))
        ]
    )


def _images(written: Written) -> tuple[str, ...]:
    paths = map(normalise.image_path, written.images or ())
    return tuple(dict.fromkeys([path for path in paths if path]))


def _components(written: Written) -> tuple[tuple[str, str], ...]:
    """(id, quantity or "") of what a set of goods consists of."""
    return tuple(
        [
            (ident, decimal(quantity) or "")
            for a, quantity in written.components or ()
            if (ident := normalise.text(a))
        ]
    )


def _units(written: Written, fields: Mapping[str, str]) -> tuple[UnitUse | None, tuple[tuple[str, str], ...]]:
    """The unit, by БазоваяЕдиница or Единица, and (unit, coefficient) of each Пересчет, each once."""
    unit = written.unit
    if unit is None and (plain := fields.get("Единица")):
        unit = UnitUse(plain, None if plain.isdigit() else plain, None)
    if not written.conversions:
        return unit, ()
    conversions = {
        (pack, coefficient): None
        for a, b in written.conversions
        if (pack := normalise.text(a)) and (coefficient := decimal(b))
    }
    return unit, tuple(conversions)


def _used(
    context: Context, unit: UnitUse | None, conversions: tuple[tuple[str, str], ...]
) -> Iterator[UnitUse]:
    """The units that a БазоваяЕдиница and its packs name, the first time that this section does so."""
    packs = [UnitUse(pack, None if pack.isdigit() else pack, None) for pack, _coefficient in conversions]
    for use in (unit, *packs):
        if use and use not in context.used_units and UnitUse in context.wanted:
            if len(context.used_units) < MANY_UNITS:
                context.used_units.add(use)
            yield use


def _measures(fields: Mapping[str, str], requisites: Mapping[str, str]) -> Measures:
    """Its weight and sizes, which few have."""
    if MEASURES.keys().isdisjoint(fields) and MEASURES.keys().isdisjoint(requisites):
        return NO_MEASURES
    weight, length, width, height, *volumes = [
        decimal(fields.get(name) or requisites.get(name)) for name in MEASURES
    ]
    return weight, length, width, height, next(filter(None, reversed(volumes)), None)


def _vat(written: Written, fields: Mapping[str, str]) -> str | None:
    """The rate named НДС, else the first one; "Без НДС" is no rate."""
    rates = list(written.rates or ())
    if len(rates) > 1:
        rates.sort(key=lambda rate: (normalise.text(rate[0]) or "").upper() != "НДС")
    for rate in (fields.get("СтавкаНДС"), *(normalise.text(rate) for _name, rate in rates)):
        if rate:
            return decimal(rate)
    return None
