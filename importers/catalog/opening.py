"""Which engine keeps the catalog, by its address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import CATALOG_SCHEMA, SQLITE, is_postgres, postgres_of, sqlite_path
from importers.database.opening import open_database, require_driver

if TYPE_CHECKING:
    from importers.catalog.protocol import Catalog

SCHEMAS = Path(__file__).parent / "schema"
SCHEMA = SCHEMAS / "sqlite"
PAGE_BYTES = 16384
"""Of a new catalog: SQLite writes an import about a tenth cheaper than with 4096, and reads it no slower."""
CACHE_KB = 8000
"""Page cache of a connection. A larger one makes no import faster, as rows come in the order of their keys."""


async def identity_of(url: str, says: str | None = None) -> str:
    """What tells the catalog at `url` from all others, by whatever address one came to it: of a file its path, of
    PostgreSQL what the server says of itself, or else what the catalog says, which a copy of it says, too: `says` of
    one that is only on its way there. Raises SettingsError as `open_catalog`, DatabaseError."""
    if not is_postgres(url):
        return _real_path(url)
    require_driver(url)
    from importers.database.postgres import PostgresDatabase

    found = await PostgresDatabase.identity(*postgres_of(url, CATALOG_SCHEMA))
    if found is None and says is not None:
        found = says
    if found is None:
        catalog = await open_catalog(url)
        try:
            found = await catalog.identity()
        finally:
            await catalog.close()
    return f"postgresql:{found}"


def _real_path(url: str) -> str:
    return f"{SQLITE}{Path(sqlite_path(url)).resolve()}"


async def open_catalog(url: str, name: str = "obmen") -> Catalog:
    """Open (and create or migrate) the catalog at `url`: `sqlite:///path` or `postgresql://…`, there in the schema
    `public` if none is named. `name`: see `Database.end_others`. Raises SettingsError for another address,
    DatabaseError."""
    from importers.catalog.store import CatalogStore

    pragmas = (f"cache_size = -{CACHE_KB}",)
    return CatalogStore(
        await open_database(url, SCHEMAS, CATALOG_SCHEMA, name=name, page_size=PAGE_BYTES, pragmas=pragmas)
    )


def session_name(journal_id: str, session_id: int, fence: int) -> str:
    """What a session's worker opens the catalog as: whoever takes the session from it can end what it does there."""
    return f"obmen/{journal_id[:8]}/{session_id}/{fence}"
