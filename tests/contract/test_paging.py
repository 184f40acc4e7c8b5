"""The contract of the journal (`Journal`): log lines and rejects of one session, page by page."""

from __future__ import annotations

from support.engine_stage import Stage

from importers.events import Log, Reject
from importers.processes import this_process
from importers.sessions import Session, Status

LEVELS = ("info", "warning", "info", "error", "info", "info", "error", "warning")
REASONS = ("price {value} is not a number", "no product {id}", "price {value} is not a number")


async def written(stage: Stage) -> Session:
    """A session with these lines and rejects, behind another one's."""
    for kinds in (("customers",), ("customers", "catalog")):
        result = await stage.launch(*kinds)
        assert result.session
        held = await stage.journal.claim(result.session.id, result.session.target, this_process(), 30)
        assert held
        lines = [Log(level, f"line {number}") for number, level in enumerate(LEVELS)]
        rejects = [Reject("prices", "offers.xml", None, "1", reason) for reason in REASONS]
        await stage.journal.write(
            held.id, held.fence, lines, rejects, done=1, total=1, running_kind=None, by_kind={}
        )
        await stage.journal.cancel(held.id, "anna")
        session = await stage.journal.session(held.id)
        await stage.journal.finish(held.id, held.fence, Status.CANCELLED, {})
    return session


async def test_log_lines_forwards_and_backwards_and_by_level(stage: Stage) -> None:
    session = await written(stage)
    journal = stage.journal
    all_lines = await journal.events(session.id)
    assert {line.session_id for line in all_lines} == {session.id}
    worse = {"info": ("info", "warning", "error"), "warning": ("warning", "error"), "error": ("error",)}
    for least in ("info", "warning", "error"):
        expected = [line for line in all_lines if line.level in worse[least]]
        assert len(expected) >= 2
        assert await journal.events(session.id, least=least) == expected  # type: ignore[arg-type]
        for at, line in enumerate(expected):
            for limit in (1, 3):
                behind = await journal.events(session.id, after=line.id, least=least, limit=limit)  # type: ignore[arg-type]
                assert behind == expected[at + 1 : at + 1 + limit]
                before = await journal.events(session.id, before=line.id, least=least, limit=limit)  # type: ignore[arg-type]
                assert before == expected[max(at - limit, 0) : at]
                skipped = await journal.line_behind(session.id, after=line.id, count=limit, least=least)  # type: ignore[arg-type]
                assert skipped == (behind[-1].id if len(behind) == limit else None)


async def test_rejects_by_their_reasons(stage: Stage) -> None:
    session = await written(stage)
    journal = stage.journal
    assert await journal.reasons(session.id) == [(REASONS[0], 2), (REASONS[1], 1)]
    everything = await journal.rejects(session.id)
    assert [reject.reason for reject in everything] == [*REASONS]
    first, _other, last = everything
    assert await journal.rejects(session.id, reason=REASONS[0]) == [first, last]
    assert await journal.rejects(session.id, reason=REASONS[0], limit=1) == [first]
    assert await journal.rejects(session.id, reason=REASONS[0], after=first.id) == [last]
    assert await journal.rejects(session.id, reason="another") == []
    assert await journal.reasons(session.id + 1) == []
