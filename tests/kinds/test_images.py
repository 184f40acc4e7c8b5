from __future__ import annotations

import errno
import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from shops import Shop

from importers.catalog import open_catalog
from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.kinds import Counts, Job, Options, Reject, image_folder, images
from importers.kinds.image_folder import ImageFolder
from importers.kinds.waiting_images import put_waiting_in_place

XML = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.05"><Каталог СодержитТолькоИзменения="true"><Ид>c</Ид><Товары>{goods}</Товары>
</Каталог></КоммерческаяИнформация>"""


def write(folder: Path, images: dict[str, bytes], **products: str) -> Path:
    """An export with picture files; `products`: their images, separated by blanks."""
    goods = "".join(
        f"<Товар><Ид>{ident}</Ид><Наименование>{ident}</Наименование>"
        + "".join(f"<Картинка>{path}</Картинка>" for path in paths.split())
        + "</Товар>"
        for ident, paths in products.items()
    )
    folder.mkdir(exist_ok=True)
    (folder / "import.xml").write_text(XML.format(goods=goods), encoding="utf-8")
    for path, content in images.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds, also what waits, without mark and manifest."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("manifest.tsv", "catalog.json")
    }


def manifest(shop: Shop) -> dict[str, str]:
    lines = (shop.images / "manifest.tsv").read_text(encoding="utf-8").splitlines()
    return {line.split("\t")[0]: line.split("\t")[3] for line in lines}


async def test_new_changed_missing_and_orphaned_images(shop: Shop, tmp_path: Path) -> None:
    source = write(
        tmp_path / "1c",
        {
            "import_files/aa/1.jpg": b"one",
            "import_files/aa/2.jpg": b"two",
            "import_files/aa/9.jpg": b"nobody's",
        },
        p="import_files/aa/1.jpg import_files/aa/2.jpg",
        q="import_files/aa/3.jpg",
    )
    told = await shop.take(open_export(source), "catalog", "images")
    assert (told.counts.read, told.counts.created, told.counts.orphans) == (2, 2, 1)
    assert files(shop.images) == {"import_files/aa/1.jpg": b"one", "import_files/aa/2.jpg": b"two"}
    assert manifest(shop) == {
        "import_files/aa/1.jpg": "new",
        "import_files/aa/2.jpg": "new",
        "import_files/aa/3.jpg": "missing",
    }
    (log,) = told.logs("neither in the export", level="warning")
    assert log.args == {"count": 1, "paths": "import_files/aa/3.jpg"}

    (source / "import_files/aa/1.jpg").unlink()
    write(source, {"import_files/aa/2.jpg": b"TWO"}, p="import_files/aa/2.jpg", q="import_files/aa/3.jpg")
    told = await shop.take(open_export(source), "catalog", "images")
    assert (told.counts.read, told.counts.updated) == (1, 1)
    assert files(shop.images) == {"import_files/aa/1.jpg": b"one", "import_files/aa/2.jpg": b"TWO"}
    assert manifest(shop) == {
        "import_files/aa/1.jpg": "orphaned",
        "import_files/aa/2.jpg": "changed",
        "import_files/aa/3.jpg": "missing",
    }
    assert told.logs("belong to no product")[0].args == {"count": 1}


async def test_an_image_of_an_earlier_export_is_kept(shop: Shop, tmp_path: Path) -> None:
    await shop.take(open_export(write(tmp_path / "1", {"i/1.jpg": b"1"}, p="i/1.jpg")), "catalog", "images")
    told = await shop.take(
        open_export(write(tmp_path / "2", {"i/2.jpg": b"2"}, p="i/1.jpg", q="i/2.jpg")), "catalog", "images"
    )
    assert (told.counts.created, told.counts.orphans) == (1, 0)
    assert manifest(shop) == {"i/1.jpg": "kept", "i/2.jpg": "new"}


async def test_a_file_that_vanished_from_the_folder_is_put_back(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    await shop.take(export, "catalog", "images")
    (shop.images / "i/1.jpg").unlink()
    told = await shop.take(export, "images")
    assert (told.counts.updated, told.counts.unchanged) == (1, 0), "it was not as it is now"
    assert files(shop.images) == {"i/1.jpg": b"1"}
    assert (await shop.take(export, "images")).counts.unchanged == 1


@pytest.mark.parametrize("how", ["fails", "dry run"])
async def test_without_a_commit_the_folder_stays_as_it_was(shop: Shop, tmp_path: Path, how: str) -> None:
    await shop.take(open_export(write(tmp_path / "1", {"i/1.jpg": b"old"}, p="i/1.jpg")), "catalog", "images")
    before = files(shop.images)
    export = open_export(write(tmp_path / "2", {"i/1.jpg": b"new", "i/2.jpg": b"2"}, p="i/1.jpg i/2.jpg"))
    if how == "fails":

        def fail(_transaction: object) -> None:
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await shop.take(export, "catalog", "images", before_end=fail)
    else:
        told = await shop.take(export, "catalog", "images", options=Options(dry_run=True))
        assert (told.counts.created, told.counts.updated) == (1, 1)
    assert files(shop.images) == before


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
    with closing(sqlite3.connect(shop.path)) as connection:
        connection.execute(insert, (path,))
        connection.commit()
    told = await shop.take(export, "images")
    (reject,) = told.rejects
    assert reject.record_id == path
    assert "image" in reject.reason
    assert files(shop.images) == {"ok.jpg": b"ok", "file.jpg": b"a file"}
    assert not [
        file for file, content in files(tmp_path).items() if content == b"evil" and file != "evil.jpg"
    ]


async def test_an_export_without_images_is_not_silently_done(shop: Shop, tmp_path: Path) -> None:
    await shop.take(open_export(write(tmp_path / "1", {}, p="i/1.jpg")), "catalog")
    for source in (
        write(tmp_path / "1", {}, p="i/1.jpg"),
        write(tmp_path / "2", {"i/2.jpg": b"2"}, q="i/3.jpg"),
    ):
        told = await shop.take(open_export(source), "images")
        assert told.counted.empty
        assert told.logs("nothing of it in this export", level="warning")


@pytest.mark.parametrize("what", [".obmen-", ".tsv"])
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
    """The end of the list is written when it is closed."""
    await shop.take(open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg")), "catalog", "images")
    full(monkeypatch, ".tsv")
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


# A worker that dies


PICTURES = {f"i/{n}.jpg": bytes([n]) for n in range(10)}


def pictures(source: Path) -> Any:
    return open_export(write(source, PICTURES, p=" ".join(PICTURES)))


async def dies_after_its_commit(shop: Shop, source: Path, renames: int = 0) -> None:
    await shop.take(pictures(source), "catalog", "images", put_in_place=False)
    assert shop.rows("SELECT count(*) FROM image") == [len(PICTURES)]
    ((token, folder),) = shop.rows("SELECT token, folder FROM images_waiting")
    with pytest.MonkeyPatch.context() as patch:
        rename, calls = os.rename, itertools.count()

        def rename_and_die(*args: Any, **rest: Any) -> None:
            if next(calls) == renames:
                raise KeyboardInterrupt
            rename(*args, **rest)

        patch.setattr(os, "rename", rename_and_die)
        with pytest.raises(KeyboardInterrupt):
            ImageFolder(Path(folder)).put_in_place(token)


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


# A folder that others use


async def test_a_folder_belongs_to_one_catalog(shop: Shop, tmp_path: Path) -> None:
    await dies_after_its_commit(shop, tmp_path / "1c", 4)
    before = files(shop.images)
    other = Shop(tmp_path / "other.sqlite3", shop.images)
    export = open_export(write(tmp_path / "2c", {"i/1.jpg": b"other"}, p="i/1.jpg"))
    for options in (Options(), Options(dry_run=True)):
        with pytest.raises(
            ObmenError, match=rf"another catalog, {shop.path}; set images.path to another"
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
    assert str(shop.path) in mark
    (shop.images / ".obmen/catalog.json").write_text("")  # whoever wrote it died
    await shop.take(pictures(tmp_path / "1c"), "images")
    assert (shop.images / ".obmen/catalog.json").read_text(encoding="utf-8") == mark


async def test_a_session_that_fails_takes_no_folder(shop: Shop, tmp_path: Path) -> None:
    def fail(_transaction: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.take(pictures(tmp_path / "1c"), "catalog", "images", before_end=fail)
    assert list(shop.images.iterdir()) == []


@pytest.mark.parametrize(
    ("how", "allowed"), [("moved", True), ("made anew", True), ("copied", False), ("another host's", False)]
)
async def test_a_catalog_keeps_its_folder(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, allowed: bool
) -> None:
    await shop.take(pictures(tmp_path / "1c"), "catalog", "images")
    path = shop.path
    if how in ("moved", "copied"):
        path = tmp_path / "new.sqlite3"
        shutil.copy(shop.path, path)
    if how != "copied":
        shop.path.unlink()
    if how == "another host's":
        monkeypatch.setattr("socket.gethostname", lambda: "other")
    later = Shop(path, shop.images, sessions=10)
    if allowed:
        await later.take(pictures(tmp_path / "1c"), "catalog", "images")
    else:
        with pytest.raises(ObmenError, match="another catalog"):
            await later.take(pictures(tmp_path / "1c"), "catalog", "images")


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
    stage = ImageFolder.stage

    def plant(self: ImageFolder, path: str, part: Any) -> Any:
        if what == "folder":
            (shop.images / "i").symlink_to(outside)
        else:
            (shop.images / "i").mkdir()
            (shop.images / "i/1.jpg").symlink_to(outside / "1.jpg")
        return stage(self, path, part)

    monkeypatch.setattr(ImageFolder, "stage", plant)
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


# What is a picture


async def test_an_image_below_an_image_is_a_reject(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", {"a": b"a", "x/a/b.jpg": b"b", "a.jpg": b"c"}, p="a a/b.jpg a.jpg")
    told = await shop.take(open_export(source), "catalog", "images")
    assert [reject.record_id for reject in told.rejects] == ["a/b.jpg"]
    assert files(shop.images) == {"a": b"a", "a.jpg": b"c"}


async def test_addresses_are_not_asked_for(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg"))
    await shop.take(export, "catalog")
    with closing(sqlite3.connect(shop.path)) as connection:
        for position, address in enumerate(("http://example.org/1.jpg", "HTTPS://example.org/1.jpg"), 1):
            insert = "INSERT INTO product_image (product_id, position, path) VALUES ('p', ?, ?)"
            connection.execute(insert, (position, address))
        connection.commit()
    told = await shop.take(export, "images")
    assert told.counts == Counts(read=1, created=1)
    assert manifest(shop) == {"1.jpg": "new"}


async def test_any_file_of_the_export_may_be_a_picture(shop: Shop, tmp_path: Path) -> None:
    names = ["manual.pdf", "i/drawing.svg", "scan.tif", "notes.TXT", "bare"]
    source = write(tmp_path / "1c", {name: name.encode() for name in names}, p=" ".join(names))
    told = await shop.take(open_export(source), "catalog", "images")
    assert (told.counts.created, told.counts.orphans) == (len(names), 0)
    assert files(shop.images) == {name: name.encode() for name in names}


@pytest.mark.parametrize(
    "path",
    [
        "a.php",
        "A.PHP",
        "x.php.jpg",
        "y.phtml",
        ".htaccess",
        "a/.user.ini",
        "web.config",
        "page.html",
        "do.cgi",
        "s.js",
    ],
)
async def test_what_a_web_server_runs_is_no_picture(shop: Shop, tmp_path: Path, path: str) -> None:
    source = write(
        tmp_path / "1c", {path: b"evil", "php.jpg": b"1", "a.py.png": b"2"}, p=f"{path} php.jpg a.py.png"
    )
    told = await shop.take(open_export(source), "catalog", "images")
    (reject,) = told.rejects
    assert (reject.record_id, told.counts.created) == (path, 2)
    assert "web server" in reject.reason
    assert files(shop.images) == {"php.jpg": b"1", "a.py.png": b"2"}


async def test_bad_paths_do_not_pile_up(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg"))
    await shop.take(export, "catalog")
    with closing(sqlite3.connect(shop.path)) as connection:
        connection.executemany(
            "INSERT INTO product_image (product_id, position, path) VALUES ('bad', ?, ?)",
            ((n, f"../{n:0200}.jpg") for n in range(40_000)),
        )
        connection.commit()
    catalog = await open_catalog(shop.url)
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
        job = Job(1, "images", export, transaction, Options(force=True), images_path=str(shop.images))
        tracemalloc.start()
        try:
            rejects = 0
            async for event in images.run(job):
                rejects += isinstance(event, Reject)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    await catalog.close()
    assert rejects == 40_000
    assert peak < 10_000_000
