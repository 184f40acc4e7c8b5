"""What SQLite and the file system say of a database, as errors that name the file and the cure."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importers.errors import PLACE, DatabaseError
from importers.processes import is_stopped
from importers.texts import N_, Message

LOCKS = Path("/proc/locks")


@contextmanager
def plainly(path: str | Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into a DatabaseError that names file and cure."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        for prefix, cure in _CURES.items():
            if name.startswith(prefix):
                args = {"who": _holder(Path(path))} if "{who}" in cure else {}
                raise DatabaseError(PLACE, path=path, why=Message.of(cure, **args)) from error
        if name == "SQLITE_CONSTRAINT_TRIGGER":  # RAISE() with words of its author; we have none
            raise DatabaseError(
                N_("{path}: a trigger of the shop refused the change: {error}; change that trigger"),
                path=path,
                error=error,
            ) from error
        if _FOREIGN.search(str(error)):
            raise DatabaseError(
                N_("{path}: its tables are not those that obmen made: {error}; choose another file"),
                path=path,
                error=error,
            ) from error
        raise
    except OSError as error:
        cure = _CURES.get(_ERRNO.get(error.errno or 0, ""), error.strerror or str(error))
        raise DatabaseError(PLACE, path=path, why=Message(cure)) from error


def _holder(path: Path) -> Message:
    """Who keeps others from writing the database at `path`, as far as the system tells."""
    pid = lock_holder(path)
    if pid is None:
        return Message(N_("another program"))
    if is_stopped(pid):
        return Message.of(N_("process {pid}, which is stopped (to wake it: kill -CONT {pid})"), pid=pid)
    return Message.of(N_("process {pid}"), pid=pid)


def lock_holder(path: Path) -> int | None:
    """The process that keeps SQLite's write lock: bytes 120 to 122 of -shm with WAL, else bytes of the file from 2^30.

    Read from /proc/locks: to ask with F_GETLK the file must be opened, and closing it would drop our own locks.
    """
    ranges = ((Path(f"{path}-shm"), 120, 122), (path, 2**30, 2**30 + 511))
    try:
        places = {str(file.stat().st_ino): (low, high) for file, low, high in ranges if file.exists()}
        locks = LOCKS.read_text(encoding="ascii")
    except OSError:
        return None
    for pid, inode, first, last in _LOCK.findall(locks):
        low, high = places.get(inode, (1, 0))
        if int(pid) > 0 and int(first) <= high and low <= int(last):
            return int(pid)
    return None


_LOCK = re.compile(r"^\d+: POSIX +\w+ +WRITE +(-?\d+) +\S+:(\d+) +(\d+) +(\d+)$", re.MULTILINE)
"""1: POSIX  ADVISORY  WRITE 20145 fe:00:2507921 120 120 (one of another container: 0; waiters: -> before POSIX)."""


_FOREIGN = re.compile(r"no such (table|column)|already exists|has no column")
"""What SQLite says of tables that another program made, or changed."""
_ERRNO = {
    errno.EACCES: "SQLITE_READONLY",
    errno.EPERM: "SQLITE_READONLY",
    errno.EROFS: "SQLITE_READONLY",
    errno.ENOSPC: "SQLITE_FULL",
    errno.EDQUOT: "SQLITE_FULL",
}
"""What the file system says before SQLite can."""
_CURES = {
    "SQLITE_BUSY": N_("locked by {who}; wait until it is done, or close it"),
    "SQLITE_LOCKED": N_("locked by {who}; wait until it is done, or close it"),
    "SQLITE_READONLY": N_("cannot be written; give this account the right to write the file and its folder"),
    "SQLITE_PERM": N_("cannot be written; give this account the right to write the file and its folder"),
    "SQLITE_CANTOPEN": N_("cannot be opened; check that the path is right and this account may write there"),
    "SQLITE_FULL": N_(
        "the disk is full; free some space (temporary files may be on another disk, see $TMPDIR)"
    ),
    "SQLITE_NOTADB": N_("not a SQLite database; choose another file"),
    "SQLITE_CORRUPT": N_("damaged; restore it from a copy"),
    "SQLITE_IOERR": N_("the disk cannot be read or written; check it and the free space on it"),
}
