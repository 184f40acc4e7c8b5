"""Sessions whose source another host has: those who cannot reach a worker there leave them alone, but not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from support.engine_stage import MovedClock, Stage, dead_process, share
from support.workers import LEASE, claimed, session_1

from importers.processes import this_process
from importers.sessions import Status
from importers.sessions.rules import LOST_SECONDS, UNSENT_SECONDS

HERE = this_process().host


@contextmanager
def on_another_host() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        yield


async def test_it_is_sent_from_its_own_host(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    stage.sent.clear()
    clock.seconds += LOST_SECONDS + 1
    with on_another_host():
        assert await stage.reap() == 0
    assert stage.sent == []
    assert await stage.reap() == 1
    assert stage.sent == [1]


async def test_what_nobody_comes_for_ends(stage: Stage, clock: MovedClock) -> None:
    """It would keep its target from being imported into for ever."""
    session = (await stage.launch()).session
    assert session
    clock.seconds += 2 * LOST_SECONDS + 1
    with on_another_host():
        assert await stage.reap() == 1
    assert await session_1(stage) == (
        Status.FAILED,
        f"No worker came on {HERE}, which has the source {session.source}; start the import again there",
    )


async def test_one_that_starts_again_is_left_to_its_host(stage: Stage, clock: MovedClock) -> None:
    stage.settings = msgspec.structs.replace(
        stage.settings, worker=msgspec.structs.replace(stage.settings.worker, retries=1)
    )
    await claimed(stage, dead_process())
    stage.sent.clear()
    clock.seconds += LEASE + 1
    with on_another_host():
        await stage.reap()
    assert (await session_1(stage))[0] is Status.STARTED
    assert stage.sent == []
    clock.seconds += UNSENT_SECONDS + 1
    assert await stage.reap() == 1
    assert stage.sent == [1]


async def test_a_shared_source_is_sent_from_anywhere(stage: Stage, clock: MovedClock) -> None:
    share(stage)
    await stage.launch()
    stage.sent.clear()
    clock.seconds += LOST_SECONDS + 1
    with on_another_host():
        assert await stage.reap() == 1
    assert stage.sent == [1]
