"""What a worker does to journal and catalog, a step at a time."""

from __future__ import annotations

from typing import Any

import msgspec

from importers.catalog import open_catalog
from importers.kinds import Counts
from importers.processes import WorkerProcess
from importers.sessions import Session, Status
from importers.worker.heartbeat import must_go_on
from importers.worker.run import work
from support.engine_stage import Stage

LEASE = 30.0


async def claimed(stage: Stage, owner: WorkerProcess, **rest: Any) -> Session:
    result = await stage.launch(**rest)
    assert result.session is not None
    session = await stage.journal.claim(result.session.id, result.session.target, owner, LEASE)
    assert session is not None
    return session


async def session_1(stage: Stage) -> tuple[Status, str]:
    session = await stage.journal.session(1)
    return session.status, str(session.error or "")


async def commit(stage: Stage, session: Session, **people: str) -> None:
    """As the worker that claimed `session` would."""
    catalog = await open_catalog(stage.settings.catalog.url)
    try:
        async with catalog.transaction(
            journal_id=stage.journal.journal_id,
            session_id=session.id,
            task_id=session.task_id,
            fence=session.fence,
        ) as transaction:
            for key, name in people.items():
                await transaction.execute(
                    "INSERT OR REPLACE INTO customer (id, name, removed) VALUES (?, ?, 0)", key, name
                )
            transaction.note = msgspec.json.encode(
                {"customers": Counts(read=len(people), created=len(people))}
            )

            async def may_commit() -> None:
                must_go_on(await stage.journal.beat(session.id, session.fence, LEASE))

            transaction.before_commit = may_commit
    finally:
        await catalog.close()


async def worked(stage: Stage, *kinds: str, **rest: Any) -> Session:
    """A session that this process has launched and worked."""
    result = await stage.launch(*kinds, **rest)
    assert result.session, result
    await work(result.session.id, stage.settings)
    return await stage.journal.session(result.session.id)
