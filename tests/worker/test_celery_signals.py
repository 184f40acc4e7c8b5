"""What terminals, systemd and deaths do to a worker of Celery and to the processes beside it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from support.celery_worker import (
    CELERY,
    CeleryWorker,
    catalog_locked,
    celery_stage,
    celery_worker,
    claimed,
    launched,
)
from support.engine_stage import PEOPLE, RedisServer, Stage

from importers.processes import start_of
from importers.sessions import Status

OBMEN = ("tui", "worker")
TO_ALL = {
    "Ctrl+C": lambda worker: worker.press(b"\x03"),
    "SIGTERM": lambda worker: worker.signal(signal.SIGTERM, group=True),
    "closed terminal": lambda worker: worker.hang_up(),
}
"""What all processes get at once."""


@pytest.fixture
async def stage(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Stage]:
    async with celery_stage(tmp_path, redis) as stage:
        yield stage


def beside(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have; of one that has ended, none."""
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return [*children, *(grandchild for child in children for grandchild in beside(child))]


def reaping(worker: CeleryWorker) -> list[int]:
    return [pid for pid in beside(worker.pid) if b"importers.worker.reaping" in command_of(pid)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def left_of(pids: list[int]) -> list[int]:
    """Those that are there a second later."""
    with suppress(TimeoutError):
        await until(lambda: not any(map(start_of, pids)), 1)
    return [pid for pid in pids if start_of(pid)]


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Other processes tell nobody."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("command", "what"),
    [
        *((OBMEN, what) for what in TO_ALL),
        (CELERY, "Ctrl+C"),
        pytest.param(CELERY, "SIGTERM", marks=pytest.mark.chaos),
    ],
)
async def test_what_all_processes_get_lets_the_session_come_to_its_end(
    stage: Stage, command: tuple[str, ...], what: str
) -> None:
    with celery_worker(stage.settings, command=command) as worker:
        with catalog_locked(stage):
            session = await launched(stage)
            child = await claimed(stage, session.id)
            await until(lambda: not beside(child))  # what read ahead for it has ended by itself
            there = beside(worker.pid)
            TO_ALL[what](worker)
            worker.said("Warm shutdown")
            assert beside(worker.pid) == there, "nobody else has heard it"
        assert worker.wait() == 0
    assert (await stage.journal.session(session.id)).status is Status.COMPLETED
    assert stage.customers() == PEOPLE


async def test_a_second_ctrl_c_ends_the_session_and_nothing_is_half_written(stage: Stage) -> None:
    with celery_worker(stage.settings) as worker:
        with catalog_locked(stage):
            session = await launched(stage)
            child = await claimed(stage, session.id)
            there = beside(worker.pid)
            worker.press(b"\x03")
            worker.said("Ctrl.C again ends")
            worker.press(b"\x03")
            assert worker.wait(5) == 1
            await until(lambda: not start_of(child))
        await until(lambda: not any(map(start_of, there)))
    await stage.reap()
    assert (await stage.journal.session(session.id)).status is Status.FAILED
    assert stage.customers() == {}


async def test_a_worker_that_is_killed_leaves_no_process(stage: Stage) -> None:
    with celery_worker(stage.settings) as worker:
        await until(lambda: reaping(worker))
        there = beside(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        left = await left_of(there)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left


@pytest.mark.chaos
async def test_the_process_that_looks_after_sessions_is_one_and_is_started_anew(
    stage: Stage, redis: RedisServer
) -> None:
    with celery_worker(stage.settings) as worker:
        await until(lambda: reaping(worker))
        redis.restart()
        worker.said("Connection to broker lost")
        await until(lambda: worker.count("Connected to unix:") == 2)
        (first,) = reaping(worker)
        os.kill(first, signal.SIGKILL)
        worker.said("looks after sessions ended")
        await until(lambda: reaping(worker) not in ([], [first]))


async def test_celerys_own_command_is_as_quiet_and_has_a_name_of_its_own(stage: Stage) -> None:
    with celery_worker(stage.settings, command=CELERY) as one, celery_worker(stage.settings) as other:
        names = {worker.said(r" ready\.").split()[-2] for worker in (one, other)}
        assert len(names) == 2
        assert not any(name.startswith("celery@") for name in names)
        assert one.count("mingle") == other.count("mingle") == 0


@pytest.mark.chaos
async def test_two_workers_of_the_same_name_take_a_session_each(stage: Stage) -> None:
    same = "--hostname=same@host"
    with (
        celery_worker(stage.settings, same, command=CELERY) as one,
        celery_worker(stage.settings, same, command=CELERY) as other,
    ):
        with catalog_locked(stage):
            session = await launched(stage)
            await claimed(stage, session.id)
            assert stage.dispatcher
            await stage.dispatcher.send(session)
            await until(lambda: one.count("received") == other.count("received") == 1)
        assert (await stage.ended(session.id)).status is Status.COMPLETED


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OBMEN_JOURNAL__URL": "sqlite:////proc/journal.sqlite3"}, "/proc/journal.sqlite3"),
        ({"OBMEN_WORKER__ENGINE": "process"}, 'set it to "celery"'),
        ({"OBMEN_WORKER__LEASE_SECONDS": "soon"}, "worker.lease_seconds"),
    ],
)
async def test_celerys_own_command_tells_in_one_line_what_is_wrong(
    stage: Stage, environ: dict[str, str], told: str
) -> None:
    refused(CeleryWorker(stage.settings, command=CELERY, env=environ), told)


async def test_celerys_own_command_takes_no_messages_of_a_newer_journal(stage: Stage) -> None:
    stage.change("UPDATE obmen_schema SET version = 9998")
    refused(CeleryWorker(stage.settings, command=CELERY), "made by a newer obmen (schema 9998")


def refused(worker: CeleryWorker, told: str) -> None:
    try:
        assert worker.wait(20) in (1, 2)
        (line,) = worker.lines
        assert told in line
    finally:
        worker.end()
