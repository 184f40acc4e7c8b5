"""Several shops in one configuration, on the command line."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.engine_stage import rows, write_export
from support.engines import PostgresHand

from tests.conftest import Obmen

CONFIG = """\
[journal]
url = "sqlite:///journal.sqlite3"
[log]
path = "obmen.log"
"""
SHOP = """
[shops.{name}]
source.path = "{name}/export"
catalog.url = "sqlite:///{name}/catalog.sqlite3"
images.path = "{name}/images"
"""


@pytest.fixture
def two(tmp_path: Path) -> Obmen:
    """Two shops, a and b."""
    for name in ("a", "b"):
        write_export(tmp_path / name / "export", {name: f"of {name}"})
    shops = "".join(SHOP.format(name=name) for name in ("a", "b"))
    (tmp_path / "config.toml").write_text(CONFIG + shops, encoding="utf-8")
    return Obmen(tmp_path, {"HOME": str(tmp_path)})


def customers(obmen: Obmen, shop: str) -> list[tuple[Any, ...]]:
    return rows(obmen.folder / shop / "catalog.sqlite3", "SELECT id FROM customer")


def test_an_import_names_its_shop(two: Obmen) -> None:
    done = two.run("import", "customers")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "there are several shops; name one with --shop, or set default_shop: a, b" in done.stderr
    wrong = two.run("import", "customers", "--shop", "bb")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "bb: there is no such shop; did you mean b?" in wrong.stderr
    assert two.json("attempts") == []
    session = two.json("import", "customers", "--shop", "b")
    assert (session["shop"], session["status"]) == ("b", "completed")
    assert customers(two, "b") == [("b",)]
    assert not (two.folder / "a" / "catalog.sqlite3").exists()


def test_the_default_shop(two: Obmen) -> None:
    two.env["OBMEN_DEFAULT_SHOP"] = "b"
    assert two.json("import", "customers")["shop"] == "b"
    assert two.json("import", "customers", "--shop", "a")["shop"] == "a"
    assert (customers(two, "a"), customers(two, "b")) == ([("a",)], [("b",)])


def test_listings_by_shop(two: Obmen) -> None:
    first = two.json("import", "customers", "--shop", "a")
    second = two.json("import", "customers", "--shop", "b")
    for command, ids in (("sessions", "id"), ("attempts", "session_id")):
        assert [(row[ids], row["shop"]) for row in two.json(command)] == [
            (second["id"], "b"), (first["id"], "a"),
        ]  # fmt: skip
        assert [row[ids] for row in two.json(command, "--shop", "a")] == [first["id"]]
        told = two.run(command).stdout.splitlines()
        assert told[0].split().count("Shop") == 1
        assert [line.split().count(shop) for line, shop in zip(told[1:], "ba", strict=True)] == [1, 1]
        wrong = two.run(command, "--shop", "c")
        assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
        assert "c: there is no such shop; known: a, b" in wrong.stderr
    assert two.json("show", str(first["id"]))["shop"] == "a"
    assert "Shop           a\n" in two.run("show", str(first["id"])).stdout


def test_one_shop_is_not_spoken_of(obmen: Obmen) -> None:
    obmen.env["OBMEN_LAUNCH__RECENCY_SECONDS"] = "600"
    session = obmen.json("import", "customers")
    assert "shop" not in session
    for command in (["sessions"], ["attempts"], ["show", str(session["id"])]):
        assert "shop" not in obmen.call(*command).stdout.casefold().split()
    assert obmen.json("import", "customers", "--shop", "main", code=3)["outcome"] == "joined"
    assert [row["id"] for row in obmen.json("sessions", "--shop", "main")] == [session["id"]]


def test_a_shop_that_the_journal_alone_knows(two: Obmen) -> None:
    """Its settings are gone, its sessions are not."""
    session = two.json("import", "customers", "--shop", "b")
    (two.folder / "config.toml").write_text(CONFIG + SHOP.format(name="a"), encoding="utf-8")
    assert [row["id"] for row in two.json("sessions", "--shop", "b")] == [session["id"]]
    assert two.json("sessions", "--shop", "b", "--status", "failed") == []
    assert two.json("sessions", "--shop", "a") == []
    assert "Shop" in two.run("sessions").stdout


def test_a_retry_goes_to_its_own_shop(two: Obmen) -> None:
    two.env["OBMEN_DEFAULT_SHOP"] = "a"
    first = two.json("import", "customers", "--shop", "b")
    again = two.json("retry", str(first["id"]), OBMEN_LAUNCH__RECENCY_SECONDS="0")
    assert (again["outcome"], again["shop"]) == ("created", "b")
    assert not (two.folder / "a" / "catalog.sqlite3").exists()


def test_another_source_must_not_be_the_shops_pictures(two: Obmen) -> None:
    images = two.folder / "b" / "images"
    images.mkdir()
    done = two.run("import", "customers", "--shop", "b", "--source", str(images))
    assert done.returncode == 2
    assert "must be two places" in done.stderr


def test_processes_meet_in_one_database_by_two_addresses(
    two: Obmen, hand: PostgresHand, new_schema: Callable[[], PostgresHand]
) -> None:
    """Journal and catalogs on a server; the addresses of the catalogs differ, the catalog does not."""
    other = hand.url.replace("obmen@/postgres?", "/?user=obmen&dbname=postgres&")
    two.env |= {
        "OBMEN_JOURNAL__URL": new_schema().url,
        "OBMEN_SHOPS__A__CATALOG__URL": hand.url,
        "OBMEN_SHOPS__B__CATALOG__URL": other,
    }
    two.run("sessions")  # makes the tables
    with ThreadPoolExecutor() as pool:
        done = list(
            pool.map(
                lambda shop: two.json("import", "customers", "--shop", shop, code=None, process=True), "abab"
            )
        )
    assert sorted(one["outcome"] for one in done) == ["created", "joined", "joined", "joined"]
    assert {one["id"] for one in done} == {1}
    created = next(one["shop"] for one in done if one["outcome"] == "created")
    assert hand.rows(f"SELECT id FROM {hand.schema}.customer") == [(created,)]
