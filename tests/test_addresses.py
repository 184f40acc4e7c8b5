"""Addresses: which ones are taken, and that none gives its password away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from redis import ConnectionPool
from redis.asyncio import Redis

from importers.addresses import (
    is_postgres,
    postgres_address,
    postgres_of,
    redis_address,
    sqlite_path,
    without_secrets,
)
from importers.catalog import open_catalog
from importers.errors import SettingsError
from importers.sessions import open_journal

SECRETS = [
    "s3cret", "a/s3cret", "s3cret/b", "a@s3cret", "s3cret@b", "a#s3cret", "s3cret#b", "a?s3cret", "s3cret?b",
    "a:s3cret", "s3cret b", "s3cret\n", "%2Fs3cret", "s3cret]", "[s3cret", "s3cret\udcff",
]  # fmt: skip
SHAPES = [
    "{scheme}://user:{secret}@host:6379/0", "{scheme}://:{secret}@host", "{scheme}://host:6379/0?password={secret}",
    "{scheme}://host?db=1&password={secret}", "{scheme}://host/0#{secret}", "{scheme}:/user:{secret}@host/0",
    "{scheme}:user:{secret}@host", "user:{secret}@host", "{scheme}://user:{secret}@[::1]:1/0", "{scheme}:///{secret}@host",
    "{scheme}://u:{secret}@/run/redis.sock", "{scheme}:///run/redis.sock?password={secret}",
]  # fmt: skip
SCHEMES = ("redis", "rediss", "unix", "postgresql", "postgresql+psycopg", "postgres", "mysql", "POSTGRESQL")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_password_is_shown(scheme: str) -> None:
    for shape, secret in product(SHAPES, SECRETS):
        address = shape.format(scheme=scheme, secret=secret)
        told = [
            without_secrets(address),
            refusal(sqlite_path, address),
            refusal(redis_address, address),
            refusal(postgres_address, address),
        ]
        assert not [text for text in told if "s3cret" in text or len(text.splitlines()) > 1], address


def refusal(check: Callable[[str], object], address: str) -> str:
    try:
        check(address)
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("REDIS://user:pw@host:6379/0", "redis://…@host:6379/0"),
        ("redis://host?password=pw", "redis://host…"),
        ("rediss://[::1]:6379", "rediss://[::1]:6379"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock…"),
        ("redis://:a?b@host", "redis://…"),
        ("postgresql://u:pw@db.example:5432/shop?schema=x", "postgresql://…@db.example:5432/shop…"),
        ("postgres://db/shop", "postgres://db/shop"),
        ("postgresql://u@/shop?host=/run", "postgresql://…@/shop…"),
        ("pw", "…"),
    ],
)
def test_what_is_shown_helps(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


REFUSED = {
    "postgresql+psycopg://u:s3cret@host/db": "or postgresql://user@host/name",
    "mysql://u:s3cret@host/db": "or postgresql://user@host/name",
    "postgresql://u:s3cret@x@host/db": "write % / @ # ? :",
    "postgresql://u:s3cret/x@host/db": "write % / @ # ? :",
    "postgresql://u:s3cret%@host/db": "write % / @ # ? :",
    "postgresql://u:s3cret@host/db#x": "write % / @ # ? :",
    "postgresql://u:s3cret@host/db?options=-c": "options after a ? can be",
    "postgresql://u:s3cret@host/db?sslmode=s3cret": "sslmode has a wrong value",
    "postgresql://u:s3cret@host/db?schema=pg_catalog": "schema has a wrong value",
    "postgresql://u:s3cret@host/db?schema=": "schema has a wrong value",
    "postgresql://u:s3cret@host/d b": "a space",
    "postgresql://u:s3cret@host/db?host=other": "host stands in it twice",
    "postgresql://u:s3cret@host:1/db?port=2": "port stands in it twice",
    "postgresql://u:s3cret@a:1,b/db?port=2": "port stands in it twice",
    "postgresql://u:s3cret@host/db?user=other": "user stands in it twice",
    "postgresql://u:s3cret@host/db?password=s3cret": "password stands in it twice",
    "postgresql://u:s3cret@host/db?dbname=other": "dbname stands in it twice",
    "postgresql://u:s3cret@host/db?schema=a&schema=b": "schema stands in it twice",
    "postgresql://u:s3cret@host:65536/db": "write % / @ # ? :",
    "postgresql://u:s3cret@host:0/db": "write % / @ # ? :",
    "postgresql://u:s3cret@/db?port=70000": "port has a wrong value",
    "sqlite://relative.db": "sqlite:///path",
    "sqlite:/srv/x.db": "sqlite:///path",
    "sqlite:x.db": "sqlite:///path",
    "/srv/x.db": "sqlite:///path",
    " sqlite:///x.db": "sqlite:///path",
    "sqlite:///x.db?mode=ro": "after a ?",
    "sqlite:///file:x.db?mode=ro": "after a ?",
    "sqlite:///:memory:": "in memory",
    "sqlite:///file::memory:": "in memory",
    "sqlite:///": "names no file",
    "sqlite:///folder/": "names no file",
    "sqlite:///a\0b": "UTF-8",
    "sqlite:///a\udcff": "UTF-8",
}


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_no_database_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """By whomever they are opened, and before anything is made."""
    monkeypatch.chdir(tmp_path)
    for open_it in (open_journal, open_catalog):
        with pytest.raises(SettingsError) as error:
            asyncio.run(opened(open_it, address))
        assert REFUSED[address] in str(error.value)
        assert "s3cret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


async def opened(open_it: Callable[[str], Awaitable[object]], address: str) -> None:
    await open_it(address)


async def test_the_scheme_may_be_written_in_capitals(tmp_path: Path) -> None:
    await (await open_journal(f"SQLITE:///{tmp_path}/j.db")).close()
    assert (tmp_path / "j.db").is_file()


POSTGRES_TAKEN = {
    "postgresql://u:p%40w@db:5433/shop": (
        {"user": "u", "password": "p@w", "host": "db", "port": "5433"},
        "public",
    ),
    "POSTGRES://db/shop?schema=s1": ({"host": "db", "dbname": "shop"}, "s1"),
    "postgresql://u@/shop?host=/run/pg&sslmode=require": (
        {"host": "/run/pg", "sslmode": "require"},
        "public",
    ),
    "postgresql://a:1,[::1]:2/shop?target_session_attrs=primary": (
        {"host": "a,::1", "port": "1,2"},
        "public",
    ),
}


@pytest.mark.parametrize("address", POSTGRES_TAKEN)
def test_what_is_taken_for_postgres_means_there_what_it_says(address: str) -> None:
    means, schema = POSTGRES_TAKEN[address]
    assert is_postgres(address)
    url, found = postgres_of(address, "public")
    assert found == schema
    assert conninfo_to_dict(url).items() >= means.items()


TAKEN = {
    "redis://host": {"host": "host"},
    "REDIS://host:1/2": {"host": "host", "port": 1, "db": 2},
    "redis://": {},
    "redis:///3": {"db": 3},
    "redis://:p%2Fw@host": {"password": "p/w", "host": "host"},
    "redis://u:a@b@host": {"username": "u", "password": "a@b", "host": "host"},
    "redis://host?db=4&password=p": {"host": "host", "db": 4, "password": "p"},
    "rediss://host?ssl_cert_reqs=none": {"host": "host", "ssl_cert_reqs": "none"},
    "redis://[::1]:7": {"host": "::1", "port": 7},
    "unix:///run/r.sock?db=1": {"path": "/run/r.sock", "db": 1},
    "unix://u:p@/run/r.sock": {"path": "/run/r.sock", "username": "u", "password": "p"},
}


@pytest.mark.parametrize("address", TAKEN)
def test_what_is_taken_for_redis_means_there_what_it_says(address: str) -> None:
    url = redis_address(address)

    async def arguments() -> dict[str, object]:
        redis = Redis.from_url(url)
        found = dict(redis.connection_pool.connection_kwargs)
        redis.connection_pool.make_connection()  # no argument that it does not know
        await redis.aclose()
        return found

    ConnectionPool.from_url(url)  # another client, which knows schemes in small letters alone
    found = asyncio.run(arguments())
    told = ("host", "port", "db", "username", "password", "path", "ssl_cert_reqs")
    assert {name: found[name] for name in told if name in found} == TAKEN[address]


@pytest.mark.parametrize(
    "address",
    [
        "redis:host", "redis:/host", "http://host", "host:6379", "redis+sentinel://host", "redis://host/db", "redis://host/0/1",
        "redis://:p/w@host", "redis://:p#w@host", "redis://:p?w@host", "redis://host#0", "redis://host:99999", "redis://host:0",
        "redis://host:x", "redis://host?timeout=1", "redis://host?password=", "redis://host?db=x", "redis://host?protocol=7",
        "redis://host?ssl_cert_reqs=none", "rediss://host?ssl_cert=x", "redis://host\n", "redis://h ost",
        "redis://host?db=1&db=2", "rediss://host?ssl_cert_reqs=none&ssl_check_hostname=true",
        "rediss://host?ssl_cert_reqs=some", "rediss://host?ssl_check_hostname=off",
        "redis://host\udcff", "unix://run/redis.sock", "unix://", "unix:///", "redis://[::1", "redis://host?x",
    ],
)  # fmt: skip
def test_what_redis_would_misread_is_refused(address: str) -> None:
    with pytest.raises(SettingsError):
        redis_address(address)
