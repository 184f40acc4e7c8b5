"""Servers that are reached by TLS alone: all of it works so, and without a certificate that is trusted nothing does."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.celery_worker import celery_worker
from support.engine_stage import PEOPLE, make_settings, redis_server, staged
from support.engines import PostgresHand
from support.tls import NAME, OPENSSL, POSTGRES_ASKS, Authority, Tunnel, tunnel

from importers.database.looking import look
from importers.errors import BrokerDown, DatabaseError
from importers.launch import redis_lock
from importers.launch.lock import Locked
from importers.launch.redis_lock import RedisLock, server_version
from importers.sessions import Status
from importers.settings import Settings
from importers.worker.celery_dispatch import plainly
from importers.worker.celery_engine import make_sender
from importers.worker.dispatch import dispatcher_for

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl here, which makes certificates")

OTHER_NAME = "127.0.0.1"


class Servers:
    """`ours`: who signed their certificates, for NAME."""

    def __init__(self, ours: Authority, others: Authority, redis: Tunnel, postgres: Tunnel) -> None:
        self.ours, self.others, self._redis, self._postgres = ours, others, redis, postgres

    @property
    def wire(self) -> bytes:
        return self._redis.wire + self._postgres.wire

    def redis(self, host: str = NAME, **options: object) -> str:
        told = {"ssl_ca_certs": self.ours.file} | options
        return f"rediss://:s3cret@{host}:{self._redis.port}/0?" + _query(told)

    def postgres(self, host: str = NAME, **options: object) -> str:
        told = {"sslmode": "verify-full", "sslrootcert": self.ours.file} | options
        return f"postgresql://obmen:s3cret@{host}:{self._postgres.port}/postgres?" + _query(told)


def _query(options: dict[str, object]) -> str:
    return "&".join(f"{name}={value}" for name, value in options.items())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers does so in time, also on a busy machine."""
    monkeypatch.setattr(redis_lock, "TIMEOUT_SECONDS", 5.0)


@pytest.fixture(scope="module")
def servers(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("tls")
    ours, others = Authority(folder, "ours"), Authority(folder, "others")
    certificate = ours.for_server()
    server = Path(parse_qs(urlsplit(postgres).query)["host"][0]) / ".s.PGSQL.5432"
    with ExitStack() as stack:
        valkey = stack.enter_context(redis_server())
        assert valkey.ask("CONFIG", "SET", "requirepass", "s3cret") == "+OK"
        redis = stack.enter_context(tunnel(valkey.socket, certificate))
        yield Servers(ours, others, redis, stack.enter_context(tunnel(server, certificate, POSTGRES_ASKS)))


async def test_a_session_goes_over_it(servers: Servers, tmp_path: Path) -> None:
    journal, catalog = PostgresHand(servers.postgres()), PostgresHand(servers.postgres())
    sections: dict[str, dict[str, Any]] = {
        "redis": {"url": servers.redis()},
        "catalog": {"url": catalog.url},
        "worker": {"engine": "celery"},
    }
    async with staged(tmp_path, hand=journal, **sections) as stage:
        stage.dispatcher = dispatcher_for(stage.settings)
        watch = stage.journal.watch()
        with celery_worker(stage.settings) as worker:
            await watch.changed()
            session = (await stage.launch()).session
            assert session
            assert await watch.changed(10)
            assert (await stage.ended(session.id)).status is Status.COMPLETED
            assert "s3cret" not in "".join(worker.lines)
        assert stage.rows("SELECT lock FROM attempt") == [("acquired",)]
    assert dict(catalog.rows("SELECT id, name FROM customer")) == PEOPLE
    for secret in (b"s3cret", b"obmen", b"customer", "Лесная тропа".encode()):
        assert secret not in servers.wire
    for hand in (journal, catalog):
        hand.drop()


async def test_with_a_broker_that_is_not_trusted_it_waits_and_says_why(
    servers: Servers, tmp_path: Path
) -> None:
    sections = {"redis": {"url": servers.redis(OTHER_NAME)}, "worker": {"engine": "celery"}}
    async with staged(tmp_path, **sections) as stage:
        stage.dispatcher = dispatcher_for(stage.settings)
        session = (await stage.launch()).session
        assert session
        waiting = str((await stage.journal.session(session.id)).waiting)
        assert waiting.startswith("waiting for the broker: rediss://…@127.0.0.1")
        assert "its certificate is for another host" in waiting
        assert stage.rows("SELECT lock FROM attempt") == [("unavailable",)]


@pytest.mark.parametrize(
    ("host", "options", "told"),
    [
        (NAME, {"ssl_ca_certs": "others"}, "its certificate is not trusted: .*; name the file .*ssl_ca_certs="),
        (OTHER_NAME, {}, "its certificate is for another host: .*127.0.0.1'; correct the address"),
        (NAME, {"ssl_ca_certs": "/nowhere"}, "cannot read /nowhere; correct ssl_ca_certs"),
        (NAME, {"ssl_ca_certs": __file__}, "TLS fails: .*; correct the options ssl_"),
    ],
)  # fmt: skip
async def test_lock_and_broker_say_what_is_not_trusted(
    servers: Servers, tmp_path: Path, host: str, options: dict[str, object], told: str
) -> None:
    url = servers.redis(host, **_with_file(servers, options))
    with pytest.raises(DatabaseError, match=told) as of_lock:
        await server_version(url)
    settings = make_settings(tmp_path, redis={"url": url}, worker={"engine": "celery"})
    with pytest.raises(BrokerDown, match=told) as of_broker:
        reach_broker(settings)
    for error in (of_lock.value, of_broker.value):
        assert "s3cret" not in str(error)
        assert "\n" not in str(error)
    assert b"s3cret" not in servers.wire


def reach_broker(settings: Settings) -> None:
    """As Celery sends to it."""
    url = settings.redis.url
    with plainly(url), make_sender(url, settings.worker.queue).connection_for_write() as connection:
        assert connection.default_channel


async def test_lock_and_broker_read_an_address_alike(servers: Servers, tmp_path: Path) -> None:
    url = servers.redis(OTHER_NAME, ssl_check_hostname="false")
    version, _seconds = await server_version(url)
    assert version
    settings = make_settings(tmp_path, redis={"url": url}, worker={"engine": "celery"})
    reach_broker(settings)


@pytest.mark.parametrize(
    ("host", "options", "told"),
    [
        (NAME, {"sslrootcert": "others"}, "its certificate is not trusted, or out of date; name the file"),
        (OTHER_NAME, {}, "its certificate is for another host: .*; correct the address"),
        *(
            (NAME, {"sslmode": mode, option: "/nowhere"}, f"cannot read /nowhere; correct {option}$")
            for mode, option in (
                ("verify-full", "sslrootcert"),
                ("require", "sslrootcert"),
                ("prefer", "sslcert"),
                ("require", "sslkey"),
                ("require", "sslcrl"),
                ("require", "passfile"),
            )
        ),
    ],
)
def test_postgresql_that_is_not_trusted(
    servers: Servers, host: str, options: dict[str, object], told: str
) -> None:
    url = servers.postgres(host, **_with_file(servers, options))
    with pytest.raises(DatabaseError, match=told) as raised:
        look(url, "public", "t", "SELECT 1")
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert b"obmen" not in servers.wire


async def test_the_lock_has_read_whom_to_trust_before_its_time_runs(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All certificates of the system: 50 ms, with little time to answer."""
    lock = RedisLock(servers.redis())
    monkeypatch.setattr(ssl, "create_default_context", None)
    assert await lock.acquire("trusting", "token", 5.0) is Locked.ACQUIRED
    assert await lock.release("trusting", "token")
    await lock.close()


async def test_a_redis_without_tls() -> None:
    with socket.create_server((OTHER_NAME, 0)) as plain:

        def answer() -> None:
            with plain.accept()[0] as client:
                client.recv(4096)
                client.sendall(b"-ERR Protocol error\r\n")

        Thread(target=answer, daemon=True).start()
        with pytest.raises(DatabaseError, match="it does not speak TLS; correct the port"):
            await server_version(f"rediss://:s3cret@{OTHER_NAME}:{plain.getsockname()[1]}/0")


@pytest.mark.parametrize(
    ("scheme", "hangs_up", "told"),
    [
        ("redis", True, "as a server does that wants TLS: correct the port, or write rediss://"),
        ("rediss", True, "as a server does that wants a certificate: name it in .*ssl_certfile"),
        ("rediss", False, "it hangs, or does not speak TLS there; see to it, or correct the port"),
    ],
)
async def test_a_redis_that_says_nothing(
    scheme: str, hangs_up: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Redis does itself."""
    if not hangs_up:
        monkeypatch.setattr(redis_lock, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server((OTHER_NAME, 0)) as server:

        def hang_up() -> None:
            with server.accept()[0] as client:
                client.recv(1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        if hangs_up:
            Thread(target=hang_up, daemon=True).start()
        with pytest.raises(DatabaseError, match=told):
            await server_version(f"{scheme}://:s3cret@{OTHER_NAME}:{server.getsockname()[1]}/0")


def _with_file(servers: Servers, options: dict[str, object]) -> dict[str, object]:
    return {name: servers.others.file if told == "others" else told for name, told in options.items()}
