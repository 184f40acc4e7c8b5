"""What tells a catalog from any other: where it really is, whatever address led there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.engines import PostgresHand

from importers.catalog import open_catalog
from importers.catalog.opening import identity_of
from importers.errors import DatabaseError

CLERK = "clerk_of_identities"
"""An account without any right of its own."""


async def test_of_a_file_it_is_its_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("shop.db")
    (tmp_path / "shop.db").touch()
    assert await identity_of(f"sqlite:///{tmp_path}/link") == f"sqlite:///{tmp_path}/shop.db"


@contextmanager
def superuser(server: str) -> Iterator[Callable[[str], Any]]:
    with psycopg.connect(server, autocommit=True) as db:
        yield lambda statement: db.execute(statement.encode())


@pytest.fixture
def clerk(postgres: str, hand: PostgresHand) -> Iterator[str]:
    """The address of the same catalog for an account that may write it."""
    with superuser(postgres) as do:
        do(f"CREATE ROLE {CLERK} LOGIN")
        do(f"CREATE SCHEMA {hand.schema} AUTHORIZATION {CLERK}")
        yield hand.url.replace("obmen@", f"{CLERK}@")
        do("GRANT EXECUTE ON FUNCTION pg_control_system() TO public")
        do(f"DROP OWNED BY {CLERK}; DROP ROLE {CLERK}")


async def test_it_is_the_same_for_every_account_and_makes_nothing(hand: PostgresHand, clerk: str) -> None:
    assert await identity_of(hand.url) == await identity_of(clerk)
    assert hand.rows("SELECT 1 FROM pg_tables WHERE schemaname = ?1", hand.schema) == []


async def test_another_schema_is_another_catalog(postgres: str, hand: PostgresHand) -> None:
    assert await identity_of(hand.url) != await identity_of(f"{postgres}&schema=other")


async def test_a_copy_is_another_catalog(postgres: str, hand: PostgresHand) -> None:
    """Though it tells of itself what the first one does."""
    copy = f"copy_{hand.schema}"
    with superuser(postgres) as do:
        do(f"CREATE DATABASE first_{copy}")
        first = hand.url.replace("/postgres", f"/first_{copy}")
        await (await open_catalog(first)).close()
        do(f"CREATE DATABASE {copy} TEMPLATE first_{copy}")
        second = hand.url.replace("/postgres", f"/{copy}")
        told = []
        for address in (first, second):
            catalog = await open_catalog(address)
            told.append((await catalog.identity(), await identity_of(address)))
            await catalog.close()
        do(f"DROP DATABASE {copy}")
        do(f"DROP DATABASE first_{copy}")
    assert told[0][0] == told[1][0]
    assert told[0][1] != told[1][1]


async def test_who_may_not_ask_the_server_asks_the_catalog(
    postgres: str, hand: PostgresHand, clerk: str
) -> None:
    with superuser(postgres) as do:
        do("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
    assert await identity_of(clerk) == await identity_of(clerk)
    ((told,),) = hand.rows(f"SELECT id FROM {hand.schema}.identity")
    assert await identity_of(clerk) == f"postgresql:{told}"


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await identity_of("postgresql://127.0.0.1:1/shop")
