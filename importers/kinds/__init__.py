"""Import types. A kind is a module with `async def run(job: Job) -> AsyncIterator[Event]`.

A kind reads the files it needs from `job.export`, asks `job.catalog` to change the shop's tables, and yields
events. It neither commits nor rolls back: the worker does, for all kinds of a session at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

import msgspec

from importers.texts import N_

if TYPE_CHECKING:
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


class Kind(Protocol):
    """What an import type is: this much, whether it ships with obmen or comes from a plug-in."""

    def run(self, job: Job) -> AsyncIterator[Event]: ...
