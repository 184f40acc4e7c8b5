"""The contract of where a source is: sources that lie beside the journal (`Uploads`), and claims by host."""

from __future__ import annotations

import msgspec
import pytest
from support.engine_stage import MovedClock, Stage, dead_process, share

from importers.errors import ObmenError
from importers.processes import this_process
from importers.sessions import Outcome, Session, Status
from importers.sessions.uploads import ORPHANED_SECONDS, PIECE_BYTES, Uploads

LEASE = 30.0
ELSEWHERE = msgspec.structs.replace(this_process(), host="elsewhere")


@pytest.fixture
def uploads(stage: Stage) -> Uploads:
    return Uploads(stage.journal.database)


async def read(uploads: Uploads, name: str) -> bytes:
    return b"".join([piece async for piece in uploads.read(name)])


async def sent(stage: Stage) -> Session:
    """A session that its source came with."""
    result = await stage.launch(send_along=True)
    assert result.session, result
    assert result.session.upload is not None
    return result.session


def names(stage: Stage) -> list[str]:
    return [name for (name,) in stage.rows("SELECT DISTINCT name FROM upload ORDER BY name")]


@pytest.mark.parametrize("last", [b"", b"\0\xff", bytes(PIECE_BYTES - 1)], ids=len)
async def test_what_was_sent_is_read(uploads: Uploads, last: bytes) -> None:
    pieces = [bytes([number]) * PIECE_BYTES for number in range(3)] + [last]
    for number in (3, 0, 2, 1):
        await uploads.add("a", number, pieces[number])
    await uploads.add("b", 0, b"another")
    assert [piece async for piece in uploads.read("a")] == pieces
    assert await read(uploads, "b") == b"another"


async def test_a_piece_that_is_added_twice_is_there_once(uploads: Uploads) -> None:
    """The reply to the first try was lost."""
    for _try in range(2):
        await uploads.add("a", 0, b"piece")
    assert await read(uploads, "a") == b"piece"


@pytest.mark.parametrize("there", [[], [0], [1]], ids=str)
async def test_what_is_not_whole_is_an_error(uploads: Uploads, there: list[int]) -> None:
    for number in there:
        await uploads.add("a", number, bytes(PIECE_BYTES) if number == 0 else b"last")
    with pytest.raises(ObmenError, match="no longer in the journal; launch the import again"):
        await read(uploads, "a")


async def test_it_is_dropped_unless_a_session_needs_it(stage: Stage, uploads: Uploads) -> None:
    session = await sent(stage)
    await uploads.add("a", 0, b"")
    await uploads.drop("a")
    await uploads.drop(str(session.upload))
    await uploads.drop("nobody's")
    assert names(stage) == [session.upload]


@pytest.mark.parametrize("how", ["finished", "cancelled before", "cancelled", "died", "unsent"])
async def test_it_is_dropped_when_its_session_ends(stage: Stage, how: str) -> None:
    """Whoever ends it, and not before."""
    session, journal = await sent(stage), stage.journal
    if how not in ("cancelled before", "unsent"):
        owner = dead_process() if how == "died" else this_process()
        claimed = await journal.claim(session.id, session.target, owner, LEASE)
        assert claimed is not None
        session = claimed
    if how == "cancelled":
        await journal.cancel(session.id, "anna")
    assert names(stage) == [session.upload]
    if how == "cancelled before":
        await journal.cancel(session.id, "anna")
    elif how == "died":
        assert await stage.reap() == 1
    else:
        assert await journal.finish(session.id, session.fence, Status.FAILED, {})
    assert (await journal.session(session.id)).status.final
    assert names(stage) == []


async def test_whoever_lost_the_session_drops_nothing(stage: Stage) -> None:
    session = await sent(stage)
    claimed = await stage.journal.claim(session.id, session.target, this_process(), LEASE)
    assert claimed is not None
    assert await stage.journal.start_again(session.id, claimed.fence)
    assert not await stage.journal.finish(session.id, claimed.fence, Status.FAILED, {})
    assert names(stage) == [session.upload]


async def test_orphans_are_dropped_after_an_hour(stage: Stage, clock: MovedClock, uploads: Uploads) -> None:
    """By the journal's clock, after the last piece; not what a session waits with, however long."""
    session = await sent(stage)
    await uploads.add("old", 0, bytes(PIECE_BYTES))
    await uploads.add("long", 0, bytes(PIECE_BYTES))
    clock.seconds += ORPHANED_SECONDS - 1
    await uploads.add("long", 1, b"")
    assert await uploads.drop_orphans() == 0
    clock.seconds += 2
    await stage.reap()
    assert names(stage) == sorted(["long", str(session.upload)])
    clock.seconds += ORPHANED_SECONDS
    assert await uploads.drop_orphans() == 1
    assert names(stage) == [session.upload]


async def test_orphans_of_another_epoch_are_dropped(
    stage: Stage, clock: MovedClock, uploads: Uploads
) -> None:
    await uploads.add("a", 0, b"")
    clock.boot_name, clock.seconds = "boot-2", 1.0
    assert await uploads.drop_orphans() == 1
    assert names(stage) == []


async def test_a_session_is_claimed_where_its_source_is(stage: Stage) -> None:
    result = await stage.launch()
    session = result.session
    assert session is not None
    assert session.source_host == session.host == this_process().host
    assert await stage.journal.claim(session.id, session.target, ELSEWHERE, LEASE) is None
    assert await stage.journal.claim(session.id, session.target, this_process(), LEASE) is not None


@pytest.mark.parametrize("send_along", [False, True])
async def test_a_source_that_all_see_is_claimed_anywhere(stage: Stage, send_along: bool) -> None:
    share(stage)
    result = await stage.launch(send_along=send_along)
    session = result.session
    assert session is not None
    assert session.source_host is None
    assert session.source_print != ""
    assert await stage.journal.claim(session.id, session.target, ELSEWHERE, LEASE) is not None


async def test_the_same_path_on_another_host_is_another_source(stage: Stage, clock: MovedClock) -> None:
    """Of what was launched just now, only the very same is joined."""
    first = await sent(stage)
    assert (await stage.launch(send_along=True)).outcome is Outcome.JOINED
    await stage.journal.finish(first.id, first.fence, Status.COMPLETED, {})
    again = await stage.launch(send_along=True)
    assert (again.outcome, again.session and again.session.id) == (Outcome.JOINED, first.id)
    assert names(stage) == []
    local = await stage.launch()
    assert (local.outcome, local.session and local.session.source_host) == (
        Outcome.CREATED,
        this_process().host,
    )
    assert local.session is not None
    await stage.journal.finish(local.session.id, local.session.fence, Status.COMPLETED, {})
    share(stage)
    assert (await stage.launch()).outcome is Outcome.CREATED
