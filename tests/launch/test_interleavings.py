"""Directed interleavings of launchers, workers, reapers and locks.

An interleaving is a function of a `Lab`; it fails when a guarantee is broken. Each holds on the program as it is, and
tests/launch/test_mutants.py shows that each sees its guard missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from support.engine_stage import MovedClock, RedisServer, Stage, dead_process, no_processes, rows, staged

from importers.catalog import open_catalog
from importers.errors import LeaseLost
from importers.kinds import Counts, Log
from importers.launch import redis_lock
from importers.launch.launching import _new_session
from importers.launch.lock import LaunchLock, Locked, holding
from importers.launch.redis_lock import RedisLock
from importers.launch.table_lock import TableLock
from importers.processes import WorkerProcess, this_process
from importers.sessions import Attempt, Journal, NewSession, Outcome, Session, Status
from importers.targets import target_of
from importers.texts import Message
from importers.worker import reaper
from importers.worker.dispatch import Dispatcher, dispatch
from importers.worker.heartbeat import must_go_on

RECENCY, LEASE = 5.0, 30.0


@dataclass
class Lab:
    """Two processes, each with a journal of its own on the same file, one clock, one catalog."""

    stage: Stage
    a: Journal
    b: Journal
    clock: MovedClock
    redis: RedisServer

    @property
    def dispatcher(self) -> Dispatcher:
        assert self.stage.dispatcher
        return self.stage.dispatcher

    @property
    def target(self) -> str:
        return f"sqlite:///{self.stage.folder}/catalog.sqlite3"

    def new(self, key: str) -> NewSession:
        request = self.stage.request(key=key)
        attempt = Attempt(key, key, request.kinds, request.source, self.target, "anna", "host", 1, "")
        return _new_session(attempt, request, self.target)

    async def create(self, journal: Journal, key: str) -> tuple[Outcome, Session]:
        return await journal.create(self.new(key), RECENCY, [Log("info", "made")])

    async def claim(self, journal: Journal, owner: WorkerProcess | None = None) -> Session:
        """By a worker that lives, unless another owner is given."""
        session = await journal.claim(1, self.target, owner or this_process(), LEASE)
        assert session is not None
        return session

    async def import_(self, journal: Journal, session: Session, name: str) -> None:
        """What a worker does between claim and finish."""
        catalog = await open_catalog(self.target)
        try:
            async with catalog.transaction(
                journal_id=journal.journal_id,
                session_id=session.id,
                task_id=session.task_id,
                fence=session.fence,
            ) as transaction:
                await transaction.execute(
                    "INSERT OR REPLACE INTO customer (id, name, removed) VALUES ('c', ?, 0)", name
                )
                transaction.note = msgspec.json.encode({"customers": Counts(read=1, created=1)})

                async def may_commit() -> None:
                    must_go_on(await journal.beat(session.id, session.fence, LEASE))

                transaction.before_commit = may_commit
        finally:
            await catalog.close()

    def sessions(self) -> int:
        return int(self.stage.rows("SELECT count(*) FROM session")[0][0])

    def customer(self) -> str | None:
        found = rows(self.stage.folder / "catalog.sqlite3", "SELECT name FROM customer")
        return found[0][0] if found else None


Interleaving = Callable[[Lab], Awaitable[None]]


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
    with pytest.raises(Exception, match="UNIQUE constraint failed"):
        lab.stage.change(
            "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, status, "
            "operator, host, created_at, created_clock, boot_id) SELECT 'r', 'other', 't', kinds, source, options, "
            "target, status, operator, host, created_at, created_clock, boot_id FROM session"
        )


async def both_dispatch(lab: Lab) -> None:
    _outcome, session = await lab.create(lab.a, "a")
    sent = await asyncio.gather(*(dispatch(session, lab.dispatcher, journal) for journal in (lab.a, lab.b)))
    assert sorted(sent) == [False, True]
    assert lab.stage.sent == [1]


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
    await reaper._send(held, lab.dispatcher, lab.stage.settings, lab.b)
    assert lab.stage.sent == [1]


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


@asynccontextmanager
async def laboratory(folder: Path, redis: RedisServer) -> AsyncIterator[Lab]:
    clock = MovedClock()
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(folder, clock))
        no_processes(stage)
        other = await stage.another_journal()
        stack.push_async_callback(other.close)
        catalog = await open_catalog(stage.settings.catalog.url)
        await catalog.close()
        yield Lab(stage, stage.journal, other, clock, redis)


@pytest.mark.parametrize("interleaving", INTERLEAVINGS, ids=lambda found: found.__name__)
async def test_interleaving(tmp_path: Path, redis: RedisServer, interleaving: Interleaving) -> None:
    async with laboratory(tmp_path, redis) as lab:
        await interleaving(lab)
