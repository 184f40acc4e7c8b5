"""What a file of an export may serve: by its name, by its head, and by a search to its end."""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import PurePosixPath

import msgspec

from importers.commerceml.parts import Part, head_of, open_part
from importers.commerceml.records import PriceType, Record, Warehouse
from importers.commerceml.sets import made_in

ROOT = "КоммерческаяИнформация"
ALL = frozenset(("catalog", "attributes", "variants", "stocks", "prices", "customers", "images"))
GOODS = frozenset(("catalog", "attributes", "images"))
PROPERTIES = frozenset(("catalog", "attributes"))
NAMES: dict[str, frozenset[str]] = {
    "goods": GOODS,
    "groups": frozenset(("catalog",)),
    "units": frozenset(("catalog",)),
    "storages": frozenset(("catalog", "stocks")),
    "pricelists": frozenset(("catalog", "prices")),
    "propertiesgoods": PROPERTIES,
    "propertiesoffers": PROPERTIES,
    "prices": frozenset(("prices",)),
    "rests": frozenset(("stocks",)),
    "contragents": frozenset(("customers",)),
}
"""What a file may serve, by the name that 1C gives it (docs/commerceml.md 1.2); any other name may hold everything."""

SPLIT: dict[str, tuple[str, tuple[str, ...]]] = {
    "prices": ("prices", ("Цены",)),
    "stocks": ("rests", ("Остатки", "Количество", "Склад")),
    "customers": ("contragents", ("Контрагент",)),
}
"""Where 3.x puts a type into files of its own, (their name, elements): another file that has none of the elements does
not serve that type. Without such files every one that may hold the type is read. And whatever the name of a file says,
it serves the types whose elements its first records have."""
ELEMENTS = {
    kind: [sign + name for name in names for sign in "<:"] for kind, (_stem_of, names) in SPLIT.items()
}
ELEMENTS["variants"] = ["<Предложение>", ":Предложение>", "<Предложение ", ":Предложение "]
"""How the elements of a type begin, with a prefix of a namespace or without."""
DEFINED: dict[str, type[Record]] = {"prices": PriceType, "stocks": Warehouse}
"""What facts refer to. 3.x may define it in front of the goods or offers, in files that do not serve the type."""
WITH_OFFERS = frozenset(("variants", "prices", "stocks"))
"""Types that files of offers serve."""
GIVEN = frozenset((*NAMES, "import", "offers"))
"""The names that 1C gives: in such a file a wrong root is an error, and no sign of another file."""

_RECORD = re.compile(r"[<:](?:Товар|Предложение)[\s>]")
_RECORD_END = re.compile(r"</(?:[\w.-]+:)?(?:Товар|Предложение)\s*>")


def kinds_by_name(name: str) -> frozenset[str]:
    """By the name of the file, or of its folder in a package: `prices/a.xml`."""
    if not name.lower().endswith(".xml"):
        return frozenset()
    folder = PurePosixPath(name).parent.name.lower()
    return NAMES.get(_stem(name)) or (NAMES[folder] if folder in NAMES and folder != "goods" else ALL)


def recognised(xml: list[Part]) -> tuple[list[Part], list[str]]:
    """The files of the export with the types that they serve, and the names of those that may be of it or not."""
    from importers.commerceml.encoding import root_in

    stems = {_stem(part.name) for part in xml}
    split = {kind for kind, (stem, _names) in SPLIT.items() if stem in stems}
    export, unknown = [], []
    for part in xml:
        head, _encoding = head_of(part)
        root = root_in(head)
        if root == ROOT or _stem(part.name) in GIVEN:
            kinds, unsure = _served(part, head, split)
            export.append(msgspec.structs.replace(part, kinds=kinds, unsure=unsure, made=made_in(head)))
        elif root is None:
            unknown.append(part.name)
    return export, unknown


def _served(part: Part, head: str, split: set[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The types that a part serves, more than its name says or less where others have files of their own, and those
    that it may serve behind its head."""
    first = _RECORD.search(head)
    records = head[first.start() :] if first else ""
    if part.kinds != ALL:
        others = ELEMENTS.keys() - part.kinds
        if "catalog" not in part.kinds:
            others.discard("variants")  # offers of prices or stocks have nothing else to tell
        return part.kinds | _shown(records, others), frozenset()
    absent = split - _shown(records, split)
    if absent and _RECORD_END.search(records):
        return part.kinds - absent, frozenset(absent)
    return part.kinds, frozenset()


def _shown(text: str, kinds: Set[str]) -> set[str]:
    """Of these types, those whose elements stand in the text."""
    return {kind for kind in kinds if any(opening in text for opening in ELEMENTS[kind])}


def is_anywhere(part: Part, kind: str) -> bool:
    """Whether an element of a type stands anywhere in a part, or that cannot be told."""
    from importers.commerceml.encoding import is_in

    _head, encoding = head_of(part)
    with open_part(part) as file:
        return is_in(file, encoding, ELEMENTS[kind])


def _stem(name: str) -> str:
    """The letters that a file's name begins with: `prices_1_2_<guid>.xml`, `import0_1.xml`."""
    return re.split(r"[^a-z]", PurePosixPath(name).stem.lower())[0]
