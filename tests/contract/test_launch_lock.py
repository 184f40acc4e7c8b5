"""The contract of the launch lock, over each implementation: `LaunchLock`, and `holding` it."""

from __future__ import annotations

import asyncio

import pytest
from lock_bench import KEY, LockBench
from support.engine_stage import cancelled_everywhere

from importers.launch import lock as launch_lock
from importers.launch.lock import LaunchLock, Locked, holding


async def take(lock: LaunchLock, token: str) -> Locked:
    return await lock.acquire(KEY, token, launch_lock.LOCK_SECONDS)


async def test_one_holder(locks: LockBench) -> None:
    mine, theirs = locks.make(), locks.make()
    assert await take(mine, "a") is Locked.ACQUIRED
    assert await take(theirs, "b") is Locked.BUSY
    assert await mine.release(KEY, "a")
    assert await take(theirs, "b") is Locked.ACQUIRED


async def test_other_keys_are_free(locks: LockBench) -> None:
    lock = locks.make()
    assert await take(lock, "a") is Locked.ACQUIRED
    assert await lock.acquire("launch:elsewhere", "b", 10) is Locked.ACQUIRED


async def test_our_own_token_is_ours_again(locks: LockBench) -> None:
    """The reply to the first try was lost."""
    lock = locks.make()
    assert await take(lock, "a") is Locked.ACQUIRED
    assert await take(locks.make(), "a") is Locked.ACQUIRED


async def test_only_the_holder_releases(locks: LockBench) -> None:
    mine, theirs = locks.make(), locks.make()
    await take(mine, "a")
    assert not await theirs.release(KEY, "b")
    assert await take(theirs, "b") is Locked.BUSY
    assert await mine.release(KEY, "a")
    assert not await mine.release(KEY, "a"), "once"


async def test_it_expires(locks: LockBench) -> None:
    mine, theirs = locks.make(), locks.make()
    await take(mine, "a")
    await locks.expire()
    assert await take(theirs, "b") is Locked.ACQUIRED
    assert not await mine.release(KEY, "a"), "the late one must not free what is another's by now"
    assert await take(locks.make(), "c") is Locked.BUSY


async def nothing() -> None:
    return None


async def test_only_one_of_many_is_in_at_a_time(locks: LockBench) -> None:
    inside = most = 0

    async def enter() -> Locked:
        nonlocal inside, most
        async with holding(locks.make(), "t", nothing) as (got, _found):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1
        return got

    assert set(await asyncio.gather(*(enter() for _ in range(6)))) == {Locked.ACQUIRED}
    assert (most, locks.held()) == (1, 0)


async def test_the_wait_ends_when_the_rival_has_settled_it(locks: LockBench) -> None:
    answers = iter((None, "found"))

    async def look() -> str | None:
        return next(answers)

    async with holding(locks.make(), "t", nothing), holding(locks.make(), "t", look) as (got, found):
        assert (got, found) == (Locked.BUSY, "found")
    assert locks.held() == 0


async def test_the_wait_ends_without_the_lock(locks: LockBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_lock, "WAIT_SECONDS", 0.1)
    async with holding(locks.make(), "t", nothing):
        async with holding(locks.make(), "t", nothing) as (got, _found):
            assert got is Locked.BUSY
        assert locks.held() == 1, "the holder's key stays"
    assert locks.held() == 0


async def test_cancelled_at_any_stop_it_leaves_no_key(locks: LockBench) -> None:
    async def hold() -> None:
        async with holding(locks.make(), "t", nothing):
            await asyncio.sleep(0)

    async def check() -> None:
        assert locks.held() == 0

    assert await cancelled_everywhere(hold, check) > 3
