"""The shop's tables and how they are written. `open_catalog(url)` gives a catalog on its database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class CatalogTransaction(Protocol):
    """One session's changes: all of them or none (guarantee 7)."""

    async def has_products(self) -> bool: ...

    # staging and merging: see importers/catalog/sqlite.py


class Catalog(Protocol):
    async def has_products(self) -> bool:
        """Whether the committed catalog holds any product (guarantee 4)."""
        ...

    def transaction(
        self, *, journal_id: str, session_id: int, fence: int, dry_run: bool = False
    ) -> AbstractAsyncContextManager[CatalogTransaction]:
        """Begin; refuse with LeaseLost when a later (session, fence) of this journal was here; on a clean exit write
        the mark that `applied` reads and commit (roll back if dry_run); roll back on any exception."""
        ...

    async def applied(self, *, journal_id: str, session_id: int) -> bytes | None:
        """The note that the session's transaction left with its commit (by_kind counts as JSON), None if it never committed."""
        ...

    async def close(self) -> None: ...


async def open_catalog(url: str) -> Catalog:
    """Open (and create or migrate) the catalog at `url`: `sqlite:///path`. Raises DatabaseError."""
    from importers.catalog.sqlite import SqliteCatalog

    return await SqliteCatalog.open(url)
