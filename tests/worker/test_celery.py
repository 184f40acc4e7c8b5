"""Celery over a real broker: whatever happens to messages, workers and broker, a session is received once and ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.celery_worker import (
    CeleryWorker,
    catalog_locked,
    celery_stage,
    celery_worker,
    claimed,
    launched,
)
from support.engine_stage import PEOPLE, RedisServer, Stage

from importers.processes import start_of
from importers.sessions import Session, Status, rules
from importers.settings import Redis, Settings
from importers.texts import Message
from importers.worker.celery_dispatch import CeleryDispatcher
from importers.worker.celery_engine import make_app
from importers.worker.celery_pool import PromptPool

RECEIVED = "SELECT count(*) FROM event WHERE type = 'received'"


@pytest.fixture
async def stage(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Stage]:
    async with celery_stage(tmp_path, redis) as stage:
        yield stage


QUEUE = f"obmen.obmen@{socket.gethostname()}"
"""The source is on this host."""


def queued(redis: RedisServer) -> int:
    return int(redis.ask("LLEN", QUEUE).removeprefix(":"))


def make_old(stage: Stage, seconds: float = CeleryDispatcher.lost_seconds + 1) -> None:
    """As if the session had been sent longer ago; unless said otherwise, than one waits for a worker."""
    stage.change(f"UPDATE session SET dispatched_clock = dispatched_clock - {seconds}")


async def test_a_session_is_received_once_however_often_it_is_sent(stage: Stage, redis: RedisServer) -> None:
    session = await launched(stage)
    assert queued(redis) == 1
    assert stage.dispatcher
    for _again in range(2):
        await stage.dispatcher.send(session)
    with celery_worker(stage.settings) as worker:
        assert (await stage.ended(session.id)).status is Status.COMPLETED
        await stage.dispatcher.send(session)
        while worker.count(r"Task obmen\.work\[.*succeeded") < 4:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)
        assert worker.count(rf"Task obmen\.work\[{session.task_id}\] received") == 4
    assert stage.customers() == PEOPLE
    assert stage.rows(RECEIVED) == [(1,)]
    assert stage.log().count("session 1: nothing to claim") == 3


async def test_a_message_bears_the_number_and_nothing_else(stage: Stage, redis: RedisServer) -> None:
    await launched(stage)
    message = redis.ask("LRANGE", QUEUE, "0", "-1")
    assert message.startswith("*1")
    assert str(stage.folder) not in message


async def test_a_broker_that_is_down_is_waited_for_and_that_is_visible(
    stage: Stage, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.stop()
    began = time.monotonic()
    with monkeypatch.context() as patch:
        tried_again: list[float] = []
        patch.setattr("kombu.utils.functional.sleep", tried_again.append)
        session = await launched(stage)
    assert tried_again == [], "a launch keeps nobody waiting for a broker"
    assert time.monotonic() - began < 10, "a second, and what a busy machine takes"
    assert session.status is Status.STARTED
    assert session.waiting is not None
    assert session.waiting.text.startswith("waiting for the broker")
    assert stage.rows("SELECT dispatched_clock, dispatches FROM session") == [(None, 0)]
    stage.change(f"UPDATE session SET created_clock = created_clock - {rules.UNSENT_SECONDS + 1}")
    for _try in range(rules.MAX_DISPATCHES + 1):
        await stage.reap()
    assert (await stage.journal.session(session.id)).status is Status.STARTED
    redis.start()
    with celery_worker(stage.settings):
        # Nobody here reaps any more: the worker does.
        ended = await stage.ended(session.id)
    assert (ended.status, ended.waiting) == (Status.COMPLETED, None)
    assert stage.rows(RECEIVED) == [(1,)]


async def test_a_frozen_broker_keeps_no_launch(stage: Stage, redis: RedisServer) -> None:
    with redis.frozen():
        began = time.monotonic()
        session = await launched(stage)
        assert time.monotonic() - began < 10, "a second, and what a busy machine takes"
        assert session.waiting is not None


async def test_what_waits_in_the_queue_is_not_lost_and_what_is_gone_is_sent_again(
    stage: Stage, redis: RedisServer
) -> None:
    session = await launched(stage)
    for _reap in range(rules.MAX_DISPATCHES + 1):
        make_old(stage)
        await stage.reap()
    waiting = await stage.journal.session(session.id)
    assert (waiting.status, waiting.waiting) == (Status.STARTED, Message("waiting for a worker that is free"))
    assert queued(redis) == 1
    redis.restart()  # it keeps nothing
    assert queued(redis) == 0
    for _reap in range(2):  # whoever took it may be about to claim it
        await stage.reap()
        assert queued(redis) == 0
    assert (await stage.journal.session(session.id)).waiting is None
    make_old(stage)
    await stage.reap()
    assert queued(redis) == 1
    with celery_worker(stage.settings):
        assert (await stage.ended(session.id)).status is Status.COMPLETED
    assert stage.rows(RECEIVED) == [(1,)]


async def test_what_is_taken_when_it_would_soon_be_lost_is_not_sent_again(
    stage: Stage, redis: RedisServer
) -> None:
    await launched(stage)
    make_old(stage, CeleryDispatcher.lost_seconds * 0.7)
    await stage.reap()
    redis.restart()  # as if a worker had taken it
    make_old(stage)
    await stage.reap()
    assert queued(redis) == 0


async def test_the_death_of_a_session_is_noticed_at_once_and_the_next_one_is_taken(stage: Stage) -> None:
    with celery_worker(stage.settings):
        with catalog_locked(stage):
            first = await launched(stage)
            os.kill(await claimed(stage, first.id), signal.SIGKILL)
        ended = await stage.ended(first.id, 20)  # by the process beside the worker
        assert ended.status is Status.FAILED
        assert "died while it ran" in str(ended.error)
        second = await launched_again(stage)
        assert (await stage.ended(second.id)).status is Status.COMPLETED


async def launched_again(stage: Stage) -> Session:
    stage.change("UPDATE session SET created_clock = created_clock - 100")
    return await launched(stage)


async def test_with_the_worker_its_session_dies(stage: Stage) -> None:
    with celery_worker(stage.settings) as worker:
        with catalog_locked(stage):
            session = await launched(stage)
            child = await claimed(stage, session.id)
            worker.signal(signal.SIGKILL)
            while start_of(child):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while await stage.reap() == 0:  # noqa: ASYNC110 (the worker's end is seen in its own time)
                await asyncio.sleep(0.05)
    assert (await stage.journal.session(session.id)).status is Status.FAILED
    assert stage.customers() == {}


async def test_told_to_go_it_ends_what_runs_first(stage: Stage, redis: RedisServer) -> None:
    with celery_worker(stage.settings) as worker:
        with catalog_locked(stage):
            session = await launched(stage)
            await claimed(stage, session.id)
            async with asyncio.timeout(5):  # a message that is kept would be delivered again one day
                while redis.ask("HLEN", "obmen.unacked") != ":0":  # noqa: ASYNC110 (a server)
                    await asyncio.sleep(0.01)
            worker.signal(signal.SIGTERM)
            worker.said("Warm shutdown")
        assert worker.wait() == 0
    assert (await stage.journal.session(session.id)).status is Status.COMPLETED
    assert stage.customers() == PEOPLE


async def test_no_message_waits_behind_a_worker_that_is_busy(stage: Stage, redis: RedisServer) -> None:
    with celery_worker(stage.settings) as busy, catalog_locked(stage):
        first = await launched(stage)
        await claimed(stage, first.id)
        assert stage.dispatcher
        await stage.dispatcher.send(first)
        busy.said(r" ready\.")
        with pytest.raises(AssertionError, match="never came"):
            second_task_of(busy, seconds=1)
        assert queued(redis) == 1
        with celery_worker(stage.settings) as idle:
            idle.said(rf"Task obmen\.work\[{first.task_id}\] received")


def second_task_of(worker: CeleryWorker, seconds: float) -> None:
    worker.lines[:] = [line for line in worker.lines if not re.search("received", line)]
    worker.said("received", seconds)


async def test_a_worker_shows_no_password(stage: Stage) -> None:
    import msgspec

    settings = msgspec.structs.replace(
        stage.settings,
        redis=msgspec.structs.replace(stage.settings.redis, url="redis://:s3cret@127.0.0.1:1/0"),
    )
    worker = CeleryWorker(settings)
    try:
        worker.said("Cannot connect")
        assert worker.count("127.0.0.1") > 0
        assert worker.count("s3cret") == 0
    finally:
        worker.end()


async def test_a_journal_that_cannot_be_opened_is_one_line_in_its_log(stage: Stage) -> None:
    session = await launched(stage)
    assert stage.dispatcher
    with celery_worker(stage.settings) as worker:
        await stage.ended(session.id)
        stage.change("UPDATE obmen_schema SET version = 9998")
        await stage.dispatcher.send(session)
        told = worker.said(f"session {session.id}: ")
        assert "made by a newer obmen (schema 9998" in told
        assert not worker.count("Traceback")


def test_the_next_session_does_not_wait_for_the_process_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a process ends is seen before it can be waited for, and Celery looks again after 5 seconds only."""
    assert (
        make_app(Settings(redis=Redis("redis://host"))).conf.worker_pool
        == "importers.worker.celery_pool:PromptTaskPool"
    )
    watched, held = os.pipe()
    ending = subprocess.Popen(
        [sys.executable, "-c", f"import os, time; os.close({held}); time.sleep(0.3)"], pass_fds=[held]
    )
    os.close(held)
    assert os.read(watched, 1) == b""
    os.close(watched)
    found: list[int | None] = []
    monkeypatch.setattr(PromptPool, "maintain_pool", lambda _pool: found.append(ending.poll()))
    PromptPool._event_process_exit(PromptPool.__new__(PromptPool), None, ending)
    assert found == [0]


def test_a_worker_that_cannot_open_the_journal_takes_no_messages(stage: Stage) -> None:
    """It would take those of others, and lose them."""
    stage.change("UPDATE obmen_schema SET version = 9998")
    done = subprocess.run(
        [sys.executable, "-m", "tui", "worker"],
        env={**os.environ, **stage.settings.to_env(), "OBMEN_CONFIG": ""},
        cwd=stage.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "made by a newer obmen (schema 9998" in done.stderr
    assert len(done.stderr.splitlines()) == 1
