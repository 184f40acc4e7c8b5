"""A broker that answers, but not to us, is no broker that is down; and one that does not answer keeps nobody long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

import msgspec
import pytest
from support.celery_worker import CeleryWorker
from support.engine_stage import (
    PEOPLE,
    RedisServer,
    make_settings,
    shops_in,
    staged,
    write_export,
)

from importers.doctor.celery_workers import check_workers
from importers.doctor.surroundings import check_redis
from importers.errors import BrokerDown
from importers.launch import launch, new_request
from importers.sessions import Status, rules
from importers.settings import Redis, Settings
from importers.worker import celery_dispatch, celery_engine
from importers.worker.celery_dispatch import require_broker
from importers.worker.reaper import reap

REFUSED = "Redis refuses user or password; correct them in redis.url"
HANGS_SECONDS = 10.0
ACCOUNTS = {
    "unix://ann:wr0ng@{path}": REFUSED,
    "unix://{path}": REFUSED,
    "unix://ann:s3cret@{path}": "Redis forbids it to this account: ",
    "unix://bob:s3cret@{path}?db=99": "Redis answers with an error: ",
}
"""Nobody of this name or password; no password; one that may look and not write; no such database."""


@pytest.fixture
def guarded(redis: RedisServer) -> RedisServer:
    redis.ask("ACL SETUSER ann on >s3cret ~* &* +@all -lpush -lrange -publish")
    redis.ask("ACL SETUSER bob on >s3cret ~* &* +@all")
    redis.ask("ACL SETUSER default resetpass >s3cret")
    return redis


def celery_at(folder: Path, url: str) -> Settings:
    return make_settings(folder, redis={"url": url}, worker={"engine": "celery"})


@pytest.mark.parametrize("form", ACCOUNTS)
async def test_a_launch_says_who_is_refused_and_its_session_waits(
    tmp_path: Path, guarded: RedisServer, form: str
) -> None:
    url = form.format(path=guarded.socket)
    async with staged(tmp_path, redis={"url": url}, worker={"engine": "celery"}) as stage:
        result = await stage.launch()
        assert result.session
        waits = await stage.journal.session(result.session.id)
        assert (waits.status, str(waits.waiting).count("\n")) == (Status.STARTED, 0)
        assert str(waits.waiting).startswith("waiting for the broker: unix://")
        assert ACCOUNTS[form] in str(waits.waiting)
        assert "s3cret" not in str(waits.waiting)
        bob = msgspec.structs.replace(stage.settings, redis=Redis(f"unix://bob:s3cret@{guarded.socket}"))
        stage.change(f"UPDATE session SET created_clock = created_clock - {rules.UNSENT_SECONDS + 1}")
        assert await reap(stage.journal, bob) == 1, "once the address is right, it goes"
        assert (await stage.journal.session(waits.id)).waiting is None


@pytest.mark.parametrize("form", ACCOUNTS)
async def test_the_doctor_says_who_is_refused(tmp_path: Path, guarded: RedisServer, form: str) -> None:
    write_export(tmp_path / "export", PEOPLE)
    settings = celery_at(tmp_path, form.format(path=guarded.socket))
    found = await check_workers(settings)
    assert (found.ok, ACCOUNTS[form] in found.detail) == (False, True), found
    assert found.cure == "mend that; sessions wait for it"
    if "ann:s3cret" not in form:  # who may use what the lock needs
        found = await check_redis(settings)
        assert (found.ok, ACCOUNTS[form] in found.detail) == (False, True), found


@pytest.mark.parametrize(
    "command", [("tui", "worker"), ("celery", "-A", "importers.worker.celery_app", "worker")]
)
def test_a_worker_that_is_refused_does_not_start(
    tmp_path: Path, guarded: RedisServer, command: tuple[str, ...]
) -> None:
    settings = celery_at(tmp_path, f"unix://ann:wr0ng@{guarded.socket}")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **settings.to_env(), "OBMEN_CONFIG": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert REFUSED in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "wr0ng" not in done.stdout + done.stderr


def test_a_worker_without_a_right_ends_and_says_which(tmp_path: Path, redis: RedisServer) -> None:
    redis.ask("ACL SETUSER ann on >s3cret ~* &* +@all -brpop")
    worker = CeleryWorker(celery_at(tmp_path, f"unix://ann:s3cret@{redis.socket}"))
    try:
        told = worker.said("Redis forbids it to this account: .*brpop.*; grant it the right")
        assert f"unix://…@{redis.socket}: " in told
        assert (worker.wait(), worker.count("Traceback"), worker.count("s3cret")) == (1, 0, 0)
    finally:
        worker.end()


def waits_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The brokers that gave no answer, for each of which a second was waited: a count, as a busy machine is slow."""
    waited: list[str] = []
    real = celery_dispatch.plainly

    @contextmanager
    def counted(url: str) -> Iterator[None]:
        try:
            with real(url):
                yield
        except BrokerDown:
            waited.append(url)
            raise

    monkeypatch.setattr(celery_dispatch, "plainly", counted)
    return waited


async def test_a_frozen_broker_is_asked_once_by_a_look_at_all_sessions(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = {
        "redis": {"url": redis.url},
        "worker": {"engine": "celery"},
        "shops": shops_in(tmp_path, "a", "b", "c"),
    }
    for name in "abc":
        write_export(tmp_path / name / "export")
    async with staged(tmp_path, **sections) as stage:
        redis.stop()
        for shop in "abc":
            await launch(
                new_request(stage.settings, ("customers",), shop=shop), stage.settings, stage.journal
            )
        redis.start()
        stage.change(f"UPDATE session SET created_clock = created_clock - {rules.UNSENT_SECONDS + 1}")
        waited = waits_for(monkeypatch)
        with redis.frozen():
            assert await reap(stage.journal, stage.settings) == 0
        assert waited == [redis.url]
        assert await reap(stage.journal, stage.settings) == 3
        stage.change(f"UPDATE session SET dispatched_clock = dispatched_clock - {rules.LOST_SECONDS + 1}")
        waited.clear()
        with redis.frozen():
            assert await reap(stage.journal, stage.settings) == 0
        assert waited == [redis.url]
        for session in await stage.journal.sessions():
            assert str(session.waiting).startswith("waiting for the broker: unix://")


async def test_a_frozen_broker_keeps_the_doctor_a_second(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = waits_for(monkeypatch)
    monkeypatch.setattr(celery_engine, "make_sender", pytest.fail)  # asking workers would take longer
    with redis.frozen():
        found = await check_workers(celery_at(tmp_path, redis.url))
    assert waited == [redis.url]
    assert "the broker does not answer" in found.detail


async def test_nor_does_one_that_freezes_while_workers_are_asked(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket of who asks has a time limit from the first word to the last."""
    with ExitStack() as freezing:

        def answer_once_more(settings: Settings) -> None:
            require_broker(settings)
            freezing.enter_context(redis.frozen())
            thaw = Timer(HANGS_SECONDS, freezing.close)
            freezing.callback(thaw.cancel)
            thaw.start()

        monkeypatch.setattr(celery_dispatch, "require_broker", answer_once_more)
        began = time.monotonic()
        found = await check_workers(celery_at(tmp_path, redis.url))
        assert time.monotonic() - began < HANGS_SECONDS
    assert "the broker does not answer" in found.detail
