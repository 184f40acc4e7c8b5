"""Workers of other hosts, whose processes nobody here can look at or end: judged by the journal's clock, ended on the
server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from support.engine_stage import make_settings, write_export
from support.engines import PostgresHand

from importers.catalog import open_catalog, session_name
from importers.errors import ConnectionLost
from importers.launch import launch, new_request
from importers.processes import WorkerProcess
from importers.sessions import Journal, Session, open_journal
from importers.sessions.models import Status
from importers.settings import Catalog, Settings
from importers.settings import Journal as JournalSettings
from importers.worker import reaper
from importers.worker.process import ProcessDispatcher
from importers.worker.reaper import reap

ELSEWHERE = WorkerProcess("another-host", 1, "1", "another boot")


@pytest.fixture
def settings(tmp_path: Path, hand: PostgresHand, new_schema: Callable[[], PostgresHand]) -> Settings:
    write_export(tmp_path / "export")
    return msgspec.structs.replace(
        make_settings(tmp_path, source={"shared": True}),
        journal=JournalSettings(hand.url),
        catalog=Catalog(new_schema().url),
    )


@pytest.fixture
async def journal(settings: Settings) -> AsyncIterator[Journal]:
    journal = await open_journal(settings.journal.url)
    yield journal
    await journal.close()


class Nowhere(ProcessDispatcher):
    """Its workers are started by the test."""

    async def send(self, session: Session) -> WorkerProcess:
        return ELSEWHERE


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.01)


async def claimed(journal: Journal, settings: Settings) -> Session:
    made = await launch(
        new_request(settings, ("customers",)), settings, journal, dispatcher=Nowhere(settings)
    )
    assert made.session
    session = await journal.claim(made.session.id, made.session.target, ELSEWHERE, 3600)
    assert session
    return session


def end_lease(hand: PostgresHand) -> None:
    hand.change("UPDATE session SET lease_until = (SELECT seconds FROM obmen_now()) - 1")


async def test_its_lease_alone_says_whether_it_lives(
    journal: Journal, settings: Settings, hand: PostgresHand
) -> None:
    session = await claimed(journal, settings)
    assert await reap(journal, settings) == 0
    assert (await journal.session(session.id)).status is Status.IN_PROGRESS
    end_lease(hand)
    assert await reap(journal, settings) == 1
    ended = await journal.session(session.id)
    assert ended.status is Status.FAILED
    assert "gave no sign of life" in str(ended.error)


@pytest.mark.parametrize("changes", [True, False])
async def test_what_it_was_about_to_commit_is_ended_before_the_session_is(
    journal: Journal, settings: Settings, hand: PostgresHand, changes: bool
) -> None:
    session = await claimed(journal, settings)
    name = session_name(journal.journal_id, session.id, session.fence)
    late = await open_catalog(settings.catalog.url, name)
    try:
        with pytest.raises(ConnectionLost):
            async with late.transaction(
                journal_id=journal.journal_id,
                session_id=session.id,
                task_id=session.task_id,
                fence=session.fence,
            ) as transaction:
                await transaction.begin()
                if changes:
                    await transaction.execute("INSERT INTO unit (code) VALUES (?1)", "796")
                end_lease(hand)
                assert await reap(journal, settings) == 1
                assert (await journal.session(session.id)).status is Status.FAILED
                await transaction.execute("INSERT INTO unit (code) VALUES (?1)", "797")
        assert await late.applied(journal_id=journal.journal_id, task_id=session.task_id) is None
    finally:
        await late.close()


async def test_what_it_had_committed_is_completed(
    journal: Journal, settings: Settings, hand: PostgresHand
) -> None:
    session = await claimed(journal, settings)
    late = await open_catalog(settings.catalog.url)
    try:
        async with late.transaction(
            journal_id=journal.journal_id, session_id=session.id, task_id=session.task_id, fence=session.fence
        ) as transaction:
            await transaction.execute("INSERT INTO unit (code) VALUES (?1)", "796")
            transaction.note = b"{}"
    finally:
        await late.close()
    end_lease(hand)
    assert await reap(journal, settings) == 1
    assert (await journal.session(session.id)).status is Status.COMPLETED
