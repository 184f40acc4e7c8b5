"""Moving up: journal and catalogs from files to a server, verified row by row, and what a restored journal needs.

All of them come in one transaction. When every row was read back and is the same, the files are marked, so that nobody
goes on with them; then it is committed, and the marks tell where all is now. What goes wrong takes the marks back;
whatever interrupts it, a marked file is used by nobody, and it can be run again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from importers.addresses import (
    CATALOG_SCHEMA,
    JOURNAL_SCHEMA,
    is_postgres,
    postgres_address,
    postgres_of,
    sqlite_path,
    with_schema,
    without_secrets,
)
from importers.catalog.opening import identity_of
from importers.database.migrations import BEING_MOVED, OLDEST, VERSION, parts_of
from importers.database.opening import require_driver
from importers.errors import ForeignTables, ObmenError, SettingsError, Unsure, UsageError
from importers.migrate_marks import mark, mark_of, marked_file, take_back, tell
from importers.migrate_rows import Differs, Table, compare, copy, tables_of
from importers.targets import all_targets
from importers.texts import N_, Message
from importers.words import STATUSES

if TYPE_CHECKING:
    from importers.database.postgres import PostgresTransaction
    from importers.database.protocol import Database, Transaction
    from importers.settings import Settings

OF_THE_MOMENT = frozenset(("lock", "known", "upload"))
"""Tables of the journal with nothing that outlives a move."""
MADE_WITH_IT = frozenset(("meta", "identity"))
"""Tables that have a row from the beginning."""
NUMBERED = {
    "facet": "id",
    "session": "id",
    "attempt": "id",
    "event": "id",
    "reject": "id",
    "applied": "position",
}
"""Tables whose rows the database numbers: no number that was given is given again, also of rows that are gone."""


class Moved(msgspec.Struct, frozen=True):
    """What was moved."""

    setting: str
    """journal.url, catalog.url, or that of a shop."""
    path: str
    to: str
    """The address that the setting has to have from now on. It holds no password."""
    rows: int
    before: bool = False
    """By an earlier run, that did not come to its end."""
    changed: str = ""
    """The first row, with its table, that somebody has changed there since."""
    left: tuple[str, ...] = ()
    """Tables and views in the file that obmen did not make: they stay there."""


class _Place(msgspec.Struct, frozen=True):
    """A database to be moved."""

    setting: str
    url: str
    to: str
    schema: str
    """Which `to` names."""
    folder: Path
    """Of its steps."""
    cure: Message
    """Where something else is in that schema."""


class _File(NamedTuple):
    """A database that is in a file."""

    place: _Place
    old: Transaction
    marked: bool
    """By an earlier run, that did not come to its end."""


async def migrate(settings: Settings, to: str, catalog_schema: str | None = None) -> list[Moved]:
    """Move the journal and the catalogs of all shops that are files into the database at `to`: the journal into its
    schema `obmen`, a catalog into `public` or `catalog_schema`, those of several shops into schemas with their names.

    Raises UsageError for an address that cannot be used so, ObmenError while a session is active, for a schema that
    holds other rows, and where a row is not the same afterwards: then that database is as it was.
    """
    from importers.database.looking import look

    require_driver(to)
    from importers.database.postgres import PostgresDatabase

    *catalogs, journal = _places(settings, to, catalog_schema)
    if all(is_postgres(place.url) for place in (*catalogs, journal)):
        raise UsageError(N_("nothing to move: journal and catalogs are on a server already"))
    async with AsyncExitStack() as stack:
        marked = mark_of(journal.url) == BEING_MOVED
        held = await stack.enter_async_context(_holding_journal(settings, journal, marked=marked))
        await _refuse_active(held)
        keys: dict[object, object] = {}
        files: list[_File] = []
        for place, target in zip(catalogs, all_targets(settings), strict=True):
            if is_postgres(place.url):
                continue
            marked_before = mark_of(place.url) in (BEING_MOVED, without_secrets(place.to))
            old = await stack.enter_async_context(_holding(place, marked=marked_before))
            files.append(_File(place, old, marked_before))
            ((says,),) = look(place.url, CATALOG_SCHEMA, "identity", "SELECT id FROM identity")
            keys[await target.key()] = await identity_of(place.to, says)
        if is_postgres(journal.url):
            await _rename_targets(held, keys)
        else:
            files.append(_File(journal, held, marked))
        server = PostgresDatabase(*postgres_of(files[-1].place.to, JOURNAL_SCHEMA))
        stack.push_async_callback(server.close)
        new = await stack.enter_async_context(server.transaction(gate="migrate"))
        moved = []
        for file in files:
            await _make_tables(file.place, new)
            moved.append(await _move(file, new, keys if file.place is journal else {}))
        await _commit(files, new)
    return moved


async def repair(settings: Settings) -> list[int]:
    """After the journal was restored from a copy: let it go on behind the sessions that it has lost, which the catalogs
    still know. Their numbers; none: it is not older."""
    found = lost_sessions(settings)
    if found:
        async with (
            _opened(settings.journal.url, _journal_schemas()) as database,
            database.transaction() as db,
        ):
            await _go_on_behind(db, "session", "id", found[-1], settings.journal.url)
    return found


def lost_sessions(settings: Settings) -> list[int]:
    """Numbers of sessions that changed a catalog and that this journal has never given: it was restored from an older
    copy. Nothing is changed. Raises DatabaseError."""
    from importers.database.looking import look

    url = settings.journal.url
    if not (ours := look(url, JOURNAL_SCHEMA, "meta", "SELECT journal_id FROM meta")):
        return []
    highest = _HIGHEST_ON_SERVER if is_postgres(url) else _HIGHEST_IN_FILE
    ((last,),) = look(url, JOURNAL_SCHEMA, "session", highest) or [(0,)]
    lost: set[int] = set()
    for target in all_targets(settings):
        rows = look(target.catalog, CATALOG_SCHEMA, "applied", "SELECT journal_id, session_id FROM applied")
        lost |= {number for journal, number in rows if journal == ours[0][0] and number > (last or 0)}
    return sorted(lost)


def _places(settings: Settings, to: str, catalog_schema: str | None) -> list[_Place]:
    """The catalogs of all targets, in their order, then the journal: also those that are on a server already."""
    from importers.catalog.opening import SCHEMAS as CATALOG
    from importers.sessions.opening import SCHEMAS as JOURNAL

    if not is_postgres(to):
        raise SettingsError(
            N_("{path}: not an address of a server; use postgresql://user@host/name"),
            path=without_secrets(to),
        )
    to, schema = postgres_address(to), postgres_of(to, "")[1]
    if schema:
        raise UsageError(
            N_("--to names the database alone; for the schema of the catalog use --catalog-schema")
        )
    targets = all_targets(settings)
    cure = N_("name another schema: --catalog-schema NAME") if len(targets) == 1 else _OTHER_DATABASE
    if len(targets) > 1 and catalog_schema:
        raise UsageError(N_("several shops have a schema each, by their names: leave --catalog-schema out"))
    places = []
    for target in targets:
        schema = catalog_schema or (CATALOG_SCHEMA if len(targets) == 1 else _schema_of(target.name))
        setting = "catalog.url" if len(targets) == 1 else f"shops.{target.name}.catalog.url"
        places.append(_place(setting, target.catalog, to, schema, CATALOG, cure))
    if catalog_schema == JOURNAL_SCHEMA:
        raise UsageError(N_("the schema {schema} is the journal's; name another"), schema=JOURNAL_SCHEMA)
    return [
        *places,
        _place("journal.url", settings.journal.url, to, JOURNAL_SCHEMA, JOURNAL, _OTHER_DATABASE),
    ]


def _place(setting: str, url: str, to: str, schema: str, folder: Path, cure: str) -> _Place:
    """Raises SettingsError for a name that no schema of ours has."""
    there = with_schema(to, schema)
    return _Place(setting, url, there, postgres_of(there, "")[1], folder, Message(cure))


def _schema_of(shop: str) -> str:
    """The name of the shop, where a schema may be called so and the journal's is not."""
    name = shop.replace("-", "_")
    return name if re.match(rf"(?!pg_|information_schema$|{JOURNAL_SCHEMA}$)[a-z_]", name) else f"shop_{name}"


@asynccontextmanager
async def _opened(url: str, folder: Path) -> AsyncIterator[Database]:
    from importers.database.opening import open_database

    database = await open_database(url, folder, JOURNAL_SCHEMA)
    try:
        yield database
    finally:
        await database.close()


async def _make_tables(place: _Place, new: PostgresTransaction) -> None:
    """Those of its own, where what follows is done."""
    try:
        await new.make(place.folder / "postgres", place.schema)
    except ForeignTables as error:
        raise ForeignTables(without_secrets(place.to), error.names, place.cure) from error


@asynccontextmanager
async def _holding(place: _Place, *, marked: bool) -> AsyncIterator[Transaction]:
    """The only one that writes to a file. One with a mark is opened for nothing else."""
    if marked:
        async with marked_file(place.url) as old:
            yield old
    else:
        async with _opened(place.url, place.folder) as database, database.transaction() as old:
            yield old


@asynccontextmanager
async def _holding_journal(settings: Settings, place: _Place, *, marked: bool) -> AsyncIterator[Transaction]:
    """A transaction that keeps everybody from launching: on a server one that holds the gates of all targets."""
    async with AsyncExitStack() as stack:
        if not is_postgres(place.url):
            held = await stack.enter_async_context(_holding(place, marked=marked))
        for target in all_targets(settings) if is_postgres(place.url) else ():
            database = await stack.enter_async_context(_opened(place.url, place.folder))
            held = await stack.enter_async_context(database.transaction(gate=await target.key()))
        yield held


def _journal_schemas() -> Path:
    from importers.sessions.opening import SCHEMAS

    return SCHEMAS


async def _refuse_active(journal: Transaction) -> None:
    from importers.sessions.statements import ANY_ACTIVE

    for number, status in await journal.select(ANY_ACTIVE):
        raise ObmenError(
            N_("session {id} is active ({status}): wait for its end or cancel it, then move"),
            id=number,
            status=Message(STATUSES[status]),
        )


async def _tables(old: Transaction, place: _Place) -> list[Table]:
    return [table for table in await tables_of(old, place.folder) if table.name not in OF_THE_MOMENT]


async def _move(file: _File, new: Transaction, keys: Mapping[object, object]) -> Moved:
    """What was interrupted may be there, and somebody may have changed it since: that is told."""
    place, old = file.place, file.old
    tables = await _tables(old, place)
    if is_ours := await _is_empty(new, tables):
        for table in tables:
            if table.name in MADE_WITH_IT:
                await new.execute(f"DELETE FROM {table.name}")
            await copy(old, new, table, sqlite_path(place.url))
        for name, column in NUMBERED.items():
            if any(table.name == name for table in tables):
                await _go_on_behind(new, name, column, await _highest(old, name, column), place.to)
        await _rename_targets(new, keys)
    rows, changed = 0, ""
    for table in tables:
        ((count,),) = await old.select(f"SELECT count(*) FROM {table.name}")
        rows += count
        try:
            await compare(old, new, table, keys)
        except Differs as found:
            if is_ours or not file.marked:
                raise _not_the_same(found, place, is_ours) from None
            changed = changed or f"{found.table} {found.row}"
    before = file.marked and not is_ours
    left = await _others(old, place.folder)
    return Moved(place.setting, sqlite_path(place.url), place.to, rows, before, changed, left)


async def _commit(files: Sequence[_File], new: Transaction) -> None:
    """From the first mark on until the last one tells where all is now, no file can be used."""
    marked: dict[str, int] = {}
    try:
        for file in files:
            version = None if file.marked else await mark(file.old)
            await file.old.commit()
            if version is not None:
                marked[file.place.url] = version
        await new.commit()
    except Unsure as error:
        raise ObmenError(
            N_("{error}; until then the files are marked as moved: run the same obmen migrate again"),
            error=error,
        ) from error
    except BaseException:
        if not new.committed:
            for url, version in marked.items():
                await take_back(url, version)
        raise
    for file in files:
        await tell(file.place.url, without_secrets(file.place.to))


def _not_the_same(found: Differs, place: _Place, is_ours: bool) -> ObmenError:
    """`is_ours`: what is there was copied just now."""
    if is_ours and found.column:
        return ObmenError(
            N_(
                "{path}: table {sql_table}, row {row}: {column} is {here} and would be {there} on the server; nothing "
                "was moved. Correct it in the file"
            ),
            path=sqlite_path(place.url),
            sql_table=found.table,
            row=found.row,
            column=found.column,
            here=found.here,
            there=found.there,
        )
    return ObmenError(
        N_(
            "{path}: table {sql_table}, row {row} is not the same there; nothing was moved. If something else is in "
            "that schema: {cure}"
        ),
        path=without_secrets(place.to),
        sql_table=found.table,
        row=found.row,
        cure=place.cure,
    )


async def _others(old: Transaction, folder: Path) -> tuple[str, ...]:
    """Tables and views that somebody else made: a plug-in, the shop."""
    ours = {name for _type, name, _column in parts_of(folder / "sqlite")} | {VERSION, OLDEST}
    found = await old.select(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY name"
    )
    return tuple(name for (name,) in found if name.lower() not in ours)


async def _is_empty(new: Transaction, tables: Sequence[Table]) -> bool:
    for table in tables:
        if table.name not in MADE_WITH_IT and await new.select(f"SELECT 1 FROM {table.name} LIMIT 1"):
            return False
    return True


async def _rename_targets(db: Transaction, keys: Mapping[object, object]) -> None:
    """The catalogs that sessions imported into have other keys now."""
    for before, now in keys.items():
        await db.execute("UPDATE session SET target = ?2 WHERE target = ?1", before, now)


async def _highest(old: Transaction, table: str, column: str) -> int:
    """The highest number that was ever given."""
    counted = await old.select("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'")
    given = await old.select("SELECT seq FROM sqlite_sequence WHERE name = ?1", table) if counted else []
    there = await old.select(f"SELECT max({column}) FROM {table}")
    return max(number or 0 for (number,) in (*given, *there))


async def _go_on_behind(db: Transaction, table: str, column: str, number: int, url: str) -> None:
    if not number:
        return
    if is_postgres(url):
        await db.select(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), ?1)", number)
    elif await db.execute("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", table, number) == 0:
        await db.execute("INSERT INTO sqlite_sequence VALUES (?1, ?2)", table, number)


_OTHER_DATABASE = N_("name another database")
_HIGHEST_IN_FILE = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'session'"
_HIGHEST_ON_SERVER = "SELECT pg_sequence_last_value(pg_get_serial_sequence('session', 'id')::regclass)"
