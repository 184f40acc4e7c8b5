"""Who follows a session misses none of its lines, whoever writes to it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.engine_stage import no_processes, staged
from support.engines import PostgresHand

from importers.database.postgres import PostgresTransaction
from importers.events import Log
from importers.processes import this_process
from importers.sessions import Journal, Session, Status

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def write(journal: Journal, session: Session) -> None:
    lines = [Log("info", "written")]
    await journal.write(session.id, session.fence, lines, [], done=1, total=2, running_kind=None, by_kind={})


async def cancel(journal: Journal, session: Session) -> None:
    await journal.cancel(session.id, "anna")


async def finish(journal: Journal, session: Session) -> None:
    await journal.finish(session.id, session.fence, Status.COMPLETED, {}, None, Log("info", "end"))


@pytest.mark.parametrize("first", [write, cancel, finish])
async def test_lines_are_numbered_as_they_are_committed(
    hand: PostgresHand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: Callable[[Journal, Session], Awaitable[None]],
) -> None:
    """PostgreSQL gives numbers before the commit: whoever adds a line writes the session's row first."""
    stands, go_on = asyncio.Event(), asyncio.Event()
    async with staged(tmp_path, hand=hand) as stage:
        no_processes(stage)
        session = (await stage.launch()).session
        assert session
        taken = await stage.journal.claim(session.id, session.target, this_process(), 30)
        assert taken
        slow = await stage.another_journal()

        def standing_after(statement: str) -> Callable[..., Awaitable[Any]]:
            execute = getattr(PostgresTransaction, statement)

            async def stand(self: PostgresTransaction, *args: Any) -> Any:
                done = await execute(self, *args)
                if self._database is slow.database:
                    stands.set()
                    await go_on.wait()
                return done

            return stand

        for statement in ("execute", "execute_many"):
            monkeypatch.setattr(PostgresTransaction, statement, standing_after(statement))
        behind = asyncio.create_task(first(slow, taken))
        await stands.wait()
        fast = asyncio.create_task(write(stage.journal, taken))
        async with asyncio.timeout(10):
            while not fast.done() and hand.rows(WAITING) == [(0,)]:  # noqa: ASYNC110 (the server has to be asked)
                await asyncio.sleep(0.005)
            seen = await stage.journal.events(taken.id)
            go_on.set()
            await asyncio.gather(behind, fast)
        seen += await stage.journal.events(taken.id, after=seen[-1].id)
        assert seen == await stage.journal.events(taken.id)
        await slow.close()
