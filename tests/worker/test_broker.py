"""Celery's connections lead where redis-py's own lead, and nobody is told by which password."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import kombu.utils.json
import pytest
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError
from support.celery_worker import celery_worker
from support.engine_stage import make_settings, redis_server
from support.tls import behind_tls

from importers.addresses import redis_address
from importers.worker.celery_engine import make_app, make_sender

NEEDLE = "s3cret"
SECRET, WRITTEN = f"{NEEDLE};w %2F@ü", f"{NEEDLE}%3Bw%20%252F%40%C3%BC"
"""A password, and how it stands in an address."""
FORMS = {
    "redis://{host}": "AuthenticationError",
    "REDIS://:{secret}@{host}/3": ("default", 3),
    "redis://:s3cret;w%20%252F@ü@{host}": ("default", 0),
    "redis://ann:{secret}@{host}/2?db=3": ("ann", 3),
    "redis://{host}/2?username=ann&password={secret}": ("ann", 2),
    "redis://bob@{host}?username=ann&password={secret}": "AuthenticationError",
    "redis://ann:{secret}@{host}?password=other&client_name=shop%3B1": ("ann", 0),
    "redis://{host}?protocol=2&password={secret}": ("default", 0),
    "redis://{host}?protocol=3&password={secret}": ("default", 0),
    "unix://:{secret}@{path}": ("default", 0),
    "unix://ann:{secret}@{path}?db=5": ("ann", 5),
    "unix://{path}?username=ann&password={secret}&db=0": ("ann", 0),
    "rediss://:{secret}@{tls}/4?ssl_ca_certs={certificate}": ("default", 4),
    "rediss://ann:{secret}@127.0.0.1:{port}?ssl_ca_certs={certificate}&ssl_check_hostname=false": ("ann", 0),
    "rediss://127.0.0.1:{port}?ssl_cert_reqs=none&username=ann&password={secret}": ("ann", 0),
    "rediss://:{secret}@127.0.0.1:{port}?ssl_ca_certs={certificate}": "ConnectionError",
    "rediss://:{secret}@{tls}": "ConnectionError",
    "redis://ann:other@{host}": "AuthenticationError",
    "redis://:{secret}@{host}/99": "ResponseError",
}
"""(user, database), or what is said of those who are not let in."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with redis_server("--port", str(port)) as server:
        with Redis(unix_socket_path=str(server.socket)) as redis:
            for name in ("default", "ann"):
                redis.acl_setuser(
                    name, enabled=True, passwords=[f"+{SECRET}"], keys="*", channels="*", commands=["+@all"]
                )
            redis.execute_command("ACL", "SETUSER", "default", "resetpass", f">{SECRET}")
        with behind_tls(server.socket, tmp_path_factory.mktemp("tls")) as (tls, certificate):
            yield {
                "host": f"127.0.0.1:{port}", "path": str(server.socket), "tls": f"localhost:{tls}", "port": str(tls),
                "certificate": str(certificate), "secret": WRITTEN,
            }  # fmt: skip


def who(redis: Redis) -> dict[str, object]:
    """What the server says of a connection."""
    said = redis.client_info()
    return {name: said.get(name) for name in ("user", "db", "name", "resp", "laddr")}


@pytest.mark.parametrize("form", FORMS)
def test_celery_comes_as_who_the_address_names(form: str, places: dict[str, str]) -> None:
    url, expected = redis_address(form.format(**places)), FORMS[form]
    app = make_sender(url, "obmen")
    if isinstance(expected, str):
        with Redis.from_url(url) as redis, pytest.raises(RedisError) as refused:
            redis.ping()
        assert type(refused.value).__name__ == expected
        with app.connection_for_write() as connection, pytest.raises(OperationalError) as celery_refused:
            connection.default_channel  # noqa: B018 (it connects)
        assert type(celery_refused.value.__cause__).__name__ == expected
        assert NEEDLE not in str(celery_refused.value)
    else:
        with Redis.from_url(url) as redis, app.connection_for_write() as connection:
            found = who(connection.default_channel.client)
            assert found == who(redis)
        assert (found["user"], int(str(found["db"]))) == expected
        assert found["name"] == ("shop;1" if "client_name" in form else "")


@pytest.mark.parametrize("form", FORMS)
def test_celery_can_tell_nobody_the_password(form: str, places: dict[str, str]) -> None:
    app = make_sender(redis_address(form.format(**places)), "obmen")
    with app.connection_for_write() as connection:
        told = [connection.as_uri(include_password=True), connection.info(), connection.clone().info()]
    told += [
        app.bugreport(),
        app.conf.table(with_defaults=True, censored=False),
        repr(app.conf.broker_transport),
    ]
    assert NEEDLE not in str(told)
    kombu.utils.json.dumps(connection.info())  # as it is answered


@pytest.mark.parametrize(
    "form", ["unix://:{secret}@{path}", "rediss://{tls}?password={secret}&ssl_ca_certs={certificate}"]
)
def test_a_worker_tells_nobody_its_password(form: str, places: dict[str, str], tmp_path: Path) -> None:
    """Neither those who ask it, nor its log, nor the list of processes."""
    worker_section = {"engine": "celery", "queue": "secretive"}
    settings = make_settings(tmp_path, redis={"url": form.format(**places)}, worker=worker_section)
    with celery_worker(settings) as worker:
        asked = make_app(settings).control.inspect(timeout=5, limit=1)
        # A worker that is ready may not listen yet, and what it was asked till then is lost.
        assert any(asked.ping() for _try in range(10))
        told = [asked.stats(), asked.report(), asked.conf()]
        assert all(told)
        assert "error" not in str([next(iter(answers.values())).keys() for answers in told])
        ours = [path / "cmdline" for path in Path("/proc").glob("[0-9]*") if is_of(path.name, worker.pid)]
        assert len(ours) >= 2
        told += [path.read_bytes() for path in ours]
    assert worker.count(form.partition(":")[0] + "://") >= 1
    assert worker.count("insecure") == 0, (
        "its connections are verified, whatever Celery makes of what it is shown"
    )
    assert NEEDLE not in str([told, worker.lines])


def is_of(pid: str, session: int) -> bool:
    try:
        return os.getsid(int(pid)) == session
    except ProcessLookupError:
        return False
