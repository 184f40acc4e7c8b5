"""The mark in a folder of images: it belongs to one catalog."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from picture_exports import PICTURES, dies_after_its_commit, files, manifest, pictures, write
from shops import Shop
from support.engines import Hand, PostgresHand, SqliteHand

from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.kinds import Options


async def test_a_folder_belongs_to_one_catalog(
    shop: Shop, make_hand: Callable[[str], Hand], tmp_path: Path
) -> None:
    await dies_after_its_commit(shop, tmp_path / "1c", 4)
    before = files(shop.images)
    other = Shop(make_hand("other"), shop.images)
    export = open_export(write(tmp_path / "2c", {"i/1.jpg": b"other"}, p="i/1.jpg"))
    for options in (Options(), Options(dry_run=True)):
        with pytest.raises(
            ObmenError, match=rf"another catalog, \S*{place_of(shop)}; set images.path to another"
        ) as told:
            await other.take(export, "catalog", "images", options=options)
        assert "\n" not in str(told.value)
    assert files(shop.images) == before
    await shop.take(export, "catalog")
    assert (await shop.take(export, "images")).counts.updated == 1
    assert files(shop.images) == {**PICTURES, "i/1.jpg": b"other"}


async def test_a_folder_without_a_mark_is_taken_by_the_first(shop: Shop, tmp_path: Path) -> None:
    (shop.images / "i").mkdir(parents=True)
    (shop.images / "i/0.jpg").write_bytes(b"old")
    told = await shop.take(pictures(tmp_path / "1c"), "catalog", "images")
    assert manifest(shop)["i/0.jpg"] == "changed"
    assert told.counts.created == len(PICTURES)
    mark = (shop.images / ".obmen/catalog.json").read_text(encoding="utf-8")
    assert place_of(shop) in mark
    (shop.images / ".obmen/catalog.json").write_text("")  # whoever wrote it died
    await shop.take(pictures(tmp_path / "1c"), "images")
    assert (shop.images / ".obmen/catalog.json").read_text(encoding="utf-8") == mark


async def test_a_session_that_fails_takes_no_folder(shop: Shop, tmp_path: Path) -> None:
    def fail(_transaction: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.take(pictures(tmp_path / "1c"), "catalog", "images", before_end=fail)
    assert list(shop.images.iterdir()) == []


def place_of(shop: Shop) -> str:
    return shop.hand.schema if isinstance(shop.hand, PostgresHand) else str(shop.path)


@pytest.mark.parametrize(
    ("how", "allowed"), [("moved", True), ("made anew", True), ("copied", False), ("another host's", False)]
)
async def test_a_catalog_keeps_its_folder(
    file_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, allowed: bool
) -> None:
    shop = file_shop
    await shop.take(pictures(tmp_path / "1c"), "catalog", "images")
    path = shop.path
    if how in ("moved", "copied"):
        path = tmp_path / "new.sqlite3"
        shutil.copy(shop.path, path)
    if how != "copied":
        shop.path.unlink()
    if how == "another host's":
        monkeypatch.setattr("socket.gethostname", lambda: "other")
    later = Shop(SqliteHand(path), shop.images, sessions=10)
    if allowed:
        await later.take(pictures(tmp_path / "1c"), "catalog", "images")
    else:
        with pytest.raises(ObmenError, match="another catalog"):
            await later.take(pictures(tmp_path / "1c"), "catalog", "images")
