"""All import types: one row each for those of obmen, an entry point each for those of plug-ins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

from importers.errors import UsageError
from importers.texts import N_

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from importers.commerceml import Export, Overview, Part
    from importers.commerceml.records import Record
    from importers.kinds.protocol import Kind
    from importers.kinds.staged import Reads


class Registered(NamedTuple):
    """An import type of obmen, without its module: to know of all of them takes no import of any."""

    title: str
    """Marked with N_."""
    records: tuple[str, ...]
    """Names of the records (importers/commerceml/records.py) that make it worth running."""
    needs_products: bool = False
    """Refused while the catalog holds no product (guarantee 4)."""
    reads_pictures: bool = False
    """The pictures alone are worth running for, too, where no XML tells of the records."""


_REFERENCE = ("Group", "Property", "PropertyValue", "Unit", "Warehouse", "PriceType")
REGISTERED = {
    "catalog": Registered(N_("Product catalog"), (*_REFERENCE, "Product", "Offer")),
    "attributes": Registered(N_("Product properties"), ("Property", "PropertyValue")),
    "variants": Registered(N_("Product variants"), ("Offer",), needs_products=True),
    "stocks": Registered(N_("Product stocks"), ("OfferStocks",), needs_products=True),
    "prices": Registered(N_("Product prices"), ("OfferPrices",), needs_products=True),
    "customers": Registered(N_("Customers"), ("Customer",)),
    "images": Registered(N_("Product images"), ("Product",), needs_products=True, reads_pictures=True),
}
"""Those that ship with obmen, in the order in which they always run; each is the module of its name."""
KINDS = tuple(REGISTERED)
WORDS = (
    N_("catalog"),
    N_("attributes"),
    N_("variants"),
    N_("stocks"),
    N_("prices"),
    N_("customers"),
    N_("images"),
)
"""Their names, which messages tell as words of the reader's language (`texts.READS`)."""
ENTRY_POINTS = "obmen.kinds"
"""The group of entry points by which a package adds import types (docs/writing-a-kind.md)."""


def repeats(name: str) -> bool:
    """Whether what it does hangs on nothing but the XML of the export, the catalog and the settings; never of a
    plug-in, of which nobody knows. Raises nothing."""
    return name in REGISTERED and not REGISTERED[name].reads_pictures


def title_of(name: str) -> str:
    """What to call an import type in a message, to be translated when it is shown: of a plug-in, and of what is none,
    the name itself. Raises nothing."""
    return REGISTERED[name].title if name in REGISTERED else name


def needs_products(name: str) -> bool:
    """Whether it is refused while the catalog holds no product; never of a plug-in. Raises nothing."""
    return name in REGISTERED and REGISTERED[name].needs_products


def records_of(name: str) -> frozenset[type[Record]]:
    """The records that make an import type worth running: of a plug-in its `RECORDS`, or all where it has none. A
    plug-in is loaded for it; raises UsageError as `load`."""
    from importers.commerceml import records
    from importers.commerceml.contents import EVERYTHING

    if name in REGISTERED:
        return frozenset(getattr(records, record) for record in REGISTERED[name].records)
    return frozenset(getattr(load(name), "RECORDS", EVERYTHING))


def files_of(export: Export, name: str) -> tuple[Part, ...]:
    """The files that an import type reads, by their names and heads, in the order of reading, or what holds the
    pictures that it reads. None: it has nothing to do. Raises UsageError as `load`, BadFile where a holder of pictures
    cannot be read."""
    parts = export.files_shown(*records_of(name))
    return parts if parts or not reads_pictures(name) else export.holding_pictures()


def has_files(overview: Overview, name: str) -> bool:
    """Whether `files_of` would have any. Raises as that."""
    return overview.has(*records_of(name)) or (reads_pictures(name) and overview.has_pictures)


def reads_pictures(name: str) -> bool:
    """Whether its work is pictures, not XML. Raises nothing."""
    return name in REGISTERED and REGISTERED[name].reads_pictures


def reads_of(name: str, kind: Kind) -> Reads | None:
    """What of XML another process may read for an import type; None of one that reads none, and of plug-ins."""
    reads: Reads | None = getattr(kind, "READS", None) if name in KINDS else None
    return reads if reads and reads.shapes else None


def reads_first(kind: Kind) -> bool:
    """Whether it asks nothing of the catalog before `AllRead`: see `Kind`."""
    return getattr(kind, "READS", None) is not None


def names() -> tuple[str, ...]:
    """All import types in the order in which they run: those of obmen, then those of plug-ins by name. Looks up what
    is installed, and loads nothing: one of these may still fail to load."""
    return (*KINDS, *sorted(_plug_ins()))


def is_known(name: str) -> bool:
    """Whether `names` has it, without a look at plug-ins for one of obmen's own: that takes a while."""
    return name in KINDS or name in _plug_ins()


def load(name: str) -> Kind:
    """The module of an import type, or what the entry point of a plug-in leads to; it has a `run` that can be called.
    Raises UsageError for an unknown name, and for a plug-in that cannot be loaded or has no `run`."""
    if name in KINDS:
        return cast("Kind", import_module(f"importers.kinds.{name}"))
    plug_in = _plug_ins().get(name)
    if plug_in is None:
        raise UsageError(
            N_("unknown import type {name}; known: {known}"), name=name, known=", ".join(names())
        )
    try:
        kind = plug_in.load()
    except Exception as error:
        raise UsageError(
            N_("import type {name}: {plug_in} cannot be loaded: {error}"),
            name=name,
            plug_in=plug_in.value,
            error=error,
        ) from error
    if not callable(getattr(kind, "run", None)):
        raise UsageError(
            N_("import type {name}: {plug_in} has no function run(job)"), name=name, plug_in=plug_in.value
        )
    return cast("Kind", kind)


def _plug_ins() -> dict[str, EntryPoint]:
    """By name; obmen's own names cannot be taken."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS) if point.name not in KINDS}
