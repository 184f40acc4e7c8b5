from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from shops import Shop

from importers.commerceml import open_export
from importers.errors import ObmenError
from importers.kinds import Options

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
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.tsv"
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
    """Also what happens after a worker died between the commit and putting files in place."""
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    await shop.take(export, "catalog", "images")
    (shop.images / "i/1.jpg").unlink()
    told = await shop.take(export, "images")
    assert told.counts.unchanged == 1
    assert files(shop.images) == {"i/1.jpg": b"1"}


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
    assert not (shop.images / ".obmen-waiting").exists()


@pytest.mark.parametrize(
    "path",
    ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "..", "a\\..\\x.jpg", ".obmen-waiting/x.jpg", "manifest.tsv",
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
    export = msgspec.structs.replace(export, pictures=(*export.pictures, (path, str(picture))))
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
    with pytest.raises(ObmenError, match="no image file"):
        await shop.take(open_export(write(tmp_path / "1", {}, p="i/1.jpg")), "images")
    with pytest.raises(ObmenError, match="no record"):
        await shop.take(open_export(write(tmp_path / "2", {"i/2.jpg": b"2"}, q="i/3.jpg")), "images")


async def test_a_full_disk_is_told_plainly(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(ObmenError, match=r"No space left on device; free some space"):
        await shop.take(export, "catalog", "images")
    assert shop.rows("SELECT count(*) FROM product") == [0]
    assert files(shop.images) == {}


async def test_a_disk_that_is_full_at_the_end_is_found_before_the_commit(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is written when it is closed."""
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))

    class Full(io.StringIO):
        def close(self) -> None:
            raise OSError(28, "No space left on device")

    opened = Path.open

    def open_manifest(path: Path, *args: Any, **rest: Any) -> Any:
        return Full() if path.name == "manifest.tsv" else opened(path, *args, **rest)

    monkeypatch.setattr(Path, "open", open_manifest)
    with pytest.raises(ObmenError, match=r"No space left on device; free some space"):
        await shop.take(export, "catalog", "images")
    assert shop.rows("SELECT count(*) FROM product") == [0]
    assert files(shop.images) == {}, "and nothing is left to fill the disk"


async def test_a_folder_that_cannot_be_written_is_found_before_the_commit(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    (shop.images / "i").mkdir(parents=True)
    monkeypatch.setattr(
        "os.access", lambda path, _mode: Path(path) != shop.images / "i"
    )  # root may write all
    with pytest.raises(ObmenError, match=r"images/i: images cannot be kept there: Permission denied"):
        await shop.take(export, "catalog", "images")
    assert shop.rows("SELECT count(*) FROM product") == [0]
