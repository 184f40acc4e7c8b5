"""Workers of which the system does not tell whether they live."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.engine_stage import MovedClock, Stage, dead_process
from support.workers import LEASE, claimed, session_1

from importers import processes
from importers.catalog import open_catalog
from importers.processes import process_of, this_process
from importers.sessions import Status


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As /proc of other accounts' processes with hidepid=2."""
    monkeypatch.setattr(processes, "PROC", tmp_path / "no-proc")


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with hidepid=1, and kill(2) of another account."""

    class Forbidden(Path):
        _flavour = type(tmp_path)._flavour  # type: ignore[attr-defined]

        def read_text(self, *_: Any, **__: Any) -> str:
            raise PermissionError(1, "Operation not permitted", str(self))

    real = os.kill

    def kill(pid: int, number: int) -> None:
        if not number:
            raise PermissionError(1, "Operation not permitted")
        real(pid, number)

    monkeypatch.setattr(processes, "PROC", Forbidden("/proc"))
    monkeypatch.setattr(os, "kill", kill)


@pytest.mark.parametrize("view", ["hidden", "forbidden"])
async def test_a_worker_that_cannot_be_looked_at_has_its_lease(
    stage: Stage,
    clock: MovedClock,
    sleeper: subprocess.Popen[bytes],
    view: str,
    request: pytest.FixtureRequest,
) -> None:
    await claimed(stage, process_of(sleeper.pid))
    request.getfixturevalue(view)
    clock.seconds += LEASE - 1
    assert await stage.reap() == 0
    clock.seconds += 2
    assert await stage.reap() == 1
    assert (await session_1(stage))[0] is Status.FAILED
    assert sleeper.poll() is None, "it may be a stranger with the worker's number"


@pytest.mark.usefixtures("hidden")
async def test_a_hidden_worker_that_is_gone_is_noticed_at_once(stage: Stage) -> None:
    await claimed(stage, dead_process())
    assert await stage.reap() == 1
    assert (await session_1(stage))[0] is Status.FAILED


@pytest.mark.usefixtures("hidden")
async def test_a_hidden_worker_in_its_transaction_keeps_its_session(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could commit later: nobody says that nothing is changed before the catalog is free."""
    monkeypatch.setattr("importers.database.sqlite.PATIENCE_SECONDS", 0.05)
    await claimed(stage, process_of(sleeper.pid))
    await (await open_catalog(stage.settings.catalog.url)).close()
    clock.seconds += LEASE + 1
    with closing(sqlite3.connect(stage.folder / "catalog.sqlite3", isolation_level=None)) as theirs:
        theirs.execute("BEGIN IMMEDIATE")
        assert await stage.reap() == 0
        assert (await session_1(stage))[0] is Status.IN_PROGRESS
    assert await stage.reap() == 1


async def test_a_boot_that_is_not_told_is_no_other_boot(stage: Stage, clock: MovedClock) -> None:
    """Mount option subset=pid hides the boot id."""
    await claimed(stage, this_process())
    clock.boot_name = ""
    assert await stage.reap() == 0
    clock.seconds += LEASE + 1
    (held,) = await stage.journal.active_sessions(f"sqlite:///{stage.folder}/catalog.sqlite3")
    assert held.lease_over
    assert held.owner is not None
    assert not held.owner.is_dead()
