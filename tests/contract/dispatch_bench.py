"""What the contract of dispatchers is held on: sessions that go through one of them to real workers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from support.engine_stage import Stage

from importers.sessions import ActiveSession, Session, Status
from importers.targets import target_of
from importers.worker.dispatch import Dispatcher


@dataclass
class Sending:
    """A stage whose sessions go through the dispatcher under test, to real workers."""

    stage: Stage
    dispatcher: Dispatcher
    another: Callable[[], Dispatcher]
    """As another process has it, of the same settings."""
    break_down: Callable[[], None]
    """From now on it cannot send."""

    async def launch(self) -> Session:
        result = await self.stage.launch()
        assert result.session is not None, result
        return result.session

    async def active(self) -> ActiveSession:
        (found,) = await self.stage.journal.active_sessions(await target_of(self.stage.settings).key())
        return found

    @contextmanager
    def catalog_locked(self) -> Iterator[None]:
        """Meanwhile a worker that has claimed its session gets no further."""
        with closing(sqlite3.connect(self.stage.folder / "catalog.sqlite3", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield

    async def claimed(self) -> tuple[ActiveSession, int]:
        """The session once a worker holds it, and that worker's pid."""
        async with asyncio.timeout(40):
            while (active := await self.active()).session.status is not Status.IN_PROGRESS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert active.owner is not None
        assert active.owner.is_here
        return active, active.owner.pid
