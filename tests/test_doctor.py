"""The health check: each line can fail, says why and what helps, and the operator's data are only looked at."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_stage import make_settings, redis_server, write_export
from redis.asyncio import Redis
from support.dispatchers import RecordingDispatcher

from importers import doctor
from importers.catalog import open_catalog
from importers.database import sqlite
from importers.doctor import Check, checks, places, surroundings, trial
from importers.kinds.image_mark import Mark
from importers.launch import launching, redis_lock
from importers.processes import start_of, this_process
from importers.sessions import NewSession, Session, open_journal
from importers.sessions.store import JournalStore
from importers.settings import Catalog, Settings, Source
from importers.targets import default_target
from importers.worker import dispatch as dispatching
from tests.conftest import Obmen
from tests.launch.engine_mutants import attribute, sql

NAMES = [
    "settings", "source", "journal", "catalog", "images", "log", "redis", "worker", "logout", "locale", "terminal",
    "one session per confirm", "session type", "one request id per confirm", "one task received", "launch lock",
]  # fmt: skip


@pytest.fixture
def healthy(tmp_path: Path) -> Settings:
    write_export(tmp_path / "export")
    return make_settings(tmp_path)


async def make_databases(settings: Settings) -> None:
    await (await open_journal(settings.journal.url)).close()
    await (await open_catalog(settings.catalog.url)).close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def examine(settings: Settings) -> dict[str, Check]:
    return {result.name: result async for result in doctor.check(settings)}


def failing(found: dict[str, Check]) -> dict[str, str]:
    """What fails, and with which cure."""
    return {name: result.cure for name, result in found.items() if not result.ok}


async def test_all_is_well_and_the_operators_data_are_left_alone(healthy: Settings, tmp_path: Path) -> None:
    found = await examine(healthy)
    assert failing(found) == {}
    assert list(found) == NAMES
    assert found["one session per confirm"].detail == "1 session from 3 presses"
    assert found["one task received"].detail == "received 1 times, the session is completed"
    assert list(contents(tmp_path)) == [f"{tmp_path}/export/contragents_1_1.xml"], "nothing is made"
    await make_databases(healthy)
    before = contents(tmp_path)
    assert failing(await examine(healthy)) == {}
    assert contents(tmp_path) == before


async def test_with_redis_it_tells_version_and_round_trip_and_takes_the_lock(healthy: Settings) -> None:
    with redis_server() as redis:
        healthy = msgspec.structs.replace(healthy, redis=type(healthy.redis)(url=redis.url))
        found = await examine(healthy)
        assert failing(found) == {}
        assert "answers in" in found["redis"].detail
        assert redis.keys() == 0


async def test_without_the_redis_that_is_set(healthy: Settings, tmp_path: Path) -> None:
    """One session all the same; the lock says that it was not there."""
    healthy = msgspec.structs.replace(healthy, redis=type(healthy.redis)(url=f"unix://{tmp_path}/nobody"))
    found = await examine(healthy)
    assert list(failing(found)) == ["redis", "launch lock"]
    assert found["launch lock"].detail == "unavailable"


async def test_a_redis_that_is_too_old(healthy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def old(_url: str) -> tuple[tuple[int, ...], float]:
        return (6, 2, 7), 0.001

    monkeypatch.setattr(redis_lock, "server_version", old)
    with redis_server() as redis:
        healthy = msgspec.structs.replace(healthy, redis=type(healthy.redis)(url=redis.url))
        assert failing(await examine(healthy)) == {"redis": "the lock needs Redis 7.0 or newer, or Valkey"}


async def test_a_source_that_is_old(healthy: Settings) -> None:
    week = time.time() - 7 * 86400
    for file in os.scandir(healthy.source.path):
        os.utime(file, (week, week))
    assert list(failing(await examine(healthy))) == ["source"]


def test_a_source_of_pictures_alone_is_in_order(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"1")
    assert checks.check_source(tmp_path).ok


async def test_a_source_with_a_gap_and_none_at_all(healthy: Settings, tmp_path: Path) -> None:
    export = Path(healthy.source.path)
    shutil.copy(export / "contragents_1_1.xml", export / "contragents_1_3.xml")
    gap = checks.check_source(export)
    assert (gap.ok, "contragents_1_2: this part is missing" in gap.detail) == (False, True)
    healthy = msgspec.structs.replace(healthy, source=Source(path=str(tmp_path / "nothing")))
    assert list(failing(await examine(healthy))) == ["source"]


async def test_databases_that_cannot_be_used(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"no database" * 100)
    assert list(failing(await examine(healthy))) == ["journal"]
    (tmp_path / "journal.sqlite3").unlink()
    await make_databases(healthy)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as db:
        db.execute("UPDATE obmen_schema SET version = 999")
    assert list(failing(await examine(healthy))) == ["catalog"]
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/shop {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr("importers.mounts.MOUNTS", mounts)
    found = await examine(healthy)
    assert list(failing(found)) == ["journal", "catalog"]
    assert "on a network file system (nfs4)" in found["journal"].detail


def query(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(sql)


@pytest.mark.parametrize("name", ["journal", "catalog"])
@pytest.mark.parametrize(
    "sql",
    [
        {"journal": "DROP TABLE attempt", "catalog": "DROP TABLE price"},
        {"journal": "DROP INDEX one_active", "catalog": "ALTER TABLE product DROP COLUMN full_name"},
    ],
)
async def test_a_database_that_has_lost_something(
    healthy: Settings, tmp_path: Path, name: str, sql: dict[str, str]
) -> None:
    await make_databases(healthy)
    query(tmp_path / f"{name}.sqlite3", sql[name])
    before = contents(tmp_path)
    found = await examine(healthy)
    assert list(failing(found)) == [name]
    assert "its tables are not those that obmen made" in found[name].detail
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("DROP TABLE customer", "customer"),
        ("ALTER TABLE product DROP COLUMN full_name", "product.full_name"),
        ("DROP INDEX offer_product; DROP TABLE applied", "applied, offer_product"),
        ("DROP TABLE obmen_schema", "obmen_schema"),
        ("DELETE FROM obmen_schema", "obmen_schema"),
    ],
)
async def test_what_a_database_has_lost_is_named_alone(
    healthy: Settings, tmp_path: Path, sql: str, missing: str
) -> None:
    await make_databases(healthy)
    query(tmp_path / "catalog.sqlite3", sql)
    found = await places.check_database("catalog", healthy)
    assert found.detail.endswith(f"not those that obmen made: missing: {missing}; choose another file")


@pytest.mark.parametrize(
    ("sql", "ok"),
    [
        ("CREATE TABLE product (x)", False),
        ("CREATE TABLE session (x)", True),
        ("CREATE TABLE orders (x)", True),
        ("PRAGMA user_version = 1", True),
    ],
)
async def test_a_database_of_another_program_is_only_looked_at(
    healthy: Settings, tmp_path: Path, sql: str, ok: bool
) -> None:
    """An import adds its tables to those of the shop, unless one has the name of ours."""
    query(tmp_path / "catalog.sqlite3", sql)
    before = contents(tmp_path)
    assert list(failing(await examine(healthy))) == ([] if ok else ["catalog"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["journal", "catalog"])
async def test_a_database_that_another_program_keeps_locked(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    await make_databases(healthy)
    with closing(sqlite3.connect(tmp_path / f"{name}.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        found = await examine(healthy)
    assert list(failing(found)) == [name]
    assert f"locked by process {os.getpid()}" in found[name].detail


async def test_a_catalog_that_an_import_keeps_locked_is_in_order(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    await make_databases(healthy)
    journal = await open_journal(healthy.journal.url)
    request = launching.LaunchRequest(("customers",), healthy.source.path, launching.new_key())
    launched = await launching.launch(request, healthy, journal, dispatcher=RecordingDispatcher(healthy))
    assert launched.session
    await journal.claim(launched.session.id, default_target(healthy).key, this_process(), 30)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as worker:
        worker.execute("BEGIN IMMEDIATE")
        found = await places.check_database("catalog", healthy)
    await journal.close()
    assert (found.ok, "session 1 is writing it" in found.detail) == (True, True), found


@pytest.mark.parametrize("name", ["cut", "root", "later"])
async def test_a_source_that_no_import_could_read(healthy: Settings, name: str) -> None:
    file = Path(healthy.source.path) / "contragents_1_1.xml"
    whole = file.read_text(encoding="utf-8")
    text = {
        "cut": whole[:-30],
        "root": "<html></html>",
        "later": whole.replace("</Контрагенты>", "<Контрагент></Контрагенты>"),
    }[name]
    file.write_text(text, encoding="utf-8")
    found = await examine(healthy)
    assert list(failing(found)) == ["source"]
    assert "contragents_1_1.xml" in found["source"].detail


async def test_places_that_cannot_be_written(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").touch()
    (tmp_path / "obmen.log").mkdir()
    found = await examine(healthy)
    assert list(failing(found)) == ["images", "log", "one request id per confirm"][:2]
    assert "Not a directory" in found["images"].detail
    assert "Is a directory" in found["log"].detail
    (tmp_path / "images").unlink()
    (tmp_path / "obmen.log").rmdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    for place in (
        places.check_images(healthy),
        places.check_log(tmp_path / "obmen.log"),
        await places.check_database("journal", healthy),
    ):
        assert not place.ok
        assert "Permission denied" in place.detail
        assert place.cure


async def test_pictures_of_another_catalog(healthy: Settings, tmp_path: Path) -> None:
    """Two shops with one folder, or a shop whose database was put aside: an import refuses to begin."""

    def mark(catalog: str) -> None:
        with closing(sqlite3.connect(tmp_path / catalog)) as db:
            (identity,) = db.execute("SELECT id FROM identity").fetchone()
        ours.joinpath("catalog.json").write_bytes(
            msgspec.json.encode(Mark.of(identity, str(tmp_path / catalog)))
        )

    ours = tmp_path / "images" / ".obmen"
    ours.mkdir(parents=True)
    await make_databases(healthy)
    await (await open_catalog(f"sqlite:///{tmp_path}/other.sqlite3")).close()
    mark("catalog.sqlite3")
    before = contents(tmp_path)
    assert list(failing(await examine(healthy))) == []
    empty = msgspec.structs.replace(healthy, catalog=Catalog(url=f"sqlite:///{tmp_path}/empty.sqlite3"))
    (tmp_path / "moved.sqlite3").write_bytes((tmp_path / "catalog.sqlite3").read_bytes())
    moved = msgspec.structs.replace(healthy, catalog=Catalog(url=f"sqlite:///{tmp_path}/moved.sqlite3"))
    for config in (empty, moved):
        found = places.check_images(config)
        assert (found.ok, "the images of another catalog" in found.detail) == (False, True)
        assert f"{tmp_path}/catalog.sqlite3" in found.detail
    (tmp_path / "moved.sqlite3").unlink()
    assert contents(tmp_path) == before
    (tmp_path / "catalog.sqlite3").rename(tmp_path / "moved.sqlite3")
    assert places.check_images(moved).ok, "the same one, in another place"
    (tmp_path / "moved.sqlite3").rename(tmp_path / "catalog.sqlite3")
    mark("other.sqlite3")
    assert list(failing(await examine(healthy))) == ["images"]


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("..")], ids=["file", "link"])
async def test_something_else_in_place_of_our_folder_of_marks(
    healthy: Settings, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "images").mkdir()
    make(tmp_path / "images" / ".obmen")
    found = await examine(healthy)
    assert list(failing(found)) == ["images"]
    assert "images/.obmen" in found["images"].detail
    assert "Not a directory" in found["images"].detail
    (tmp_path / "images" / ".obmen").unlink()
    (tmp_path / "images" / "manifest.tsv").mkdir()
    assert "manifest.tsv: Is a directory" in places.check_images(healthy).detail


@pytest.mark.parametrize("path", ["/proc/obmen", "/sys/obmen"])
async def test_a_place_of_the_kernel_takes_no_files(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Its folders look as if root may write them."""
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n")
    monkeypatch.setattr("importers.mounts.MOUNTS", mounts)
    monkeypatch.setattr(os, "access", lambda *_: True)
    replace = msgspec.structs.replace
    config = replace(healthy, images=replace(healthy.images, path=path))
    config = replace(config, log=replace(config.log, path=f"{path}.log"))
    config = replace(config, journal=replace(config.journal, url=f"sqlite:///{path}.db"))
    for found in (
        places.check_images(config),
        places.check_log(Path(path)),
        await places.check_database("journal", config),
    ):
        assert (found.ok, "on a file system of the kernel" in found.detail) == (False, True)


def test_pictures_on_a_disk_that_is_not_there(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def images(path: str) -> Check:
        return places.check_images(msgspec.structs.replace(healthy, images=type(healthy.images)(path=path)))

    (tmp_path / "mnt disk").mkdir()
    fstab = tmp_path / "fstab"
    mount = f"{tmp_path}/mnt\\040disk"
    fstab.write_text(f"# disks\n\nUUID=1 {mount} ext4 rw 0 2\n/dev/sda1 none swap sw 0 0\n")
    assert images(f"{tmp_path}/mnt disk/images").ok
    monkeypatch.setattr(places, "FSTAB", fstab)
    found = images(f"{tmp_path}/mnt disk/images")
    assert (found.ok, found.detail) == (
        False,
        f"{tmp_path}/mnt disk/images: {tmp_path}/mnt disk is not mounted",
    )
    assert images(f"{tmp_path}/images").ok
    assert "mount the disk" in images(f"{tmp_path}/gone/images").detail


@pytest.mark.parametrize(
    ("lacking", "ok"),
    [("-eval", True), ("-info", True), ("-info -ping", True), ("-set", False), ("-@scripting -get", False)],
    ids=str,
)
async def test_a_redis_that_does_not_let_us_lock(healthy: Settings, lacking: str, ok: bool) -> None:
    """Without EVAL the lock is given back by GET and DEL."""
    with redis_server() as redis:
        admin = Redis.from_url(redis.url)
        await admin.execute_command(
            "ACL", "SETUSER", "obmen", "on", ">s3cret", "~*", "&*", "+@all", *lacking.split()
        )
        await admin.aclose()
        url = redis.url.replace("://", "://obmen:s3cret@")
        healthy = msgspec.structs.replace(healthy, redis=type(healthy.redis)(url=url))
        check = await surroundings.check_redis(healthy)
        assert check.ok == ok
        assert ok or "EVAL" in check.cure
        assert "s3cret" not in check.detail + check.cure
        assert ("version unknown" in check.detail) == ("info" in lacking)


def test_what_a_killed_doctor_left_is_removed_by_the_next(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    code = (
        "import os, signal\nfrom importers.doctor import trial\n"
        "with trial.scratch_folder() as folder:\n"
        "    (folder / 'x').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(scratch)}, check=False)
    assert len(list(scratch.iterdir())) == 1
    (scratch / "obmen-doctor-x-y-z").mkdir()
    with trial.scratch_folder() as folder:
        assert sorted(scratch.iterdir()) == sorted([folder, scratch / "obmen-doctor-x-y-z"])
        with trial.scratch_folder():
            assert folder.is_dir(), "another one that runs is left alone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_doctor_that_is_ended_leaves_nothing(obmen: Obmen, number: signal.Signals) -> None:
    """Neither its folder nor the worker of its import, which would make that again."""
    temporary = obmen.folder / "tmp"
    temporary.mkdir()
    env = {**os.environ, "TMPDIR": str(temporary)}
    code = (
        "import sys\nfrom importers.doctor import trial\nfrom importers.cli import main\n"
        "from importers.worker.process import ProcessDispatcher\nsend = ProcessDispatcher.send\n"
        "async def sent(*args):\n"
        "    worker = await send(*args)\n"
        "    print('worker', worker.pid, file=sys.stderr, flush=True)\n"
        "    return worker\n"
        "ProcessDispatcher.send = sent\nsys.exit(main(['doctor']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=obmen.folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )  # fmt: skip
    assert process.stderr
    word, pid = process.stderr.readline().split()
    assert (word, len(list(temporary.iterdir()))) == (b"worker", 1)
    process.send_signal(number)
    rest = process.communicate(timeout=60)[1]
    assert (process.returncode, rest) == (-number, b"")
    assert start_of(int(pid)) == ""
    assert list(temporary.iterdir()) == []


async def test_a_full_disk(healthy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=2**20))
    assert list(failing(await examine(healthy))) == ["journal", "catalog"]


async def test_an_engine_that_is_not_there(healthy: Settings) -> None:
    worker = msgspec.structs.replace(healthy.worker, engine="celery")
    found = await examine(msgspec.structs.replace(healthy, worker=worker))
    assert list(failing(found)) == ["worker", "launch"]
    assert 'set it to "process"' in found["launch"].detail


def test_whether_a_logout_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "account", lambda: "ivanova")

    def ok() -> bool:
        return surroundings.check_logout(tmp_path).ok

    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert ok(), "no logind"
    (tmp_path / "run/systemd/seats").mkdir(parents=True)
    assert not ok(), "the default of systemd"
    write("etc/systemd/logind.conf", "[Login]\n#KillUserProcesses=no\n")
    assert ok(), "the default of this distribution"
    write("etc/systemd/logind.conf.d/a.conf", "[Login]\nKillUserProcesses=yes\n")
    assert not ok()
    write("etc/systemd/logind.conf.d/b.conf", "[Login]\nKillUserProcesses = no\n")
    assert ok()
    write("etc/systemd/logind.conf.d/b.conf", "")
    assert surroundings.check_logout(tmp_path).cure == "run: loginctl enable-linger ivanova"
    write("var/lib/systemd/linger/ivanova", "")
    assert ok()


def test_locale_and_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.check_locale().ok
    monkeypatch.setattr(surroundings.locale, "getpreferredencoding", lambda _do: "ANSI_X3.4-1968")
    assert not surroundings.check_locale().ok
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, size, ok in (("xterm", (80, 24), True), ("xterm", (79, 24), False), ("dumb", (80, 24), False)):
        monkeypatch.setenv("TERM", name)
        monkeypatch.setattr(shutil, "get_terminal_size", lambda size=size: os.terminal_size(size))
        assert surroundings.check_terminal().ok is ok


# The checklist notices what it is there for


async def checklist(settings: Settings) -> dict[str, str]:
    return failing({result.name: result async for result in trial.checklist(settings)})


async def test_more_sessions_than_confirms(healthy: Settings) -> None:
    async def nothing(*_args: Any) -> None:
        return None

    unguarded = (
        ("CREATE UNIQUE INDEX one_active", "CREATE INDEX one_active"),
        ("idempotency_key TEXT NOT NULL UNIQUE", "idempotency_key TEXT NOT NULL"),
    )
    with sql(*unguarded), attribute(JournalStore, "_existing", nothing):
        assert "one session per confirm" in await checklist(healthy)


async def test_another_type_than_chosen(healthy: Settings) -> None:
    with attribute(Session, "type", "prices"):
        assert list(await checklist(healthy)) == ["session type"]


async def test_another_request_id_in_the_log(healthy: Settings) -> None:
    first_lines = launching._first_lines

    def confused(new: NewSession) -> Any:
        return first_lines(msgspec.structs.replace(new, request_id="00000000"))

    with attribute(launching, "_first_lines", confused):
        assert list(await checklist(healthy)) == ["one request id per confirm"]


async def test_a_task_that_is_never_received(healthy: Settings) -> None:
    with (
        attribute(trial, "WORKER_SECONDS", 1.0),
        attribute(dispatching, "dispatcher_for", RecordingDispatcher),
    ):
        found = await checklist(healthy)
    assert list(found) == ["one task received"]
    assert found["one task received"].endswith("-m importers.worker")


def test_as_a_command(obmen: Obmen) -> None:
    now = time.time()
    source = obmen.folder / "export"
    shutil.copytree(obmen.settings.source.path, source)
    for file in source.rglob("*"):
        os.utime(file, (now, now))
    obmen.env["OBMEN_SOURCE__PATH"] = str(source)
    assert [check["name"] for check in obmen.json("doctor")] == NAMES
    obmen.env["OBMEN_SOURCE__PATH"] = str(obmen.folder / "nowhere")
    told = obmen.run("--language", "ru", "doctor")
    assert told.returncode == 1
    assert "источник" in told.stdout
    assert "→ укажите в source.path папку или .zip, куда выгружает 1С" in told.stdout
