"""Which import types a source serves, and why one cannot be imported now (guarantee 4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from importers.fingerprint import fingerprint
from importers.kinds.registry import has_files, needs_products
from importers.texts import N_

if TYPE_CHECKING:
    from importers.targets import Target


NO_FILE = N_("{kinds}: the export at {source} has no file for it")
NO_PRODUCTS = N_("{kind}: the catalog holds no product yet; import the catalog first")


def newest(source: str) -> str | None:
    """When the newest file of XML of a source was written, UTC; None where there is none. Reads the heads of files: not
    for an event loop. Raises SourceError."""
    from importers.commerceml import open_export

    return max((part.modified for part in open_export(source).parts), default=None)


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
