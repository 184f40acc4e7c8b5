"""Contracts name no backend. What they run over is made here, for each database, launch lock and dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from catalog_bench import CatalogBench
from dispatch_bench import Sending
from lock_bench import KEY, LockBench
from support.celery_worker import celery_worker
from support.engine_stage import MovedClock, RedisServer, Stage, no_processes, redis_server, staged
from support.engines import Hand, Schemas, SqliteHand

from importers.catalog import open_catalog
from importers.launch import redis_lock
from importers.launch.lock import LOCK_SECONDS, LaunchLock
from importers.launch.redis_lock import RedisLock
from importers.launch.table_lock import TableLock
from importers.worker.celery_dispatch import CeleryDispatcher
from importers.worker.dispatch import dispatcher_for


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tells_state(engine: str) -> bool:
    """Whether it can tell what it holds from what it held (`Database.state`)."""
    return engine == "sqlite"


@pytest.fixture
def hand(make_hand: Callable[[str], Hand]) -> Hand:
    """Where a journal is to be made."""
    return make_hand("journal")


@pytest.fixture(scope="session")
def journals(postgres: str) -> Schemas:
    """Of a server, for journals of tests that do not look at how its tables are made."""
    return Schemas(postgres)


@pytest.fixture
async def stage(
    engine: str, tmp_path: Path, clock: MovedClock, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    """A journal in a database of that engine, and no worker processes."""
    with ExitStack() as stack:
        hand: Hand = SqliteHand(tmp_path / "journal.sqlite3")
        if engine == "postgres":
            hand = stack.enter_context(request.getfixturevalue("journals").taken())
        async with staged(tmp_path, clock, hand) as made:
            no_processes(made)
            yield made


@pytest.fixture
def refused(stage: Stage) -> type[Exception]:
    """What is raised where the database itself does not allow a change (`Stage.change`)."""
    return stage.hand.refused


@pytest.fixture
async def shop(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[CatalogBench]:
    with ExitStack() as stack:
        hand: Hand = SqliteHand(tmp_path / "catalog.sqlite3")
        if engine == "postgres":
            hand = stack.enter_context(request.getfixturevalue("schemas").taken())
        catalog = await open_catalog(hand.url)
        yield CatalogBench(catalog, hand.url, hand.rows)
        await catalog.close()


@pytest.fixture(params=["table", "redis"])
async def locks(
    request: pytest.FixtureRequest,
    stage: Stage,
    clock: MovedClock,
    redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[LockBench]:
    # It answers: also on a busy machine it does so in time.
    monkeypatch.setattr(redis_lock, "TIMEOUT_SECONDS", 2.0)
    on_redis = request.param == "redis"
    made: list[LaunchLock] = []

    def make() -> LaunchLock:
        made.append(RedisLock(redis.url) if on_redis else TableLock(stage.journal.database))
        return made[-1]

    async def expire() -> None:
        if not on_redis:
            clock.seconds += LOCK_SECONDS + 0.001
            return
        redis.ask("PEXPIRE", redis_lock.PREFIX + KEY, "1")
        async with asyncio.timeout(5):
            while redis.keys():  # noqa: ASYNC110 (the server forgets by its own clock)
                await asyncio.sleep(0.002)

    def held() -> int:
        return redis.keys() if on_redis else len(stage.rows("SELECT 1 FROM lock"))

    yield LockBench(make, expire, held)
    for lock in made:
        await lock.close()


@pytest.fixture(params=["process", "celery"])
async def sending(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sending]:
    """With Celery a worker of its own takes what is sent."""

    def no_process() -> None:
        monkeypatch.setattr("sys.executable", "/nowhere/python")

    def no_message() -> None:
        monkeypatch.setattr(CeleryDispatcher, "_send", broken)

    with ExitStack() as stack:
        sections: dict[str, dict[str, object]] = {}
        if request.param == "celery":
            sections = {
                "redis": {"url": stack.enter_context(redis_server()).url},
                "worker": {"engine": "celery"},
            }
        async with staged(tmp_path, **sections) as stage:
            stage.dispatcher = dispatcher_for(stage.settings)
            await (await open_catalog(stage.settings.catalog.url)).close()
            if request.param == "celery":
                stack.enter_context(celery_worker(stage.settings))
            break_down = no_process if request.param == "process" else no_message
            yield Sending(stage, stage.dispatcher, lambda: dispatcher_for(stage.settings), break_down)
            for active in await stage.journal.active_sessions():  # of a test that failed
                await stage.dispatcher.end(active)


def broken(*_: object) -> None:
    raise OSError("it is broken")
