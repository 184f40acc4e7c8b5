"""Copies of pictures that a worker left when it died, before its commit or after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from picture_exports import PICTURES, dies_after_its_commit, files, manifest, pictures, write
from shops import Shop

from importers.catalog import open_catalog
from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.kinds.waiting_images import put_waiting_in_place


async def dies_before_its_commit(shop: Shop, source: Path) -> None:
    def die(transaction: Any) -> None:
        transaction.on_rollback.clear()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.take(pictures(source), "catalog", "images", before_end=die)
    assert any(".obmen-" in name for name in files(shop.images))


@pytest.mark.parametrize("renames", [0, 4, len(PICTURES)])
@pytest.mark.parametrize("by", ["anybody", "images"])
async def test_what_a_dead_worker_had_committed_is_put_in_place(
    shop: Shop, tmp_path: Path, renames: int, by: str
) -> None:
    await dies_after_its_commit(shop, tmp_path / "1c", renames)
    if by == "images":  # under the catalog's lock, whoever came before
        (tmp_path / "2c").mkdir()
        later = open_export(write(tmp_path / "2c", {"i/2.jpg": b"later"}, q="i/2.jpg"))
        told = await shop.take(later, "catalog", "images")
        assert told.counts.updated == 1
        assert manifest(shop)["i/3.jpg"] == "kept"
        assert files(shop.images) == {**PICTURES, "i/2.jpg": b"later"}
    else:
        catalog = await open_catalog(shop.url)
        assert await put_waiting_in_place(catalog) == []
        await catalog.close()
        assert manifest(shop) == dict.fromkeys(PICTURES, "new")
        assert files(shop.images) == PICTURES
    assert shop.rows("SELECT * FROM images_waiting") == []


async def test_what_a_dead_worker_had_not_committed_is_cleared_away(shop: Shop, tmp_path: Path) -> None:
    await dies_before_its_commit(shop, tmp_path / "1c")
    catalog = await open_catalog(shop.url)
    assert await put_waiting_in_place(catalog) == []
    await catalog.close()
    assert not PICTURES.keys() & files(shop.images)
    later = open_export(write(tmp_path / "2c", {"2.jpg": b"2"}, q="2.jpg"))
    await shop.take(later, "catalog", "images")
    assert files(shop.images) == {"2.jpg": b"2"}


async def test_a_copy_without_its_line_is_cleared_away(shop: Shop, tmp_path: Path) -> None:
    """The line tells the path before there is a copy, and the rest once it is whole."""
    await dies_before_its_commit(shop, tmp_path / "1c")
    (listed,) = (shop.images / ".obmen").glob("*.tsv")
    text = listed.read_text(encoding="utf-8")
    listed.write_text(text[: text.rindex("\t", 0, text.rindex("\t"))], encoding="utf-8")
    await shop.take(open_export(write(tmp_path / "2c", {"2.jpg": b"2"}, q="2.jpg")), "catalog", "images")
    assert files(shop.images) == {"2.jpg": b"2"}


async def test_a_copy_that_a_power_cut_left_empty_takes_nobodys_place(shop: Shop, tmp_path: Path) -> None:
    await shop.take(open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg")), "catalog", "images")
    export = open_export(write(tmp_path / "1c", {"1.jpg": b"2"}, p="1.jpg"))
    await shop.take(export, "images", put_in_place=False)
    (copy,) = shop.images.glob(".obmen-*")
    copy.write_bytes(b"")
    catalog = await open_catalog(shop.url)
    (line,) = await put_waiting_in_place(catalog)
    assert (line.level, line.args["path"]) == ("error", "1.jpg")
    assert await put_waiting_in_place(catalog) == []
    await catalog.close()
    assert files(shop.images) == {"1.jpg": b"1"}
    assert (await shop.take(export, "images")).counts.updated == 1
    assert files(shop.images) == {"1.jpg": b"2"}


async def test_what_cannot_be_put_in_place_waits_and_is_told(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1", "i/2.jpg": b"2"}, p="i/1.jpg i/2.jpg"))

    def in_the_way(_transaction: object) -> None:
        (shop.images / "i/1.jpg").mkdir()

    await shop.take(export, "catalog", "images", before_end=in_the_way)
    (line,) = shop.after
    assert (line.level, line.args["count"], line.args["path"]) == ("error", 1, "i/1.jpg")
    assert (shop.images / "i/2.jpg").read_bytes() == b"2"
    with pytest.raises(
        ObmenError, match=r"images: i/1\.jpg of an earlier import cannot be put in place: Is a d"
    ):
        await shop.take(export, "images")
    (shop.images / "i/1.jpg").rmdir()
    told = await shop.take(export, "images")
    assert told.counts.unchanged == 2
    assert files(shop.images) == {"i/1.jpg": b"1", "i/2.jpg": b"2"}


async def test_copies_in_a_folder_that_is_not_there_now_are_not_forgotten(shop: Shop, tmp_path: Path) -> None:
    """As when a disk is not mounted."""
    await dies_after_its_commit(shop, tmp_path / "1c")
    away = shop.images.rename(tmp_path / "away")
    shop.images.mkdir()
    catalog = await open_catalog(shop.url)
    (line,) = await put_waiting_in_place(catalog)
    assert line.args["folder"] == str(shop.images)
    shop.images.rmdir()
    away.rename(shop.images)
    assert await put_waiting_in_place(catalog) == []
    await catalog.close()
    assert files(shop.images) == PICTURES
