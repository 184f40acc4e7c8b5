"""Journal and catalog on a server, looked at by the doctor."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import psycopg
import pytest
from support.engines import PostgresHand
from support.examination import examine, failing, make_databases

from importers.settings import Catalog, Journal, Settings


@pytest.fixture
def hands(new_schema: Callable[[], PostgresHand]) -> tuple[PostgresHand, PostgresHand]:
    return new_schema(), new_schema()


@pytest.fixture
def served(healthy: Settings, hands: tuple[PostgresHand, PostgresHand]) -> Settings:
    journal, catalog = hands
    return msgspec.structs.replace(healthy, journal=Journal(journal.url), catalog=Catalog(catalog.url))


async def test_nothing_is_made_and_all_is_well(
    served: Settings, hands: tuple[PostgresHand, PostgresHand]
) -> None:
    found = await examine(served)
    assert failing(found) == {}
    assert "to be made" in found["journal"].detail
    assert "to be made" in found["catalog"].detail
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN (?1, ?2)"
    assert hands[0].rows(schemas, hands[0].schema, hands[1].schema) == [(0,)]
    await make_databases(served)
    found = await examine(served)
    assert failing(found) == {}
    assert "to be made" not in found["catalog"].detail
    assert f"schema {hands[1].schema}" in found["catalog"].detail


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        ("DROP INDEX one_active", "missing: one_active"),
        ("ALTER TABLE session DROP COLUMN shop", "missing: session.shop"),
        ("DROP TABLE attempt", "missing: attempt"),
        ("UPDATE obmen_schema SET version = 999", "made by a newer obmen (schema 999"),
        ("DROP TABLE obmen_schema", "not those that obmen made"),
    ],
)
async def test_a_schema_that_is_not_as_it_was_made(
    served: Settings, hands: tuple[PostgresHand, PostgresHand], break_it: str, told: str
) -> None:
    await make_databases(served)
    hands[0].change(break_it)
    found = await examine(served)
    assert list(failing(found)) == ["journal"]
    assert told in found["journal"].detail


async def test_tables_of_a_shop_are_left_alone(
    served: Settings, hands: tuple[PostgresHand, PostgresHand]
) -> None:
    catalog = hands[1]
    catalog.change(f'CREATE SCHEMA "{catalog.schema}"')
    catalog.change("CREATE TABLE product (sku text)")
    found = await examine(served)
    assert list(failing(found)) == ["catalog"]
    assert "not those that obmen made: product; name another schema" in found["catalog"].detail


async def test_an_account_that_may_not_write(
    served: Settings, hands: tuple[PostgresHand, PostgresHand], postgres: str
) -> None:
    await make_databases(served)
    role = f"watcher_{hands[0].schema}"
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN")
        for hand in hands:
            db.execute(f'GRANT USAGE ON SCHEMA "{hand.schema}" TO {role}')
            db.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{hand.schema}" TO {role}')
    try:
        watching = [hand.url.replace("//obmen@", f"//{role}@") for hand in hands]
        found = await examine(
            msgspec.structs.replace(served, journal=Journal(watching[0]), catalog=Catalog(watching[1]))
        )
        assert "this account may not write the table" in found["journal"].detail
        assert "this account may not write the table" in found["catalog"].detail
    finally:
        with psycopg.connect(postgres, autocommit=True) as db:
            db.execute(f"DROP OWNED BY {role}")
            db.execute(f"DROP ROLE {role}")


async def test_a_server_that_cannot_be_reached_or_refuses(healthy: Settings, postgres: str) -> None:
    for url, told in (
        ("postgresql://u:s3cret@127.0.0.1:1/db", "cannot be reached"),
        (postgres.replace("/postgres?", "/nothing_here?"), "nothing_here"),
        (postgres.replace("//obmen@", "//nobody_here@"), "nobody_here"),
    ):
        found = await examine(msgspec.structs.replace(healthy, journal=Journal(url)))
        assert list(failing(found)) == ["journal"]
        assert told in found["journal"].detail
        assert "s3cret" not in str(found["journal"])
