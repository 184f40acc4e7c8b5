"""The launch lock on Redis 7.0 or newer, or Valkey: shared by all machines that launch.

SET key token NX PX … GET tells our own token from a rival's, so a lost reply does not orphan the key. The release is
a compare-and-delete in Lua. The client neither retries nor waits: 0.3 s, then the launch goes on by the database, as it
does after an answer that no Redis would give.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis, SSLConnection
from redis.asyncio.connection import RedisSSLContext
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, ResponseError

from importers.addresses import without_secrets
from importers.errors import PLACE, DatabaseError, SettingsError
from importers.launch.lock import LOCK_SECONDS, Locked
from importers.redis_errors import refusal, why_not
from importers.texts import N_, Message, _, plain

TIMEOUT_SECONDS = 0.3
PREFIX = "obmen:"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


def client(url: str) -> Redis:
    try:
        redis = Redis.from_url(
            url,
            # Ours is around every command; redis-py's own asyncio.wait_for would swallow cancellations (Python 3.11).
            socket_timeout=None,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
    except ValueError as error:  # its words may hold a part of the password
        raise SettingsError(
            N_("redis.url: not the address of a Redis server; write it like redis://host:6379/0")
        ) from error
    pool = redis.connection_pool
    if issubclass(pool.connection_class, SSLConnection):
        pool.connection_class = _trusting(pool.connection_kwargs)
    return redis


def _trusting(options: dict[str, Any]) -> type[SSLConnection]:
    """Whom these connections trust is read before time runs, and once: all certificates of the system take 50 ms."""
    ours = {option: value for option, value in options.items() if option.startswith("ssl_")}
    files = [Path(value) for value in ours.values() if isinstance(value, str)]
    trust = _read_trust(
        frozenset(ours.items()), *(file.stat().st_mtime_ns for file in files if file.exists())
    )

    class Trusting(SSLConnection):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.ssl_context = trust

    return Trusting


@cache
def _read_trust(options: frozenset[tuple[str, Any]], *_changed: int) -> RedisSSLContext:
    trust = SSLConnection(**dict(options)).ssl_context
    with contextlib.suppress(OSError):  # the connection meets it, too, and says so
        trust.get()
    return trust


class RedisLock:
    """`log` is told what an administrator of the server should know."""

    def __init__(self, url: str, log: logging.Logger | None = None) -> None:
        self._redis = client(url)
        self._log = log
        self._acquired = False

    async def acquire(self, key: str, token: str, seconds: float) -> Locked:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                held = await self._redis.set(PREFIX + key, token, nx=True, px=int(seconds * 1000), get=True)
        except Exception:  # noqa: BLE001 (a broken answer can lead the client to any error)
            return Locked.UNAVAILABLE
        self._acquired = held in (None, token)
        if self._acquired:
            return Locked.ACQUIRED
        return Locked.BUSY if held and isinstance(held, str) else Locked.UNAVAILABLE  # no token is empty

    async def release(self, key: str, token: str) -> bool:
        """False also where it cannot be known: the key frees itself after LOCK_SECONDS."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._delete(PREFIX + key, token)
        except ResponseError as error:
            if self._acquired and self._log:
                self._log.warning(
                    "%s",
                    _("Redis did not let the launch lock go; it frees itself in {seconds} s: {error}").format(
                        seconds=LOCK_SECONDS, error=plain(str(error))
                    ),
                )
            return False
        except Exception:  # noqa: BLE001 (as above)
            return False

    async def _delete(self, name: str, token: str) -> bool:
        try:
            return bool(await self._redis.eval(_RELEASE, 1, name, token) == 1)
        except ResponseError:
            # An account without scripts. Between these steps the key may expire and be a rival's: the database decides.
            return await self._redis.get(name) == token and await self._redis.delete(name) == 1

    async def close(self) -> None:
        with contextlib.suppress(Exception):  # a connection that is broken already
            await self._redis.aclose()


async def server_version(url: str) -> tuple[tuple[int, ...], float]:
    """The version of the server at `url`, () where the account may not ask for it, and the seconds of a round trip.
    Raises DatabaseError when it does not answer."""
    redis = client(url)
    version: tuple[int, ...] = ()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            with contextlib.suppress(NoPermissionError):
                info = await redis.info("server")
                version = tuple(int(part) for part in str(info["redis_version"]).split("."))
            start = time.monotonic()
            with contextlib.suppress(NoPermissionError):  # an answer, too
                await redis.ping()
            seconds = time.monotonic() - start
    except Exception as error:
        if why := refusal(error):
            raise DatabaseError(PLACE, path=without_secrets(url), why=why) from error
        raise DatabaseError(
            N_("{url}: Redis does not answer: {error}"),
            url=without_secrets(url),
            error=why_not(url, error) or Message(N_("timeout")),
        ) from error
    finally:
        with contextlib.suppress(Exception):
            await redis.aclose()
    return version, seconds
