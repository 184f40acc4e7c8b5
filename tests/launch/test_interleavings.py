"""Directed interleavings of launchers, workers, reapers and locks.

An interleaving is a function of a `Lab`; it fails when a guarantee is broken. Each holds on the program as it is, and
tests/launch/test_mutants.py shows that each sees its guard missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_mutants import attribute
from laboratory import LEASE, RECENCY, Interleaving, Lab, laboratory
from support.engine_stage import RedisServer, dead_process, redis_server
from support.engines import Hand

from importers.errors import LeaseLost
from importers.launch import redis_lock
from importers.launch.lock import LaunchLock, Locked, holding
from importers.launch.redis_lock import RedisLock
from importers.launch.table_lock import TableLock
from importers.processes import this_process
from importers.sessions import Outcome, Status
from importers.sessions.store import JournalStore
from importers.targets import target_of
from importers.texts import Message
from importers.worker import reaper
from importers.worker.dispatch import dispatch

AT_THE_GATE = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

# Two launchers


async def both_look_then_both_create(lab: Lab) -> None:
    assert await lab.a.find_answer(lab.new("a"), RECENCY) is None
    assert await lab.b.find_answer(lab.new("b"), RECENCY) is None
    first, second = await asyncio.gather(lab.create(lab.a, "a"), lab.create(lab.b, "b"))
    assert {first[0], second[0]} == {Outcome.CREATED, Outcome.JOINED}
    assert lab.sessions() == 1


async def both_look_then_one_is_through_before_the_other_creates(lab: Lab) -> None:
    assert await lab.a.find_answer(lab.new("a"), RECENCY) is None
    assert await lab.b.find_answer(lab.new("b"), RECENCY) is None
    _outcome, session = await lab.create(lab.a, "a")
    await lab.a.finish(session.id, session.fence, Status.COMPLETED, {})
    assert (await lab.create(lab.b, "b"))[0] is Outcome.JOINED
    assert lab.sessions() == 1


async def both_look_in_their_transactions_then_both_create(lab: Lab) -> None:
    """The first that has looked waits for the other, which has looked, too, or waits at the gate."""
    existing = JournalStore._existing
    looked: set[str] = set()

    async def wait_for_the_other(self: JournalStore, db: Any, new: Any, recency: float) -> Any:
        found = await existing(self, db, new, recency)
        if db is not self.database:
            looked.add(new.idempotency_key)
            async with asyncio.timeout(5):
                while len(looked) < 2 and not lab.stage.rows(AT_THE_GATE):  # noqa: ASYNC110 (the server knows)
                    await asyncio.sleep(0.002)
        return found

    with attribute(JournalStore, "_existing", wait_for_the_other):
        first, second = await asyncio.gather(lab.create(lab.a, "a"), lab.create(lab.b, "b"))
    assert {first[0], second[0]} == {Outcome.CREATED, Outcome.JOINED}
    assert lab.sessions() == 1


async def redis_forgets_the_lock_while_it_is_held(lab: Lab) -> None:
    create, locks = lab.a.create, []

    async def late(*args: Any) -> Any:
        locks.append(lab.redis.keys())
        lab.redis.ask("FLUSHALL")
        assert (await lab.launch(lab.b, "b")).outcome is Outcome.CREATED
        return await create(*args)

    with attribute(lab.a, "create", late):
        result = await lab.launch(lab.a, "a")
    assert (result.outcome, result.lock) == (Outcome.JOINED, Locked.ACQUIRED)
    assert (locks, lab.redis.keys()) == ([1], 0)
    assert (lab.sessions(), lab.sent) == (1, [1])


async def a_retry_comes_when_all_is_long_over(lab: Lab) -> None:
    assert await lab.b.find_answer(lab.new("a"), RECENCY) is None
    _outcome, session = await lab.create(lab.a, "a")
    await lab.a.finish(session.id, session.fence, Status.COMPLETED, {})
    lab.clock.seconds += 60
    assert (await lab.create(lab.b, "a"))[0] is Outcome.REPLAYED
    assert lab.sessions() == 1


async def a_joined_key_is_retried_when_all_is_long_over(lab: Lab) -> None:
    _outcome, session = await lab.create(lab.a, "a")
    assert (await lab.create(lab.b, "b"))[0] is Outcome.JOINED
    looked = await lab.b.find_answer(lab.new("c"), RECENCY)
    assert looked is not None
    assert looked[0] is Outcome.JOINED
    await lab.a.finish(session.id, session.fence, Status.COMPLETED, {})
    lab.clock.seconds += 60
    assert (await lab.create(lab.b, "b"))[0] is Outcome.JOINED
    assert (await lab.create(lab.b, "c"))[0] is Outcome.JOINED
    assert lab.sessions() == 1


async def a_writer_of_another_program_breaks_in(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    with pytest.raises(lab.stage.hand.refused):
        lab.stage.change(
            "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, status, "
            "operator, host, created_at, created_clock, boot_id) SELECT 'r', 'other', 't', kinds, source, options, "
            "target, status, operator, host, created_at, created_clock, boot_id FROM session"
        )


async def both_dispatch(lab: Lab) -> None:
    _outcome, session = await lab.create(lab.a, "a")
    sent = await asyncio.gather(*(dispatch(session, lab.dispatcher, journal) for journal in (lab.a, lab.b)))
    assert sorted(sent) == [False, True]
    assert lab.sent == [1]


async def a_launcher_fails_to_start_a_worker_that_came_all_the_same(lab: Lab) -> None:
    _outcome, session = await lab.create(lab.a, "a")
    await lab.claim(lab.b)
    assert not await lab.a.finish(
        session.id, session.fence, Status.FAILED, {}, Message("no worker could be started")
    )
    assert (await lab.a.session(1)).status is Status.IN_PROGRESS


# Two workers


async def both_claim(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    for journal in (lab.a, lab.b):  # who has to open a connection first comes too late for a race
        async with journal.database.transaction() as db:
            await db.now()
    claims = await asyncio.gather(
        *(journal.claim(1, lab.target, this_process(), LEASE) for journal in (lab.a, lab.b))
    )
    assert len([claim for claim in claims if claim]) == 1
    assert lab.stage.rows("SELECT count(*) FROM event WHERE type = 'received'") == [(1,)]


async def a_host_without_the_source_claims_first(lab: Lab) -> None:
    new = msgspec.structs.replace(lab.new("a"), source_host=this_process().host)
    await lab.a.create(new, RECENCY, [])
    elsewhere = msgspec.structs.replace(this_process(), host="elsewhere")
    assert await lab.b.claim(1, lab.target, elsewhere, LEASE) is None
    assert (await lab.claim(lab.a)).status is Status.IN_PROGRESS


async def a_message_comes_again_after_the_end(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    session = await lab.claim(lab.a)
    await lab.a.finish(1, session.fence, Status.FAILED, {})
    assert await lab.b.claim(1, lab.target, this_process(), LEASE) is None
    assert (await lab.a.session(1)).status is Status.FAILED


async def a_thawed_worker_finishes_what_was_started_again(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    late = await lab.claim(lab.a)
    assert await lab.b.start_again(1, late.fence)
    assert not await lab.a.finish(1, late.fence, Status.FAILED, {}, Message("late"))
    assert (await lab.b.session(1)).status is Status.STARTED


async def a_thawed_worker_commits_before_its_successor(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    late = await lab.claim(lab.a)
    await lab.b.start_again(1, late.fence)
    session = await lab.claim(lab.b)
    with pytest.raises(LeaseLost):
        await lab.import_(lab.a, late, "late")
    assert lab.customer() is None
    await lab.import_(lab.b, session, "right")
    assert lab.customer() == "right"


async def a_thawed_worker_commits_after_its_successor(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    late = await lab.claim(lab.a)
    await lab.b.start_again(1, late.fence)
    session = await lab.claim(lab.b)
    await lab.import_(lab.b, session, "right")
    await lab.b.finish(1, session.fence, Status.COMPLETED, {})
    with pytest.raises(LeaseLost):
        await lab.import_(lab.a, late, "late")
    assert lab.customer() == "right"


# A reaper


async def a_reaper_acts_on_what_it_read_before_the_worker_finished(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    session = await lab.claim(lab.a, dead_process())
    (held,) = await lab.b.active_sessions(lab.target)
    await lab.a.finish(1, session.fence, Status.COMPLETED, {})
    await reaper._settle(held, target_of(lab.stage.settings), lab.dispatcher, lab.stage.settings, lab.b)
    assert (await lab.a.session(1)).status is Status.COMPLETED


async def a_reaper_gives_up_a_session_that_is_claimed_meanwhile(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    await lab.a.mark_dispatched(1, this_process())
    lab.stage.change("UPDATE session SET dispatches = 3")
    lab.clock.seconds += 3600
    (held,) = await lab.b.active_sessions(lab.target)
    await lab.claim(lab.a)
    await reaper._send(held, lab.dispatcher, lab.stage.settings, lab.b)
    assert (await lab.a.session(1)).status is Status.IN_PROGRESS


async def two_reapers_send_the_same_lost_session(lab: Lab) -> None:
    await lab.create(lab.a, "a")
    await lab.a.mark_dispatched(1, dead_process())
    (held,) = await lab.a.active_sessions(lab.target)
    await reaper._send(held, lab.dispatcher, lab.stage.settings, lab.a)
    lab.take()
    await reaper._send(held, lab.dispatcher, lab.stage.settings, lab.b)
    assert lab.sent == [1]


# Locks


async def hold_too_long(lab: Lab, lock: LaunchLock, expire: Callable[[], Awaitable[None]]) -> None:
    assert await lock.acquire("k", "slow", 10) is Locked.ACQUIRED
    await expire()
    assert await lock.acquire("k", "next", 10) is Locked.ACQUIRED
    await lock.release("k", "slow")
    assert await lock.acquire("k", "third", 10) is Locked.BUSY


async def a_slow_holder_lets_go_of_anothers_lock(lab: Lab) -> None:
    async def expire() -> None:
        lab.clock.seconds += 11

    await hold_too_long(lab, TableLock(lab.a.database), expire)


async def a_slow_holder_lets_go_of_anothers_lock_on_redis(lab: Lab) -> None:
    async def expire() -> None:
        lab.redis.ask("DEL", redis_lock.PREFIX + "k")

    lock = RedisLock(lab.redis.url)
    try:
        await hold_too_long(lab, lock, expire)
    finally:
        await lock.close()


async def a_launcher_is_cancelled_while_it_waits_for_redis(lab: Lab) -> None:
    async def hold() -> None:
        async def nothing() -> None:
            return None

        async with holding(RedisLock(lab.redis.url), "t", nothing):
            await asyncio.sleep(60)

    task = asyncio.create_task(hold())
    async with asyncio.timeout(5):
        while not lab.redis.keys():  # noqa: ASYNC110 (the server is another process)
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.wait([task])
    assert lab.redis.keys() == 0


INTERLEAVINGS: tuple[Interleaving, ...] = (
    both_look_then_both_create,
    both_look_then_one_is_through_before_the_other_creates,
    redis_forgets_the_lock_while_it_is_held,
    a_retry_comes_when_all_is_long_over,
    a_joined_key_is_retried_when_all_is_long_over,
    a_writer_of_another_program_breaks_in,
    both_dispatch,
    a_launcher_fails_to_start_a_worker_that_came_all_the_same,
    both_claim,
    a_host_without_the_source_claims_first,
    a_message_comes_again_after_the_end,
    a_thawed_worker_finishes_what_was_started_again,
    a_thawed_worker_commits_before_its_successor,
    a_thawed_worker_commits_after_its_successor,
    a_reaper_acts_on_what_it_read_before_the_worker_finished,
    a_reaper_gives_up_a_session_that_is_claimed_meanwhile,
    two_reapers_send_the_same_lost_session,
    a_slow_holder_lets_go_of_anothers_lock,
    a_slow_holder_lets_go_of_anothers_lock_on_redis,
    a_launcher_is_cancelled_while_it_waits_for_redis,
)
ON_A_SERVER: tuple[Interleaving, ...] = (*INTERLEAVINGS, both_look_in_their_transactions_then_both_create)
"""In a file there are no two transactions that write."""
ALWAYS_ON_A_SERVER: tuple[Interleaving, ...] = (
    both_look_then_both_create,
    both_look_in_their_transactions_then_both_create,
    redis_forgets_the_lock_while_it_is_held,
    both_dispatch,
    both_claim,
    a_thawed_worker_commits_before_its_successor,
    a_thawed_worker_commits_after_its_successor,
    a_reaper_acts_on_what_it_read_before_the_worker_finished,
    two_reapers_send_the_same_lost_session,
)
"""Where two write at once, or engines differ. The others are the same statements one after the other."""


THROUGH_CELERY: tuple[Interleaving, ...] = (
    redis_forgets_the_lock_while_it_is_held,
    both_dispatch,
    a_reaper_acts_on_what_it_read_before_the_worker_finished,
    a_reaper_gives_up_a_session_that_is_claimed_meanwhile,
    two_reapers_send_the_same_lost_session,
)
"""Where sessions are sent. The others send nothing."""


def on_each_engine() -> list[Any]:
    on_files = [pytest.param("sqlite", each, id=f"sqlite-{each.__name__}") for each in INTERLEAVINGS]
    return on_files + [
        pytest.param(
            "postgres",
            each,
            id=f"postgres-{each.__name__}",
            marks=[] if each in ALWAYS_ON_A_SERVER else [pytest.mark.chaos],
        )
        for each in ON_A_SERVER
    ]


@pytest.mark.parametrize(("engine", "interleaving"), on_each_engine())
async def test_interleaving(
    tmp_path: Path, redis: RedisServer, make_hand: Callable[[str], Hand], interleaving: Interleaving
) -> None:
    async with laboratory(tmp_path, redis, make_hand) as lab:
        await interleaving(lab)


@pytest.mark.parametrize("engine", ["postgres"])
@pytest.mark.parametrize(
    "interleaving",
    [
        pytest.param(each, id=each.__name__, marks=[] if each is both_dispatch else [pytest.mark.chaos])
        for each in THROUGH_CELERY
    ],
)
async def test_interleaving_through_celery(
    tmp_path: Path, redis: RedisServer, make_hand: Callable[[str], Hand], interleaving: Interleaving
) -> None:
    with redis_server() as broker:
        async with laboratory(tmp_path, redis, make_hand, broker) as lab:
            await interleaving(lab)
