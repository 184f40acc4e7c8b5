"""Moving from files to a server, and going on with a journal that was restored from a copy."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import psycopg
import pytest
from support.engine_stage import rows as rows_of

from importers import migrate, settings
from importers.catalog import open_catalog
from importers.database.postgres import PostgresTransaction
from importers.errors import DatabaseError, ObmenError, Unsure, UsageError
from importers.launch import launch, new_request
from importers.sessions import Outcome, open_journal
from importers.words import STATUSES
from tests.conftest import Obmen


def on_server(obmen: Obmen, *settings_told: str) -> Obmen:
    """With the settings that were printed."""
    told = "\n".join(settings_told)
    config = obmen.folder / "config.toml"
    lines = [li for li in config.read_text(encoding="utf-8").splitlines() if "sqlite" not in li]
    for line in told.splitlines():
        if line.startswith("["):
            at = lines.index(line)
        elif line.startswith("url"):
            lines.insert(at + 1, line)
    config.write_text("\n".join(lines), encoding="utf-8")
    return obmen


def rows(database: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as db:
        db.execute("SET search_path TO obmen, public")
        return db.execute(sql.encode()).fetchall()


def nothing_of_ours(database: str) -> bool:
    """No table that obmen makes, in whatever schema."""
    return (
        rows(database, "SELECT 1 FROM pg_tables WHERE tablename IN ('obmen_schema', 'identity', 'meta')")
        == []
    )


def without_target(listing: Any) -> Any:
    return [{k: v for k, v in each.items() if k != "target"} for each in listing]


def test_all_of_it_is_moved_and_goes_on_there(obmen: Obmen, database: str) -> None:
    for kinds in (["catalog", "prices", "images"], ["customers"], ["stocks"], ["attributes"]):
        obmen.json("import", *kinds)
    assert obmen.call("import", "prices", "--source", str(obmen.folder)).returncode == 2
    assert obmen.call("delete", "4").returncode == 0
    before = {command: obmen.json(command) for command in ("sessions", "attempts")}
    log = obmen.json("logs", "1")

    done = obmen.call("migrate", "--to", database)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("rows moved and compared") == 2

    for command in (["sessions"], ["import", "prices"], ["show", "1"]):
        refused = obmen.call(*command)
        assert refused.returncode == 1
        assert "journal.sqlite3: everything in it was moved to postgresql://…@/d" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    with closing(sqlite3.connect(obmen.catalog)) as db:
        assert db.execute("SELECT version FROM obmen_schema").fetchone() == (9999,)

    on_server(obmen, done.stdout)
    for command, listing in before.items():
        assert without_target(obmen.json(command)) == without_target(listing)
    assert obmen.json("logs", "1") == log
    ((journal_id,),) = rows(database, "SELECT journal_id FROM meta")
    with closing(sqlite3.connect(obmen.folder / "journal.sqlite3")) as db:
        assert db.execute("SELECT journal_id FROM meta").fetchone() == (journal_id,)
    again = obmen.json("import", "catalog", "prices", "images")
    assert again["id"] == 5, "the number of the deleted session is not given again"
    assert again["counts"]["created"] == again["counts"]["updated"] == 0
    assert obmen.json("retry", "2")["counts"]["unchanged"] > 0


async def test_who_has_the_files_open_cannot_go_on_with_them(obmen: Obmen, database: str) -> None:
    """A control room is open for weeks."""
    journal = await open_journal(obmen.settings.journal.url)
    catalog = await open_catalog(obmen.settings.catalog.url)
    looking = await open_journal(obmen.settings.journal.url, read_only=True)
    watches = [journal.watch(), looking.watch()]
    assert [await watch.changed() for watch in watches] == [True, True]
    await migrate.migrate(obmen.settings, database)
    launched = await launch(new_request(obmen.settings, ("customers",)), obmen.settings, journal)
    assert launched.outcome is Outcome.ERROR
    assert "journal.sqlite3: everything in it was moved to postgresql://…@/d" in str(launched.reason)
    for each, watch in zip((journal, looking), watches, strict=True):
        with pytest.raises(DatabaseError, match="everything in it was moved"):
            await watch.changed()
            await watch.changed()
        with pytest.raises(DatabaseError, match="everything in it was moved"):
            await each.attempts()
        await each.close()
    assert rows_of(obmen.folder / "journal.sqlite3", "SELECT count(*) FROM attempt") == [(0,)]
    with pytest.raises(DatabaseError, match=r"catalog\.sqlite3: everything in it was moved"):
        async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as work:
            await work.begin()
    await catalog.close()


@pytest.mark.parametrize("status", ["started", "in_progress", "cancelling"])
async def test_not_while_a_session_is_active(used: Obmen, database: str, status: str) -> None:
    with closing(sqlite3.connect(used.folder / "journal.sqlite3")) as db:
        db.execute("UPDATE session SET status = ?, finished_at = NULL", (status,))
        db.commit()
    with pytest.raises(ObmenError, match=rf"session 1 is active \({STATUSES[status]}\): wait"):
        await migrate.migrate(used.settings, database)
    assert rows(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'obmen'") == []
    await (await open_journal(used.settings.journal.url)).close()


async def test_a_row_that_is_not_the_same_there_keeps_all_as_it_was(
    used: Obmen, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = PostgresTransaction.insert

    async def wrong(
        self: PostgresTransaction, table: str, columns: tuple[str, ...], cells: list[Any]
    ) -> None:
        if "okpo" in columns and cells:  # customers
            cells[columns.index("name") + len(columns)] = "Кто-то другой"
        await insert(self, table, columns, cells)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTransaction, "insert", wrong)
        with pytest.raises(
            ObmenError,
            match=r"table customer, row .*: name is .* and would be Кто-то другой on the server; nothing was",
        ):
            await migrate.migrate(used.settings, database)
    assert nothing_of_ours(database)
    assert used.json("import", "customers", "--force", process=True)["counts"]["unchanged"] > 0, (
        "the files go on"
    )
    assert {moved.setting for moved in await migrate.migrate(used.settings, database)} == {
        "catalog.url",
        "journal.url",
    }


async def test_rows_of_others_are_left_alone(used: Obmen, database: str) -> None:
    other = on_other(used, database)
    other.json("import", "catalog", process=True)
    with pytest.raises(ObmenError, match="is not the same there; nothing was moved"):
        await migrate.migrate(used.settings, database)
    assert rows(database, "SELECT count(*) FROM customer") == [(0,)]
    assert used.json("import", "customers", "--force", process=True)["counts"]["unchanged"] > 0


def on_other(obmen: Obmen, database: str) -> Obmen:
    folder = obmen.folder / "other"
    folder.mkdir()
    config = (obmen.folder / "config.toml").read_text(encoding="utf-8")
    for name in ("catalog", "journal"):
        config = config.replace(f"sqlite:///{name}.sqlite3", database)
    (folder / "config.toml").write_text(config, encoding="utf-8")
    return Obmen(folder)


STAGES = [("mark", 2), ("commit", 1), ("tell", 1), ("tell", 2)]
"""Of the end of a move, in their order: what comes before has come to pass."""


@contextmanager
def broken_off(stage: tuple[str, int], error: BaseException, *, killed: bool = True) -> Iterator[None]:
    """`killed`: marks that are there stay there."""
    reached = []

    def watch(patch: pytest.MonkeyPatch, place: Any, name: str) -> None:
        step = getattr(place, name)

        async def stepped(*args: Any) -> Any:
            if name != "commit" or args[0].changes:
                reached.append(name)
                if stage == (name, reached.count(name)):
                    raise error
            return await step(*args)

        patch.setattr(place, name, stepped)

    with pytest.MonkeyPatch.context() as patch:
        watch(patch, migrate, "mark")
        watch(patch, PostgresTransaction, "commit")
        watch(patch, migrate, "tell")
        if killed:
            patch.setattr(migrate, "take_back", AsyncMock())
        yield


@pytest.mark.parametrize("stage", STAGES)
async def test_what_was_interrupted_is_run_again(used: Obmen, database: str, stage: tuple[str, int]) -> None:
    """Meanwhile nobody goes on with a file whose rows may be there."""
    with broken_off(stage, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        await migrate.migrate(used.settings, database)
    is_there = stage[0] == "tell"
    assert nothing_of_ours(database) is not is_there
    with pytest.raises(
        DatabaseError, match="it is being moved to a server; was that interrupted, run the same"
    ):
        await (await open_journal(used.settings.journal.url)).close()
        await open_catalog(used.settings.catalog.url)
    again = await migrate.migrate(used.settings, database)
    assert [(one.before, one.changed) for one in again] == [(is_there, "")] * 2
    assert rows(database, "SELECT count(*) FROM session") == [(1,)]
    with pytest.raises(DatabaseError, match="everything in it was moved"):
        await open_journal(used.settings.journal.url)


@pytest.mark.parametrize("stage", STAGES[:2])
async def test_what_went_wrong_leaves_the_files_in_use(
    used: Obmen, database: str, stage: tuple[str, int]
) -> None:
    full = DatabaseError("the disk is full")
    with broken_off(stage, full, killed=False), pytest.raises(DatabaseError, match="the disk is full"):
        await migrate.migrate(used.settings, database)
    assert nothing_of_ours(database)
    assert (await asyncio.to_thread(used.json, "import", "customers", "--force"))["id"] == 2
    assert not any(one.before for one in await migrate.migrate(used.settings, database))


async def test_nobody_knows_whether_the_server_has_it(used: Obmen, database: str) -> None:
    told = r"who knows; until then the files are marked .* migrate again"
    with broken_off(("commit", 1), Unsure("who knows"), killed=False), pytest.raises(ObmenError, match=told):
        await migrate.migrate(used.settings, database)
    with pytest.raises(DatabaseError, match="it is being moved"):
        await open_journal(used.settings.journal.url)
    assert len(await migrate.migrate(used.settings, database)) == 2


async def test_what_was_changed_since_it_was_moved_is_told(used: Obmen, database: str) -> None:
    with broken_off(("tell", 2), KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        await migrate.migrate(used.settings, database)
    with psycopg.connect(database) as db:
        db.execute("UPDATE customer SET name = 'another' WHERE id = (SELECT max(id) FROM customer)")
        ((last,),) = db.execute("SELECT max(id) FROM customer")
    done = await asyncio.to_thread(used.run, "migrate", "--to", database)
    assert f"catalog.sqlite3: changed there since: customer {last}\n" in done.stdout, done
    assert "another" in {name for (name,) in rows(database, "SELECT name FROM customer")}


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("sqlite:///other.db", "not an address of a server"),
        ("postgresql://u:s3cret@h/db", "everybody on this host sees a password"),
        ("postgresql://h/db?password=s3cret", "everybody on this host sees a password"),
        ("postgresql://h/db?schema=x", "--catalog-schema"),
        ("postgresql://h/db?x=y", "options after a ? can be"),
        ("postgresql://127.0.0.1:1/db", "cannot be reached"),
    ],
)
def test_addresses_that_cannot_be_moved_to(used: Obmen, to: str, told: str) -> None:
    done = used.call("migrate", "--to", to)
    assert done.returncode == (1 if "reached" in told else 2)
    assert told in done.stderr
    assert "s3cret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert used.json("sessions")


async def test_the_schema_of_the_journal_is_not_the_catalogs(obmen: Obmen, database: str) -> None:
    with pytest.raises(UsageError, match="the schema obmen is the journal's"):
        await migrate.migrate(obmen.settings, database, "obmen")
    moved = await migrate.migrate(obmen.settings, database, "shop")
    assert moved[0].to.endswith("schema=shop")
    with pytest.raises(UsageError, match="on a server already"):
        await migrate.migrate(
            settings.load(on_server(obmen, told(moved)).folder / "config.toml", {}), database
        )


def told(moved: list[migrate.Moved]) -> str:
    return "\n".join(f'[{one.setting.removesuffix(".url")}]\nurl = "{one.to}"' for one in moved)


@pytest.mark.chaos
def test_a_journal_restored_from_a_copy_goes_on_behind_what_it_lost(obmen: Obmen) -> None:
    journal, copy = obmen.folder / "journal.sqlite3", obmen.folder / "copy"
    obmen.json("import", "catalog")
    shutil.copy(journal, copy)
    obmen.json("import", "prices")
    obmen.json("import", "stocks")
    assert "restored copy" not in obmen.call("doctor").stdout
    for name in journal.parent.glob("journal.sqlite3*"):
        name.unlink()
    shutil.copy(copy, journal)
    sick = obmen.call("doctor")
    assert sick.returncode == 1
    assert "the journal lacks 2 sessions that changed a catalog, the last one is 3" in sick.stdout
    assert "→ run: obmen migrate --repair" in sick.stdout
    assert obmen.json("migrate", "--repair") == {"lost": [2, 3]}
    assert "restored copy" not in obmen.call("doctor").stdout
    assert obmen.json("migrate", "--repair") == {"lost": []}
    assert obmen.json("import", "customers")["id"] == 4


@pytest.mark.chaos
def test_so_does_one_on_a_server(obmen: Obmen, database: str) -> None:
    other = on_other(obmen, database)
    for kind in ("catalog", "prices", "stocks"):
        other.json("import", kind)
    assert other.json("migrate", "--repair") == {"lost": []}
    with psycopg.connect(database) as db:  # as a dump of before would have it
        db.execute("DELETE FROM obmen.session WHERE id > 1")
        db.execute("DELETE FROM obmen.launch_key WHERE session_id > 1")
        db.execute("SELECT setval(pg_get_serial_sequence('obmen.session', 'id'), 1)")
    assert "the last one is 3" in other.call("doctor").stdout
    assert other.json("migrate", "--repair") == {"lost": [2, 3]}
    assert other.json("import", "customers")["id"] == 4


def test_deleted_sessions_are_not_lost(obmen: Obmen) -> None:
    obmen.json("import", "catalog")
    obmen.json("import", "prices")
    assert obmen.call("delete", "1", "2").returncode == 0
    assert obmen.json("migrate", "--repair") == {"lost": []}
    assert not (obmen.folder / "nothing").exists()


def test_neither_nor_both(obmen: Obmen) -> None:
    for args in ([], ["--to", "postgresql://h/d", "--repair"]):
        done = obmen.call("migrate", *args)
        assert done.returncode == 2
        assert "either --to URL or --repair" in done.stderr


def test_a_folder_without_databases_needs_no_repair(tmp_path: Path, obmen: Obmen) -> None:
    assert migrate.lost_sessions(obmen.settings) == []
    assert not list(tmp_path.glob("*.sqlite3"))


SHOPS = """
[shops.main]
catalog.url = "sqlite:///main.sqlite3"
images.path = "main"
[shops.2nd]
catalog.url = "sqlite:///it's.sqlite3"
images.path = "2nd"
[shops.out-let]
catalog.url = "sqlite:///out.sqlite3"
images.path = "out"
"""


@pytest.fixture
def shops(obmen: Obmen) -> Obmen:
    config = obmen.folder / "config.toml"
    config.write_text(config.read_text(encoding="utf-8") + SHOPS, encoding="utf-8")
    for shop in ("main", "2nd", "out-let"):
        obmen.json("import", "customers", "--shop", shop)
    return obmen


def test_several_shops_are_moved_together(shops: Obmen, database: str) -> None:
    done = shops.json("migrate", "--to", database)
    assert [one["to"].rpartition("schema=")[2] for one in done] == ["main", "shop_2nd", "out_let", "obmen"]
    targets = rows(database, "SELECT target FROM session ORDER BY id")
    assert [target.rpartition(".")[2] for (target,) in targets] == ["main", "shop_2nd", "out_let"]


def test_each_shop_s_catalog_tells_what_the_journal_lost(shops: Obmen) -> None:
    with closing(
        sqlite3.connect(shops.folder / "journal.sqlite3")
    ) as db:  # as a copy of before would have it
        db.execute("DELETE FROM session WHERE id > 1")
        db.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'session'")
        db.commit()
    assert shops.json("migrate", "--repair") == {"lost": [2, 3]}
    assert shops.json("migrate", "--repair") == {"lost": []}
    assert shops.json("import", "customers", "--shop", "2nd", "--force")["id"] == 4


@pytest.mark.parametrize(("schema", "table"), [("out_let", "product"), ("obmen", "session")])
def test_where_one_cannot_be_moved_none_is(shops: Obmen, database: str, schema: str, table: str) -> None:
    with psycopg.connect(database) as db:
        db.execute(f"CREATE SCHEMA {schema}".encode())
        db.execute(f"CREATE TABLE {schema}.{table} (title text)".encode())
    done = shops.call("migrate", "--to", database)
    assert done.returncode == 1
    assert f"its tables are not those that obmen made: {table}; name another database" in done.stderr
    assert nothing_of_ours(database)
    for shop in ("main", "2nd", "out-let"):
        assert shops.json("import", "catalog", "--shop", shop)["status"] == "completed"
    with psycopg.connect(database) as db:
        db.execute(f"DROP SCHEMA {schema} CASCADE".encode())
    assert len(shops.json("migrate", "--to", database)) == 4


async def test_a_schema_of_a_shop_is_told_with_the_cure(used: Obmen, database: str) -> None:
    with psycopg.connect(database) as db:
        db.execute("CREATE TABLE product (title text)")
    with pytest.raises(ObmenError, match=r"obmen made: product; name another schema: --catalog-schema NAME$"):
        await migrate.migrate(used.settings, database)
    assert await migrate.migrate(used.settings, database, "shop")


def test_what_others_made_in_the_file_is_told(used: Obmen, database: str) -> None:
    with closing(sqlite3.connect(used.catalog)) as db:
        db.execute("CREATE TABLE shop_weight (kg TEXT)")
        db.execute("CREATE VIEW heavy AS SELECT * FROM shop_weight")
    told = used.call("migrate", "--to", database).stdout
    assert "catalog.sqlite3: left there, as obmen did not make it: heavy, shop_weight\n" in told
    assert told.count("left there") == 1
