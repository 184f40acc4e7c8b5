"""Counting sessions at their end, for metrics: what was counted outlives the sessions themselves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from importers.sessions import statements as sql
from importers.sessions.models import Status

if TYPE_CHECKING:
    from importers.database.protocol import Transaction
    from importers.sessions.models import Session


async def count_end(db: Transaction, session: Session, *, lost: bool = False) -> None:
    """Count a session that has ended by a statement of this transaction, whose guard makes it the only one. `lost`: the
    worker that held it died or froze."""
    seconds = seconds_between(session.started_at or session.finished_at, session.finished_at)
    counts = session.counts
    await db.execute(
        sql.COUNT_END, session.id, session.type, session.status, seconds, counts.read, counts.rejected, int(lost)
    )  # fmt: skip
    if session.status is Status.COMPLETED and not session.options.dry_run:
        # In one order, whatever was selected first: two that end at once must not wait for each other.
        for kind in sorted(session.kinds):
            await db.execute(
                sql.LAST_GOOD, session.shop, kind, session.finished_at, seconds, counts.read
            )  # fmt: skip


def seconds_between(since: str | None, until: str | None) -> float:
    """Of two times of the journal; 0 where one is missing, or the clock was set back in between."""
    if since is None or until is None:
        return 0.0
    return max((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds(), 0.0)
