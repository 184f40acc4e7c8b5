"""The shop's tables and how they are written. `open_catalog(url)` gives a catalog on its database."""

from __future__ import annotations

from importers.catalog.protocol import (
    EVERYTHING,
    FIRST_FEW,
    Catalog,
    CatalogTransaction,
    Change,
    Merged,
)

__all__ = ["EVERYTHING", "FIRST_FEW", "Catalog", "CatalogTransaction", "Change", "Merged", "open_catalog"]


async def open_catalog(url: str) -> Catalog:
    """Open (and create or migrate) the catalog at `url`: `sqlite:///path`. Raises SettingsError for another address,
    DatabaseError."""
    from importers.addresses import SQLITE, sqlite_path
    from importers.catalog.sqlite import SqliteCatalog

    return await SqliteCatalog.open(SQLITE + sqlite_path(url))
