"""Import types. A kind is a module with `async def run(job: Job) -> AsyncIterator[Event]`.

A kind reads the files it needs from `job.export`, asks `job.catalog` to change the shop's tables, and yields
events. It neither commits nor rolls back: the worker does, for all kinds of a session at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from importers.errors import UsageError
from importers.settings import Limits
from importers.texts import N_, _

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from importers.catalog import CatalogTransaction
    from importers.commerceml import Export

KINDS = ("catalog", "attributes", "variants", "stocks", "prices", "customers", "images")
"""All import types that ship with obmen, in the order in which they always run."""

NEEDS_PRODUCTS = ("variants", "stocks", "prices", "images")
"""Kinds that are refused while the catalog holds no product (guarantee 4)."""

TITLES = {
    "catalog": N_("Product catalog"),
    "attributes": N_("Product properties"),
    "variants": N_("Product variants"),
    "stocks": N_("Product stocks"),
    "prices": N_("Product prices"),
    "customers": N_("Customers"),
    "images": N_("Product images"),
}


class Options(msgspec.Struct, frozen=True):
    """What a launch may ask beyond kinds and source. Part of the request's identity."""

    dry_run: bool = False
    force: bool = False
    """Go past the limits of guarantee 9."""
    strict: bool = False
    """Refuse or fail unless the export has something of every chosen kind."""


class Counts(msgspec.Struct):
    """read = created + updated + unchanged + removed + rejected, always (docs/format.md says what one record is)."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: int = 0
    orphans: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f) + getattr(other, f) for f in self.__struct_fields__))


class Progress(msgspec.Struct, frozen=True):
    """How far the kind is. `done` of `total` is in bytes of XML while reading, in records while merging."""

    kind: str
    stage: str
    """"read" or "merge"."""
    done: int
    total: int
    records: int
    """Records read so far."""


class Log(msgspec.Struct, frozen=True):
    """A line for the operator. `message` is English, translated when shown: `texts.render(message, args)`."""

    level: str
    """info | warning | error"""
    message: str
    args: dict[str, str | int] = {}


class Reject(msgspec.Struct, frozen=True):
    """A record or fact that was not taken (guarantee 9)."""

    kind: str
    file: str
    line: int | None
    record_id: str
    reason: str
    """English message with `args`, as in Log."""
    args: dict[str, str] = {}
    fragment: str = ""


class Counted(msgspec.Struct, frozen=True):
    """The kind is through. Exactly one, the last event of a run."""

    kind: str
    counts: Counts
    tables: dict[str, Counts] = {}
    """The same per catalog table, for the summary."""
    empty: bool = False
    """Nothing of it was in the export."""


Event = Progress | Log | Reject | Counted


class Job(msgspec.Struct, frozen=True):
    """One kind's share of a session."""

    session_id: int
    kind: str
    export: Export
    catalog: CatalogTransaction
    options: Options = Options()
    images_path: str = ""
    """Folder that the `images` kind fills."""
    keep_unlisted: str = ""
    """Price types whose prices stay where an offer's list leaves them out (settings.Prices)."""
    limits: Limits = Limits()
    """What a run may reject and remove at most, unless `options.force` (guarantee 9)."""


class Kind(Protocol):
    """What an import type is: this much, whether it ships with obmen or comes from a plug-in."""

    def run(self, job: Job) -> AsyncIterator[Event]:
        """Read, change, tell. Raises ObmenError when nothing of the session may be kept; a LimitExceeded comes after
        the Counted, so that the operator sees what would have happened."""
        ...


ENTRY_POINTS = "obmen.kinds"
"""The group of entry points by which a package adds import types (docs/writing-a-kind.md)."""


def names() -> tuple[str, ...]:
    """All import types in the order in which they run: those of obmen, then those of plug-ins by name."""
    return (*KINDS, *sorted(_plug_ins()))


def load(name: str) -> Kind:
    """The import type of this name. Raises UsageError for an unknown one and for a plug-in that cannot be loaded."""
    if name in KINDS:
        return cast(Kind, import_module(f"importers.kinds.{name}"))
    plug_in = _plug_ins().get(name)
    if plug_in is None:
        raise UsageError(
            _("unknown import type {name}; known: {known}").format(name=name, known=", ".join(names()))
        )
    try:
        kind = plug_in.load()
    except Exception as error:
        raise UsageError(
            _("import type {name}: {plug_in} cannot be loaded: {error}").format(
                name=name, plug_in=plug_in.value, error=error
            )
        ) from error
    if not callable(getattr(kind, "run", None)):
        raise UsageError(
            _("import type {name}: {plug_in} has no function run(job)").format(
                name=name, plug_in=plug_in.value
            )
        )
    return cast(Kind, kind)


def _plug_ins() -> dict[str, EntryPoint]:
    """By name; obmen's own names cannot be taken."""
    from importlib.metadata import entry_points

    return {found.name: found for found in entry_points(group=ENTRY_POINTS) if found.name not in KINDS}
