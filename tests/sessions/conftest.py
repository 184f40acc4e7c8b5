from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_stage import MovedClock, Stage, no_processes, staged


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def stage(tmp_path: Path, clock: MovedClock) -> AsyncIterator[Stage]:
    async with staged(tmp_path, clock) as made:
        no_processes(made)
        yield made
