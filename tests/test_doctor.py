"""The health check: each line can fail, says why and what helps, and the operator's data are only looked at."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_stage import make_settings, redis_server, rows, write_export

from importers import doctor, sqlite
from importers import launch as launching
from importers.doctor import Check
from importers.launch import redis_lock
from importers.sessions import Draft, Session
from importers.sessions.sqlite import SqliteJournal
from importers.settings import Settings, Source
from importers.worker import dispatch as dispatching
from tests.conftest import Obmen
from tests.launch.engine_mutants import attribute, sql

NAMES = [
    "settings", "source", "journal", "catalog", "redis", "worker", "logout", "locale", "terminal",
    "one session per confirm", "session type", "one request id per confirm", "one task received", "launch lock",
]  # fmt: skip


@pytest.fixture
def healthy(tmp_path: Path) -> Settings:
    write_export(tmp_path / "export")
    return make_settings(tmp_path)


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
    journal, catalog = tmp_path / "journal.sqlite3", tmp_path / "catalog.sqlite3"
    assert rows(journal, "SELECT count(*) FROM session UNION ALL SELECT count(*) FROM attempt") == [
        (0,),
        (0,),
    ]
    assert rows(catalog, "SELECT count(*) FROM product") == [(0,)]
    assert not (tmp_path / "obmen.log").exists()


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


async def test_a_source_with_a_gap_and_none_at_all(healthy: Settings, tmp_path: Path) -> None:
    export = Path(healthy.source.path)
    shutil.copy(export / "contragents_1_1.xml", export / "contragents_1_3.xml")
    gap = doctor._source(export)
    assert (gap.ok, "contragents_1_2: this part is missing" in gap.detail) == (False, True)
    healthy = msgspec.structs.replace(healthy, source=Source(path=str(tmp_path / "nothing")))
    assert list(failing(await examine(healthy))) == ["source"]


async def test_databases_that_cannot_be_used(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"no database" * 100)
    assert list(failing(await examine(healthy))) == ["journal"]
    (tmp_path / "journal.sqlite3").unlink()
    await examine(healthy)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as db:
        db.execute("UPDATE obmen_schema SET version = 999")
    assert list(failing(await examine(healthy))) == ["catalog"]
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/shop {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(sqlite, "MOUNTS", mounts)
    found = await examine(healthy)
    assert list(failing(found)) == ["journal", "catalog"]
    assert "on a network file system (nfs4)" in found["journal"].detail


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
    monkeypatch.setattr(doctor, "account", lambda: "ivanova")

    def ok() -> bool:
        return doctor._logout(tmp_path).ok

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
    assert doctor._logout(tmp_path).cure == "run: loginctl enable-linger ivanova"
    write("var/lib/systemd/linger/ivanova", "")
    assert ok()


def test_locale_and_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._locale().ok
    monkeypatch.setattr(doctor.locale, "getpreferredencoding", lambda _do: "ANSI_X3.4-1968")
    assert not doctor._locale().ok
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, size, ok in (("xterm", (80, 24), True), ("xterm", (79, 24), False), ("dumb", (80, 24), False)):
        monkeypatch.setenv("TERM", name)
        monkeypatch.setattr(shutil, "get_terminal_size", lambda size=size: os.terminal_size(size))
        assert doctor._terminal().ok is ok


# The checklist notices what it is there for


async def checklist(settings: Settings) -> dict[str, str]:
    return failing({result.name: result async for result in doctor._checklist(settings)})


async def test_more_sessions_than_confirms(healthy: Settings) -> None:
    async def nothing(*_args: Any) -> None:
        return None

    unguarded = (
        ("CREATE UNIQUE INDEX one_active", "CREATE INDEX one_active"),
        ("idempotency_key TEXT NOT NULL UNIQUE", "idempotency_key TEXT NOT NULL"),
    )
    with sql(*unguarded), attribute(SqliteJournal, "_existing", nothing):
        assert "one session per confirm" in await checklist(healthy)


async def test_another_type_than_chosen(healthy: Settings) -> None:
    with attribute(Session, "type", "prices"):
        assert list(await checklist(healthy)) == ["session type"]


async def test_another_request_id_in_the_log(healthy: Settings) -> None:
    first_lines = launching._first_lines

    def confused(draft: Draft) -> Any:
        return first_lines(msgspec.structs.replace(draft, request_id="00000000"))

    with attribute(launching, "_first_lines", confused):
        assert list(await checklist(healthy)) == ["one request id per confirm"]


async def test_a_task_that_is_never_received(healthy: Settings) -> None:
    with (
        attribute(doctor, "WORKER_SECONDS", 1.0),
        attribute(dispatching, "_start_process", lambda *_args: os.getpid()),
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
