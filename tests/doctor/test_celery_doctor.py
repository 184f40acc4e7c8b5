"""Workers of Celery, looked at by the doctor, and its checklist through one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from support.celery_worker import celery_worker
from support.engine_stage import RedisServer
from support.examination import examine, failing

from importers.doctor import celery_workers
from importers.processes import start_of
from importers.settings import Catalog, Journal, Redis, Settings


@pytest.fixture
def clustered(healthy: Settings, redis: RedisServer) -> Settings:
    worker = msgspec.structs.replace(healthy.worker, engine="celery")
    return msgspec.structs.replace(healthy, worker=worker, redis=Redis(redis.url))


async def test_without_a_worker_it_says_so_and_the_checklist_has_one_of_its_own(
    clustered: Settings, redis: RedisServer
) -> None:
    found = await examine(clustered)
    assert list(failing(found)) == ["worker"]
    assert "no worker takes sessions from: obmen@" in found["worker"].detail
    assert found["worker"].cure.endswith("obmen worker")
    assert found["one task received"].ok
    assert "received" in found["one task received"].detail
    assert redis.ask("KEYS", "*doctor*") == "*0", "nothing of it is left"


@pytest.mark.chaos
async def test_with_a_worker_all_is_well(clustered: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with celery_worker(clustered):
        found = await examine(clustered)
        assert failing(found) == {}
        assert "1 Celery worker: obmen." in found["worker"].detail
        shared = msgspec.structs.replace(
            clustered, source=msgspec.structs.replace(clustered.source, shared=True)
        )
        assert (await celery_workers.check_workers(shared)).ok
        other = msgspec.structs.replace(clustered.worker, queue="another")
        found_other = await celery_workers.check_workers(msgspec.structs.replace(clustered, worker=other))
        assert "no worker takes sessions from: another@" in found_other.detail
        monkeypatch.setitem(celery_workers.COUNTED_ON, "task_acks_late", True)
        assert (
            "is configured otherwise: task_acks_late"
            in (await celery_workers.check_workers(clustered)).detail
        )
        monkeypatch.undo()
        monkeypatch.setattr(celery_workers, "boot_id", lambda: "another machine")
        told = await celery_workers.check_workers(clustered)
        journal = clustered.journal.url.removeprefix("sqlite:///")
        assert f" is on another host, where {journal} is another file or none" in told.detail
        assert told.cure.endswith("obmen migrate")
        on_server = msgspec.structs.replace(
            clustered, journal=Journal("postgresql://db/a"), catalog=Catalog("postgresql://db/a")
        )
        assert (await celery_workers.check_workers(on_server)).ok
        monkeypatch.undo()
        monkeypatch.setattr(celery_workers, "__version__", "99.0")
        assert " runs obmen " in (await celery_workers.check_workers(clustered)).detail


@pytest.mark.chaos
def test_the_worker_of_the_trial_ends_with_a_doctor_that_is_killed(
    clustered: Settings, redis: RedisServer
) -> None:
    """And leaves nothing in the broker."""
    scratch = msgspec.structs.replace(
        clustered, worker=msgspec.structs.replace(clustered.worker, queue="on-trial")
    )
    code = (
        "from importers import settings\nfrom importers.doctor.celery_workers import trial_worker\n"
        "with trial_worker(settings.from_env()):\n    input()"
    )
    doctor = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, **scratch.to_env()}, stdin=subprocess.PIPE
    )
    try:
        until(lambda: redis.ask("KEYS", "*on-trial*") != "*0")
        (worker,) = children_of(doctor.pid)
        until(lambda: len(children_of(worker)) == 2)  # its pool, and who looks after sessions
        processes = [worker, *children_of(worker)]
    finally:
        doctor.kill()
        doctor.communicate()
    until(lambda: not any(map(start_of, processes)))
    assert redis.ask("KEYS", "*on-trial*") == "*0"


def until(comes: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not comes():
        assert time.monotonic() < end
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


async def test_a_broker_that_is_down_keeps_nobody_waiting(clustered: Settings, redis: RedisServer) -> None:
    redis.stop()
    began = time.monotonic()
    found = await examine(clustered)
    assert time.monotonic() - began < 15
    assert list(failing(found)) == ["redis", "worker", "launch"]
    assert "the broker does not answer" in found["worker"].detail
    assert "the broker does not answer" in found["launch"].detail
