"""The launch lock beyond its contract: a machine that starts anew, and a Redis that misbehaves in every way."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_redis import ENDLESS, fake_redis
from support.engine_stage import MovedClock, RedisServer, Stage, cancelled_everywhere, redis_server

from importers.errors import DatabaseError, SettingsError
from importers.launch import lock as locks
from importers.launch import redis_lock
from importers.launch.lock import Locked, holding
from importers.launch.redis_lock import RedisLock, server_version
from importers.launch.table_lock import TableLock
from importers.sessions import Outcome, Status
from importers.targets import target_of


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a test in which Redis answers: also on a busy machine it does so in time."""
    monkeypatch.setattr(redis_lock, "TIMEOUT_SECONDS", 2.0)


async def test_a_boot_ends_the_lock_of_one_machine(stage: Stage, clock: MovedClock) -> None:
    lock = TableLock(stage.journal.database)
    assert await lock.acquire("k", "a", locks.LOCK_SECONDS) is Locked.ACQUIRED
    clock.boot_name = "boot-2"
    assert await lock.acquire("k", "b", locks.LOCK_SECONDS) is Locked.ACQUIRED


async def nothing() -> None:
    return None


async def test_cancelled_at_any_stop_a_launch_makes_one_session_at_most(
    stage: Stage, clock: MovedClock, redis: RedisServer
) -> None:
    stage.settings = msgspec.structs.replace(stage.settings, redis=type(stage.settings.redis)(url=redis.url))
    keys = iter(range(1000))
    key = ""

    def start() -> Any:
        nonlocal key
        key = str(next(keys))
        return stage.launch(key=key)

    async def check() -> None:
        assert redis.keys() == 0
        before = stage.rows("SELECT dispatches FROM session WHERE idempotency_key = ?", key)
        told = stage.rows("SELECT 1 FROM attempt WHERE idempotency_key = ? AND outcome = 'created'", key)
        assert bool(told) == (before == [(1,)]), "what was sent was told"
        again = await stage.launch(key=key)
        assert again.outcome is (Outcome.REPLAYED if before else Outcome.CREATED)
        sessions = stage.rows("SELECT id, fence, dispatches FROM session WHERE idempotency_key = ?", key)
        ((session_id, fence, dispatches),) = sessions
        assert dispatches == 1
        assert await stage.journal.finish(session_id, fence, Status.COMPLETED, {})
        clock.seconds += 60

    assert await cancelled_everywhere(start, check) > 20
    assert sorted(stage.sent) == sorted(set(stage.sent)), "each was sent once"


# A Redis that is not as it should be


def with_redis(stage: Stage, url: str) -> None:
    stage.settings = msgspec.structs.replace(stage.settings, redis=type(stage.settings.redis)(url=url))


async def launched(stage: Stage, lock: str, seconds: float = 2.0) -> None:
    """Exactly one session, quickly, and the attempt says what the lock did."""
    start = time.monotonic()
    result = await stage.launch()
    assert time.monotonic() - start < seconds
    assert (result.outcome, result.lock) == (Outcome.CREATED, lock)
    (told,) = await stage.journal.attempts(request_id=result.request_id)
    assert told.lock == lock
    assert result.session is not None
    assert (await stage.launch()).outcome is Outcome.JOINED
    assert stage.rows("SELECT count(*) FROM session WHERE status = 'started'") == [(1,)]
    await stage.journal.cancel(result.session.id, "anna")


@pytest.mark.usefixtures("patient")
async def test_with_redis(stage: Stage, redis: RedisServer) -> None:
    with_redis(stage, redis.url)
    await launched(stage, "acquired")
    assert redis.keys() == 0


async def test_redis_is_not_there(stage: Stage, tmp_path: Path) -> None:
    with_redis(stage, f"unix://{tmp_path}/nobody")
    await launched(stage, "unavailable")
    with_redis(stage, "redis://127.0.0.1:1")
    clock = stage.clock
    assert isinstance(clock, MovedClock)
    clock.seconds += 60
    await launched(stage, "unavailable")


async def test_redis_is_frozen(stage: Stage, redis: RedisServer) -> None:
    with_redis(stage, redis.url)
    with redis.frozen():
        await launched(stage, "unavailable")
    async with asyncio.timeout(5):
        while redis.keys():  # noqa: ASYNC110 (thawed, it takes the late commands one after the other)
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("patient")
async def test_redis_restarts_empty_while_the_lock_is_held(stage: Stage, redis: RedisServer) -> None:
    """Two hold it at once; the database makes one session all the same."""
    with_redis(stage, redis.url)
    async with holding(RedisLock(redis.url), stage.folder.name, nothing) as (got, _found):
        assert got is Locked.ACQUIRED
        redis.restart()
        async with holding(RedisLock(redis.url), stage.folder.name, nothing) as (got, _found):
            assert got is Locked.ACQUIRED
        await launched(stage, "acquired")


@pytest.mark.parametrize(("replicated", "lock"), [(True, "busy"), (False, "acquired")])
@pytest.mark.usefixtures("patient")
@pytest.mark.chaos
async def test_redis_fails_over_while_the_lock_is_held(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, replicated: bool, lock: str
) -> None:
    """The replica takes the primary's place, with its last writes or without them: the key is held by one or by two,
    and there is one session."""
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with redis_server("--port", port) as primary, redis_server("--replicaof", "127.0.0.1", port) as replica:
        address = primary.folder / "current"
        address.symlink_to(primary.socket)
        with_redis(stage, f"unix://{address}")
        async with asyncio.timeout(20):
            while replica.info("master_link_status") != "up":  # noqa: ASYNC110 (the server connects by itself)
                await asyncio.sleep(0.01)
        if not replicated:
            replica.ask("REPLICAOF", "NO", "ONE")
        async with holding(
            RedisLock(f"unix://{address}"), await target_of(stage.settings).key(), nothing
        ) as (
            got,
            _found,
        ):
            assert got is Locked.ACQUIRED
            async with asyncio.timeout(5):
                while replicated and not replica.keys():  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            primary.stop()
            replica.ask("REPLICAOF", "NO", "ONE")
            address.unlink()
            address.symlink_to(replica.socket)
            await launched(stage, lock)
        assert replica.keys() == 0


async def test_a_key_that_its_holder_left_behind(
    stage: Stage, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that was killed frees the key after 10 s; nobody waits so long."""
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.2)
    with_redis(stage, redis.url)
    lock = RedisLock(redis.url)
    await lock.acquire(f"launch:sqlite:///{stage.folder}/catalog.sqlite3", "dead", 10)
    await lock.close()
    await launched(stage, "busy")
    assert redis.keys() == 1, "what is another's stays"


@asynccontextmanager
async def proxy(redis: RedisServer, *, drop: bytes, close: bool) -> AsyncIterator[str]:
    """Forwards to the server, but the reply to the first command with `drop` in it is lost: the connection is
    closed then, or stays silent for ever."""
    dropped = False
    sessions: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dropped
        server_reader, server_writer = await asyncio.open_unix_connection(str(redis.socket))
        try:
            while command := await reader.read(65536):
                server_writer.write(command)
                reply = await server_reader.read(65536)
                if drop in command and not dropped:
                    dropped = True
                    if close:
                        return
                    continue
                writer.write(reply)
        finally:
            server_writer.close()
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
        for task in sessions:
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        assert dropped


@pytest.mark.parametrize("close", [True, False])
async def test_a_lost_reply_to_the_first_set_orphans_no_key(
    stage: Stage, redis: RedisServer, close: bool
) -> None:
    async with proxy(redis, drop=b"SET", close=close) as url:
        with_redis(stage, url)
        await launched(stage, "unavailable")
    assert redis.keys() == 0, "the server had taken the SET"


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.usefixtures("patient")
async def test_a_lost_reply_to_the_release(stage: Stage, redis: RedisServer, close: bool) -> None:
    async with proxy(redis, drop=b"EVAL", close=close) as url:
        with_redis(stage, url)
        await launched(stage, "acquired", seconds=5.0)
    assert redis.keys() == 0


async def test_a_redis_that_refuses_the_command(stage: Stage, redis: RedisServer) -> None:
    """Older than 7.0, or out of memory: any error goes on by the database."""
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    with_redis(stage, redis.url)
    await launched(stage, "unavailable")


@pytest.mark.usefixtures("patient")
async def test_the_server_tells_its_version(redis: RedisServer, tmp_path: Path) -> None:
    version, seconds = await server_version(redis.url)
    assert version >= (7, 0)
    assert 0 < seconds < redis_lock.TIMEOUT_SECONDS
    with pytest.raises(DatabaseError, match="Redis does not answer"):
        await server_version(f"unix://{tmp_path}/nobody")


BROKEN = {
    "no protocol": b"hello, this is a web server\r\n",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an empty line": b"\r\n",
    "nul": b"\0\0\0\0\r\n",
    "no UTF-8": b"$3\r\n\xff\xfe\xfd\r\n",
    "an error without UTF-8": b"-ERR \xff\xfe\r\n",
    "no integer": b":abc\r\n",
    "an integer": b":1\r\n",
    "an integer of 10 000 digits": b":" + b"9" * 10_000 + b"\r\n",
    "no length": b"$abc\r\n",
    "a negative length": b"$-7\r\n",
    "a length beyond everything": b"$99999999999999999999999\r\nx\r\n",
    "a length of 8 EB": b"$9223372036854775807\r\nx\r\n",
    "a length of 4300 digits": b"$" + b"9" * 5000 + b"\r\n",
    "a short string": b"$5\r\nab\r\n",
    "an array of many": b"*99999999999999999999\r\n",
    "an array": b"*1\r\n$1\r\na\r\n",
    "a negative array": b"*-7\r\n",
    "deep arrays": b"*1\r\n" * 20_000 + b":1\r\n",
    "deep maps": b"%1\r\n" * 20_000 + b":1\r\n",
    "a map with lists as keys": b"%1\r\n*0\r\n*0\r\n",
    "a set of maps": b"~1\r\n%0\r\n",
    "no boolean": b"#x\r\n",
    "no number": b",abc\r\n",
    "no big number": b"(abc\r\n",
    "a push": b">1\r\n+hello\r\n",
    "a push of nothing": b">0\r\n",
    "a verbatim string": b"=3\r\ntxt\r\n",
    "an attribute": b"|1\r\n+a\r\n+b\r\n",
    "a line of 100 kB": b"+" + b"x" * 100_000 + b"\r\n",
    "an error of 100 kB": b"-ERR " + b"x" * 100_000 + b"\r\n",
    "an endless line": b"+".ljust(ENDLESS, b"x"),
    "endless errors": b"-x\r\n" * (ENDLESS // 4),
    "endless arrays": b"*1\r\n" * (ENDLESS // 4),
}


@pytest.mark.parametrize("to", ["HELLO", "SET"])
@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_that_no_redis_gives(stage: Stage, name: str, to: str) -> None:
    """Whatever it does to the client: the launch goes on by the database, soon, and says so."""
    async with fake_redis(lambda command: BROKEN[name] if command == to.encode() else None) as url:
        with_redis(stage, url)
        await launched(stage, "unavailable")
        with pytest.raises(DatabaseError) as told:
            await server_version(url)
        assert "\n" not in str(told.value)
        assert len(str(told.value)) < 400


@pytest.mark.parametrize(
    "name",  # half of them are waited for, for two seconds
    [pytest.param(name, marks=pytest.mark.chaos if n % 4 else ()) for n, name in enumerate(BROKEN)],
)
@pytest.mark.usefixtures("patient")
async def test_an_answer_that_no_redis_gives_to_the_release(stage: Stage, name: str) -> None:

    def answer(command: bytes) -> bytes | None:
        return {b"SET": b"_\r\n", b"EVAL": BROKEN[name], b"GET": BROKEN[name]}.get(command)

    async with fake_redis(answer) as url:
        with_redis(stage, url)
        await launched(stage, "acquired", seconds=5.0)


async def test_a_key_that_is_no_text(stage: Stage, redis: RedisServer) -> None:
    """On a real server: whoever wrote it, it is no launch."""
    key = f"{redis_lock.PREFIX}launch:{await target_of(stage.settings).key()}"
    for command in (f'SET {key} "\\xff\\xfe"', f"RPUSH {key} a"):
        redis.ask("FLUSHALL")
        redis.ask(command)
        assert redis.keys() == 1
        with_redis(stage, redis.url)
        clock = stage.clock
        assert isinstance(clock, MovedClock)
        clock.seconds += 60
        await launched(stage, "unavailable")
        assert redis.keys() == 1


@pytest.mark.parametrize(
    ("rights", "lock", "left", "told"),
    [
        ("+@all", "acquired", 0, ""),
        ("+@all -eval", "acquired", 0, ""),
        (
            "+@all -@scripting -get",
            "acquired",
            1,
            "Redis did not let the launch lock go; it frees itself in 10.0 s",
        ),
        ("+@all -set", "unavailable", 0, ""),
        ("+@all -hello", "acquired", 0, ""),
    ],
)
@pytest.mark.usefixtures("patient")
async def test_an_account_with_few_rights(
    stage: Stage, redis: RedisServer, rights: str, lock: str, left: int, told: str
) -> None:
    redis.ask(f"ACL SETUSER obmen on >secret ~obmen:* &* {rights}")
    url = redis.url.replace("unix://", "unix://obmen:secret@")
    with_redis(stage, url)
    clock = stage.clock
    assert isinstance(clock, MovedClock)
    await launched(stage, lock)
    assert redis.keys() == left
    assert told in stage.log()
    assert stage.log().count("Redis") == bool(told), "and once"
    redis.ask("FLUSHALL")
    await server_version(url)  # whether the lock can be used, the doctor tries apart


@pytest.mark.parametrize(
    "url",
    ["redis://:pa/ss@host:1/0", "redis://:hidden word@h:port/0", "redis://[::1:6379", "http://:hidden@h"],
)
def test_an_address_that_is_none_shows_no_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"redis\.url: not the address of a Redis server") as told:
        RedisLock(url)
    assert "pa" not in str(told.value)
    assert "hidden" not in str(told.value)


async def test_no_password_in_what_the_doctor_is_told(tmp_path: Path) -> None:
    for url in (f"unix://:hidden@{tmp_path}/nobody", f"unix://{tmp_path}/nobody?password=hidden"):
        with pytest.raises(DatabaseError, match=r"nobody.?: Redis does not answer") as told:
            await server_version(url)
        assert "hidden" not in str(told.value)
