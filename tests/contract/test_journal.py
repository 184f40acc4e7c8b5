"""The contract of the journal (`Journal`): states and their legal moves, launching, leases, following, deleting;
and what its tables allow to nobody."""

from __future__ import annotations

from typing import Any

import pytest
from support.engine_stage import MovedClock, Stage, dead_process, share

from importers.errors import UnknownSession
from importers.kinds import Counts, Log, Options, Reject
from importers.launch import LaunchResult
from importers.processes import WorkerProcess, this_process
from importers.sessions import ACTIVE, FINAL, Known, Place, Session, SessionFilter, Status, store
from importers.sessions.finding import AttemptFilter
from importers.sessions.models import WAS_DRY_RUN, Outcome
from importers.texts import Message

LEASE = 30.0


async def made(stage: Stage, status: Status = Status.STARTED, **rest: Any) -> Session:
    """A session in this state, reached as sessions do."""
    result: LaunchResult = await stage.launch(**rest)
    assert result.session is not None
    session = result.session
    journal = stage.journal
    if status is Status.STARTED:
        return session
    if status is not Status.CANCELLED:
        claimed = await journal.claim(session.id, session.target, this_process(), LEASE)
        assert claimed is not None
        session = claimed
    if status in (Status.CANCELLING, Status.CANCELLED):
        session = await journal.cancel(session.id, "anna")
    if status in (Status.COMPLETED, Status.FAILED):
        assert await journal.finish(
            session.id, session.fence, status, {"customers": Counts(read=1, created=1)}
        )
    session = await journal.session(session.id)
    assert session.status is status
    return session


@pytest.mark.parametrize("status", sorted(FINAL))
async def test_final_is_final(stage: Stage, status: Status) -> None:
    session = await made(stage, status)
    journal = stage.journal
    for fence in (session.fence, session.fence - 1):
        assert await journal.claim(session.id, session.target, this_process(), LEASE) is None
        assert await journal.beat(session.id, fence, LEASE) is None
        assert not await journal.write(
            session.id, fence, [Log("info", "x")], [], done=1, total=1, running_kind=None, by_kind={}
        )
        assert not await journal.finish(session.id, fence, Status.COMPLETED, {})
        assert not await journal.start_again(session.id, fence)
    assert await journal.mark_dispatched(session.id, this_process()) is None
    assert not await journal.unmark_dispatched(session.id, 1)
    assert await journal.cancel(session.id, "anna") == session
    assert await journal.session(session.id) == session


@pytest.mark.parametrize("status", sorted(Status))
async def test_what_cancel_does(stage: Stage, status: Status) -> None:
    session = await made(stage, status)
    after = {Status.STARTED: Status.CANCELLED, Status.IN_PROGRESS: Status.CANCELLING}.get(status, status)
    found = await stage.journal.cancel(session.id, "anna")
    assert found.status is after
    assert (found.finished_at is not None) == (after in FINAL)
    asked = [line for line in await stage.journal.events(session.id) if "asked to cancel" in line.message]
    assert len(asked) == (1 if status not in (Status.COMPLETED, Status.FAILED) else 0)


async def test_cancel_of_nobody(stage: Stage) -> None:
    with pytest.raises(UnknownSession, match="there is no session 7; obmen sessions lists them"):
        await stage.journal.cancel(7, "anna")


@pytest.mark.parametrize("status", sorted(ACTIVE))
async def test_the_database_itself_allows_one_active_session_a_target(
    stage: Stage, refused: type[Exception], status: Status
) -> None:
    """Guarantee 1, whatever program writes."""
    await made(stage, status)
    copy = (
        "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, status, operator, "
        "host, created_at, created_clock, boot_id) SELECT 'r', 'k', 't', kinds, source, options, {target}, 'started', "
        "operator, host, created_at, created_clock, boot_id FROM session WHERE id = 1"
    )
    with pytest.raises(refused):
        stage.change(copy.format(target="target"))
    stage.change(copy.format(target="'another'"))


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO event (session_id, at, type, level, message, args) VALUES (1, '', 'received', 'info', '', '{}')",
        "UPDATE session SET status = 'nonsense'",
        "UPDATE session SET status = 'completed'",
        "INSERT INTO launch_key SELECT idempotency_key, params_hash, 9 FROM launch_key",
    ],
)
async def test_the_database_itself_refuses(stage: Stage, refused: type[Exception], change: str) -> None:
    await made(stage, Status.IN_PROGRESS)
    with pytest.raises(refused):
        stage.change(change)


async def test_an_idempotency_key_makes_one_session_for_ever(stage: Stage, refused: type[Exception]) -> None:
    await made(stage, Status.COMPLETED)
    copy = (
        "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, status, operator, "
        "host, created_at, created_clock, boot_id) SELECT 'r', {key}, 't', kinds, source, options, target, 'started', "
        "operator, host, created_at, created_clock, boot_id FROM session WHERE id = 1"
    )
    with pytest.raises(refused):
        stage.change(copy.format(key="idempotency_key"))
    stage.change(copy.format(key="'another'"))


def of_kind(kind: str) -> SessionFilter:
    return SessionFilter(kinds=frozenset((kind,)))


async def test_sessions_are_listed_newest_first_and_by_page(stage: Stage, clock: MovedClock) -> None:
    for status in (Status.COMPLETED, Status.FAILED, Status.COMPLETED):
        await made(stage, status)
        clock.seconds += 60
    journal = stage.journal
    assert [session.id for session in await journal.sessions()] == [3, 2, 1]
    assert [session.id for session in await journal.sessions(limit=2)] == [3, 2]
    assert [session.id for session in (await journal.find(after=Place(2, 2))).sessions] == [1]
    failed = SessionFilter(frozenset((Status.FAILED,)))
    assert [session.id for session in await journal.sessions(failed)] == [2]
    assert [session.id for session in await journal.sessions(of_kind("customers"), 1)] == [3]
    for kind in ("prices", "CUSTOMERS", "customer_", "%", "customer", ""):
        assert await journal.sessions(of_kind(kind)) == []


async def test_attempts_by_request_kind_and_operator(stage: Stage) -> None:
    first = await stage.launch("customers")
    second = await stage.launch("prices")
    journal = stage.journal
    assert [a.request_id for a in await journal.attempts()] == [second.request_id, first.request_id]
    assert [a.request_id for a in await journal.attempts(kind="prices")] == [second.request_id]
    assert await journal.attempts(kind="price_") == []
    assert [a.request_id for a in await journal.attempts(request_id=first.request_id)] == [first.request_id]
    assert await journal.attempts(operator="nobody-of-that-name") == []


async def test_an_attempt_tells_that_its_session_only_tries(stage: Stage) -> None:
    await stage.launch("prices")  # is refused
    await stage.launch("customers", options=Options(dry_run=True))
    await stage.journal.cancel(1, "anna")
    await stage.launch("customers")
    done, tried, _refused = await stage.journal.attempts()
    assert (tried.dry_run, done.dry_run) == (True, False)
    for wanted, expected in (
        (AttemptFilter(dry_run=True), [tried]),
        (AttemptFilter(dry_run=False), [done]),
        (AttemptFilter(with_rejects=True), []),
        (AttemptFilter(with_rejects=False, dry_run=True), [tried]),
    ):
        assert (await stage.journal.find_attempts(wanted)).attempts == expected
        assert await stage.journal.count_attempts(wanted) == len(expected)


async def test_events_can_be_followed_from_another_process(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    other = await stage.another_journal()
    watch = other.watch()
    try:
        seen = await other.events(session.id)
        assert await watch.changed(), "asked for the first time"
        assert not await watch.changed()
        await stage.journal.write(
            session.id, session.fence, [Log("info", "a {n}", {"n": 1}), Log("warning", "b")],
            [Reject("customers", "a.xml", 4, "c1", "no {what}", {"what": "name"}, "<a/>")],
            done=1, total=2, running_kind="customers", by_kind={"customers": Counts(read=1, rejected=1)},
        )  # fmt: skip
        assert await watch.changed()
        new = await other.events(session.id, after=seen[-1].id)
        assert [(line.level, line.message, line.args) for line in new] == [
            ("info", "a {n}", {"n": 1}), ("warning", "b", {}),
        ]  # fmt: skip
        assert len(await other.events(session.id, limit=1)) == 1
        (reject,) = await other.rejects(session.id)
        assert (reject.file, reject.line, reject.args, reject.fragment) == (
            "a.xml",
            4,
            {"what": "name"},
            "<a/>",
        )
        assert await other.rejects(session.id, after=reject.id) == []
        found = await other.session(session.id)
        assert (found.done, found.total, found.running_kind) == (1, 2, "customers")
        assert found.counts == Counts(read=1, rejected=1)
    finally:
        await other.close()


async def test_our_own_writes_count_as_changes(stage: Stage) -> None:
    watch = stage.journal.watch()
    await watch.changed()
    await made(stage)
    assert await watch.changed()


async def test_no_watch_takes_anothers_changes_away(stage: Stage) -> None:
    first, second = stage.journal.watch(), stage.journal.watch()
    assert (await first.changed(), await second.changed()) == (True, True)
    await made(stage)
    assert (await first.changed(), await first.changed()) == (True, False)
    assert (await second.changed(), await second.changed()) == (True, False)


async def test_only_finished_sessions_are_deleted(stage: Stage, clock: MovedClock) -> None:
    first = await made(stage, Status.COMPLETED)
    clock.seconds += 60
    second = await made(stage, Status.IN_PROGRESS)
    assert await stage.journal.delete([second.id, first.id, 99]) == [first.id]
    assert [session.id for session in await stage.journal.sessions()] == [second.id]
    assert await stage.journal.events(first.id) == []
    assert stage.rows("SELECT count(*) FROM attempt") == [(2,)], "attempts stay"
    clock.seconds += 60
    await stage.journal.finish(second.id, second.fence, Status.FAILED, {})
    await stage.journal.delete([second.id])
    assert (await made(stage)).id == 3, "an id is never given again"


async def test_a_dry_run_stays_one_when_its_session_is_deleted(stage: Stage, clock: MovedClock) -> None:
    clock.seconds += 60
    dry = (await made(stage, Status.COMPLETED, options=Options(dry_run=True))).id
    clock.seconds += 60
    real = (await made(stage, Status.COMPLETED)).id
    await stage.journal.delete([dry, real])
    assert await stage.journal.sessions() == []
    found = {one.session_id: one for one in await stage.journal.attempts()}
    assert (found[dry].dry_run, found[real].dry_run) == (True, False)
    assert found[dry].reason == Message.of(WAS_DRY_RUN)
    assert found[real].reason is None
    (only,) = (await stage.journal.find_attempts(AttemptFilter(dry_run=True))).attempts
    assert only.session_id == dry


async def test_who_joins_a_dry_run_has_tried_nothing(stage: Stage) -> None:
    dry = await made(stage, Status.IN_PROGRESS, options=Options(dry_run=True))
    joined = await stage.launch(options=Options())
    assert joined.outcome is Outcome.JOINED
    told = {one.outcome: one.dry_run for one in await stage.journal.attempts()}
    assert told == {Outcome.CREATED: True, Outcome.JOINED: False}
    (only,) = (await stage.journal.find_attempts(AttemptFilter(dry_run=True))).attempts
    assert (only.outcome, only.session_id) == (Outcome.CREATED, dry.id)
    assert await stage.journal.count_attempts(AttemptFilter(dry_run=False)) == 0


async def test_whoever_asked_first_has_cancelled(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    assert await stage.journal.cancelled_by(session.id) == "?"
    for operator in ("anna", "boris"):
        await stage.journal.cancel(session.id, operator)
    assert await stage.journal.cancelled_by(session.id) == "anna"


async def test_a_lease_is_judged_by_the_clock_of_the_journal(stage: Stage, clock: MovedClock) -> None:
    """Whichever process asks, and wherever the worker runs."""
    share(stage)
    session = await made(stage)
    owner = WorkerProcess("elsewhere", 1, "1", "the boot of another machine")
    claimed = await stage.journal.claim(session.id, session.target, owner, LEASE)
    assert claimed is not None
    other = await stage.another_journal()
    try:

        async def is_over() -> bool:
            ((one,), (two,)) = [await j.active_sessions(session.target) for j in (stage.journal, other)]
            assert one.lease_over is two.lease_over
            return one.lease_over

        clock.seconds += LEASE
        assert not await is_over()
        clock.seconds += 1
        assert await is_over()
        assert await other.beat(session.id, claimed.fence, LEASE) is Status.IN_PROGRESS
        assert not await is_over()
        clock.boot_name = "boot-2"
        assert await is_over(), "what an earlier epoch of the clock says cannot be compared"
    finally:
        await other.close()


async def test_what_is_stored_is_what_was_asked(stage: Stage) -> None:
    session = await made(stage, options=Options(dry_run=True, force=True))
    assert await stage.journal.session(session.id) == await stage.journal.active(session.target)
    assert session.options == Options(dry_run=True, force=True)
    other = await stage.another_journal()
    try:
        assert other.journal_id == stage.journal.journal_id != ""
    finally:
        await other.close()


async def test_the_first_received_is_the_only_one(stage: Stage) -> None:
    session = await made(stage, Status.IN_PROGRESS)
    await stage.journal.start_again(session.id, session.fence)
    again = await stage.journal.claim(session.id, session.target, dead_process(), LEASE)
    assert again is not None
    assert again.started_at == session.started_at
    assert [line.type for line in await stage.journal.events(session.id)].count("received") == 1


async def test_what_is_known_is_that_of_one_state(stage: Stage) -> None:
    journal = stage.journal
    await journal.remember("shop", Known("k", "s", "1"))
    await journal.remember("shop", Known("l", "s", "2"))
    await journal.remember("another", Known("k", "t", "3"))
    await journal.remember("shop", Known("k", "s", "4"))
    assert await journal.recall("shop", "k") == Known("k", "s", "4")
    assert await journal.recall("shop", "l") == Known("l", "s", "2")
    await journal.remember("shop", Known("m", "u", "5"))
    assert await journal.recall("shop", "k") is None
    assert await journal.recall("shop", "l") is None
    assert await journal.recall("another", "k") == Known("k", "t", "3")


async def test_not_more_is_known_than_is_asked_for(stage: Stage) -> None:
    for number in range(store.MAX_KNOWN + 1):
        await stage.journal.remember("shop", Known(str(number), "s", "told"))
    known = [await stage.journal.recall("shop", str(number)) for number in range(store.MAX_KNOWN + 1)]
    assert [one is not None for one in known] == [False] + [True] * store.MAX_KNOWN
