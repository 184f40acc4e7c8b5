from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.engine_stage import MovedClock, Stage, no_processes, staged

from importers import processes
from importers.worker import reaper


@pytest.fixture
async def stage(tmp_path: Path, clock: MovedClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A clock that tests move; the machine's boot is that of the clock; no process is started by itself."""
    monkeypatch.setattr(processes, "boot_id", lambda: clock.boot_name)
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.0)
    async with staged(tmp_path, clock) as made:
        no_processes(made)
        yield made


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives."""
    child = subprocess.Popen(["/bin/sleep", "600"])
    yield child
    child.kill()
    child.wait()
