"""The numbered steps that make a schema, and which of them a SQLite database has."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importers.errors import DatabaseError
from importers.texts import N_, Message

if TYPE_CHECKING:
    import aiosqlite

VERSION = "obmen_schema"
"""The table with the number of the schema, named as nobody else's."""
OLD_VERSION = "schema_version"
"""Its name before. The migrations of a shop may well have a table of that name, so it alone says nothing."""
OLDEST = "obmen_schema_oldest"
"""The table that tells of a `version` the `oldest` schema whose programs may use it as well: what was added disturbs
none that does not know it, so hosts can be brought up to date one after the other. Missing where there is no such."""
MOVED = "obmen_moved"
"""The table that tells where all of it was moved to, of a database that nobody may use any more; BEING_MOVED while
nobody can say yet that it is there."""
BEING_MOVED = ""
MOVED_VERSION = 9999
"""Programs from before there was such a table refuse that."""
_IS_MOVED = f"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{MOVED}'"  # noqa: S608 (ours)
_NUMBER = {
    VERSION: "SELECT version FROM obmen_schema",
    OLD_VERSION: "SELECT version FROM schema_version",
}


class SchemaState(NamedTuple):
    """The schema that a database has; 0 = nothing of ours yet. It may be newer than this program's, and usable."""

    version: int
    where: str


async def apply(connection: aiosqlite.Connection, folder: Path) -> None:
    """Bring the database to the newest of the numbered `NNN_name.sql` in `folder`, within an open transaction. Raises
    DatabaseError, also for a schema newer than this program and for tables of another program."""
    found = await find(connection, folder)
    newest = max(steps_of(folder))
    if found.version > newest:
        return
    for script in _scripts(folder, found.version):
        for statement in _statements(script):
            await connection.execute(statement)
    if found.where == OLD_VERSION:
        await connection.execute("DROP TABLE schema_version")
    await connection.execute("CREATE TABLE IF NOT EXISTS obmen_schema (version INTEGER NOT NULL)")
    await connection.execute("DELETE FROM obmen_schema")
    await connection.execute("INSERT INTO obmen_schema VALUES (?)", (newest,))
    for statement in says_oldest(folder):
        await connection.execute(statement)


async def is_newest(connection: aiosqlite.Connection, folder: Path) -> bool:
    """Raises as `apply`."""
    found = await find(connection, folder)
    return found.where == VERSION and found.version >= max(steps_of(folder))


def _scripts(folder: Path, version: int) -> Iterator[str]:
    """What is to be done to a database that has the schema `version`."""
    steps = steps_of(folder)
    if version == 0 and (whole := _written(folder, WHOLE, max(steps))):
        yield whole
        return
    for number, file in steps.items():
        if number > version:
            yield file.read_text(encoding="utf-8")


def steps_of(folder: Path) -> dict[int, Path]:
    """By their numbers, in their order."""
    return dict(sorted((int(file.name.split("_")[0]), file) for file in folder.glob("[0-9]*_*.sql")))


def oldest_of(folder: Path) -> int:
    """The oldest schema whose programs may use what all steps make. A step after which older programs work as before
    says so in a line `-- oldest: N`; after every other one only those that know it do."""
    return max(
        int(found[1]) if (found := _SAYS_OLDEST.search(file.read_text(encoding="utf-8"))) else number
        for number, file in steps_of(folder).items()
    )


def says_oldest(folder: Path) -> list[str]:
    """The statements, of any engine, that leave OLDEST as it is to be after all steps."""
    newest, oldest = max(steps_of(folder)), oldest_of(folder)
    drop = f"DROP TABLE IF EXISTS {OLDEST}"
    if oldest == newest:
        return [drop]
    return [
        drop,
        f"CREATE TABLE {OLDEST} (version INTEGER NOT NULL, oldest INTEGER NOT NULL)",
        f"INSERT INTO {OLDEST} VALUES ({newest}, {oldest})",  # noqa: S608 (numbers)
    ]


def which_oldest(version: int, there: Collection[str], schema: str = "") -> str | None:
    """The statement that asks for it, of any engine; None where nothing tells, by the tables that are `there`.
    `schema`: what stands before the name of the table."""
    return f"SELECT oldest FROM {schema}{OLDEST} WHERE version = {version}" if OLDEST in there else None  # noqa: S608


_SAYS_OLDEST = re.compile(r"^-- oldest: (\d+)$", re.MULTILINE)


def refuse(path: str, found: int, known: int, moved: str | None = None) -> DatabaseError:
    """What is said of a database with a schema that this program must not use."""
    if moved == BEING_MOVED:
        return DatabaseError(
            N_(
                "{path}: it is being moved to a server; was that interrupted, run the same obmen migrate again"
            ),
            path=path,
        )
    if moved is not None:
        return DatabaseError(
            N_("{path}: everything in it was moved to {place}; name that in the settings"),
            path=path,
            place=moved,
        )
    return DatabaseError(
        N_("{path}: made by a newer obmen (schema {found}, this one knows {known}); update obmen"),
        path=path,
        found=found,
        known=known,
    )


async def find(connection: aiosqlite.Connection, folder: Path) -> SchemaState:
    """A number counts only together with the tables that it stands for. Raises DatabaseError for a newer schema, and
    where somebody else has our names."""
    newest = max(steps_of(folder))
    names = {name for _type, name, _column in _made_by(folder, newest)}
    rows = await connection.execute_fetchall(
        _SHAPE, (" ".join((*names, VERSION, OLD_VERSION, OLDEST, MOVED)),)
    )
    there = {(str(type_), str(name), str(column)) for type_, name, column in rows}
    taken = {name for _type, name, _column in there} - {OLD_VERSION, OLDEST, MOVED}
    for where in (VERSION, OLD_VERSION):
        version = await _number(connection, where, there)
        if version > newest and where == VERSION and taken & names:
            asked = which_oldest(version, {name for _type, name, _column in there})
            oldest = [row[0] for row in await connection.execute_fetchall(asked)] if asked else []
            if not oldest or oldest[0] > newest or ("table", MOVED, "place") in there:
                raise refuse(await path_of(connection), version, newest, await _moved_to(connection, there))
        if version > 0 and _made_by(folder, min(version, newest)) <= there:
            return SchemaState(version, where)
    if taken:
        lost = await _lost(connection, folder, there)
        # Where hardly anything of ours is there, it was never ours.
        wrong: str | Message = ", ".join(sorted(taken))
        if 0 < len(lost) < len(taken):
            wrong = Message.of(N_("missing: {names}"), names=", ".join(lost))
        raise DatabaseError(
            N_("{path}: its tables are not those that obmen made: {error}; choose another file"),
            path=await path_of(connection),
            error=wrong,
        )
    return SchemaState(0, "")


async def _lost(connection: aiosqlite.Connection, folder: Path, there: set[Part]) -> list[str]:
    """What a database that obmen made has not any more: tables, views, indexes, `table.column`."""
    version = await _number(connection, VERSION, there)
    if version not in steps_of(folder):
        return [VERSION] if any(_made_by(folder, step) <= there for step in steps_of(folder)) else []
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


async def refuse_moved(connection: aiosqlite.Connection) -> None:
    """For whoever had it open before: all of it may have been moved since. Raises DatabaseError."""
    if await connection.execute_fetchall(_IS_MOVED):
        place = await _moved_to(connection, {("table", MOVED, "place")})
        raise refuse(await path_of(connection), MOVED_VERSION, 0, place)


async def _moved_to(connection: aiosqlite.Connection, there: set[Part]) -> str | None:
    if ("table", MOVED, "place") not in there:
        return None
    return next(
        (str(place) for (place,) in await connection.execute_fetchall("SELECT place FROM obmen_moved")), ""
    )


Part = tuple[str, str, str]
"""Type, name, column of a table; an index has no column."""
_SHAPE = (
    "SELECT s.type, lower(s.name), lower(coalesce(c.name, '')) FROM sqlite_schema s "
    "LEFT JOIN pragma_table_info(s.name) c ON s.type = 'table' "
    "WHERE s.type <> 'trigger' AND instr(' ' || ? || ' ', ' ' || lower(s.name) || ' ')"
)
"""The parts of those named. Of others nothing is asked: a virtual table may need what is not installed here."""


MADE = "made.tsv"
WHOLE = "whole.sql"
"""What all steps of a folder make, written beside them, as its parts and as one script: to find the parts out at every
start would take longer than all else of an opening, and a new database comes sooner by one script than by each of its
steps. The first line of both bears the number of the last step."""


def _written(folder: Path, name: str, version: int) -> str:
    """What MADE or WHOLE has below its first line; "" when it is of another version."""
    with suppress(FileNotFoundError):
        number, rest = (folder / name).read_text(encoding="utf-8").split("\n", 1)
        if number.removeprefix("-- ") == str(version):
            return rest
    return ""


@cache
def _made_by(folder: Path, version: int) -> frozenset[Part]:
    """What the steps up to `version` make."""
    if written := _written(folder, MADE, version):
        return frozenset(
            (type_, name, column)
            for type_, name, column in (line.split("\t") for line in written.splitlines())
        )
    return made_by_steps(folder, version)


def parts_of(folder: Path) -> frozenset[Part]:
    """What all steps of SQLite's `folder` make: any engine has the same tables, columns and indexes."""
    return _made_by(folder, max(steps_of(folder)))


def write_made(folder: Path) -> None:
    """Write MADE and WHOLE anew, after a step was added."""
    newest = max(steps_of(folder))
    lines = sorted("\t".join(part) for part in made_by_steps(folder, newest))
    (folder / MADE).write_text("\n".join([str(newest), *lines, ""]), encoding="utf-8")
    (folder / WHOLE).write_text(f"-- {newest}\n{whole_script(folder)}", encoding="utf-8")


def whole_script(folder: Path) -> str:
    """All that the steps make, as one script: the tables as they are in the end, and the rows put into them."""
    scripts = [file.read_text(encoding="utf-8") for file in steps_of(folder).values()]
    with closing(sqlite3.connect(":memory:")) as db:
        for script in scripts:
            db.executescript(script)
        made = [
            sql
            for (sql,) in db.execute(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid"
            )
        ]
    rows = [st for script in scripts for st in map(_bare, _statements(script)) if _PUTS_ROW.match(st)]
    return "".join(f"{statement};\n" for statement in [*made, *rows])


_PUTS_ROW = re.compile(r"INSERT INTO \w+ (\(.*\) )?VALUES")
"""A step that only copies rows of an older one (INSERT … SELECT) has none to copy in a new database."""


def _bare(statement: str) -> str:
    """Without the comments before it and the semicolon."""
    return re.sub(r"\A(\s*--[^\n]*\n|\s+)*", "", statement).rstrip().removesuffix(";")


def made_by_steps(folder: Path, version: int) -> frozenset[Part]:
    """What the steps up to `version` make, found out by making it."""
    with closing(sqlite3.connect(":memory:")) as db:
        for number, file in steps_of(folder).items():
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


async def path_of(connection: aiosqlite.Connection) -> str:
    (_id, _name, path), *_attached = await connection.execute_fetchall("PRAGMA database_list")
    return str(path)
