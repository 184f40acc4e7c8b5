"""The journal's server is away for a moment: workers wait for it, and no session waits for another message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.celery_worker import CeleryWorker
from support.engine_stage import make_settings, no_processes, redis_server, staged
from support.engines import PostgresHand
from support.proxy import Line, line_to

from importers.errors import DatabaseError, Unreachable
from importers.sessions import Journal, Status, opening
from importers.sessions.opening import open_journal
from importers.worker.run import work


@pytest.fixture
def line(postgres: str) -> Iterator[Line]:
    with line_to(postgres) as line:
        yield line


@pytest.fixture
def hand(postgres: str, line: Line) -> Iterator[PostgresHand]:
    """Over the line."""
    hand = PostgresHand(postgres)
    hand.url = hand.url.replace(postgres, line.url)
    yield hand
    hand.drop()


async def test_whoever_has_a_session_waits_for_the_journal(
    tmp_path: Path, line: Line, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, hand=hand) as stage:
        no_processes(stage)
        launched = await stage.launch()
        assert launched.session
        tries = 0

        async def opened(url: str) -> Journal:
            nonlocal tries
            tries += 1
            try:
                return await open_journal(url)
            except Unreachable:
                line.is_down = False
                raise

        monkeypatch.setattr(opening, "open_journal", opened)
        line.go_down()
        assert await work(launched.session.id, stage.settings) == 0
        assert tries == 2
        assert (await stage.journal.session(launched.session.id)).status is Status.COMPLETED


async def test_one_waits_for_a_server_and_for_so_long_only(hand: PostgresHand) -> None:
    told: list[Unreachable] = []
    with pytest.raises(Unreachable, match="cannot be reached"):
        await opening.await_journal("postgresql://127.0.0.1:1/nowhere", 0.1, told.append)
    assert len(told) == 1, "and not with each try"
    await (await opening.open_journal(hand.url)).close()
    hand.change("UPDATE obmen_schema SET version = 9998")
    with pytest.raises(DatabaseError, match="made by a newer obmen") as newer:
        await opening.await_journal(hand.url, trouble=told.append)
    assert not isinstance(newer.value, Unreachable)
    assert len(told) == 1


def test_a_worker_begins_when_the_journal_is_there(tmp_path: Path, line: Line, hand: PostgresHand) -> None:
    with redis_server() as redis:
        settings = make_settings(
            tmp_path, journal={"url": hand.url}, redis={"url": redis.url}, worker={"engine": "celery"}
        )
        line.go_down()
        worker = CeleryWorker(settings)
        try:
            worker.said("cannot be reached: .*; the worker waits for it")
            assert worker.count("ready") == 0
            line.is_down = False
            worker.said(r" ready\.")
            assert worker.count("the worker waits for it") == 1
        finally:
            worker.end()
