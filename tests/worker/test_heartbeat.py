"""The heartbeat of a worker that is busy, or whose journal is out of reach for a while."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.engine_stage import no_processes, staged
from support.workers import worked

from importers.errors import DatabaseError
from importers.kinds import Counted, Counts, Event, Job
from importers.sessions import Status
from importers.sessions.store import JournalStore
from importers.worker import run as running


async def test_a_busy_worker_keeps_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing that never lets the loop go must not look like death."""
    async with staged(tmp_path, worker={"lease_seconds": 0.6, "heartbeat_seconds": 0.1}) as stage:
        no_processes(stage)
        over: list[bool] = []

        async def run(job: Job) -> AsyncIterator[Event]:
            time.sleep(1.0)  # noqa: ASYNC251 (that is the point)
            (held,) = await stage.journal.active_sessions(f"sqlite:///{tmp_path}/catalog.sqlite3")
            over.append(held.lease_over)
            yield Counted(job.kind, Counts())

        monkeypatch.setattr(running, "load", lambda _kind: SimpleNamespace(run=run))
        session = await worked(stage)
        assert (session.status, over) == (Status.COMPLETED, [False])


async def test_a_journal_out_of_reach_for_a_while_does_not_end_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, worker={"lease_seconds": 5, "heartbeat_seconds": 0.02}) as stage:
        no_processes(stage)
        beats = 0
        recovered = threading.Event()
        beat = JournalStore.beat

        async def stumbling(self: JournalStore, *args: Any) -> Status | None:
            nonlocal beats
            beats += 1
            if beats <= 3:
                raise DatabaseError("locked")
            recovered.set()
            return await beat(self, *args)

        async def run(job: Job) -> AsyncIterator[Event]:
            monkeypatch.setattr(JournalStore, "beat", stumbling)
            assert await asyncio.to_thread(recovered.wait, 10)
            yield Counted(job.kind, Counts())

        monkeypatch.setattr(running, "load", lambda _kind: SimpleNamespace(run=run))
        assert (await worked(stage)).status is Status.COMPLETED
