"""The launch lock: keeps losers out early, for the seconds of a launch. It promises nothing: the database decides.

Two implementations with one contract (tests/contract/test_launch_lock.py): Redis, and a table beside the journal.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Protocol, TypeVar

from importers.shielding import to_the_end

LOCK_SECONDS = 10.0
"""A launch takes milliseconds; a holder that died frees the key after so long."""
WAIT_SECONDS = 2.0
POLL_SECONDS = 0.05
T = TypeVar("T")


class Locked(StrEnum):
    """What the lock did, as the attempt tells it."""

    ACQUIRED = "acquired"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


class LaunchLock(Protocol):
    """A token holds a key until it is released or its seconds are over; of rivals at once one acquires it."""

    async def acquire(self, key: str, token: str, seconds: float) -> Locked:
        """One try, which waits for no rival. A key that already holds our own token is ours: the reply to the first try
        was lost. UNAVAILABLE where nobody knows; DatabaseError where the lock is a table and cannot be written."""
        ...

    async def release(self, key: str, token: str) -> bool:
        """Delete the key if it holds this token; whether it did. Another's is never deleted. Raises DatabaseError as
        `acquire` does."""
        ...

    async def close(self) -> None:
        """Free what the lock itself keeps open, no key. Raises nothing."""
        ...


@asynccontextmanager
async def holding(
    lock: LaunchLock, target: str, existing: Callable[[], Awaitable[T | None]]
) -> AsyncIterator[tuple[Locked, T | None]]:
    """Hold the lock of a target, or go on without it: after 2 s of waiting, or at once when it cannot be had.

    While a rival holds it, `existing` is asked whether the rival's launch has settled this one, too; its answer is the
    second of the pair. Every call has a token of its own. Whatever was taken is released, also when this is cancelled.
    """
    key, token = f"launch:{target}", secrets.token_hex(16)
    loop = asyncio.get_running_loop()
    end = loop.time() + WAIT_SECONDS
    found = None
    try:
        while True:
            got = Locked.UNAVAILABLE  # until it is known
            got = await lock.acquire(key, token, LOCK_SECONDS)
            if got is not Locked.BUSY or loop.time() >= end or (found := await existing()) is not None:
                break
            await asyncio.sleep(POLL_SECONDS)
        yield got, found
    finally:
        await to_the_end(_let_go(lock, key, token, maybe_held=got is not Locked.BUSY))


async def _let_go(lock: LaunchLock, key: str, token: str, *, maybe_held: bool) -> None:
    """After a cancellation or a lost reply nobody knows whether it was taken: only a plain no spares the release."""
    try:
        if maybe_held:
            await lock.release(key, token)
    finally:
        await lock.close()
