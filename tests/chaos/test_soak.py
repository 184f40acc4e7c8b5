"""Operators, shops, workers and a broker for a while, with kills, restarts and cut lines: every session ends, none is
received or committed twice, and each catalog holds exactly what its last completed session brought."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.celery_worker import CeleryWorker
from support.engine_stage import RedisServer, redis_server, write_export
from support.engines import PostgresHand
from support.proxy import Cut, Line, line_to

from importers import settings
from importers.control import Control
from importers.errors import DatabaseError
from importers.launch import new_request
from importers.sessions import Outcome, Status, open_journal
from importers.worker.reaper import reap

KEYS = ("a", "b", "c")
CONFIG = """\
[journal]
url = "{journal}"
[redis]
url = "{redis}"
[worker]
engine = "celery"
lease_seconds = 4
heartbeat_seconds = 0.5
[launch]
recency_seconds = 0
[log]
path = "obmen.log"
"""
SHOP = """\
[shops.shop{n}]
source.path = "export"
catalog.url = "{catalog}"
images.path = "images{n}"
"""


@dataclass
class Cluster:
    """Workers and operators reach the server by a line that can be cut."""

    folder: Path
    line: Line
    redis: RedisServer
    journal: PostgresHand
    catalogs: list[PostgresHand]
    config: Path
    workers: list[CeleryWorker] = field(default_factory=list)

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.config, {})

    def start_worker(self) -> None:
        self.workers.append(CeleryWorker(self.config))

    def end(self) -> None:
        for worker in self.workers:
            worker.end()


@pytest.fixture
def make_cluster(tmp_path: Path, postgres: str) -> Iterator[object]:
    with ExitStack() as stack:

        def make(shops: int, workers: int) -> Cluster:
            line = stack.enter_context(line_to(postgres))
            redis = stack.enter_context(redis_server("--appendonly", "yes", "--appendfsync", "always"))
            journal, *catalogs = (PostgresHand(postgres) for _database in range(shops + 1))
            for hand in (journal, *catalogs):
                stack.callback(hand.drop)
            through = [hand.url.replace(postgres, line.url) for hand in (journal, *catalogs)]
            write_export(tmp_path / "export")
            config = tmp_path / "config.toml"
            text = CONFIG.format(journal=through[0], redis=redis.url)
            text += "".join(SHOP.format(n=n, catalog=url) for n, url in enumerate(through[1:]))
            config.write_text(text, encoding="utf-8")
            cluster = Cluster(tmp_path, line, redis, journal, catalogs, config)
            stack.callback(cluster.end)
            for _worker in range(workers):
                cluster.start_worker()
            for worker in cluster.workers:
                worker.said(r" ready\.")
            return cluster

        yield make


async def operate(cluster: Cluster, numbers: Iterator[int], shops: int, chance: random.Random) -> None:
    """Launch one import after the other, each of a source of its own, and wait for its end."""
    config = cluster.settings
    for number in numbers:
        source = write_export(cluster.folder / f"v{number}", dict.fromkeys(KEYS, f"v{number}"))
        shop = f"shop{chance.randrange(shops)}"
        while True:  # until it has made a session: also when nobody could be reached, or another import ran
            with suppress(DatabaseError):
                journal = await open_journal(config.journal.url)
                try:
                    control = Control(config, journal)
                    request = new_request(config, ("customers",), shop=shop, source=str(source))
                    result = await control.launch(request, wait=60)
                    if result.session and result.outcome is Outcome.CREATED:
                        await control.follow(result.session.id)
                        break
                finally:
                    await journal.close()
            await asyncio.sleep(0.05)


async def disturb(cluster: Cluster, chance: random.Random, pause: float) -> None:
    """Something goes wrong, again and again."""

    def kill_session() -> None:
        held = cluster.journal.rows("SELECT owner FROM session WHERE status = 'in_progress'")
        for (owner,) in held[:1]:
            with suppress(ProcessLookupError):
                os.kill(int(owner.rpartition(":")[2]), signal.SIGKILL)

    def kill_worker() -> None:
        worker = cluster.workers.pop(chance.randrange(len(cluster.workers)))
        worker.signal(signal.SIGKILL)
        worker.end()
        cluster.start_worker()

    async def cut_line() -> None:
        cluster.line.go_down()
        await asyncio.sleep(chance.uniform(0.1, 1))
        cluster.line.is_down = False

    while True:
        await asyncio.sleep(chance.uniform(0.3, 1) * pause)
        match chance.randrange(5):
            case 0:
                kill_session()
            case 1:
                await asyncio.to_thread(kill_worker)
            case 2:
                await asyncio.to_thread(cluster.redis.restart)
            case 3:
                await cut_line()
            case _:
                cluster.line.cut = chance.choice(list(Cut))


async def soak(cluster: Cluster, sessions: int, operators: int, seed: int, pause: float) -> None:
    chance = random.Random(seed)
    numbers = iter(range(1, sessions + 1))
    disturber = asyncio.create_task(disturb(cluster, random.Random(seed + 1), pause))
    try:
        async with asyncio.TaskGroup() as group:
            for _operator in range(operators):
                group.create_task(operate(cluster, numbers, len(cluster.catalogs), chance))
    finally:
        disturber.cancel()
        await asyncio.gather(disturber, return_exceptions=True)
        cluster.line.cut, cluster.line.is_down = None, False
    journal = await open_journal(cluster.settings.journal.url)
    try:
        while await reap(journal, cluster.settings):
            pass
    finally:
        await journal.close()


def assert_exact(cluster: Cluster, sessions: int) -> None:
    journal = cluster.journal
    assert journal.rows("SELECT count(*) FROM session") == [(sessions,)]
    assert journal.rows("SELECT 1 FROM session WHERE status NOT IN ('completed', 'failed')") == []
    twice = "SELECT session_id FROM event WHERE type = 'received' GROUP BY 1 HAVING count(*) > 1"
    assert journal.rows(twice) == []
    completed = 0
    for number, catalog in enumerate(cluster.catalogs):
        sources = journal.rows(
            "SELECT id, source FROM session WHERE shop = ?1 AND status = ?2 ORDER BY id", f"shop{number}",
            Status.COMPLETED,
        )  # fmt: skip
        completed += len(sources)
        applied = catalog.rows("SELECT session_id FROM applied ORDER BY position")
        assert applied == [(id_,) for id_, _source in sources], "each committed once, in its order"
        version = Path(sources[-1][1]).name if sources else None
        wanted = [(key, version) for key in KEYS] if version else []
        assert catalog.rows("SELECT id, name FROM customer ORDER BY id") == wanted
    assert completed > sessions / 2, "else it was all about failing"


@pytest.mark.parametrize("seed", [7])
async def test_a_short_while(make_cluster: object, seed: int) -> None:
    cluster = make_cluster(2, 2)  # type: ignore[operator]
    await soak(cluster, 10, 3, seed, pause=4)
    assert_exact(cluster, 10)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_long_while(make_cluster: object, seed: int) -> None:
    cluster = make_cluster(4, 3)  # type: ignore[operator]
    await soak(cluster, 200, 6, seed, pause=8)
    assert_exact(cluster, 200)
