"""A look into a database that leaves it as it is, whichever engine it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from importers.addresses import is_postgres, postgres_of, sqlite_path
from importers.database.migrations import MOVED, OLDEST, VERSION, refuse, steps_of, which_oldest
from importers.database.opening import require_driver
from importers.errors import DatabaseError
from importers.texts import N_

if TYPE_CHECKING:
    from importers.clock import Clock, Now


class Look(Protocol):
    """One state of a database."""

    engine: str
    """As the folder of its steps is called."""
    place: str
    """What errors call it; nothing secret."""

    def has(self, table: str) -> bool: ...

    def fetch(self, sql: str) -> list[tuple[Any, ...]]: ...

    def now(self) -> Now:
        """The database's own clock, as `protocol.Reader.now`."""
        ...


LAST_TO_CLOSE = 1.0
"""Seconds: who closes a file last holds all of it for a moment, as the worker of an import that has just ended."""


def look(url: str, schema: str, table: str, sql: str) -> list[tuple[Any, ...]]:
    """What a SELECT finds in the database at `url`, on a server in `schema` where the address names no other; nothing
    where it or the table is not there yet. Raises DatabaseError."""
    if not is_postgres(url) and not Path(sqlite_path(url)).exists():
        return []
    with looking(url, schema, patience=LAST_TO_CLOSE) as found:
        return found.fetch(sql) if found.has(table) else []


@contextmanager
def looking(url: str, schema: str, clock: Clock | None = None, *, patience: float = 5.0) -> Iterator[Look]:
    """One state of the database at `url` for several SELECTs, for an account that need not be allowed more; `schema` as
    for `look`; `clock`, and `patience` in seconds with who locks all of it: of a file. Raises DatabaseError, also where
    there is no such database."""
    if is_postgres(url):
        require_driver(url)
        from importers.database.postgres_examine import looking as looking_at_server

        with looking_at_server(*postgres_of(url, schema)) as found:
            yield found
    else:
        from importers.database.sqlite_look import looking as looking_at_file

        with looking_at_file(Path(sqlite_path(url)), clock, patience) as found:
            yield found


def require_schema(look: Look, folder: Path) -> int:
    """The number of its schema. Raises DatabaseError unless it has the tables of its engine's steps in `folder`, or of
    later ones that leave them as they are."""
    newest = max(steps_of(folder / look.engine))
    numbers = look.fetch(f"SELECT version FROM {VERSION}") if look.has(VERSION) else []  # noqa: S608 (ours)
    version = numbers[0][0] if numbers else 0
    if version < newest:
        raise DatabaseError(
            N_(
                "{path}: it has none of obmen's tables yet, or those of an older one (schema {found}, this one knows "
                "{known}); any other command makes them"
            ),
            path=look.place,
            found=version,
            known=newest,
        )
    if version > newest:
        asked = which_oldest(version, [table for table in (OLDEST,) if look.has(table)])
        ((oldest,),) = (look.fetch(asked) if asked else []) or [(version,)]
        moved = look.fetch(f"SELECT place FROM {MOVED}") if look.has(MOVED) else []  # noqa: S608 (ours)
        if moved or oldest > newest:
            raise refuse(look.place, version, newest, moved[0][0] if moved else None)
    return int(version)
