"""A session is launched again from what it was; one journal for two shops keeps them apart."""

from __future__ import annotations

import msgspec
import pytest
from support.engine_stage import MovedClock, Stage, share
from support.launches import attempt, end, sessions

from importers.kinds import Options
from importers.launch import LaunchResult, launch, new_request, retry_request
from importers.processes import this_process
from importers.sessions import Outcome, Session, Status
from importers.settings import Settings
from importers.targets import target_of


async def test_retry_asks_for_the_same_again(stage: Stage, clock: MovedClock) -> None:
    first = await stage.launch(options=Options(dry_run=True))
    await end(stage, Status.FAILED)
    clock.seconds += 60
    assert first.session
    second = await launch(
        retry_request(first.session, stage.settings),
        stage.settings,
        stage.journal,
        dispatcher=stage.dispatcher,
    )
    assert second.outcome is Outcome.CREATED
    assert second.session is not None
    assert (second.session.id, second.session.kinds, second.session.options) == (
        2, first.session.kinds, first.session.options,
    )  # fmt: skip


async def retried(stage: Stage, session: Session) -> LaunchResult:
    return await launch(
        retry_request(session, stage.settings), stage.settings, stage.journal, dispatcher=stage.dispatcher
    )


async def test_a_retry_is_no_double_press_of_what_it_repeats_but_a_second_one_is(
    stage: Stage, clock: MovedClock
) -> None:
    first = (await stage.launch()).session
    assert first
    await end(stage, Status.FAILED)
    assert (await stage.launch()).outcome is Outcome.JOINED
    second = await retried(stage, first)
    assert (second.outcome, second.session and second.session.id) == (Outcome.CREATED, 2)
    await end(stage, Status.FAILED)
    again = await retried(stage, first)
    assert (again.outcome, again.session and again.session.id) == (Outcome.JOINED, 2)
    clock.seconds += 6
    assert (await retried(stage, first)).outcome is Outcome.CREATED


@pytest.mark.parametrize("send_along", [False, True])
async def test_a_retry_reads_the_files_of_the_same_host(
    stage: Stage, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, send_along: bool
) -> None:
    """Another one has something else at that path, or nothing. A journal in a file is on one machine, whatever that is
    called by now."""
    first = (await stage.launch(send_along=send_along)).session
    assert first
    await end(stage)
    clock.seconds += 60
    on_server = msgspec.structs.replace(stage.settings.journal, url="postgresql://server/journal")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
        in_file = retry_request(first, stage.settings)
        elsewhere.setattr(stage, "settings", msgspec.structs.replace(stage.settings, journal=on_server))
        refused = await retried(stage, first)
    assert in_file.only_host is None
    assert refused.outcome is Outcome.REFUSED
    assert f"the source {first.source} is on {first.host}: retry the session there" in str(refused.reason)
    again = (await retried(stage, first)).session
    assert again
    assert (again.source_host, again.upload is not None) == (first.source_host, send_along)
    assert len(stage.rows("SELECT * FROM upload")) == int(send_along)


async def test_a_retry_of_a_shared_source_is_made_anywhere(
    stage: Stage, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(stage)
    first = (await stage.launch()).session
    assert first
    await end(stage)
    clock.seconds += 60
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    assert (await retried(stage, first)).outcome is Outcome.CREATED


def for_another_shop(stage: Stage) -> Settings:
    """One journal for two shops: the settings of the other one."""
    return msgspec.structs.replace(
        stage.settings, catalog=type(stage.settings.catalog)(url=f"sqlite:///{stage.folder}/other.sqlite3")
    )


@pytest.mark.parametrize("running", [False, True])
async def test_a_retry_goes_to_its_own_catalog_only(stage: Stage, clock: MovedClock, running: bool) -> None:
    first = await stage.launch()
    await end(stage)
    clock.seconds += 60
    other = for_another_shop(stage)
    if running:  # what runs there has nothing to do with it
        await launch(new_request(other, ("customers",)), other, stage.journal, dispatcher=stage.dispatcher)
        clock.seconds += 60
    before = sessions(stage)
    assert first.session
    result = await launch(
        retry_request(first.session, other), other, stage.journal, dispatcher=stage.dispatcher
    )
    assert (result.outcome, result.session, sessions(stage)) == (Outcome.REFUSED, None, before)
    reason = str(result.reason)
    assert f"imported into sqlite:///{stage.folder}/catalog.sqlite3" in reason
    assert f"these settings import into sqlite:///{stage.folder}/other.sqlite3" in reason
    assert (await attempt(stage, result)).outcome is Outcome.REFUSED
    again = await launch(
        retry_request(first.session, stage.settings),
        stage.settings,
        stage.journal,
        dispatcher=stage.dispatcher,
    )
    assert again.outcome is Outcome.CREATED


async def test_anothers_session_can_be_cancelled_and_deleted(stage: Stage) -> None:
    """That touches the journal alone; the worker and the reaper of these settings leave it to its own."""
    other = for_another_shop(stage)
    result = await launch(
        new_request(other, ("customers",)), other, stage.journal, dispatcher=stage.dispatcher
    )
    assert result.session is not None
    assert await stage.reap() == 0
    assert (
        await stage.journal.claim(
            result.session.id, await target_of(stage.settings).key(), this_process(), 30
        )
        is None
    )
    assert (await stage.journal.cancel(result.session.id, "anna")).status is Status.CANCELLED
    assert await stage.journal.delete([result.session.id]) == [result.session.id]
