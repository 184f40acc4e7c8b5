"""Which engine keeps the journal, by its address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import sqlite_path

if TYPE_CHECKING:
    from importers.clock import Clock
    from importers.sessions.protocol import Journal

SCHEMA = Path(__file__).parent / "schema" / "sqlite"


async def open_journal(url: str, clock: Clock | None = None) -> Journal:
    """Open (and create or migrate) the journal at `url`: `sqlite:///path`. `clock`: another than the machine's, for
    tests. Raises SettingsError for another address, DatabaseError."""
    from importers.database.sqlite import SqliteDatabase
    from importers.sessions.store import JournalStore

    pragmas = ("foreign_keys = ON",)
    return await JournalStore.open(
        await SqliteDatabase.open(sqlite_path(url), SCHEMA, clock, pragmas=pragmas)
    )
