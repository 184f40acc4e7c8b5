"""Which engine keeps the journal, by its address."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import JOURNAL_SCHEMA, is_postgres, postgres_of, sqlite_path
from importers.database.opening import open_database
from importers.database.sqlite_file import REMOVED
from importers.errors import DatabaseError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from importers.clock import Clock
    from importers.sessions.protocol import Journal

SCHEMAS = Path(__file__).parent / "schema"
SCHEMA = SCHEMAS / "sqlite"
PAUSE_SECONDS = 0.5
"""Between tries to reach a server."""


async def open_journal(url: str, clock: Clock | None = None, *, read_only: bool = False) -> Journal:
    """Open (and create or migrate) the journal at `url`: `sqlite:///path` or `postgresql://…`. `clock`: another than
    the machine's, for tests; a server has its own. One that is `read_only` has to be there, and is left as it is.
    Raises SettingsError for another address, DatabaseError."""
    from importers.sessions.store import JournalStore

    if read_only:
        from importers.database.looking import looking, require_schema

        with looking(url, JOURNAL_SCHEMA) as look:
            require_schema(look, SCHEMAS)
    pragmas = ("foreign_keys = ON",)
    _require_what_was_there(url)
    journal = await JournalStore.open(
        await open_database(
            url, SCHEMAS, JOURNAL_SCHEMA, clock, short=True, read_only=read_only, pragmas=pragmas
        )
    )
    _opened.add(url)
    return journal


_opened: set[str] = set()
"""The journals that this process has had open."""


def _require_what_was_there(url: str) -> None:
    """A process that is there for days makes no empty journal in the place of the one that it knew."""
    if url in _opened and not is_postgres(url) and not (path := Path(sqlite_path(url))).exists():
        raise DatabaseError(REMOVED, path=path)


async def await_journal(
    url: str, seconds: float = math.inf, trouble: Callable[[Unreachable], None] = lambda _error: None
) -> Journal:
    """As `open_journal`, for those whom a server that is away for so long must not turn away; `trouble` is told, once,
    what it says. Raises Unreachable after that, and DatabaseError for all that waiting does not cure."""
    end, told = time.monotonic() + seconds, False
    while True:
        try:
            return await open_journal(url)
        except Unreachable as error:
            if time.monotonic() > end:
                raise
            if not told:
                trouble(error)
                told = True
        await asyncio.sleep(PAUSE_SECONDS)


async def require_writable(url: str) -> None:
    """For who would begin what it cannot end. Whoever can open a file can write it. Raises DatabaseError."""
    if is_postgres(url):
        from importers.database.postgres_examine import examine

        await examine(*postgres_of(url, JOURNAL_SCHEMA), SCHEMAS / "postgres")
