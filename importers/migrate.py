"""Moving up: journal and catalogs from files to a server, verified row by row, and what a restored journal needs.

All of them come in one transaction, which is committed only when every row was read back and is the same; then the
files are marked, so that nobody goes on with them. Whatever interrupts it, it can be run again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

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
from importers.database.migrations import MOVED, MOVED_VERSION, OLDEST, VERSION, parts_of
from importers.errors import ObmenError, SettingsError, UsageError
from importers.targets import all_targets
from importers.texts import N_, Message
from importers.words import STATUSES

if TYPE_CHECKING:
    from importers.database.protocol import Database, Transaction
    from importers.settings import Settings

BATCH_ROWS = 500
OF_THE_MOMENT = frozenset(("lock", "known", "upload"))
"""Tables of the journal with nothing that outlives a move."""
MADE_WITH_IT = frozenset(("meta", "identity"))
"""Tables that have a row from the beginning."""
NUMBERED = {"session": "id", "attempt": "id", "event": "id", "reject": "id", "applied": "position"}
"""Tables whose rows the database numbers: no number that was given is given again, also of rows that are gone."""


class Moved(msgspec.Struct, frozen=True):
    """What was moved."""

    setting: str
    """journal.url, catalog.url, or that of a shop."""
    path: str
    to: str
    """The address that the setting has to have from now on. It holds no password."""
    rows: int
    left: tuple[str, ...] = ()
    """Tables and views in the file that obmen did not make: they stay there."""


class _Place(msgspec.Struct, frozen=True):
    """A database to be moved."""

    setting: str
    url: str
    to: str
    schema: str
    """Which `to` names, quoted."""
    folder: Path
    """Of its steps."""


async def migrate(settings: Settings, to: str, catalog_schema: str | None = None) -> list[Moved]:
    """Move the journal and the catalogs of all shops that are files into the database at `to`: the journal into its
    schema `obmen`, a catalog into `public` or `catalog_schema`, those of several shops into schemas with their names.

    Raises UsageError for an address that cannot be used so, ObmenError while a session is active, for a schema that
    holds other rows, and where a row is not the same afterwards: then that database is as it was.
    """
    from importers.database.looking import look

    *catalogs, journal = _places(settings, to, catalog_schema)
    if all(is_postgres(place.url) for place in (*catalogs, journal)):
        raise UsageError(N_("nothing to move: journal and catalogs are on a server already"))
    moved: list[Moved] = []
    async with AsyncExitStack() as stack:
        # Committed in the reverse order: first all that is on the server, then the marks in the files, the journal's
        # last of all.
        held = await stack.enter_async_context(_holding_journal(settings))
        await _refuse_active(held)
        keys: dict[object, object] = {}
        files: list[tuple[Transaction, _Place]] = []
        for place, target in zip(catalogs, all_targets(settings), strict=True):
            if is_postgres(place.url):
                continue
            if done := await _moved_before(place):
                moved.append(done)
            else:
                old = await stack.enter_async_context(_opened(place.url, place.folder))
                files.append((await stack.enter_async_context(old.transaction()), place))
            async with _opened(place.to, place.folder):
                pass  # its tables are made
            ((says,),) = look(place.url, CATALOG_SCHEMA, "identity", "SELECT id FROM identity")
            keys[await target.key()] = await identity_of(place.to, says)
        if is_postgres(journal.url):
            await _rename_targets(held, keys)
        else:
            files.append((held, journal))
        if files:
            server = await stack.enter_async_context(_opened(files[-1][1].to, files[-1][1].folder))
            new = await stack.enter_async_context(server.transaction(gate="migrate"))
        for file, place in files:
            await new.execute(f"SET LOCAL search_path TO {place.schema}")
            moved.append(await _move(file, new, place, keys if place is journal else {}))
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
    if len(targets) > 1 and catalog_schema:
        raise UsageError(N_("several shops have a schema each, by their names: leave --catalog-schema out"))
    places = []
    for target in targets:
        schema = catalog_schema or (CATALOG_SCHEMA if len(targets) == 1 else _schema_of(target.name))
        setting = "catalog.url" if len(targets) == 1 else f"shops.{target.name}.catalog.url"
        places.append(_place(setting, target.catalog, to, schema, CATALOG))
    if catalog_schema == JOURNAL_SCHEMA:
        raise UsageError(N_("the schema {schema} is the journal's; name another"), schema=JOURNAL_SCHEMA)
    return [*places, _place("journal.url", settings.journal.url, to, JOURNAL_SCHEMA, JOURNAL)]


def _place(setting: str, url: str, to: str, schema: str, folder: Path) -> _Place:
    """Raises SettingsError for a name that no schema of ours has."""
    there = with_schema(to, schema)
    return _Place(setting, url, there, f'"{postgres_of(there, "")[1]}"', folder)


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


@asynccontextmanager
async def _holding_journal(settings: Settings) -> AsyncIterator[Transaction]:
    """A transaction that keeps everybody from launching: of a file the only one that writes, on a server one that holds
    the gates of all targets."""
    url, folder = settings.journal.url, _journal_schemas()
    gates = [await target.key() for target in all_targets(settings)] if is_postgres(url) else [None]
    async with AsyncExitStack() as stack:
        for gate in gates:
            database = await stack.enter_async_context(_opened(url, folder))
            held = await stack.enter_async_context(database.transaction(gate))
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


async def _moved_before(place: _Place) -> Moved | None:
    """What an earlier run has done, that did not come to its end."""
    from importers.database.looking import look

    found = look(place.url, CATALOG_SCHEMA, MOVED, f"SELECT place FROM {MOVED}")
    if found and found[0][0] == without_secrets(place.to):
        return Moved(place.setting, sqlite_path(place.url), place.to, 0)
    return None


async def _move(old: Transaction, new: Transaction, place: _Place, keys: Mapping[object, object]) -> Moved:
    """`old` is marked when it is committed, which it is after what was moved; if that does not come to pass, the next
    run finds the same rows there and only marks."""
    tables = [table for table in await _tables(old, place.folder) if table.name not in OF_THE_MOMENT]
    rows = 0
    if await _is_empty(new, tables):
        for table in tables:
            await _copy(old, new, table, place)
        for name, column in NUMBERED.items():
            if any(table.name == name for table in tables):
                await _go_on_behind(new, name, column, await _highest(old, name, column), place.to)
        await _rename_targets(new, keys)
    for table in tables:
        rows += await _compare(old, new, table, keys, place)
    left = await _others(old, place.folder)
    await old.execute(f"CREATE TABLE {MOVED} (place TEXT NOT NULL)")
    await old.execute(f"INSERT INTO {MOVED} VALUES (?1)", without_secrets(place.to))
    await old.execute("UPDATE obmen_schema SET version = ?1", MOVED_VERSION)
    return Moved(place.setting, sqlite_path(place.url), place.to, rows, left)


async def _others(old: Transaction, folder: Path) -> tuple[str, ...]:
    """Tables and views that somebody else made: a plug-in, the shop."""
    ours = {name for _type, name, _column in parts_of(folder / "sqlite")} | {VERSION, OLDEST}
    found = await old.select(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY name"
    )
    return tuple(name for (name,) in found if name.lower() not in ours)


class _Table(msgspec.Struct, frozen=True):
    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def all_rows(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.name} ORDER BY {', '.join(self.keys or self.columns)}"


async def _tables(old: Transaction, folder: Path) -> list[_Table]:
    names = {name for type_, name, _column in parts_of(folder / "sqlite") if type_ == "table"}
    tables = []
    for name in sorted(names):
        columns = await old.select("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid", name)
        keys = [column for column, pk in sorted(columns, key=itemgetter(1)) if pk]
        tables.append(_Table(name, tuple(column for column, _pk in columns), tuple(keys)))
    # Sessions before what refers to them.
    return sorted(tables, key=lambda table: table.name != "session")


async def _is_empty(new: Transaction, tables: Sequence[_Table]) -> bool:
    for table in tables:
        if table.name not in MADE_WITH_IT and await new.select(f"SELECT 1 FROM {table.name} LIMIT 1"):
            return False
    return True


async def _copy(old: Transaction, new: Transaction, table: _Table, place: _Place) -> None:
    import psycopg

    if table.name in MADE_WITH_IT:
        await new.execute(f"DELETE FROM {table.name}")
    cells: list[object] = []
    try:
        async with aclosing(old.stream(table.all_rows)) as rows:
            async for row in rows:
                cells += row
                if len(cells) >= BATCH_ROWS * len(table.columns):
                    await new.insert(table.name, table.columns, cells)
                    cells = []
        await new.insert(table.name, table.columns, cells)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise ObmenError(
            N_("{path}: table {table}: PostgreSQL does not take a value in it: {error}; nothing was moved"),
            path=sqlite_path(place.url),
            table=table.name,
            error=error.diag.message_primary or error,
        ) from error


async def _compare(
    old: Transaction, new: Transaction, table: _Table, keys: Mapping[object, object], place: _Place
) -> int:
    """How many rows there are. Raises ObmenError for the first one that is not the same."""
    at = table.columns.index("target") if table.name == "session" else None
    count = 0
    async with aclosing(old.stream(table.all_rows)) as ours, aclosing(new.stream(table.all_rows)) as theirs:
        while True:
            row, other = await anext(ours, None), await anext(theirs, None)
            if row is None and other is None:
                return count
            wanted = [*row] if row is not None else []
            if at is not None and wanted:
                wanted[at] = keys.get(wanted[at], wanted[at])
            if wanted != [*(other if other is not None else ())]:
                raise ObmenError(
                    N_(
                        "{path}: table {table}, row {number} is not the same there; nothing was moved. If something "
                        "else is in that schema, name another"
                    ),
                    path=without_secrets(place.to),
                    table=table.name,
                    number=count + 1,
                )
            count += 1


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


_HIGHEST_IN_FILE = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'session'"
_HIGHEST_ON_SERVER = "SELECT pg_sequence_last_value(pg_get_serial_sequence('session', 'id')::regclass)"
