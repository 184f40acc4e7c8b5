"""Each of several shops is looked at, and named."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import msgspec
import pytest
from support.engine_stage import make_settings, shops_in, write_export
from support.engines import PostgresHand
from support.examination import contents

from importers.database.postgres_examine import answers
from importers.doctor import Check, check, checks, servers
from importers.settings import Catalog, Settings, Source


@pytest.fixture
def two(tmp_path: Path) -> Settings:
    for shop in ("a", "b"):
        write_export(tmp_path / shop / "export")
    return make_settings(tmp_path, shops=shops_in(tmp_path, "a", "b"))


async def examine(settings: Settings) -> dict[str, Check]:
    return {found.title: found async for found in check(settings)}


async def test_all_is_well(two: Settings, tmp_path: Path) -> None:
    before = contents(tmp_path)
    found = await examine(two)
    assert [title for title, one in found.items() if not one.ok] == []
    assert list(found)[:9] == [
        "settings", "source a", "source b", "journal", "catalog a", "catalog b", "shops", "images a", "images b",
    ]  # fmt: skip
    assert found["source b"].detail.startswith(f"{tmp_path}/b/export: ")
    assert found["catalog b"].detail.startswith(f"{tmp_path}/b/catalog.sqlite3, ")
    assert contents(tmp_path) == before, "nothing is made"


async def test_what_is_wrong_with_one_is_told_of_that_one(two: Settings, tmp_path: Path) -> None:
    broken = msgspec.structs.replace(two.shops["b"], source=Source(str(tmp_path / "nowhere")))
    (tmp_path / "b" / "catalog.sqlite3").write_text("no database")
    found = await examine(msgspec.structs.replace(two, shops={**two.shops, "b": broken}))
    assert [title for title, one in found.items() if not one.ok] == ["source b", "catalog b"]


async def test_two_shops_on_one_database_are_noticed(two: Settings, hand: PostgresHand) -> None:
    """The addresses look different, so that the settings could not tell."""
    other = hand.url.replace("obmen@/postgres?", "/?user=obmen&dbname=postgres&")
    shops = {
        "a": msgspec.structs.replace(two.shops["a"], catalog=Catalog(hand.url)),
        "b": msgspec.structs.replace(two.shops["b"], catalog=Catalog(other)),
    }
    found = await checks.check_targets(msgspec.structs.replace(two, shops=shops))
    assert (found.ok, found.detail) == (False, "a and b import into one catalog, by two addresses")
    assert (await checks.check_targets(two)).ok


async def test_a_server_that_hangs_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many databases it has: whoever asks it once more waits for 5 seconds each time."""
    monkeypatch.setattr(servers, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as hanging:  # what connects is accepted, and told nothing
        place = f"127.0.0.1:{hanging.getsockname()[1]}"
        shops = shops_in(tmp_path, "a", "b", "c")
        for name, shop in shops.items():
            write_export(tmp_path / name / "export")
            shop["catalog"] = {"url": f"postgresql://u:s3cret@{place}/{name}"}
        journal = {"url": f"postgresql://u:s3cret@{place}/journal"}
        settings = make_settings(tmp_path, shops=shops, journal=journal)
        found: list[Check] = []
        began = time.monotonic()
        async for line in check(settings):
            if line.name == "log":  # behind the last that has to do with databases
                break
            found += [] if line.ok else [line]
        assert time.monotonic() - began < 4
    assert [line.title for line in found] == ["journal", "catalog a", "catalog b", "catalog c"]
    assert {"the server gave no answer" in line.detail for line in found} == {True}
    assert "s3cret" not in str(found)


async def test_a_server_that_refuses_has_answered(postgres: str) -> None:
    urls = ["postgresql://u@127.0.0.1:1/db", postgres, postgres.replace("//obmen@", "//nobody@")]
    assert [await answers(url, 5.0) for url in urls] == [True] * 3
