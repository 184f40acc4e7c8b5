"""The contract of the journal: what a session tells beside its row."""

from __future__ import annotations

from support.engine_stage import Stage
from test_journal import made

from importers.sessions import Session, Status
from importers.sessions.details import KindStanding, Standing

HALF = Standing(0.5, "prices", "read", "prices0_1.xml", 10, 5.5, 7.0, {"prices": KindStanding(0.7, 0.0, 10)})
WHOLE = Standing(1.0, None, "", "", 20, 5.0, 0.0, {"prices": KindStanding(1.0, 1.0, 20)}, (4.0, 6.0), 2.0)


async def write(stage: Stage, session: Session, *details: Standing) -> bool:
    return await stage.journal.write(
        session.id, session.fence, [], [], done=1, total=2, running_kind=None, by_kind={}, details=details
    )  # fmt: skip


async def test_the_last_one_told_counts(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    assert await stage.journal.detail(session.id, Standing) is None
    for standing in (HALF, WHOLE):
        assert await write(stage, session, standing)
        assert await stage.journal.detail(session.id, Standing) == standing
    assert await stage.journal.detail(session.id + 1, Standing) is None


async def test_only_who_holds_the_session_tells(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    assert await write(stage, session, HALF)
    assert await stage.journal.finish(session.id, session.fence, Status.COMPLETED, {})
    assert not await write(stage, session, WHOLE)
    assert await stage.journal.detail(session.id, Standing) == HALF
    ended = await stage.journal.session(session.id)
    assert ended.done == ended.total == 2, "a session that is completed is at its end, whoever ended it"


async def test_it_goes_with_the_session(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    await write(stage, session, HALF)
    await stage.journal.finish(session.id, session.fence, Status.FAILED, {})
    assert await stage.journal.delete([session.id]) == [session.id]
    assert stage.hand.rows("SELECT * FROM detail") == []
