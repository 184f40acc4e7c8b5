from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.engine_stage import MovedClock, RedisServer, Stage, no_processes, redis_server, staged
from support.engines import Hand, PostgresHand, SqliteHand


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


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def make_hand(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Hand]]:
    """A database of that engine, by its name."""
    with ExitStack() as stack:

        def make(name: str) -> Hand:
            if engine == "sqlite":
                return SqliteHand(tmp_path / f"{name}.sqlite3")
            made = PostgresHand(request.getfixturevalue("postgres"))
            stack.callback(made.drop)
            return made

        yield make
