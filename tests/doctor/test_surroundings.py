"""What surrounds an import, looked at by the doctor: Redis, logout, locale, terminal."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis
from support.engine_stage import redis_server
from support.examination import examine, failing

from importers.doctor import surroundings
from importers.launch import redis_lock
from importers.settings import Settings


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
    assert found["launch lock"].detail == "Redis did not answer"


async def test_a_redis_that_is_too_old(healthy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def old(_url: str) -> tuple[tuple[int, ...], float]:
        return (6, 2, 7), 0.001

    monkeypatch.setattr(redis_lock, "server_version", old)
    with redis_server() as redis:
        healthy = msgspec.structs.replace(healthy, redis=type(healthy.redis)(url=redis.url))
        assert failing(await examine(healthy)) == {"redis": "the lock needs Redis 7.0 or newer, or Valkey"}


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
    for name, size, ok in (
        ("xterm", (60, 20), True),
        ("xterm", (59, 20), False),
        ("xterm", (60, 19), False),
        ("dumb", (80, 24), False),
    ):
        monkeypatch.setenv("TERM", name)
        monkeypatch.setattr(
            shutil, "get_terminal_size", lambda fallback=None, size=size: os.terminal_size(size)
        )
        assert surroundings.check_terminal().ok is ok
