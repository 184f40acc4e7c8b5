"""Journal and catalog on a server, looked at by the doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import psycopg
import pytest
from support.engines import PostgresHand
from support.examination import examine, failing, make_databases

from importers.errors import DatabaseError
from importers.settings import Catalog, Journal, Redis, Settings
from importers.worker.celery_dispatch import require_usable


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
    with another_account(postgres, hands, "SELECT") as account:
        watching = [hand.url.replace("//obmen@", f"//{account}@") for hand in hands]
        settings = msgspec.structs.replace(served, journal=Journal(watching[0]), catalog=Catalog(watching[1]))
        found = await examine(settings)
        assert "this account may not write the table" in found["journal"].detail
        assert "this account may not write the table" in found["catalog"].detail
        worker = msgspec.structs.replace(settings.worker, engine="celery")
        celery = msgspec.structs.replace(settings, worker=worker, redis=Redis("unix:///nowhere"))
        with pytest.raises(DatabaseError, match="this account may not write the table"):
            await require_usable(celery)


async def test_an_account_that_cannot_tell_catalogs_apart(
    served: Settings, hands: tuple[PostgresHand, PostgresHand], postgres: str
) -> None:
    """Nor need it write the shop's own tables."""
    await make_databases(served)
    with (
        another_account(postgres, hands, "ALL") as account,
        psycopg.connect(postgres, autocommit=True) as superuser,
    ):
        hands[1].change("CREATE TABLE of_the_shop (id int)")
        settings = msgspec.structs.replace(
            served, catalog=Catalog(hands[1].url.replace("//obmen@", f"//{account}@"))
        )
        assert (await examine(settings))["catalog"].ok
        superuser.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
        try:
            found = (await examine(settings))["catalog"]
            assert (
                f"{account} may not run pg_control_system(): an account that may takes it for another"
                in found.detail
            )
            superuser.execute(found.cure.rpartition(": ")[2].encode())
            assert (await examine(settings))["catalog"].ok
        finally:
            superuser.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO public")


@contextmanager
def another_account(postgres: str, hands: tuple[PostgresHand, PostgresHand], right: str) -> Iterator[str]:
    """Its name; it has this right to all tables that are there."""
    role = f"account_{hands[0].schema}"
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN")
        for hand in hands:
            db.execute(f'GRANT USAGE ON SCHEMA "{hand.schema}" TO {role}')
            db.execute(f'GRANT {right} ON ALL TABLES IN SCHEMA "{hand.schema}" TO {role}')
    try:
        yield role
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
