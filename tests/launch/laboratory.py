"""Where interleavings happen: two processes with one journal, one catalog and one clock, over either engine."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis
from support.engine_stage import MovedClock, RedisServer, Stage, no_processes, staged
from support.engines import Hand, SqliteHand

from importers.catalog import open_catalog
from importers.kinds import Counts, Log
from importers.launch import LaunchResult, launch
from importers.launch.launching import _new_session
from importers.processes import WorkerProcess, this_process
from importers.sessions import Attempt, Journal, NewSession, Outcome, Session
from importers.settings import Redis as RedisSettings
from importers.targets import target_of
from importers.worker.celery_dispatch import CeleryDispatcher
from importers.worker.celery_engine import KEY_PREFIX, queues_of
from importers.worker.dispatch import Dispatcher
from importers.worker.heartbeat import must_go_on

RECENCY, LEASE = 5.0, 30.0


@dataclass
class Lab:
    """Two processes, each with a journal of its own in the same database, one clock, one catalog. Their launches are
    locked by Redis."""

    stage: Stage
    a: Journal
    b: Journal
    clock: MovedClock
    redis: RedisServer
    catalog: Hand
    target: str
    broker: RedisServer | None = None
    """None: what is sent is noted, and goes nowhere."""
    taken: list[int] = field(default_factory=list)
    """Of what was sent, by workers that have not claimed it yet."""

    @property
    def dispatcher(self) -> Dispatcher:
        assert self.stage.dispatcher
        return self.stage.dispatcher

    @property
    def sent(self) -> list[int]:
        """Sessions that were sent, in all."""
        if self.broker is None:
            return self.stage.sent
        with Redis.from_url(self.broker.url) as redis:
            queues = [redis.lrange(KEY_PREFIX + name, 0, -1) for name in queues_of(self.stage.settings)]
        bodies = [
            base64.b64decode(msgspec.json.decode(message)["body"]) for queue in queues for message in queue
        ]
        return self.taken + [msgspec.json.decode(body)[0][0] for body in bodies]

    def take(self) -> None:
        """Messages leave the broker."""
        if self.broker:
            self.taken = self.sent
            self.broker.ask("FLUSHALL")

    def new(self, key: str) -> NewSession:
        request = self.stage.request(key=key)
        attempt = Attempt(key, key, request.kinds, request.source, self.target, "anna", "host", 1, "")
        return _new_session(attempt, request, self.target)

    async def launch(self, journal: Journal, key: str) -> LaunchResult:
        """The whole of it."""
        request = self.stage.request(key=key)
        return await launch(request, self.stage.settings, journal, dispatcher=self.dispatcher)

    async def create(self, journal: Journal, key: str) -> tuple[Outcome, Session]:
        return await journal.create(self.new(key), RECENCY, [Log("info", "made")])

    async def claim(self, journal: Journal, owner: WorkerProcess | None = None) -> Session:
        """By a worker that lives, unless another owner is given."""
        session = await journal.claim(1, self.target, owner or this_process(), LEASE)
        assert session is not None
        return session

    async def import_(self, journal: Journal, session: Session, name: str) -> None:
        """What a worker does between claim and finish."""
        catalog = await open_catalog(self.catalog.url)
        try:
            async with catalog.transaction(
                journal_id=journal.journal_id,
                session_id=session.id,
                task_id=session.task_id,
                fence=session.fence,
            ) as transaction:
                await transaction.execute("DELETE FROM customer")
                await transaction.execute(
                    "INSERT INTO customer (id, name, removed) VALUES ('c', ?, ?)", name, 0
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
        found: Sequence[tuple[Any, ...]] = self.catalog.rows("SELECT name FROM customer")
        return found[0][0] if found else None


Interleaving = Callable[[Lab], Awaitable[None]]


@asynccontextmanager
async def laboratory(
    folder: Path,
    redis: RedisServer,
    make_hand: Callable[[str], Hand] | None = None,
    broker: RedisServer | None = None,
) -> AsyncIterator[Lab]:
    """`make_hand`: a database by its name; None: in a file. The catalog is made by whoever opens it. `broker`: sessions
    are sent through Celery, by another Redis than the one of the locks."""
    make_hand = make_hand or (lambda name: SqliteHand(folder / f"{name}.sqlite3"))
    clock, catalog = MovedClock(), make_hand("catalog")
    sections = {"redis": {"url": redis.url}, "catalog": {"url": catalog.url}}
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(folder, clock, make_hand("journal"), **sections))
        no_processes(stage)
        if broker:
            of_broker = msgspec.structs.replace(stage.settings, redis=RedisSettings(broker.url))
            stage.dispatcher = CeleryDispatcher(of_broker)
        other = await stage.another_journal()
        stack.push_async_callback(other.close)
        target = await target_of(stage.settings).key()
        yield Lab(stage, stage.journal, other, clock, redis, catalog, target, broker)
