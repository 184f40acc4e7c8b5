"""The folder of images: no path or link leads out of it, and what its disk refuses is found before the commit."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from picture_exports import PICTURES, files, pictures, write
from shops import Shop

from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.kinds import image_folder
from importers.kinds.image_folder import ImageFolder


@pytest.mark.parametrize(
    "path",
    ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "..", "a\\..\\x.jpg", ".obmen/x.jpg", "a/.obmen-1-1", "manifest.tsv",
     "a\tb.jpg", "n" * 300 + ".jpg", "d/" * 2000 + "x.jpg", "", "link/x.jpg", "file.jpg/x.jpg", "folder"],
)  # fmt: skip
async def test_no_path_leads_out_of_the_folder(shop: Shop, tmp_path: Path, path: str) -> None:
    source = write(tmp_path / "1c", {"ok.jpg": b"ok"}, p="ok.jpg")
    outside = tmp_path / "outside"
    for folder in (outside, shop.images / "folder"):
        folder.mkdir(parents=True)
    (shop.images / "file.jpg").write_bytes(b"a file")
    (shop.images / "link").symlink_to(outside)
    export = open_export(source)
    picture = tmp_path / "evil.jpg"
    picture.write_bytes(b"evil")
    place = path[::-1].encode() + b"\0/" + os.fsencode(picture)  # as in places.py
    export = msgspec.structs.replace(export, pictures=(*export.pictures, place))
    await shop.take(export, "catalog")
    insert = "INSERT INTO product_image (product_id, position, path) VALUES ('evil', 0, ?)"
    shop.hand.change(insert, path)
    told = await shop.take(export, "images")
    (reject,) = told.rejects
    assert reject.record_id == path
    assert "image" in reject.reason
    assert files(shop.images) == {"ok.jpg": b"ok", "file.jpg": b"a file"}
    assert not [
        file for file, content in files(tmp_path).items() if content == b"evil" and file != "evil.jpg"
    ]


@pytest.mark.parametrize("what", [".obmen-", ".tsv", ".manifest"])
async def test_a_full_disk_is_told_plainly(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    full(monkeypatch, what)
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    with pytest.raises(ObmenError, match=r"No space left on device; free some space"):
        await shop.take(export, "catalog", "images")
    assert shop.rows("SELECT count(*) FROM product") == [0]
    assert files(shop.images) == {}, "and nothing is left to fill the disk"


async def test_a_disk_that_is_full_at_the_end_is_found_before_the_commit(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the manifest is written when it is closed."""
    await shop.take(open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg")), "catalog", "images")
    full(monkeypatch, ".manifest")
    with pytest.raises(ObmenError, match=r"No space left on device; free some space"):
        await shop.take(open_export(write(tmp_path / "1c", {}, p="1.jpg", q="")), "catalog", "images")
    assert shop.rows("SELECT count(*) FROM product") == [1]
    assert files(shop.images) == {"1.jpg": b"1"}


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "free some space or set images.path"),
        (errno.EDQUOT, "free some space or set images.path"),
        (errno.EPERM, "give this account the right to write there or set images.path"),
        (errno.EACCES, "give this account the right to write there or set images.path"),
        (errno.EROFS, "give this account the right to write there or set images.path"),
        (errno.EIO, "mend that or set images.path"),
    ],
)
async def test_each_trouble_with_the_folder_has_its_cure(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, cure: str
) -> None:
    def fail(_folder: int, _name: str) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(image_folder, "create", fail)
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    with pytest.raises(ObmenError, match=rf"{os.strerror(number)}; {cure}"):
        await shop.take(export, "catalog", "images")


def full(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The disk has no room for these files."""
    create = image_folder.create

    def create_full(folder: int, name: str) -> int:
        handle = create(folder, name)
        if what in name:
            os.close(handle)
            handle = os.open("/dev/full", os.O_WRONLY)
        return handle

    monkeypatch.setattr(image_folder, "create", create_full)


@contextmanager
def untouchable(path: Path) -> Iterator[None]:
    """Nobody may change what lies in a folder, or replace a file; not even root."""
    if subprocess.run(["chattr", "+i", path], check=False, capture_output=True).returncode:
        pytest.skip("needs chattr +i")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


@pytest.mark.parametrize("what", ["i", "i/1.jpg"])
async def test_what_cannot_be_written_or_replaced_is_found_before_the_commit(
    shop: Shop, tmp_path: Path, what: str
) -> None:
    await shop.take(open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg")), "catalog", "images")
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"2"}, p="i/1.jpg", q=""))
    with (
        untouchable(shop.images / what),
        pytest.raises(ObmenError, match=r"images/i: images cannot be kept there: Operation not permitted"),
    ):
        await shop.take(export, "catalog", "images")
    assert shop.rows("SELECT count(*) FROM product") == [1]
    assert files(shop.images) == {"i/1.jpg": b"1"}


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_disk_that_is_mounted_below_the_folder(shop: Shop, tmp_path: Path) -> None:
    with mounted(shop.images / "i"):
        export = open_export(write(tmp_path / "1c", {"i/a/1.jpg": b"1", "2.jpg": b"2"}, p="i/a/1.jpg 2.jpg"))
        await shop.take(export, "catalog", "images")
        assert shop.after == []
        assert files(shop.images) == {"i/a/1.jpg": b"1", "2.jpg": b"2"}


async def test_a_link_that_is_planted_leads_nobody_out(shop: Shop, tmp_path: Path) -> None:
    """After the copies are made, before they are put in place."""
    outside = tmp_path / "outside"
    outside.mkdir()

    def plant(_transaction: object) -> None:
        (shop.images / "i").rename(tmp_path / "away")
        (shop.images / "i").symlink_to(outside)

    await shop.take(pictures(tmp_path / "1c"), "catalog", "images", before_end=plant)
    (line,) = shop.after
    assert line.args["count"] == len(PICTURES)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("what", ["folder", "picture"])
async def test_a_link_that_is_planted_after_the_look(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "1.jpg").write_bytes(b"private")
    look = ImageFolder.look

    def plant(self: ImageFolder, path: str, part: Any) -> Any:
        if what == "folder":
            (shop.images / "i").symlink_to(outside)
        else:
            (shop.images / "i").mkdir()
            (shop.images / "i/1.jpg").symlink_to(outside / "1.jpg")
        return look(self, path, part)

    monkeypatch.setattr(ImageFolder, "look", plant)
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    with pytest.raises(ObmenError, match="images cannot be kept there"):
        await shop.take(export, "catalog", "images")
    assert files(outside) == {"1.jpg": b"private"}


@pytest.mark.parametrize(
    ("folder", "picture"),
    [(0o755, 0o644), (0o2775, 0o664), (0o2770, 0o660)],
    ids=["own", "shared", "private"],
)
async def test_pictures_have_the_rights_of_the_folder(
    shop: Shop, tmp_path: Path, folder: int, picture: int
) -> None:
    shop.images.mkdir()
    shop.images.chmod(folder)
    source = write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg")
    (source / "i/1.jpg").chmod(0o600)
    umask = os.umask(0o022)
    try:
        await shop.take(open_export(source), "catalog", "images")
    finally:
        os.umask(umask)
    rights = {
        name: stat.S_IMODE((shop.images / name).stat().st_mode) for name in ("i", "i/1.jpg", "manifest.tsv")
    }
    assert rights == {"i": folder, "i/1.jpg": picture, "manifest.tsv": picture}
