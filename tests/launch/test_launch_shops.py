"""Several shops, one journal: each import goes into its own, and one catalog is one target by whatever address."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support.engine_stage import (
    Stage,
    dead_process,
    no_processes,
    rows,
    shops_in,
    staged,
    write_export,
)  # fmt: skip
from support.engines import PostgresHand
from support.launches import attempt

from importers import targets
from importers.catalog import open_catalog
from importers.control import Control
from importers.errors import DatabaseError, ObmenError, UsageError
from importers.launch import LaunchResult, launch, new_request, retry_request
from importers.sessions import Outcome, Session, SessionFilter, Status
from importers.settings import Catalog
from importers.targets import all_targets, target_of, target_with
from importers.worker.run import work

NOWHERE = "postgresql://obmen@127.0.0.1:1/shop"


@asynccontextmanager
async def shops_staged(folder: Path, *names: str, **sections: Any) -> AsyncIterator[Stage]:
    for name in names:
        write_export(folder / name / "export", {name: f"of {name}"})
    async with staged(folder, shops=shops_in(folder, *names), **sections) as stage:
        yield stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Two shops, a and b; no worker processes."""
    async with shops_staged(tmp_path, "a", "b") as made:
        no_processes(made)
        yield made


async def launched(stage: Stage, shop: str, **rest: Any) -> LaunchResult:
    request = new_request(stage.settings, ("customers",), shop=shop, **rest)
    return await launch(request, stage.settings, stage.journal, dispatcher=stage.dispatcher)


async def again(stage: Stage, session: Session) -> LaunchResult:
    request = retry_request(session, stage.settings)
    return await launch(request, stage.settings, stage.journal, dispatcher=stage.dispatcher)


def with_catalog(stage: Stage, shop: str, url: str) -> None:
    replace, shops = msgspec.structs.replace, stage.settings.shops
    moved = replace(shops[shop], catalog=Catalog(url))
    stage.settings = replace(stage.settings, shops={**shops, shop: moved})


def renamed(stage: Stage, **names: str) -> None:
    shops = {names.get(name, name): shop for name, shop in stage.settings.shops.items()}
    stage.settings = msgspec.structs.replace(stage.settings, shops=shops)


def customers(stage: Stage, shop: str) -> list[tuple[Any, ...]]:
    return rows(stage.folder / shop / "catalog.sqlite3", "SELECT id FROM customer")


async def test_an_import_goes_into_its_own_shop(stage: Stage) -> None:
    results = [await launched(stage, shop) for shop in ("a", "b")]
    assert [result.outcome for result in results] == [Outcome.CREATED] * 2, "two targets, two sessions"
    for result, shop in zip(results, ("a", "b"), strict=True):
        assert result.session
        assert (result.session.shop, result.session.source) == (shop, f"{stage.folder}/{shop}/export")
        assert (await attempt(stage, result)).shop == shop
        await work(result.session.id, stage.settings)
    assert (customers(stage, "a"), customers(stage, "b")) == ([("a",)], [("b",)])
    assert [one.shop for one in await stage.journal.sessions(SessionFilter(shop="a"))] == ["a"]
    assert [one.shop for one in await stage.journal.attempts(shop="b")] == ["b"]


async def test_one_shop_joins_its_own_sessions_only(stage: Stage) -> None:
    first, other, second = [await launched(stage, shop) for shop in ("a", "b", "a")]
    assert first.session
    assert other.outcome is Outcome.CREATED
    assert second.session
    assert (second.outcome, second.session.id) == (Outcome.JOINED, first.session.id)


async def test_one_key_is_one_confirm_in_one_shop(stage: Stage) -> None:
    source = f"{stage.folder}/a/export"
    first = await launched(stage, "a", key="k", source=source)
    other = await launched(stage, "b", key="k", source=source)
    assert first.session
    assert other.session
    assert (other.outcome, other.session.id) == (Outcome.MISMATCH, first.session.id)


async def test_a_shop_has_to_be_named_where_several_are(stage: Stage) -> None:
    with pytest.raises(UsageError, match=r"several shops.*: a, b"):
        target_of(stage.settings)
    with pytest.raises(UsageError, match=r"bb: there is no such shop; did you mean b\?"):
        target_of(stage.settings, "bb")
    default = msgspec.structs.replace(stage.settings, default_shop="b")
    assert target_of(default).name == "b"


async def test_a_retry_goes_to_the_sessions_own_shop(stage: Stage) -> None:
    stage.settings = msgspec.structs.replace(stage.settings, default_shop="a")
    first = await launched(stage, "b")
    assert first.session
    await work(first.session.id, stage.settings)
    stage.change("UPDATE session SET created_clock = created_clock - 60")
    second = await again(stage, first.session)
    assert second.session
    assert (second.outcome, second.session.shop, second.session.target) == (
        Outcome.CREATED, "b", first.session.target,
    )  # fmt: skip


async def test_a_retry_follows_the_catalog_when_shops_are_renamed(stage: Stage) -> None:
    """Names are for people: what was b is called a now, and a is gone elsewhere."""
    first = await launched(stage, "b")
    assert first.session
    await work(first.session.id, stage.settings)
    stage.change("UPDATE session SET created_clock = created_clock - 60")
    renamed(stage, a="c", b="a")
    second = await again(stage, first.session)
    assert second.session
    assert (second.session.shop, second.session.target) == ("a", first.session.target)
    stage.settings = msgspec.structs.replace(
        stage.settings, shops={"c": stage.settings.shops["c"]}, default_shop=""
    )
    refused = await again(stage, first.session)
    assert (refused.outcome, refused.session) == (Outcome.REFUSED, None)
    assert (await attempt(stage, refused)).shop == "b"
    assert f"imported into {first.session.target}" in str(refused.reason)
    assert (await attempt(stage, refused)).outcome is Outcome.REFUSED


@contextmanager
def locked(stage: Stage, *shops: str) -> Iterator[None]:
    """Nobody can write their catalogs meanwhile."""
    with ExitStack() as stack:
        for shop in shops:
            path = stage.folder / shop / "catalog.sqlite3"
            held = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            held.execute("BEGIN IMMEDIATE")
        yield


async def seen(stage: Stage, *statuses: Status) -> list[Session]:
    """The sessions, oldest first, once they are all in these states at one moment."""
    watch = stage.journal.watch()
    async with asyncio.timeout(60):
        while True:
            sessions = sorted(await stage.journal.sessions(), key=lambda session: session.id)
            if [session.status for session in sessions] == list(statuses):
                return sessions
            while not await watch.changed():  # noqa: ASYNC110 (another process tells by its writing only)
                await asyncio.sleep(0.01)


async def test_imports_of_different_shops_run_at_the_same_time(tmp_path: Path) -> None:
    async with shops_staged(tmp_path, "a", "b") as stage:
        for target in all_targets(stage.settings):
            await (await open_catalog(target.catalog)).close()
        with locked(stage, "a", "b"):
            for shop in ("a", "b"):
                assert (await launched(stage, shop)).outcome is Outcome.CREATED
            await seen(stage, Status.IN_PROGRESS, Status.IN_PROGRESS)
        sessions = await seen(stage, Status.COMPLETED, Status.COMPLETED)
        assert [session.shop for session in sessions] == ["a", "b"]
        assert (customers(stage, "a"), customers(stage, "b")) == ([("a",)], [("b",)])


# One catalog of PostgreSQL by two addresses


def other_address(url: str) -> str:
    """Of the same database: each part of it said in another way."""
    host, schema = (url.partition(f"{name}=")[2].partition("&")[0] for name in ("host", "schema"))
    folder = Path(host)
    return f"postgres://?user=obmen&dbname=postgres&host={folder}/../{folder.name}&schema={schema}"


async def test_two_addresses_of_one_database_are_one_target(stage: Stage, hand: PostgresHand) -> None:
    with_catalog(stage, "a", hand.url)
    with_catalog(stage, "b", other_address(hand.url))
    first, second = await launched(stage, "a"), await launched(stage, "b")
    assert first.session
    assert second.session
    assert (second.outcome, second.session.id) == (Outcome.JOINED, first.session.id)
    assert (await attempt(stage, second)).shop == "b"
    found = await target_with(stage.settings, first.session)
    assert found
    assert found.name == "a", "of two names for one the session's own"


async def test_another_host_works_what_came_by_another_address(stage: Stage, hand: PostgresHand) -> None:
    with_catalog(stage, "a", hand.url)
    result = await launched(stage, "a")
    assert result.session
    with_catalog(stage, "a", other_address(hand.url))
    assert await work(result.session.id, stage.settings) == 0
    assert hand.rows(f"SELECT id FROM {hand.schema}.customer") == [("a",)]


async def test_a_server_is_asked_now_and_then(
    stage: Stage, hand: PostgresHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "_keys", {})
    with_catalog(stage, "a", hand.url)
    key = await target_of(stage.settings, "a").key()
    assert key.startswith("postgresql:")
    assert hand.schema in key

    async def restored(_url: str) -> str:
        return "another"

    monkeypatch.setattr(targets, "identity_of", restored)
    assert await target_of(stage.settings, "a").key() == key
    later = time.monotonic() + targets.KEY_SECONDS
    monkeypatch.setattr(targets, "time", SimpleNamespace(monotonic=lambda: later))
    assert await target_of(stage.settings, "a").key() == "another"


# A catalog that does not answer


async def test_a_launch_into_a_catalog_that_does_not_answer_is_an_error(stage: Stage) -> None:
    with_catalog(stage, "a", NOWHERE)
    control = Control(stage.settings, stage.journal)
    result = await control.launch(new_request(stage.settings, ("customers",), shop="a"), wait=60)
    assert (result.outcome, result.session) == (Outcome.ERROR, None)
    assert "cannot be reached" in str(result.reason)
    kept = await attempt(stage, result)
    assert (kept.outcome, kept.shop, kept.target) == (Outcome.ERROR, "a", "postgresql://…@127.0.0.1:1/shop")
    assert (await launched(stage, "b")).outcome is Outcome.CREATED


async def test_a_catalog_is_found_behind_one_that_does_not_answer(stage: Stage) -> None:
    first = await launched(stage, "b")
    assert first.session
    await work(first.session.id, stage.settings)
    stage.change("UPDATE session SET created_clock = created_clock - 60")
    with_catalog(stage, "a", NOWHERE)
    renamed(stage, b="c")
    second = await again(stage, first.session)
    assert second.session
    assert second.session.shop == "c"


@pytest.mark.parametrize("down", ["a", "b"])
async def test_the_reaper_goes_on_with_the_other_shops(stage: Stage, down: str) -> None:
    for shop in ("a", "b"):
        result = await launched(stage, shop)
        assert result.session
        assert await stage.journal.claim(result.session.id, result.session.target, dead_process(), 30)
    with_catalog(stage, down, NOWHERE)
    troubles: list[ObmenError] = []
    assert await stage.reap(troubles.append) == 1
    ended = {session.shop: session.status for session in await stage.journal.sessions()}
    assert ended == {"a": Status.FAILED, "b": Status.FAILED} | {down: Status.IN_PROGRESS}
    (trouble,) = troubles
    assert isinstance(trouble, DatabaseError)


async def test_nothing_is_asked_of_catalogs_while_nothing_runs(stage: Stage) -> None:
    """Each command looks for dead workers first."""
    for shop in ("a", "b"):
        with_catalog(stage, shop, NOWHERE)
    troubles: list[ObmenError] = []
    assert await stage.reap(troubles.append) == 0
    assert troubles == []
