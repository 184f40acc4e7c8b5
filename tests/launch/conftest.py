from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.engine_stage import MovedClock, RedisServer, Stage, no_processes, redis_server, staged


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def stage(tmp_path: Path, clock: MovedClock) -> AsyncIterator[Stage]:
    """A clock that tests move, and no worker processes."""
    async with staged(tmp_path, clock) as made:
        no_processes(made)
        yield made


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server
