"""What a source holds for each import type, and why one cannot be imported now (guarantee 4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from importers.errors import UsageError
from importers.fingerprint import fingerprint
from importers.kinds.registry import files_of, has_files, names, needs_products
from importers.texts import N_

if TYPE_CHECKING:
    from importers.commerceml import Export
    from importers.targets import Target


NO_FILE = N_("{kinds}: the export at {source} has no file for it")
NO_PRODUCTS = N_("{kind}: the catalog holds no product yet; import the catalog first")


class Holding(msgspec.Struct, frozen=True):
    """What a source holds for one import type, by the names and heads of its files. `bytes` in all; `newest`: when the
    newest of them was written, UTC."""

    kind: str
    files: int
    bytes: int
    newest: str | None


def survey(source: str) -> tuple[Holding, ...]:
    """An offer for each import type. Reads the heads of files: not for an event loop. Raises SourceError."""
    from importers.commerceml import open_export

    export = open_export(source)
    return tuple(_holding(export, kind) for kind in names())


def _holding(export: Export, kind: str) -> Holding:
    try:
        files = files_of(export, kind)
    except UsageError:  # a plug-in that cannot be loaded: a launch says why
        files = export.parts
    newest = max((part.modified for part in files), default=None)
    return Holding(kind, len(files), sum(part.size for part in files), newest)


def newest(source: str) -> str | None:
    """When the newest file of a source was written that some import type reads, UTC. As `survey`."""
    return max((holding.newest for holding in survey(source) if holding.newest), default=None)


class Look(NamedTuple):
    served: list[str]
    """Those of the import types that the source has files for."""
    fingerprint: str
    """Of the source, as it is then."""


def look_at(source: str, kinds: Iterable[str]) -> Look:
    """Reads the heads of files only where their names do not tell: not for an event loop. Raises SourceError,
    UsageError for a plug-in that cannot be loaded."""
    from importers.commerceml import open_overview

    with open_overview(source) as overview:
        served = [kind for kind in kinds if has_files(overview, kind)]
        return Look(served, fingerprint(overview.identities))


def lacks_products(kind: str, chosen: Collection[str], *, has_products: bool) -> bool:
    """Whether a type cannot be imported before the catalog, which holds no product and is not chosen along with it."""
    return needs_products(kind) and not has_products and "catalog" not in chosen


async def has_products(target: Target) -> bool:
    """Whether the catalog holds any. Raises DatabaseError."""
    from importers.catalog import open_catalog

    catalog = await open_catalog(target.catalog)
    try:
        return await catalog.has_products()
    finally:
        await catalog.close()
