"""The launch lock on Redis 7.0 or newer, or Valkey: shared by all machines that launch.

SET key token NX PX … GET tells our own token from a rival's, so a lost reply does not orphan the key. The release is
a compare-and-delete in Lua. The client neither retries nor waits: 0.3 s, then the launch goes on by the database.
"""

from __future__ import annotations

import asyncio
import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from importers.addresses import without_secrets
from importers.errors import DatabaseError, SettingsError
from importers.launch.lock import Locked
from importers.texts import _

TIMEOUT_SECONDS = 0.3
PREFIX = "obmen:"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


def client(url: str) -> Redis:
    try:
        return Redis.from_url(
            url,
            # Ours is around every command; redis-py's own asyncio.wait_for would swallow cancellations (Python 3.11).
            socket_timeout=None,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
    except ValueError as error:
        raise SettingsError(_("redis.url: {error}").format(error=error)) from error


class RedisLock:
    def __init__(self, url: str) -> None:
        self._redis = client(url)

    async def acquire(self, key: str, token: str, seconds: float) -> Locked:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                held = await self._redis.set(PREFIX + key, token, nx=True, px=int(seconds * 1000), get=True)
        except (RedisError, OSError, TimeoutError):
            return Locked.UNAVAILABLE
        return Locked.ACQUIRED if held in (None, token) else Locked.BUSY

    async def release(self, key: str, token: str) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return bool(await self._redis.eval(_RELEASE, 1, PREFIX + key, token))
        except (RedisError, OSError, TimeoutError):
            return False  # it frees itself after LOCK_SECONDS

    async def close(self) -> None:
        await self._redis.aclose()


async def server_version(url: str) -> tuple[tuple[int, ...], float]:
    """The version of the server at `url`, and the seconds of a round trip. Raises DatabaseError when it does not
    answer."""
    redis = client(url)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            info = await redis.info("server")
            start = time.monotonic()
            await redis.ping()
            seconds = time.monotonic() - start
    except (RedisError, OSError, TimeoutError) as error:
        raise DatabaseError(
            _("{url}: Redis does not answer: {error}").format(
                url=without_secrets(url), error=str(error) or _("timeout")
            )
        ) from error
    finally:
        await redis.aclose()
    return tuple(int(part) for part in str(info["redis_version"]).split(".")), seconds
