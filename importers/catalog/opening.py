"""Which engine keeps the catalog, by its address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import CATALOG_SCHEMA
from importers.database.opening import open_database

if TYPE_CHECKING:
    from importers.catalog.protocol import Catalog

SCHEMAS = Path(__file__).parent / "schema"
SCHEMA = SCHEMAS / "sqlite"
PAGE_BYTES = 16384
"""Of a new catalog: SQLite writes an import about a tenth cheaper than with 4096, and reads it no slower."""
CACHE_KB = 8000
"""Page cache of a connection. A larger one makes no import faster, as rows come in the order of their keys."""


async def open_catalog(url: str, name: str = "obmen") -> Catalog:
    """Open (and create or migrate) the catalog at `url`: `sqlite:///path` or `postgresql://…`, there in the schema
    `public` if none is named. `name`: see `Database.end_others`. Raises SettingsError for another address,
    DatabaseError."""
    from importers.catalog.store import CatalogStore

    pragmas = (f"cache_size = -{CACHE_KB}",)
    return CatalogStore(
        await open_database(url, SCHEMAS, CATALOG_SCHEMA, name=name, page_size=PAGE_BYTES, pragmas=pragmas)
    )
