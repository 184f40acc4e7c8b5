"""Opening SQLite files the same way everywhere: WAL, patience, migrations, and errors that an operator understands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from importers.errors import DatabaseError
from importers.texts import _

if TYPE_CHECKING:
    import aiosqlite

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock before DatabaseError."""


async def connect(path: str | Path, *, synchronous: Literal["NORMAL", "FULL"]) -> aiosqlite.Connection:
    """Open (and create) the database at `path` in WAL mode, autocommit: transactions are begun by hand.

    Raises DatabaseError.
    """
    import aiosqlite

    path = Path(path)
    with plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # aiosqlite leaves a thread to a loop that may be gone already when a file cannot be opened: try it first.
        sqlite3.connect(path).close()
        connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute(f"PRAGMA synchronous = {synchronous}")
        except BaseException:
            await connection.close()
            raise
        return connection


async def migrate(connection: aiosqlite.Connection, folder: Path) -> None:
    """Bring the database to the newest of the numbered `NNN_name.sql` in `folder`, all steps or none.

    Writes nothing when it is there already. Raises DatabaseError, also for a schema newer than this program.
    """
    steps = _steps(folder)
    newest = steps[-1][0]
    (_id, _name, path), *_attached = await connection.execute_fetchall("PRAGMA database_list")
    with plainly(path):
        if await _version(connection) == newest:
            return
        await connection.execute("BEGIN IMMEDIATE")
        try:
            version = await _version(connection)
            if version > newest:
                raise DatabaseError(
                    _(
                        "{path}: made by a newer obmen (schema {found}, this one knows {known}); update obmen"
                    ).format(path=path, found=version, known=newest)
                )
            for number, file in steps:
                if number > version:
                    for statement in _statements(file.read_text(encoding="utf-8")):
                        await connection.execute(statement)
            await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
            await connection.execute("DELETE FROM schema_version")
            await connection.execute("INSERT INTO schema_version VALUES (?)", (newest,))
            await connection.execute("COMMIT")
        except BaseException:
            await connection.execute("ROLLBACK")
            raise


def _steps(folder: Path) -> list[tuple[int, Path]]:
    return sorted((int(file.name.split("_")[0]), file) for file in folder.glob("[0-9]*_*.sql"))


async def _version(connection: aiosqlite.Connection) -> int:
    """0 = a new database."""
    try:
        rows = await connection.execute_fetchall("SELECT version FROM schema_version")
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return 0
    return max((int(version) for (version,) in rows), default=0)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: executescript() would commit the open transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def plainly(path: str | Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into a DatabaseError that names file and cure."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        for prefix, cure in _cures().items():
            if name.startswith(prefix):
                raise DatabaseError(f"{path}: {cure}") from error
        raise
    except OSError as error:
        raise DatabaseError(f"{path}: {error.strerror or error}") from error


def _cures() -> dict[str, str]:
    return {
        "SQLITE_BUSY": _("locked by another program; wait until it is done, or close it"),
        "SQLITE_LOCKED": _("locked by another program; wait until it is done, or close it"),
        "SQLITE_READONLY": _("cannot be written; give this user the right to write the file and its folder"),
        "SQLITE_PERM": _("cannot be written; give this user the right to write the file and its folder"),
        "SQLITE_CANTOPEN": _("cannot be opened; check that the path is right and this user may write there"),
        "SQLITE_FULL": _(
            "the disk is full; free some space (temporary files may be on another disk, see $TMPDIR)"
        ),
        "SQLITE_NOTADB": _("not a SQLite database; choose another file"),
        "SQLITE_CORRUPT": _("damaged; restore it from a copy"),
        "SQLITE_IOERR": _("the disk cannot be read or written; check it and the free space on it"),
    }
