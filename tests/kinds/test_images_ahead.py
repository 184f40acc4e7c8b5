"""Pictures that are copied before it is known which of them products have at the end."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from picture_exports import PICTURES, files, manifest, pictures, write
from shops import Shop

from importers.catalog.store import SessionTransaction
from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.kinds.image_folder import ImageFolder
from importers.kinds.image_mark import Mark

MARK = Mark("catalog", "host", "place")


async def test_what_no_product_has_any_more_is_taken_back(shop: Shop, tmp_path: Path) -> None:
    before = write(tmp_path / "1c", {"i/0.jpg": b"0"}, p="a.jpg b.jpg i/0.jpg old/1.jpg z.jpg")
    await shop.take(open_export(before), "catalog", "images")
    told = {
        "a.jpg": b"a",
        "b.jpg": b"b",
        "i/0.jpg": b"0",
        "new/2.jpg": b"2",
        "old/1.jpg": b"1",
        "z.jpg": b"z",
    }
    export = open_export(write(tmp_path / "2c", told, p="b.jpg i/0.jpg new/2.jpg"))
    counts = (await shop.take(export, "catalog", "images")).counts
    assert (counts.read, counts.created, counts.unchanged, counts.orphans) == (3, 2, 1, 0)
    assert files(shop.images) == {path: told[path] for path in ("b.jpg", "i/0.jpg", "new/2.jpg")}
    assert manifest(shop) == {"b.jpg": "new", "i/0.jpg": "unchanged", "new/2.jpg": "new"}
    assert not (shop.images / "old").exists()
    assert shop.rows("SELECT * FROM images_waiting") == []


async def test_where_all_is_taken_back_nothing_waits(shop: Shop, tmp_path: Path) -> None:
    """Its product is told to have none."""
    await shop.take(open_export(write(tmp_path / "1c", {}, p="old/1.jpg")), "catalog")
    export = open_export(write(tmp_path / "2c", {"old/1.jpg": b"1"}, p=""))
    await shop.take(export, "catalog", "images", put_in_place=False)
    assert files(shop.images) == {}
    assert not (shop.images / "old").exists()
    assert shop.rows("SELECT * FROM images_waiting") == []


async def test_what_nobody_could_foresee_is_copied_all_the_same(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(_self: SessionTransaction) -> AsyncIterator[str]:
        for path in ():
            yield path

    await shop.take(open_export(write(tmp_path / "1c", {"i/5.jpg": b"5"}, p="i/5.jpg")), "catalog", "images")
    monkeypatch.setattr(SessionTransaction, "staged_images", none)
    await shop.take(pictures(tmp_path / "2c"), "catalog", "images")
    assert files(shop.images) == PICTURES
    assert manifest(shop) == {**dict.fromkeys(PICTURES, "new"), "i/5.jpg": "changed"}


@contextmanager
def copying(folder: Path, source: Path) -> Iterator[ImageFolder]:
    """A session that has copied a picture, and lives."""
    picture = open_export(write(source, {"i/1.jpg": b"1"}, p="i/1.jpg")).images()["i/1.jpg"]
    images = ImageFolder(folder)
    images.prepare(MARK, ())
    images.look_ahead("i/1.jpg", picture)
    try:
        yield images
    finally:
        images.discard()


def test_nobody_clears_away_what_is_being_copied(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    with copying(folder, tmp_path / "1c") as images:
        later = ImageFolder(folder)
        later.prepare(MARK, ())
        found = images.found_ahead("i/1.jpg")
        assert found
        images.note("i/1.jpg", found)
        images.settle()
        later.discard()
        assert images.put_in_place(images.token) is None
        assert files(folder) == {"i/1.jpg": b"1"}


def test_copies_that_were_cleared_away_are_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By somebody to whom the file system does not tell of locks."""

    def no_locks(*_args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with copying(tmp_path / "images", tmp_path / "1c") as images:
        later = ImageFolder(tmp_path / "images")
        later.prepare(MARK, ())
        with pytest.raises(ObmenError, match="another import has cleared the copies of images away; import"):
            images.settle()
        later.discard()
    assert files(tmp_path / "images") == {}
