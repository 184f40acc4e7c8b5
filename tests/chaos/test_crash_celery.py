"""kill -9 and stop/continue of a session's process and of a whole worker of Celery, at every point of their way, over
PostgreSQL and Valkey; meanwhile the same key again, and rivals.

Whatever happens: one session, received once and ended once, and the catalog is exactly the old or the new one.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from crash import WORKER
from support.celery_worker import CeleryWorker
from support.engine_stage import RedisServer, Stage, redis_server, staged, write_export
from support.engines import PostgresHand
from test_crash import UNCHANGED

from importers.catalog import open_catalog
from importers.processes import WorkerProcess
from importers.sessions import Outcome, Session, Status, rules
from importers.worker import reaper
from importers.worker.dispatch import dispatcher_for

CRASH = str(Path(__file__).with_name("crash.py"))
QUEUE = f"obmen.obmen@{socket.gethostname()}"
KEYS = ("a", "b", "c")


@dataclass(frozen=True)
class Trap:
    point: str
    signal: str
    whom: str
    """The "child" that works a session, or the whole "worker"."""

    @property
    def kills(self) -> bool:
        return self.signal == "SIGKILL"

    @property
    def spares_the_catalog(self) -> bool:
        return self.point in UNCHANGED

    @property
    def is_unclaimed(self) -> bool:
        return self.point in ("before the claim", "in the transaction that claims")


@dataclass
class Crashing:
    """A stage on servers, and a worker that falls into traps."""

    stage: Stage
    catalog: PostgresHand
    redis: RedisServer
    worker: CeleryWorker
    launched: int = 0
    source: str = ""
    """Of the last launch."""

    @property
    def trap(self) -> Path:
        return self.stage.folder / "trap"

    def start_worker(self) -> None:
        self.worker = worker_of(self.stage, self.trap)
        self.worker.said(r" ready\.")

    def customers(self) -> set[str]:
        return {name for (name,) in self.catalog.rows("SELECT name FROM customer")}

    async def launch(self) -> Session:
        """An import of an export that is like no other."""
        self.launched += 1
        version = f"v{self.launched}"
        self.source = str(write_export(self.stage.folder / version, dict.fromkeys(KEYS, version)))
        result = await self.stage.launch(key=f"key {self.launched}", source=self.source)
        assert (result.outcome, bool(result.session)) == (Outcome.CREATED, True), result
        assert result.session
        return result.session

    async def fell(self, trap: Trap) -> int:
        """The pid of who met its point, once it is gone or stands still."""
        fell = self.trap.with_suffix(".fell")
        async with asyncio.timeout(40):
            while not (fell.exists() and fell.read_text(encoding="utf-8")):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
            pid = int(fell.read_text(encoding="utf-8"))
            fell.unlink()
            while state_of(pid) not in ("", "Z", "X", "T"):  # noqa: ASYNC110 (the same)
                await asyncio.sleep(0.01)
        return pid

    async def pass_time(self, session: Session) -> None:
        """As if a lease had gone by, and the time in which one waits for a worker. Waits for the server to end a
        transaction of one that stands still."""
        late = "lease_until = lease_until - 1000, dispatched_clock = dispatched_clock - ?2"
        await asyncio.to_thread(
            self.stage.change, f"UPDATE session SET {late} WHERE id = ?1", session.id, rules.LOST_SECONDS + 1
        )

    async def send_again(self, session: Session) -> None:
        """A broker may deliver twice."""
        assert self.stage.dispatcher
        await self.stage.dispatcher.send(session)

    async def looked_after(self, session: Session) -> Session:
        async with asyncio.timeout(60):
            while not (found := await self.stage.journal.session(session.id)).status.final:
                await self.stage.reap()
                await asyncio.sleep(0.02)
        return found

    async def all_taken(self) -> None:
        """Also a message that came twice, and one of somebody who goes on late: none is left to fall into a later
        trap."""
        async with asyncio.timeout(40):
            while not self._has_taken_all():  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)

    def _has_taken_all(self) -> bool:
        begun, over = r"Task obmen\.work\[.*received", r"Task .*(succeeded|raised)"
        return self.redis.ask("LLEN", QUEUE) == ":0" and self.worker.count(begun) == self.worker.count(over)

    def close(self) -> None:
        self.worker.signal(signal.SIGCONT, group=True)
        self.worker.end()


def state_of(pid: int) -> str:
    """R, S, T, Z …; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def worker_of(stage: Stage, trap: Path) -> CeleryWorker:
    root = str(Path(CRASH).parents[2])
    return CeleryWorker(stage.settings, command=(CRASH, "celery", str(trap)), env={"PYTHONPATH": root})


@pytest.fixture
async def crashing(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Crashing]:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.1)
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        journal, catalog = PostgresHand(postgres), PostgresHand(postgres)
        for hand in (journal, catalog):
            stack.callback(hand.drop)
        sections: dict[str, dict[str, object]] = {
            "catalog": {"url": catalog.url},
            "redis": {"url": redis.url},
            "worker": {"engine": "celery"},
            "launch": {"recency_seconds": 600},
        }
        async with staged(tmp_path, hand=journal, **sections) as stage:
            stage.dispatcher = dispatcher_for(stage.settings)
            worker = worker_of(stage, tmp_path / "trap")
            made = Crashing(stage, catalog, redis, worker)
            stack.callback(made.close)
            await (await open_catalog(catalog.url)).close()
            await asyncio.to_thread(worker.said, r" ready\.")
            yield made


async def fall(crashing: Crashing, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch an import that falls into the trap; then look at all there is."""
    before = crashing.customers()
    crashing.trap.write_text(f"{trap.point},{trap.signal},{trap.whom}", encoding="utf-8")
    session = await crashing.launch()
    pid = await crashing.fell(trap)
    with monkeypatch.context() as patch:
        if trap.whom == "worker":  # whoever looks after it is on another host
            patch.setattr(WorkerProcess, "is_here", False)
        await crashing.pass_time(session)
        await crashing.send_again(session)
        if trap.whom == "worker" and trap.kills:
            crashing.worker.end()
            crashing.start_worker()
        if trap.whom == "worker" and trap.is_unclaimed and not trap.kills:
            # Nobody else could take it.
            await crashing.stage.reap()
            crashing.worker.signal(signal.SIGCONT, group=True)
        ended, *rivals = await asyncio.gather(
            crashing.looked_after(session),
            crashing.stage.launch(key=f"key {crashing.launched}", source=crashing.source),
            *(crashing.stage.launch(source=crashing.source) for _ in range(2)),
        )
    assert {rival.session.id for rival in rivals if rival.session} == {session.id}, rivals
    assert [rival.outcome for rival in rivals] == [Outcome.REPLAYED, Outcome.JOINED, Outcome.JOINED]
    if not trap.kills and state_of(pid) == "T":
        if trap.whom == "worker":
            crashing.worker.signal(signal.SIGCONT, group=True)
        else:
            os.kill(pid, signal.SIGCONT)
    await crashing.all_taken()
    check(crashing, trap, ended, before)


def check(crashing: Crashing, trap: Trap, session: Session, before: set[str]) -> None:
    expected = Status.FAILED if trap.spares_the_catalog else Status.COMPLETED
    assert session.status is expected, (trap, str(session.error))
    rows = crashing.stage.rows
    assert rows("SELECT count(*) FROM session") == [(crashing.launched,)]
    assert rows("SELECT CAST(sum(sessions) AS bigint) FROM tally") == [(crashing.launched,)], (
        "each ended once"
    )
    assert rows("SELECT status FROM session WHERE id = ?1", session.id) == [(expected,)]
    received = "SELECT count(*) FROM event WHERE session_id = ?1 AND type = 'received'"
    assert rows(received, session.id) == [(1,)]
    assert crashing.customers() == (before if trap.spares_the_catalog else {f"v{crashing.launched}"})
    applied = crashing.catalog.rows("SELECT count(*) FROM applied WHERE session_id = ?1", session.id)
    assert applied == [(0 if trap.spares_the_catalog else 1,)]
    assert "Traceback" not in crashing.stage.log()


async def fall_into_all(crashing: Crashing, traps: Sequence[Trap], monkeypatch: pytest.MonkeyPatch) -> None:
    for trap in traps:
        await fall(crashing, trap, monkeypatch)
    assert (await crashing.looked_after(await crashing.launch())).status is Status.COMPLETED
    assert crashing.customers() == {f"v{crashing.launched}"}


async def test_some_are_struck(crashing: Crashing, monkeypatch: pytest.MonkeyPatch) -> None:
    traps = [
        Trap("between check and commit", "SIGSTOP", "worker"),
        Trap("committed", "SIGSTOP", "child"),
        Trap("before the claim", "SIGKILL", "child"),
        Trap("rows written", "SIGKILL", "worker"),
    ]
    await fall_into_all(crashing, traps, monkeypatch)


@pytest.mark.chaos
@pytest.mark.parametrize("whom", ["child", "worker"])
@pytest.mark.parametrize("number", ["SIGKILL", "SIGSTOP"])
@pytest.mark.parametrize("seed", [1])
async def test_all_are_struck(
    crashing: Crashing, monkeypatch: pytest.MonkeyPatch, whom: str, number: str, seed: int
) -> None:
    """In an order of its own: what a trap leaves behind is what the next one finds."""
    traps = [Trap(point, number, whom) for point in WORKER]
    random.Random(seed).shuffle(traps)
    await fall_into_all(crashing, traps, monkeypatch)
