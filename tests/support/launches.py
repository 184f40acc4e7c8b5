"""What became of launches, and an end to what is active."""

from __future__ import annotations

from importers.launch import LaunchResult
from importers.sessions import Attempt, Status
from support.engine_stage import Stage


async def end(stage: Stage, status: Status = Status.COMPLETED) -> None:
    """End whatever is active."""
    for held in await stage.journal.active_sessions(f"sqlite:///{stage.folder}/catalog.sqlite3"):
        assert await stage.journal.finish(held.session.id, held.session.fence, status, {})


async def attempt(stage: Stage, result: LaunchResult) -> Attempt:
    (found,) = await stage.journal.attempts(request_id=result.request_id)
    return found


def sessions(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM session")[0][0])
