from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.engine_stage import MovedClock, Stage, no_processes, staged


@pytest.fixture
async def stage(tmp_path: Path, clock: MovedClock) -> AsyncIterator[Stage]:
    """A clock that tests move, and no worker processes."""
    async with staged(tmp_path, clock) as made:
        no_processes(made)
        yield made
