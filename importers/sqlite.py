"""Opening SQLite files the same way everywhere: WAL, patience, migrations, and errors that an operator understands."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote

from importers.errors import DatabaseError
from importers.processes import is_stopped
from importers.sharing import make_file
from importers.shielding import to_the_end
from importers.texts import _

if TYPE_CHECKING:
    import aiosqlite

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock before DatabaseError."""
PATIENCE_SECONDS = 10.0
"""The same for the start of a `transaction`."""
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.1
"""Waiting for it: many waiters that ask every few milliseconds would keep the processor from the one who works."""
MOUNTS = Path("/proc/self/mounts")
LOCKS = Path("/proc/locks")
NETWORK = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "davfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
    )
)  # fmt: skip
"""File systems without the shared memory between machines that SQLite's WAL needs."""
KERNEL = frozenset(
    (
        "proc", "sysfs", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "configfs", "bpf", "pstore",
        "efivarfs", "selinuxfs", "fusectl", "binfmt_misc", "devpts", "rpc_pipefs",
    )
)  # fmt: skip
"""File systems that hold no files of anybody, whatever rights their folders show."""


async def connect(
    path: str | Path,
    *,
    synchronous: Literal["NORMAL", "FULL"],
    schema: Path | None = None,
    page_size: int = 4096,
) -> aiosqlite.Connection:
    """Open (and create) the database at `path` in WAL mode, autocommit: transactions are begun by hand.

    `page_size`: in bytes, of a database that is new. With the folder of a `schema` it is brought to that, and another
    program's database is refused before anything in it is changed. Raises DatabaseError.
    """
    import aiosqlite

    path = Path(path)
    with plainly(path):
        _refuse_network(path)
        make_file(path)
        # aiosqlite leaves a thread to a loop that may be gone already when a file cannot be opened: try it first.
        sqlite3.connect(path).close()
        connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            is_newest = schema and await _is_newest(connection, schema)
            await connection.execute(f"PRAGMA page_size = {page_size}")
            await patiently(connection, "PRAGMA journal_mode = WAL")
            await connection.execute(f"PRAGMA synchronous = {synchronous}")
            if schema and not is_newest:
                await migrate(connection, schema)
        except BaseException:
            await to_the_end(connection.close())
            raise
        return connection


async def examine(path: Path, folder: Path) -> None:
    """Look, and change nothing: can the database at `path` be used as it is, are its tables those of the scripts in
    `folder`, may it be written now? One that is not there yet is in order. Raises DatabaseError."""
    import aiosqlite

    with plainly(path):
        _refuse_network(path)
        address = f"file:{quote(str(path))}?mode=rw"  # not made anew, not switched to WAL
        if not _is_there(path, address):
            return
        connection = await aiosqlite.connect(address, uri=True, isolation_level=None, timeout=0)
        try:
            await _look(connection, folder)
            await patiently(connection, "BEGIN IMMEDIATE")
            await to_the_end(connection.execute("ROLLBACK"))
        finally:
            await to_the_end(connection.close())


def _is_there(path: Path, address: str) -> bool:
    there = path.exists()
    if there:
        sqlite3.connect(address, uri=True).close()  # as in `connect`
    return there


def _refuse_network(path: Path) -> None:
    if kind := network_file_system(path):
        raise DatabaseError(
            _(
                "{path}: on a network file system ({kind}), where SQLite loses data; choose a local disk"
            ).format(path=path, kind=kind)
        )


def network_file_system(path: Path) -> str | None:
    """The type of the network file system that `path` would lie on; None for a local one, or where nothing tells."""
    kind = file_system(path)
    return kind if kind in NETWORK else None


def file_system(path: Path) -> str:
    """The type of the file system that `path` would lie on, "" where nothing tells."""
    if not MOUNTS.is_file():
        return ""
    path = path.resolve()
    found, kind = Path("/"), ""
    for line in MOUNTS.read_bytes().splitlines():
        _device, where, type_, *_rest = line.split(b" ")
        # A space in a name is written \040.
        mount = Path(os.fsdecode(re.sub(rb"\\(\d{3})", lambda code: bytes((int(code[1], 8),)), where)))
        if path.is_relative_to(mount) and mount.is_relative_to(found):
            found, kind = mount, type_.decode()  # of mounts over each other the last one counts
    return kind


async def patiently(connection: aiosqlite.Connection, statement: str) -> None:
    """Execute a statement that takes a lock. Waiting in random steps is fairer than SQLite's own way."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await to_the_end(connection.execute(statement))
        except sqlite3.OperationalError as error:
            # The low byte: BUSY_RECOVERY, after a killed process, is BUSY as well.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() > end:
                raise
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 (nothing secret)
            pause = min(pause * 1.3, LONGEST_PAUSE_SECONDS)
        else:
            return


@asynccontextmanager
async def transaction(connection: aiosqlite.Connection) -> AsyncIterator[None]:
    """BEGIN IMMEDIATE … COMMIT, rolled back on any exception; a cancellation leaves nothing open or half done."""
    try:
        await patiently(connection, "BEGIN IMMEDIATE")
        yield
        await to_the_end(connection.execute("COMMIT"))
    except BaseException:
        # SQLite itself rolls back on some errors. A statement that was cancelled is done before this one.
        if connection.in_transaction:
            await to_the_end(connection.execute("ROLLBACK"))
        raise


VERSION = "obmen_schema"
"""The table with the number of the schema, named as nobody else's."""
OLD_VERSION = "schema_version"
"""Its name before. The migrations of a shop may well have a table of that name, so it alone says nothing."""
_NUMBER = {
    VERSION: "SELECT version FROM obmen_schema",
    OLD_VERSION: "SELECT version FROM schema_version",
}


class Found(NamedTuple):
    """The schema that a database has; 0 = nothing of ours yet."""

    version: int
    where: str


async def migrate(connection: aiosqlite.Connection, folder: Path) -> None:
    """Bring the database to the newest of the numbered `NNN_name.sql` in `folder`, all steps or none.

    Writes nothing when it is there already. Raises DatabaseError, also for a schema newer than this program and for
    tables of another program.
    """
    steps = _steps(folder)
    newest = max(steps)
    with plainly(await _path(connection)):
        if await _is_newest(connection, folder):
            return
        async with transaction(connection):
            found = await _find(connection, folder)
            for number, file in steps.items():
                if number > found.version:
                    for statement in _statements(file.read_text(encoding="utf-8")):
                        await connection.execute(statement)
            if found.where == OLD_VERSION:
                await connection.execute("DROP TABLE schema_version")
            await connection.execute("CREATE TABLE IF NOT EXISTS obmen_schema (version INTEGER NOT NULL)")
            await connection.execute("DELETE FROM obmen_schema")
            await connection.execute("INSERT INTO obmen_schema VALUES (?)", (newest,))


def _steps(folder: Path) -> dict[int, Path]:
    return dict(sorted((int(file.name.split("_")[0]), file) for file in folder.glob("[0-9]*_*.sql")))


async def _path(connection: aiosqlite.Connection) -> str:
    (_id, _name, path), *_attached = await connection.execute_fetchall("PRAGMA database_list")
    return str(path)


async def _is_newest(connection: aiosqlite.Connection, folder: Path) -> bool:
    return await _look(connection, folder) == (max(_steps(folder)), VERSION)


async def _look(connection: aiosqlite.Connection, folder: Path) -> Found:
    """`_find`, on one state of a database that others may be migrating."""
    await connection.execute("BEGIN")
    try:
        return await _find(connection, folder)
    finally:
        await to_the_end(connection.execute("ROLLBACK"))


async def _find(connection: aiosqlite.Connection, folder: Path) -> Found:
    """A number counts only together with the tables that it stands for. Raises DatabaseError for a newer schema, and
    where somebody else has our names."""
    newest = max(_steps(folder))
    names = {name for _type, name, _column in _made_by(folder, newest)}
    rows = await connection.execute_fetchall(_SHAPE, (" ".join((*names, VERSION, OLD_VERSION)),))
    there = {(str(type_), str(name), str(column)) for type_, name, column in rows}
    taken = {name for _type, name, _column in there} - {OLD_VERSION}
    for where in (VERSION, OLD_VERSION):
        version = await _number(connection, where, there)
        if version > newest and where == VERSION and taken & names:
            raise DatabaseError(
                _(
                    "{path}: made by a newer obmen (schema {found}, this one knows {known}); update obmen"
                ).format(path=await _path(connection), found=version, known=newest)
            )
        if 0 < version <= newest and _made_by(folder, version) <= there:
            return Found(version, where)
    if taken:
        lost = await _lost(connection, folder, there)
        # Where hardly anything of ours is there, it was never ours.
        told = ", ".join(sorted(taken))
        if 0 < len(lost) < len(taken):
            told = _("missing: {names}").format(names=", ".join(lost))
        raise DatabaseError(
            _("{path}: its tables are not those that obmen made: {error}; choose another file").format(
                path=await _path(connection), error=told
            )
        )
    return Found(0, "")


async def _lost(connection: aiosqlite.Connection, folder: Path, there: set[Part]) -> list[str]:
    """What a database that obmen made has not any more: tables, views, indexes, `table.column`."""
    version = await _number(connection, VERSION, there)
    if version not in _steps(folder):
        return [VERSION] if any(_made_by(folder, step) <= there for step in _steps(folder)) else []
    present = {name for _type, name, _column in there}
    return sorted(
        {
            f"{name}.{column}" if column and name in present else name
            for _type, name, column in _made_by(folder, version) - there
        }
    )


async def _number(connection: aiosqlite.Connection, table: str, there: set[Part]) -> int:
    """The number in a table that looks as ours does: one column, one row; 0 in any other."""
    if {part for part in there if part[1] == table} != {("table", table, "version")}:
        return 0
    rows = [version for (version,) in await connection.execute_fetchall(_NUMBER[table])]
    return rows[0] if len(rows) == 1 and isinstance(rows[0], int) else 0


Part = tuple[str, str, str]
"""Type, name, column of a table; an index has no column."""
_SHAPE = (
    "SELECT s.type, lower(s.name), lower(coalesce(c.name, '')) FROM sqlite_schema s "
    "LEFT JOIN pragma_table_info(s.name) c ON s.type = 'table' "
    "WHERE s.type <> 'trigger' AND instr(' ' || ? || ' ', ' ' || lower(s.name) || ' ')"
)
"""The parts of those named. Of others nothing is asked: a virtual table may need what is not installed here."""


MADE = "made.tsv"
"""What all steps of a folder make, written beside them: to find it out at every start would take longer than all else
of an opening. Its first line is the number of the last step."""


@cache
def _made_by(folder: Path, version: int) -> frozenset[Part]:
    """What the steps up to `version` make."""
    with suppress(FileNotFoundError):
        number, *lines = (folder / MADE).read_text(encoding="utf-8").split("\n")
        if number == str(version):
            return frozenset(
                (type_, name, column) for type_, name, column in (li.split("\t") for li in lines if li)
            )
    return made_by_steps(folder, version)


def write_made(folder: Path) -> None:
    """Write MADE anew, after a step was added."""
    newest = max(_steps(folder))
    lines = sorted("\t".join(part) for part in made_by_steps(folder, newest))
    (folder / MADE).write_text("\n".join([str(newest), *lines, ""]), encoding="utf-8")


def made_by_steps(folder: Path, version: int) -> frozenset[Part]:
    """What the steps up to `version` make, found out by making it."""
    with closing(sqlite3.connect(":memory:")) as db:
        for number, file in _steps(folder).items():
            if number <= version:
                db.executescript(file.read_text(encoding="utf-8"))
        names = (
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
        )
        return frozenset(db.execute(_SHAPE, (" ".join(names),)).fetchall())


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
                raise DatabaseError(f"{path}: {cure.format(who=_holder(Path(path)))}") from error
        if name == "SQLITE_CONSTRAINT_TRIGGER":  # RAISE() with words of its author; we have none
            raise DatabaseError(
                _("{path}: a trigger of the shop refused the change: {error}; change that trigger").format(
                    path=path, error=error
                )
            ) from error
        if _FOREIGN.search(str(error)):
            raise DatabaseError(
                _("{path}: its tables are not those that obmen made: {error}; choose another file").format(
                    path=path, error=error
                )
            ) from error
        raise
    except OSError as error:
        cure = _cures().get(_ERRNO.get(error.errno or 0, ""), error.strerror or str(error))
        raise DatabaseError(f"{path}: {cure}") from error


def _holder(path: Path) -> str:
    """Who keeps others from writing the database at `path`, as far as the system tells."""
    pid = lock_holder(path)
    if pid is None:
        return _("another program")
    if is_stopped(pid):
        return _("process {pid}, which is stopped (to wake it: kill -CONT {pid})").format(pid=pid)
    return _("process {pid}").format(pid=pid)


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


def _cures() -> dict[str, str]:
    return {
        "SQLITE_BUSY": _("locked by {who}; wait until it is done, or close it"),
        "SQLITE_LOCKED": _("locked by {who}; wait until it is done, or close it"),
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
