"""What an export holds, counted record by record, without importing (`obmen inspect`)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec

from importers.commerceml import open_export
from importers.commerceml.parts import Part, head_of
from importers.commerceml.reader import read_part
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
    Section,
    Unit,
    Warehouse,
)
from importers.kinds.registry import KINDS, files_of, records_of
from importers.texts import N_

COUNTED: frozenset[type[Record]] = frozenset(
    (
        Section, Group, Property, PropertyValue, Unit, Warehouse, PriceType, Product, Offer, OfferPrices, OfferStocks,
        Customer,
    )
)  # fmt: skip
COUNTED_AS = {OfferPrices: "Price", OfferStocks: "Stock"}
"""Facts are counted one by one."""
TITLES = {
    "Section": N_("sections"),
    "Group": N_("groups"),
    "Property": N_("properties"),
    "PropertyValue": N_("property values"),
    "Unit": N_("units"),
    "Warehouse": N_("warehouses"),
    "PriceType": N_("price types"),
    "Product": N_("products"),
    "Offer": N_("offers"),
    "Price": N_("prices"),
    "Stock": N_("stocks"),
    "Customer": N_("customers"),
    "Rejected": N_("rejected"),
}
"""What to call the records that are counted."""


class File(msgspec.Struct, frozen=True):
    """One XML file. `changes_only` None: it has no section that says so."""

    name: str
    size: int
    modified: str
    encoding: str
    version: str | None
    namespace: str | None
    changes_only: bool | None
    counts: dict[str, int]
    """Records by their name in docs/format.md; prices and stocks one by one."""
    made: str | None
    """ДатаФормирования on the clock of 1C."""
    set: int
    """Files of one number are parts of one set; see `commerceml/sets.py`."""


class KindSummary(msgspec.Struct, frozen=True):
    files: int
    bytes: int
    records: int
    newest: str | None
    """When the newest of its files was written, UTC."""


class Inspection(msgspec.Struct, frozen=True):
    """`version`, `encoding` and `namespace` are those of most files."""

    path: str
    version: str | None
    encoding: str
    namespace: str | None
    gaps: tuple[str, ...]
    files: tuple[File, ...]
    """In the order of reading."""
    kinds: dict[str, KindSummary]


def inspect_export(path: str | Path) -> Inspection:
    """Read every file of the export once. Raises SourceError, BadFile."""
    export = open_export(path)
    counted = {part: _count(part) for part in export.parts}
    files = tuple(_file(part, *counted[part]) for part in export.parts)
    kinds = {}
    for kind in KINDS:
        if kind == "images":
            parts, records = files_of(export, kind), len(export.pictures)
        else:
            names = [COUNTED_AS.get(record, record.__name__) for record in records_of(kind)]
            of_kind = {
                part: sum(counts[name] for name in names) for part, (counts, _changes) in counted.items()
            }
            parts = tuple(part for part in export.files_for(*records_of(kind)) if of_kind[part])
            records = sum(of_kind[part] for part in parts)
        newest = max((part.modified for part in parts), default=None)
        kinds[kind] = KindSummary(len(parts), sum(part.size for part in parts), records, newest)
    return Inspection(
        path=str(export.path),
        version=_most([file.version for file in files]),
        encoding=_most([file.encoding for file in files]) or "",
        namespace=_most([file.namespace for file in files]),
        gaps=tuple(map(str, export.gaps)),
        files=files,
        kinds=kinds,
    )


def _count(part: Part) -> tuple[Counter[str], bool | None]:
    """Records by name, and whether all sections that say so hold changes only."""
    counts: Counter[str] = Counter()
    changes_only = None
    for _position, batch in read_part(part, COUNTED):
        for record in batch:
            if isinstance(record, Section):
                changes_only = (
                    record.changes_only if changes_only is None else changes_only and record.changes_only
                )
            elif isinstance(record, OfferPrices):
                counts[COUNTED_AS[OfferPrices]] += len(record.prices) + len(record.beside)
            elif isinstance(record, OfferStocks):
                counts[COUNTED_AS[OfferStocks]] += len(record.stocks)
            else:
                counts[type(record).__name__] += 1
    return counts, changes_only


def _file(part: Part, counts: Counter[str], changes_only: bool | None) -> File:
    head, encoding = head_of(part)
    root = re.search(r"<[^<>]*КоммерческаяИнформация[^<>]*>", head)
    attributes = dict(re.findall(r"""([\w:.-]+)\s*=\s*["']([^"']*)["']""", root[0])) if root else {}
    return File(
        name=part.name,
        size=part.size,
        modified=part.modified,
        encoding=encoding,
        version=attributes.get("ВерсияСхемы"),
        namespace=next((value for name, value in attributes.items() if name == "xmlns"), None),
        changes_only=changes_only,
        counts=dict(counts),
        made=part.made or None,
        set=part.set,
    )


def _most(values: list[str | None]) -> str | None:
    known = Counter(value for value in values if value is not None)
    return known.most_common(1)[0][0] if known else None
