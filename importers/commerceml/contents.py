"""What a file of an export holds: by its name, by its head, and by a search to its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING

import msgspec

from importers.commerceml.parts import Part, head_of
from importers.commerceml.records import (
    CatalogInfo,
    Customer,
    Group,
    Offer,
    OfferPrices,
    OfferStocks,
    PriceType,
    Product,
    ProductType,
    Property,
    PropertyValue,
    Record,
    Unit,
    Warehouse,
)
from importers.commerceml.sets import made_in

if TYPE_CHECKING:
    from importers.commerceml.encoding import Search

ROOT = "КоммерческаяИнформация"
Records = frozenset[type[Record]]
EVERYTHING: Records = frozenset(
    (
        Group, Property, PropertyValue, ProductType, Unit, Warehouse, PriceType, CatalogInfo, Product, Offer,
        OfferPrices, OfferStocks, Customer,
    )
)  # fmt: skip
FACTS: Records = frozenset((OfferPrices, OfferStocks, Customer))
PROPERTIES: Records = frozenset((Property, PropertyValue))
NAMES: dict[str, Records] = {
    "goods": EVERYTHING - FACTS - {Offer, Unit, Warehouse, PriceType},
    "groups": frozenset((Group,)),
    "units": frozenset((Unit,)),
    "storages": frozenset((Warehouse, OfferStocks)),
    "pricelists": frozenset((PriceType, OfferPrices)),
    "propertiesgoods": PROPERTIES,
    "propertiesoffers": PROPERTIES,
    "prices": frozenset((OfferPrices,)),
    "rests": frozenset((OfferStocks,)),
    "contragents": frozenset((Customer,)),
}
"""What a file may hold, by the name that 1C gives it (docs/commerceml.md 1.2); any other name may hold everything."""

SPLIT: dict[str, type[Record]] = {"prices": OfferPrices, "rests": OfferStocks, "contragents": Customer}
"""What 3.x puts into files of its own, by their names: another file that has none of the elements does not hold it.
Without such files every one that may hold it is read. And whatever the name of a file says, it holds what the elements
of its first records are."""
_NAMED: dict[type[Record], dict[str, str]] = {
    OfferPrices: {"Цены": ""},
    OfferStocks: {"Остатки": "", "Количество": "", "Склад": ""},
    Customer: {"Контрагент": ""},
    Offer: {"Предложение": "> "},
}
"""The elements of records by the letters of their names, and what may follow these; "": anything."""
ELEMENTS = {
    record: {
        name: [sign + name + end for sign in "<:" for end in ends or ("",)] for name, ends in names.items()
    }
    for record, names in _NAMED.items()
}
"""How these begin, with a prefix of a namespace or without."""
DEFINED: dict[type[Record], type[Record]] = {OfferPrices: PriceType, OfferStocks: Warehouse}
"""What facts refer to. 3.x may define it in front of the goods or offers, in files that do not hold the facts."""
WITH_OFFERS: Records = frozenset((Offer, OfferPrices, OfferStocks))
"""What files of offers hold."""
GIVEN = frozenset((*NAMES, "import", "offers"))
"""The names that 1C gives: in such a file a wrong root is an error, and no sign of another file."""

_LETTERS = re.compile(r"[^a-z]")
_RECORD = re.compile(r"[<:](?:Товар|Предложение)[\s>]")
_RECORD_END = re.compile(r"</(?:[\w.-]+:)?(?:Товар|Предложение)\s*>")


def sought(wanted: Set[type[Record]]) -> Records:
    """Of wanted records those for whose sake a file is read: what facts refer to is wanted only along with them."""
    return EVERYTHING & wanted - {DEFINED[fact] for fact in wanted & DEFINED.keys()}


def records_by_name(name: str) -> Records:
    """By the name of the file, or of its folder in a package: `prices/a.xml`."""
    if not name.lower().endswith(".xml"):
        return frozenset()
    folder = name.rpartition("/")[0].rpartition("/")[2].lower()
    return NAMES.get(_stem(name)) or (NAMES[folder] if folder in NAMES and folder != "goods" else EVERYTHING)


def split_in(xml: Iterable[Part]) -> Records:
    """What has files of its own among these, by their names."""
    stems = {_stem(part.name) for part in xml}
    return frozenset(record for stem, record in SPLIT.items() if stem in stems)


def certain(part: Part) -> Records:
    """What a file of a name that 1C gives may be read for, whatever stands in it: see `SPLIT` for what is in another
    of the export then."""
    return part.records if _stem(part.name) in GIVEN else frozenset()


def recognised(xml: Iterable[Part], split: Records) -> Iterator[tuple[Part, bool | None]]:
    """Each file with what it holds by its head, and whether it is of the export; None: it may be of it or not."""
    from importers.commerceml.encoding import root_in

    for part in xml:
        head, encoding = head_of(part)
        root = root_in(head)
        if root == ROOT or _stem(part.name) in GIVEN:
            records, unsure = _held(part, head, split)
            shown = {"records": records, "unsure": unsure, "made": made_in(head), "encoding": encoding}
            yield msgspec.structs.replace(part, **shown), True
        else:
            yield part, None if root is None else False


def _held(part: Part, head: str, split: Records) -> tuple[Records, Records]:
    """What a part holds, more than its name says or less where others have files of their own, and what it may hold
    behind its head."""
    first = _RECORD.search(head)
    text = head[first.start() :] if first else ""
    if part.records != EVERYTHING:
        others = ELEMENTS.keys() - part.records
        if part.records <= FACTS:
            others.discard(Offer)  # offers of prices or stocks have nothing else to tell
        return part.records | _shown(text, others), frozenset()
    absent = split - _shown(text, split)
    if absent and _RECORD_END.search(text):
        return part.records - absent, frozenset(absent)
    return part.records, frozenset()


def _shown(text: str, records: Set[type[Record]]) -> set[type[Record]]:
    """Those whose elements stand in the text."""
    return {
        record
        for record in records
        if any(
            name in text and any(opening in text for opening in openings)
            for name, openings in ELEMENTS[record].items()
        )
    }


def search_for(part: Part, records: Set[type[Record]]) -> Search[type[Record]]:
    """A search of a part for elements of such records."""
    from importers.commerceml.encoding import Search

    return Search({record: ELEMENTS[record] for record in records}, part.encoding)


def _stem(name: str) -> str:
    """The letters that a file's name begins with: `prices_1_2_<guid>.xml`, `import0_1.xml`."""
    return _LETTERS.split(name.rpartition("/")[2].lower(), 1)[0]
