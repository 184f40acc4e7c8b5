"""No link, pipe or archive makes the reader open other files, wait or fill the disk (guarantee 10)."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.records import Product
from importers.errors import BadFile, SourceError
from tests.commerceml.exports import goods, package, read, write, xml


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return write(tmp_path / "source", xml(goods("")), "goods.xml")


def test_links_and_pipes_are_refused(source: Path) -> None:
    odd: dict[str, Callable[[Path], None]] = {
        "loop.xml": lambda path: path.symlink_to(path.name),
        "dangling.xml": lambda path: path.symlink_to("nothing.xml"),
        "pipe.xml": os.mkfifo,
        "folder": lambda path: path.symlink_to("/etc"),
        "out.zip": lambda path: path.symlink_to("/etc/passwd"),
    }
    for name, make in odd.items():
        make(source / name)
        with pytest.raises(SourceError, match=name):
            open_export(source)
        (source / name).unlink()


@pytest.mark.parametrize(
    "name", ["import²1.xml", f"prices_1_{'9' * 50}.xml", "prices_1_20260101.xml", "rests_0_0_.xml"]
)
def test_odd_names_are_no_trouble(source: Path, name: str) -> None:
    write(source, xml(package("")), name)
    export = open_export(source)
    assert (name in [part.name for part in export.parts], export.gaps) == (True, ())


def test_a_name_in_another_encoding_can_be_shown(source: Path) -> None:
    (source / os.fsdecode(b"goods_\xff.xml")).write_text(xml(goods("")), encoding="utf-8")
    assert [part.name for part in open_export(source).parts] == ["goods.xml", "goods_\ufffd.xml"]


def test_an_archive_that_is_encrypted_or_packed_otherwise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    for method, flag in ((zipfile.ZIP_LZMA, 0), (zipfile.ZIP_BZIP2, 0), (zipfile.ZIP_DEFLATED, 1)):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("import.xml", xml(goods("")))
        data = bytearray(path.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= flag
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"a\.zip: import\.xml is encrypted or packed"):
            open_export(path)


def test_an_archive_that_lies_about_places_is_damaged(tmp_path: Path) -> None:
    """The directory is said to lie further on than it does: its files would begin before the archive."""
    source = tmp_path / "export.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("import.xml", xml(goods("")))
    packed = bytearray(source.read_bytes())
    packed[-6:-2] = (int.from_bytes(packed[-6:-2], "little") + 1000).to_bytes(4, "little")
    source.write_bytes(packed)
    with pytest.raises(SourceError, match=r"import\.xml: the archive is damaged.*; copy it again"):
        open_export(source)


def test_a_pipe_is_no_archive(tmp_path: Path) -> None:
    """Opening it would wait for a writer."""
    os.mkfifo(tmp_path / "export.zip")
    with pytest.raises(SourceError, match=r"export\.zip: is no regular file; remove it"):
        open_export(tmp_path)


def test_an_archive_that_lies_about_a_size_is_read_no_further(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("import.xml", xml(goods("")) + " " * 50_000_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(BadFile, match=r"^import\.xml: the archive is damaged"):
        read(path, Product)
