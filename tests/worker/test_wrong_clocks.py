"""Hosts whose clocks differ by an hour: what is decided, and what is told, goes by the clock of the server alone."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.clocks import COMPILER, shifted
from support.engine_stage import PEOPLE, Stage, no_processes, share, staged
from support.engines import PostgresHand
from support.hosts import worker_elsewhere

from importers.catalog import open_catalog
from importers.sessions import Session, Status
from importers.worker import reaper

HOUR = 3600
LEASE = {"lease_seconds": 2.0, "heartbeat_seconds": 0.2}
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler to build a wrong clock with")


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Of the other host."""
    return shifted(tmp_path, request.param)


@pytest.fixture
async def stage(tmp_path: Path, hand: PostgresHand) -> AsyncIterator[Stage]:
    async with staged(tmp_path, hand=hand, worker=LEASE) as made:
        share(made)
        no_processes(made)
        await (await open_catalog(made.settings.catalog.url)).close()
        yield made


async def launched(stage: Stage) -> Session:
    result = await stage.launch()
    assert result.session, result
    return result.session


async def until(stage: Stage, session_id: int, status: Status) -> Session:
    watch = stage.journal.watch()
    async with asyncio.timeout(40):
        while (session := await stage.journal.session(session_id)).status is not status:
            await watch.changed(1)
    return session


async def test_the_other_clock_is_wrong(tmp_path: Path, env: dict[str, str]) -> None:
    """Else the tests below prove nothing."""
    code = "import time, datetime; print(time.time() - datetime.datetime.now().timestamp(), time.time())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=env, stdout=asyncio.subprocess.PIPE
    )
    out, _err = await process.communicate()
    apart, told = map(float, out.split())
    assert abs(apart) < 1
    assert abs(abs(told - datetime.now(UTC).timestamp()) - HOUR) < 10


async def test_times_are_told_in_their_order(stage: Stage, env: dict[str, str]) -> None:
    session = await launched(stage)
    with worker_elsewhere(stage, session.id, env=env):
        ended = await until(stage, session.id, Status.COMPLETED)
    assert ended.started_at
    assert ended.finished_at
    moments = [ended.created_at, ended.started_at, ended.finished_at]
    assert moments == sorted(moments)
    assert abs(datetime.fromisoformat(ended.finished_at).timestamp() - datetime.now(UTC).timestamp()) < 60
    assert stage.customers() == PEOPLE
    again = await stage.launch()
    assert again.outcome == "joined", "just now, by the one clock"


async def test_a_lease_of_the_other_host_holds_and_ends(
    stage: Stage, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.01)
    session = await launched(stage)
    with (
        closing(sqlite3.connect(stage.folder / "catalog.sqlite3", isolation_level=None)) as holder,
        worker_elsewhere(stage, session.id, env=env) as worker,
    ):
        holder.execute("BEGIN IMMEDIATE")
        await until(stage, session.id, Status.IN_PROGRESS)
        for _look in range(5):
            assert await stage.reap() == 0
            (active,) = await stage.journal.active_sessions()
            assert not active.lease_over
        worker.kill()
        worker.wait()
        async with asyncio.timeout(20):
            while not (await stage.journal.active_sessions())[0].lease_over:  # noqa: ASYNC110 (time itself)
                await asyncio.sleep(0.05)
        holder.execute("ROLLBACK")
        assert await stage.reap() == 1
    assert (await stage.journal.session(session.id)).status is Status.FAILED
