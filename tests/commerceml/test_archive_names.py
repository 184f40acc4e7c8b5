"""Names in archives: their order, their code pages, names of Windows, and the same name twice."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.parts import open_part
from importers.commerceml.records import OfferPrices, Product
from importers.errors import SourceError
from tests.commerceml.exports import IMPORT, PRODUCT, goods, read, xml, zipped


def ids(source: Path) -> list[str]:
    return [record.id for record in read(source, Product) if isinstance(record, Product)]


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_parts_are_in_the_order_of_their_archives(tmp_path: Path, form: str) -> None:
    source = tmp_path / "1c"
    for number in (10, 9, 1):
        zipped(source / f"import_{number}.zip", {"import.xml": xml(goods(PRODUCT.format(number)))})
    if form == "zip":
        source = zipped(tmp_path / "all.zip", {path.name: path.read_bytes() for path in source.iterdir()})
    assert [part.name for part in open_export(source).parts] == [
        f"import_{number}.zip/import.xml" for number in (1, 9, 10)
    ]
    assert ids(source) == ["1", "9", "10"]


def test_the_archive_that_is_the_source_is_not_in_names(tmp_path: Path) -> None:
    source = zipped(tmp_path / "prices.zip", {"goods/import.xml": IMPORT})
    assert [part.name for part in open_export(source).parts] == ["goods/import.xml"]


def test_missing_archives_are_told(tmp_path: Path) -> None:
    """Pictures count: of one with them alone, nothing is missing."""
    zipped(tmp_path / "1c" / "v_1.zip", {"import.xml": IMPORT})
    zipped(tmp_path / "1c" / "v_2.zip", {"import_files/a.jpg": b"a"})
    zipped(tmp_path / "1c" / "v_4.zip", {"import_files/b.jpg": b"b"})
    assert list(map(str, open_export(tmp_path / "1c").gaps)) == ["v_3.zip: this part is missing"]


def test_names_of_windows_are_paths(tmp_path: Path) -> None:
    source = zipped(
        tmp_path / "1c.zip",
        {"goods\\import.xml": IMPORT, "prices\\a.xml": xml(""), "goods\\import_files\\ab\\1.jpg": b"picture"},
    )
    export = open_export(source)
    assert [part.name for part in export.parts] == ["goods/import.xml", "prices/a.xml"]
    assert export.parts[1].records == {OfferPrices}
    with open_part(export.images()["import_files/ab/1.jpg"]) as file:
        assert file.read() == b"picture"
    assert ids(source) == ["p"]


def test_pictures_of_archives_are_found_by_their_path(tmp_path: Path) -> None:
    zipped(tmp_path / "1c" / "goods.zip", {"import.xml": IMPORT, "import_files/ab/1.jpg": b"1"})
    images = open_export(tmp_path / "1c").images()
    assert all(path in images for path in ("import_files/ab/1.jpg", "goods.zip/import_files/ab/1.jpg"))
    assert list(images) == ["goods.zip/import_files/ab/1.jpg"]


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_control_characters_in_names_are_not_shown(tmp_path: Path, form: str) -> None:
    name = "import\x1b[2J\u202e.xml"
    if form == "zip":
        source = zipped(tmp_path / "1c.zip", {name: IMPORT})
    else:
        source = tmp_path / "1c"
        source.mkdir()
        (source / name).write_text(IMPORT, encoding="utf-8")
    assert [part.name for part in open_export(source).parts] == ["import\ufffd[2J\ufffd.xml"]
    assert ids(source) == ["p"]


def test_control_characters_in_names_are_not_in_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as error:
        open_export(zipped(tmp_path / "1c.zip", {"../\x1b[2J.xml": IMPORT}))
    assert "outside" in str(error.value)
    assert "\x1b" not in str(error.value)
    (tmp_path / "1c").mkdir()
    (tmp_path / "1c" / "\x1b.xml").symlink_to("/etc/passwd")
    with pytest.raises(SourceError, match="link") as error:
        open_export(tmp_path / "1c")
    assert "\x1b" not in str(error.value)


NAMED = {
    "cp866": ("картинка №1.jpg".encode("cp866"), b"", "картинка №1.jpg"),
    "cp866 that is UTF-8, too": ("сад.jpg".encode("cp866"), b"", "сад.jpg"),
    "UTF-8 that does not say so": ("картинка «1».jpg".encode(), b"", "картинка «1».jpg"),
    "neither": ("1░á╟.jpg".encode("cp437"), b"", "1░á╟.jpg"),
    "Info-ZIP": (b"\x8a.jpg", "картинка «1».jpg".encode(), "картинка «1».jpg"),
    "Info-ZIP of another name": (b"\x8a.jpg", b"", "К.jpg"),
}


@pytest.mark.parametrize("form", ["zip", "zip in a zip"])
@pytest.mark.parametrize("how", NAMED)
def test_names_are_read_in_the_code_page_that_was_meant(tmp_path: Path, how: str, form: str) -> None:
    raw, unicode, name = NAMED[how]
    placeholder = b"n" * len(raw)
    other = zlib.crc32(raw if unicode else b"another name")
    field = b"\1" + other.to_bytes(4, "little") + (unicode or "чужое.jpg".encode())
    info = zipfile.ZipInfo(placeholder.decode())
    if "Info-ZIP" in how:
        info.extra = struct.pack("<HHHH", 0x5455, 4, 0, 0) + struct.pack("<HH", 0x7075, len(field)) + field
    source = tmp_path / "1c.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("import.xml", IMPORT)
        archive.writestr(info, b"picture")
    source.write_bytes(source.read_bytes().replace(placeholder, raw))
    if form == "zip in a zip":
        source = zipped(tmp_path / "all.zip", {"1c.zip": source.read_bytes()})
    with open_part(open_export(source).images()[name]) as file:
        assert file.read() == b"picture"


def test_names_that_are_the_same_when_read_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "1c.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("товар.jpg", b"1")  # says that it is UTF-8
        archive.writestr("nnnnn.jpg", b"2")
        archive.writestr("import.xml", IMPORT)
    source.write_bytes(source.read_bytes().replace(b"nnnnn", "товар".encode("cp866")))
    with pytest.raises(SourceError, match=r"the archive holds товар\.jpg twice"):
        open_export(source)


def test_of_two_pictures_the_newer_is_taken(tmp_path: Path) -> None:
    (tmp_path / "import.xml").write_text(IMPORT, encoding="utf-8")
    for name, at in (("a.zip", 2e9), ("b.zip", 1e9)):
        zipped(tmp_path / name, {"import_files/1.jpg": name})
        os.utime(tmp_path / name, (at, at))
    images = open_export(tmp_path).images()
    assert images["1.jpg"].name == images["import_files/1.jpg"].name == "a.zip/import_files/1.jpg"
    assert images["b.zip/import_files/1.jpg"].name == "b.zip/import_files/1.jpg"
    assert [images.get(path) for path in ("", "jpg", "mport_files/1.jpg", "/1.jpg", "1.jpg/")] == [None] * 5
    assert ([part.name for part in images.values()], len(images)) == (
        ["a.zip/import_files/1.jpg", "b.zip/import_files/1.jpg"], 2,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("import.xml", "import.xml"), ("goods/import.xml", "goods\\import.xml")])
def test_two_files_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "1c.zip", "w") as archive:
        for name in names:
            archive.writestr(name, IMPORT)
    with pytest.raises(SourceError, match=rf"1c\.zip: the archive holds {names[0]} twice"):
        open_export(tmp_path / "1c.zip")


def test_what_macos_adds_is_no_part(tmp_path: Path) -> None:
    source = zipped(tmp_path / "1c.zip", {"catalog.xml": IMPORT, "__MACOSX/._catalog.xml": b"\0\5\x16\7"})
    export = open_export(source)
    assert ([part.name for part in export.parts], export.gaps) == (["catalog.xml"], ())


def test_a_file_without_a_name_is_damage_or_nothing(tmp_path: Path) -> None:
    """zipfile itself stumbles over it, in some versions of Python."""
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("import.xml", IMPORT)
        archive.writestr(zipfile.ZipInfo(""), b"")
    with suppress(SourceError):  # nothing else comes of it
        assert [part.name for part in open_export(path).parts] == ["import.xml"]
