"""Whoever else writes to the catalog, by whatever means, leads to a full pass."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.again import PEOPLE, Place, again_both_ways, change_catalog, place_of_people, settle, write
from support.engine_stage import write_export


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    return await place_of_people(tmp_path)


async def test_a_writer_that_stays_is_seen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote lies in -wal, and the file itself is as before."""
    with closing(sqlite3.connect(place.catalog, isolation_level=None)) as db:
        db.execute("UPDATE customer SET name = 'Z' WHERE id = 'c1'")
        seen = await place.take("customers")
        assert not seen.recognised
        assert seen.by_kind["customers"]["updated"] == 1
        assert (await place.take("customers")).recognised, "it has nothing there any more"


async def test_a_reader_that_stays_keeps_nothing_from_being_recognised(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    await place.take("customers")
    with closing(sqlite3.connect(place.catalog)) as db:
        db.execute("SELECT * FROM customer").fetchall()
        change_catalog(place)
        assert not (await place.take("customers")).recognised
        assert (await place.take("customers")).recognised


@pytest.mark.parametrize("when", ["before it is looked", "while it is looked"])
async def test_a_writer_right_after_the_commit_is_seen(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it left is not what the session left."""
    from importers.catalog.store import CatalogStore

    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    state = CatalogStore.state

    async def after_another(catalog: CatalogStore, mark: int) -> str | None:
        if when == "before it is looked":
            change_catalog(place)
            return await state(catalog, mark)
        looking = asyncio.create_task(state(catalog, mark))
        while not looking.done():
            with closing(sqlite3.connect(place.catalog, timeout=0, isolation_level=None)) as db:
                try:
                    db.execute("UPDATE customer SET name = 'Z' WHERE id = 'c1'")
                    break
                except sqlite3.OperationalError:
                    await asyncio.sleep(0)
        return await looking

    monkeypatch.setattr(CatalogStore, "state", after_another)
    await place.take("customers")
    seen = await place.take("customers")
    assert not seen.recognised
    assert seen.by_kind["customers"]["updated"] == 1


async def test_the_catalog_of_before_is_recognised_by_none_but_its_journal(place: Place) -> None:
    """Journal and catalog of different times: neither is taken for what it is not."""
    older = place.copy(place.folder.with_name("older"))
    change_catalog(place)
    await place.take("customers")
    shutil.copyfile(older.journal, place.journal)
    assert not (await place.take("customers")).recognised


async def test_triggers_make_nothing_sure(place: Place) -> None:
    """They change what was written: the next import finds something else than it wrote, and writes it again."""
    write(
        place.catalog,
        "CREATE TRIGGER t AFTER UPDATE OF name ON customer BEGIN "
        "UPDATE customer SET inn = new.name WHERE id = new.id; END",
        "UPDATE customer SET name = 'Z' WHERE id = 'c1'",
    )
    for _time in range(2):
        seen = await place.take("customers")
        assert not seen.recognised
        assert seen.by_kind["customers"]["updated"] == 1
    write(place.catalog, "DROP TRIGGER t")
    assert (await place.take("customers")).by_kind["customers"]["updated"] == 1
    assert (await place.take("customers")).recognised


async def test_an_orphan_finds_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that another session brings: the offer of before is no orphan any more."""
    form = (
        "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>{0}</Ид><Наименование>x</Наименование></Товар></Товары>"
        "</Каталог><ПакетПредложений><Предложения><Предложение><Ид>{1}#1</Ид><Наименование>x</Наименование>"
        "</Предложение></Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )
    places = []
    for name, ids in (("offers", ("a", "b")), ("goods", ("b", "a"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "import.xml").write_text(form.format(*ids), encoding="utf-8")
        places.append(Place(tmp_path / "shop", tmp_path / name))
        settle(tmp_path / name)
    offers, goods = places
    assert (await offers.take("catalog")).by_kind["catalog"]["orphans"] == 1
    assert (await again_both_ways(offers, "catalog", monkeypatch=monkeypatch)).recognised
    await goods.take("catalog")
    seen = await again_both_ways(offers, "catalog", monkeypatch=monkeypatch)
    assert (seen.recognised, seen.by_kind["catalog"]["orphans"]) == (False, 0)
