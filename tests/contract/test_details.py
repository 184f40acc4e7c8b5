"""The contract of the journal: what a session tells beside its row, and its rejects by why."""

from __future__ import annotations

import pytest
from support.engine_stage import Stage
from test_journal import made

from importers.events import Reject
from importers.sessions import Session, Status
from importers.sessions.details import KindStanding, Standing
from importers.sessions.rejects import RejectGroup, groups, of_group

HALF = Standing(0.5, "prices", "read", "prices0_1.xml", 10, 5.5, 7.0, {"prices": KindStanding(0.7, 0.0, 10)})
WHOLE = Standing(1.0, None, "", "", 20, 5.0, 0.0, {"prices": KindStanding(1.0, 1.0, 20)}, (4.0, 6.0), 2.0)


async def write(stage: Stage, session: Session, *details: Standing, rejects: tuple[Reject, ...] = ()) -> bool:
    return await stage.journal.write(
        session.id, session.fence, [], rejects, done=1, total=2, running_kind=None, by_kind={}, details=details
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


def reject(kind: str, reason: str, record: str, **args: str) -> Reject:
    return Reject(kind, "prices0_1.xml", 7, record, reason, args, f"<Цена>{record}</Цена>")


async def test_rejects_by_why(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    many = [reject("prices", "{value} is no number", f"p{n}", value=str(n)) for n in range(5)]
    rejects = (
        reject("catalog", "has no Ид", ""), *many[:2], reject("catalog", "{value} is no number", "c", value="x"),
        *many[2:], reject("catalog", "has no Ид", ""),
    )  # fmt: skip
    await write(stage, session, rejects=rejects)
    database = stage.journal.database
    found = await groups(database, session.id)
    assert [(group.kind, group.reason, group.count) for group in found] == [
        ("prices", "{value} is no number", 5), ("catalog", "has no Ид", 2), ("catalog", "{value} is no number", 1),
    ]  # fmt: skip
    first = await of_group(database, found[0], limit=3)
    rest = await of_group(database, found[0], after=first[-1].id, limit=3)
    assert [row.record_id for row in (*first, *rest)] == [f"p{n}" for n in range(5)]
    assert (rest[-1].file, rest[-1].line, rest[-1].args) == ("prices0_1.xml", 7, {"value": "4"})
    assert rest[-1].fragment == "<Цена>p4</Цена>"
    assert await groups(database, session.id + 1) == []


async def test_no_group_of_another_session(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    await write(stage, session, rejects=(reject("prices", "has no Ид", "a"),))
    (group,) = await groups(stage.journal.database, session.id)
    other = RejectGroup(session.id + 1, group.kind, group.reason, 1, 0)
    assert await of_group(stage.journal.database, other) == []


@pytest.mark.parametrize("limit", [1, 2])
async def test_a_page_is_never_longer_than_asked(stage: Stage, limit: int) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    await write(stage, session, rejects=tuple(reject("prices", "has no Ид", str(n)) for n in range(4)))
    (group,) = await groups(stage.journal.database, session.id)
    assert len(await of_group(stage.journal.database, group, limit=limit)) == limit
