"""A server that is lost: while nothing goes on, within a transaction, and at its COMMIT, whose answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from support.engines import PostgresHand
from support.proxy import Cut, Line, line_to

from importers.catalog import open_catalog
from importers.database import postgres_link, postgres_outcome
from importers.errors import ConnectionLost, DatabaseError
from importers.events import Counts, Log, Options, Reject
from importers.launch.lock import Locked
from importers.launch.table_lock import TableLock
from importers.processes import WorkerProcess
from importers.sessions import Journal, open_journal
from importers.sessions.models import Attempt, Known, NewSession, Outcome, Session, Status
from importers.sessions.uploads import Uploads

ME = WorkerProcess("host", 1, "start", "boot")
NEW = NewSession("r", "k", "h", "t", ("prices",), "/srv/1c", Options(), "a catalog", "anna", "host")
BOTH = pytest.mark.parametrize("cut", list(Cut))


@pytest.fixture
def line(hand: PostgresHand) -> Iterator[Line]:
    with line_to(hand.url) as line:
        yield line


@pytest.fixture
async def journal(line: Line) -> AsyncIterator[Journal]:
    journal = await open_journal(line.url)
    yield journal
    await journal.close()


async def made(journal: Journal) -> Session:
    return (await journal.create(NEW, 5, [Log("info", "made")]))[1]


async def claimed(journal: Journal) -> Session:
    session = await journal.claim((await made(journal)).id, NEW.target, ME, 30)
    assert session
    return session


async def ended(journal: Journal) -> Session:
    session = await claimed(journal)
    assert await journal.finish(session.id, session.fence, Status.COMPLETED, {"prices": Counts()})
    return session


async def nothing(journal: Journal) -> None:
    pass


async def begun(journal: Journal) -> None:
    await journal.begin_attempt(ATTEMPT)


async def sent(journal: Journal) -> None:
    await Uploads(journal.database).add("a", 0, b"piece")


ATTEMPT = Attempt("r", "k", ("prices",), "/srv/1c", "a catalog", "anna", "host", 1)
WITH_EVENTS = "SELECT status, (SELECT count(*) FROM event WHERE {}) FROM session"
Write = Callable[[Journal, Any], Awaitable[object]]
WRITES: dict[str, tuple[Callable[[Journal], Awaitable[Any]], Write, str, list[tuple[object, ...]]]] = {
    "begin_attempt": (nothing, lambda j, _: j.begin_attempt(ATTEMPT), "SELECT count(*) FROM attempt", [(1,)]),
    "end_attempt": (
        begun, lambda j, _: j.end_attempt("r", Outcome.REFUSED, None, "off", None), "SELECT outcome FROM attempt",
        [("refused",)],
    ),
    "create": (nothing, lambda j, _: made(j), WITH_EVENTS.format("true"), [("started", 1)]),
    "cancel": (made, lambda j, s: j.cancel(s.id, "anna"), WITH_EVENTS.format("true"), [("cancelled", 2)]),
    "delete": (ended, lambda j, s: j.delete([s.id]), "SELECT count(*) FROM session", [(0,)]),
    "mark_dispatched": (
        made, lambda j, s: j.mark_dispatched(s.id, ME), "SELECT dispatches, owner FROM session", [(1, "host:1")],
    ),
    "claim": (
        made, lambda j, s: j.claim(s.id, NEW.target, ME, 30), WITH_EVENTS.format("type = 'received'"),
        [("in_progress", 1)],
    ),
    "beat": (
        claimed, lambda j, s: j.beat(s.id, s.fence, 3600),
        "SELECT lease_until > (SELECT seconds FROM obmen_now()) + 1800 FROM session", [(True,)],
    ),
    "write": (
        claimed,
        lambda j, s: j.write(
            s.id, s.fence, [Log("info", "once")], [Reject("prices", "f", 1, "id", "why")], done=1, total=2,
            running_kind="prices", by_kind={},
        ),
        "SELECT done, (SELECT count(*) FROM event WHERE message = 'once'), (SELECT count(*) FROM reject) FROM session",
        [(1, 1, 1)],
    ),
    "finish": (
        claimed, lambda j, s: j.finish(s.id, s.fence, Status.COMPLETED, {}, line=Log("info", "done")),
        WITH_EVENTS.format("message = 'done'"), [("completed", 1)],
    ),
    "start_again": (
        claimed, lambda j, s: j.start_again(s.id, s.fence), "SELECT status, retries FROM session", [("started", 1)],
    ),
    "remember": (
        nothing, lambda j, _: j.remember("t", Known("key", "state", "told")), "SELECT count(*) FROM known", [(1,)],
    ),
    "acquire": (
        nothing, lambda j, _: TableLock(j.database).acquire("key", "token", 9), "SELECT token FROM lock", [("token",)],
    ),
    "upload": (
        nothing, lambda j, _: Uploads(j.database).add("a", 0, b"piece"), "SELECT count(*) FROM upload", [(1,)],
    ),
    "drop": (sent, lambda j, _: Uploads(j.database).drop("a"), "SELECT count(*) FROM upload", [(0,)]),
}  # fmt: skip
"""What goes before, the write, and what must be there after it: of one that was done once."""


@BOTH
@pytest.mark.parametrize("name", WRITES)
async def test_a_write_is_done_once_whenever_the_line_is_cut(
    journal: Journal, line: Line, hand: PostgresHand, name: str, cut: Cut
) -> None:
    before, write, sql, wanted = WRITES[name]
    given = await before(journal)
    line.cut = cut
    answer = await write(journal, given)
    assert line.cuts == 1
    assert hand.rows(sql) == wanted
    assert answer not in (False, Locked.BUSY)
    if name in ("claim", "mark_dispatched", "create", "beat"):
        assert answer is not None
    assert journal.database.lost_since is None


@BOTH
async def test_a_catalog_is_committed_or_not_and_it_is_known_which(
    line: Line, hand: PostgresHand, cut: Cut
) -> None:
    catalog = await open_catalog(line.url)
    try:

        async def change() -> None:
            async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
                await transaction.execute("INSERT INTO unit (code) VALUES (?1)", "796")

        line.cut = cut
        if cut is not Cut.AFTER:
            with pytest.raises(ConnectionLost, match="the connection to the server is lost"):
                await change()
            line.cut = None
            assert hand.rows("SELECT count(*) FROM unit") == [(0,)]
        else:
            await change()
        assert (await catalog.applied(journal_id="j", task_id="t") is not None) == (cut is Cut.AFTER)
    finally:
        await catalog.close()


async def test_an_end_that_nobody_can_tell_is_told_as_such_and_not_repeated(
    journal: Journal, line: Line, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_outcome, "RECONNECT_SECONDS", 0.3)
    session = await made(journal)
    await journal.database.fetch("SELECT 1")
    line.cut = Cut.AFTER
    down = asyncio.create_task(until_cut(line))
    with pytest.raises(DatabaseError, match="nobody can be asked whether it did") as error:
        await journal.cancel(session.id, "anna")
    await down
    assert not isinstance(error.value, ConnectionLost)
    assert hand.rows("SELECT count(*) FROM event WHERE type = 'cancel'") == [(1,)]


async def until_cut(line: Line) -> None:
    while not line.cuts:  # noqa: ASYNC110 (a thread cuts it)
        await asyncio.sleep(0)
    line.go_down()


async def test_the_line_is_waited_for_and_that_is_visible(journal: Journal, line: Line) -> None:
    session = await made(journal)
    line.go_down()
    reading = asyncio.create_task(journal.session(session.id))
    writing = asyncio.create_task(journal.cancel(session.id, "anna"))
    while journal.database.lost_since is None:  # noqa: ASYNC110 (an attribute)
        await asyncio.sleep(0.01)
    line.is_down = False
    assert (await reading).id == session.id
    assert (await writing).status is Status.CANCELLED
    assert journal.database.lost_since is None


async def test_it_is_not_waited_for_without_end(
    journal: Journal, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_link, "RECONNECT_SECONDS", 0.3)
    line.go_down()
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await journal.session(1)
    assert journal.database.lost_since is not None


async def test_who_listens_misses_nothing_while_the_line_is_cut(
    journal: Journal, line: Line, hand: PostgresHand
) -> None:
    other = await open_journal(hand.url)
    watch = journal.watch()
    try:
        assert await watch.changed(5), "asked for the first time"
        while await watch.changed(0.3):
            pass
        line.go_down()
        await made(other)
        line.is_down = False
        assert await watch.changed(5)
    finally:
        await other.close()
