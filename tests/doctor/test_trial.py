"""The doctor's trial import: its checklist notices what it is there for, and nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.dispatchers import RecordingDispatcher
from support.examination import failing

from importers.doctor import trial
from importers.launch import launching
from importers.processes import start_of
from importers.sessions import NewSession, Session
from importers.sessions.store import JournalStore
from importers.settings import Settings
from importers.worker import dispatch as dispatching
from tests.conftest import Obmen
from tests.launch.engine_mutants import attribute, sql


def test_what_a_killed_doctor_left_is_removed_by_the_next(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    code = (
        "import os, signal\nfrom importers.doctor import trial\n"
        "with trial.scratch_folder() as folder:\n"
        "    (folder / 'x').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(scratch)}, check=False)
    assert len(list(scratch.iterdir())) == 1
    (scratch / "obmen-doctor-x-y-z").mkdir()
    with trial.scratch_folder() as folder:
        assert sorted(scratch.iterdir()) == sorted([folder, scratch / "obmen-doctor-x-y-z"])
        with trial.scratch_folder():
            assert folder.is_dir(), "another one that runs is left alone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_doctor_that_is_ended_leaves_nothing(obmen: Obmen, number: signal.Signals) -> None:
    """Neither its folder nor the worker of its import, which would make that again."""
    temporary = obmen.folder / "tmp"
    temporary.mkdir()
    env = {**os.environ, "TMPDIR": str(temporary)}
    code = (
        "import sys\nfrom importers.doctor import trial\nfrom importers.cli import main\n"
        "from importers.worker.process import ProcessDispatcher\nsend = ProcessDispatcher.send\n"
        "async def sent(*args):\n"
        "    worker = await send(*args)\n"
        "    print('worker', worker.pid, file=sys.stderr, flush=True)\n"
        "    return worker\n"
        "ProcessDispatcher.send = sent\nsys.exit(main(['doctor']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=obmen.folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )  # fmt: skip
    assert process.stderr
    word, pid = process.stderr.readline().split()
    assert (word, len(list(temporary.iterdir()))) == (b"worker", 1)
    process.send_signal(number)
    rest = process.communicate(timeout=60)[1]
    assert (process.returncode, rest) == (-number, b"")
    assert start_of(int(pid)) == ""
    assert list(temporary.iterdir()) == []


async def checklist(settings: Settings) -> dict[str, str]:
    return failing({result.name: result async for result in trial.checklist(settings)})


async def test_more_sessions_than_confirms(healthy: Settings) -> None:
    async def nothing(*_args: Any) -> None:
        return None

    unguarded = (
        ("CREATE UNIQUE INDEX one_active", "CREATE INDEX one_active"),
        ("idempotency_key TEXT NOT NULL UNIQUE", "idempotency_key TEXT NOT NULL"),
    )
    with sql(*unguarded), attribute(JournalStore, "_existing", nothing):
        assert "one session per confirm" in await checklist(healthy)


async def test_another_type_than_chosen(healthy: Settings) -> None:
    with attribute(Session, "type", "prices"):
        assert list(await checklist(healthy)) == ["session type"]


async def test_another_request_id_in_the_log(healthy: Settings) -> None:
    first_lines = launching._first_lines

    def confused(new: NewSession) -> Any:
        return first_lines(msgspec.structs.replace(new, request_id="00000000"))

    with attribute(launching, "_first_lines", confused):
        assert list(await checklist(healthy)) == ["one request id per confirm"]


async def test_a_task_that_is_never_received(healthy: Settings) -> None:
    with (
        attribute(trial, "WORKER_SECONDS", 1.0),
        attribute(dispatching, "dispatcher_for", RecordingDispatcher),
    ):
        found = await checklist(healthy)
    assert list(found) == ["one task received"]
    assert found["one task received"].endswith("-m importers.worker")
