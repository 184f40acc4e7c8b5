"""What operators can do, whoever asks: the command line, the screens, the doctor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from support.engine_stage import Stage, no_processes, staged

from importers.control import Control
from importers.errors import ObmenError, UnknownSession
from importers.launch import LaunchRequest, new_request
from importers.processes import account, this_process
from importers.sessions import LogLine, Outcome, Session, Status
from importers.texts import Message
from importers.worker.dispatch import WAITING


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        no_processes(made)
        yield made


@pytest.fixture
def control(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Control:
    """Its launches send nothing, and join what runs, not what ran just now."""
    replace = msgspec.structs.replace
    settings = replace(stage.settings, launch=replace(stage.settings.launch, recency_seconds=0))
    monkeypatch.setattr("importers.worker.dispatch.dispatcher_for", lambda _settings: stage.dispatcher)
    return Control(settings, stage.journal)


async def end(stage: Stage, session: Session, status: Status = Status.COMPLETED) -> None:
    claimed = await stage.journal.claim(session.id, session.target, this_process(), 30)
    assert claimed
    assert await stage.journal.finish(session.id, claimed.fence, status, {})


def request(stage: Stage, source: str | None = None) -> LaunchRequest:
    return new_request(stage.settings, ("customers",), source=source)


async def test_exit_codes_are_those_of_what_came_of_it(stage: Stage, control: Control) -> None:
    made = await control.launch(request(stage))
    joined = await control.launch(request(stage))
    assert [(r.outcome, r.exit_code) for r in (made, joined)] == [(Outcome.CREATED, 0), (Outcome.JOINED, 3)]
    assert made.session
    await end(stage, made.session)
    nowhere = await control.launch(request(stage, "/nowhere"))
    assert (nowhere.outcome, nowhere.exit_code) == (Outcome.ERROR, 2)
    refused = await control.launch(msgspec.structs.replace(request(stage), kinds=("prices",)))
    assert (refused.outcome, refused.exit_code) == (Outcome.REFUSED, 3)


async def test_what_has_not_ended_is_not_retried(stage: Stage, control: Control) -> None:
    made = (await control.launch(request(stage))).session
    assert made
    with pytest.raises(ObmenError, match="Session 1 has not ended yet"):
        await control.retry(made.id)
    await end(stage, made, Status.FAILED)
    again = await control.retry(made.id)
    assert (again.outcome, again.session and again.session.id) == (Outcome.CREATED, 2)
    with pytest.raises(UnknownSession):
        await control.retry(99)


async def test_a_launch_waits_for_what_runs(stage: Stage, control: Control) -> None:
    made = (await control.launch(request(stage))).session
    assert made
    waiting = asyncio.ensure_future(control.launch(request(stage), wait=30))
    await asyncio.sleep(0)
    assert not waiting.done()
    await end(stage, made)
    assert (await waiting).outcome is Outcome.CREATED
    assert len(await stage.journal.attempts()) == 2, "it waits, and does not try again and again"


async def test_following_gives_every_line_once_and_the_session_after_its_end(
    stage: Stage, control: Control
) -> None:
    made = (await control.launch(request(stage))).session
    assert made
    lines: list[LogLine] = []
    came = asyncio.Event()

    def present(more: list[LogLine]) -> None:
        lines.extend(more)
        came.set()

    following = asyncio.ensure_future(control.follow(made.id, present))
    await came.wait()
    await end(stage, made)
    assert (await following).status is Status.COMPLETED
    assert [line.id for line in lines] == [line.id for line in await stage.journal.events(made.id)]


async def test_following_ends_with_its_seconds(stage: Stage, control: Control) -> None:
    made = (await control.launch(request(stage))).session
    assert made
    assert (await control.follow(made.id, seconds=0.05)).status is Status.STARTED


async def test_a_cancel_is_by_the_account(stage: Stage, control: Control) -> None:
    made = (await control.launch(request(stage))).session
    assert made
    assert (await control.cancel(made.id)).status is Status.CANCELLED
    assert await stage.journal.cancelled_by(made.id) == account()
    assert await control.delete([made.id, 99]) == [made.id]


async def test_why_no_worker_has_it_yet_is_told_to_who_follows(stage: Stage, control: Control) -> None:
    made = (await control.launch(request(stage))).session
    assert made
    told: list[str] = []
    following = asyncio.ensure_future(control.follow(made.id, waiting=lambda why: told.append(str(why))))
    for n, error in enumerate(("refused", "refused", "timeout"), 1):
        await stage.journal.note_waiting(made.id, Message.of(WAITING, error=error))
        while len(told) < (2 if n == 3 else 1):  # noqa: ASYNC110 (what the other task does)
            await asyncio.sleep(0.001)
    await end(stage, made)
    await following
    assert told == ["waiting for the broker: refused", "waiting for the broker: timeout"]
