"""PostgreSQL's adaptor at its edges: lost connections, poolers, limits. Contracts are in tests/contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.cut_proxy import CutProxy, cut_proxy
from support.engine_stage import Stage, no_processes, staged
from support.engines import PostgresHand
from support.postgres import PostgresServer, binaries, running_server

from importers.addresses import with_schema
from importers.database.postgres import PostgresDatabase
from importers.sessions.opening import SCHEMAS


@pytest.fixture
def hand(postgres: str) -> Iterator[PostgresHand]:
    """A schema of its own, past the proxy."""
    hand = PostgresHand(postgres)
    yield hand
    hand.drop()


@pytest.fixture
async def proxy(postgres: str) -> AsyncIterator[CutProxy]:
    async with cut_proxy(postgres) as proxy:
        yield proxy


@pytest.fixture
async def database(hand: PostgresHand, proxy: CutProxy) -> AsyncIterator[PostgresDatabase]:
    """Through the proxy, with the tables of a journal."""
    database = await PostgresDatabase.open(proxy.url, hand.schema, SCHEMAS / "postgres")
    yield database
    await database.close()


@pytest.fixture
async def stage(hand: PostgresHand, proxy: CutProxy, tmp_path: Path) -> AsyncIterator[Stage]:
    """Its journal is behind the proxy; what is done by hand is not."""
    hand.url = with_schema(proxy.url, hand.schema)
    async with staged(tmp_path, hand=hand) as made:
        no_processes(made)
        yield made


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    with running_server(binaries()) as server:
        yield server
