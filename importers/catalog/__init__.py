"""The shop's tables and how they are written. `open_catalog(url)` gives a catalog on its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importers.catalog.protocol import Catalog

__all__ = ["open_catalog"]


async def open_catalog(url: str) -> Catalog:
    """Open (and create or migrate) the catalog at `url`: `sqlite:///path`. Raises SettingsError for another address,
    DatabaseError."""
    from importers.addresses import SQLITE, sqlite_path
    from importers.catalog.sqlite import SqliteCatalog

    return await SqliteCatalog.open(SQLITE + sqlite_path(url))
