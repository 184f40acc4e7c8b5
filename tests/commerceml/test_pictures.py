"""Pictures and other files of an export, and that no link leads out of it, whenever it is planted."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import IO

import pytest
from exports import goods, write, xml

from importers.commerceml import open_export, parts
from importers.commerceml.beneath import open_beneath
from importers.commerceml.contents import EVERYTHING
from importers.commerceml.parts import Part, open_part
from importers.errors import BadFile, SourceError
from importers.kinds import KINDS
from importers.kinds.inspect import inspect_export
from importers.kinds.registry import files_of

IMPORT = xml(goods("<Товар><Ид>p</Ид><Наименование>P</Наименование></Товар>"))


def source_of(folder: Path, form: str, files: dict[str, bytes]) -> Path:
    """These files in a folder, in a .zip, or in a .zip that lies in a folder."""
    if form == "folder":
        for name, content in files.items():
            write(folder, content, name)
        return folder
    path = folder.with_suffix(".zip") if form == "zip" else folder / "1.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path if form == "zip" else folder


FORMS = pytest.mark.parametrize("form", ["folder", "zip", "zip in a folder"])


def content_of(part: Part) -> bytes:
    with open_part(part) as file:
        return file.read()


@FORMS
def test_pictures_alone_are_an_export(tmp_path: Path, form: str) -> None:
    source = source_of(tmp_path / "1c", form, {"import_files/aa/1.jpg": b"1", "2.png": b"2"})
    export = open_export(source)
    assert (export.parts, export.gaps) == ((), ())
    assert content_of(export.images()["import_files/aa/1.jpg"]) == b"1"
    assert [kind for kind in KINDS if files_of(export, kind)] == ["images"]
    assert not export.files_for(*EVERYTHING)
    found = inspect_export(source)
    assert (found.version, found.encoding, found.files) == (None, "", ())
    assert [kind for kind, told in found.kinds.items() if told.files] == ["images"]
    assert found.kinds["images"].records == 2


@FORMS
def test_neither_xml_nor_pictures_are_none(tmp_path: Path, form: str) -> None:
    with pytest.raises(SourceError, match="holds no export of 1C"):
        open_export(source_of(tmp_path / "1c", form, {"README.txt": b"", "scan.tif": b"", ".x.jpg": b""}))


@FORMS
def test_any_file_but_hidden_ones_may_be_named(tmp_path: Path, form: str) -> None:
    names = {
        "import.xml": IMPORT.encode(),
        "a/manual.pdf": b"pdf",
        "a/.hidden.pdf": b"",
        ".secret": b"",
        "x": b"x",
    }
    export = open_export(source_of(tmp_path / "1c", form, names))
    images = export.images()
    assert content_of(images["manual.pdf"]) == content_of(images["a/manual.pdf"]) == b"pdf"
    assert content_of(images["x"]) == b"x"
    assert len(images) == 2
    assert export.pictures == ()
    for path in ("", "pdf", "l.pdf", "/x", "a", "import.xml", ".secret", "a/.hidden.pdf", "b/manual.pdf"):
        assert images.get(path) is None
    assert inspect_export(export.path).kinds["images"].records == 0, "of pictures there is none"


def test_of_pictures_with_one_ending_the_newest_counts_then_the_last_by_number(tmp_path: Path) -> None:
    for number in (9, 10, 2):
        write(tmp_path, str(number).encode(), f"{number}/i/1.jpg")
        os.utime(tmp_path / f"{number}/i/1.jpg", (1, 1))
    assert content_of(open_export(tmp_path).images()["i/1.jpg"]) == b"10"
    os.utime(tmp_path / "2/i/1.jpg", (2, 2))
    assert content_of(open_export(tmp_path).images()["i/1.jpg"]) == b"2"
    write(tmp_path, b"whole", "i/1.jpg")
    write(tmp_path, b"other", "i-1.jpg")
    images = open_export(tmp_path).images()
    assert content_of(images["i/1.jpg"]) == b"whole"
    assert content_of(images["2/i/1.jpg"]) == b"2"


def test_another_file_that_cannot_be_used_spoils_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "1c.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("import.xml", IMPORT)
        archive.writestr("empty.tif", bytes(40_000_000), zipfile.ZIP_DEFLATED)
        archive.writestr("packed.pdf", b"x", zipfile.ZIP_BZIP2)
        archive.writestr("../outside.txt", b"x")
        archive.writestr("fine.txt", b"fine")
    assert list(open_export(path).images()) == ["fine.txt"]


def test_links_to_other_files_and_pipes_stay_out(tmp_path: Path) -> None:
    write(tmp_path / "1c", IMPORT)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "1c/link.txt").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "1c/pipe")
    assert len(open_export(tmp_path / "1c").images()) == 0


@pytest.mark.parametrize("name", ["import.xml", "i/1.jpg", "i/2.txt", "1.zip"])
@pytest.mark.parametrize("what", ["file", "folder", "pipe"])
def test_a_link_that_is_planted_later_leads_nobody_out(tmp_path: Path, name: str, what: str) -> None:
    secret = tmp_path / "secret"
    source = tmp_path / "1c"
    for folder in (source / "deep", secret):
        write(folder, IMPORT)
        write(folder, b"picture", "i/1.jpg")
        write(folder, b"text", "i/2.txt")
        source_of(folder, "zip in a folder", {"offers.xml": xml("").encode()})
    export = open_export(source)
    parts = [*export.parts, *export.images().values()]
    (part,) = [part for part in parts if part.path == source / "deep" / name]
    assert content_of(part)
    if what == "folder":
        (source / "deep").rename(tmp_path / "away")
        (source / "deep").symlink_to(secret)
    else:
        part.path.unlink()
        if what == "file":
            part.path.symlink_to(secret / name)
        else:
            os.mkfifo(part.path)
    with pytest.raises(
        SourceError, match="is no regular file" if what == "pipe" else "leads out of the source"
    ):
        content_of(part)


def test_a_link_that_is_planted_at_the_last_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a link was found to stay inside."""
    write(tmp_path / "1c", b"inside", "real/1.jpg")
    write(tmp_path / "secret", b"secret", "1.jpg")
    (tmp_path / "1c/link").symlink_to("real")
    path = tmp_path / "1c/link/1.jpg"
    with open_beneath(tmp_path / "1c", path) as file:
        assert file.read() == b"inside"
    realpath = os.path.realpath

    def plant(path: Path) -> str:
        found = realpath(path)
        if path.name == "1.jpg":
            (tmp_path / "1c/real").rename(tmp_path / "away")
            (tmp_path / "1c/real").symlink_to(tmp_path / "secret")
        return found

    monkeypatch.setattr(os.path, "realpath", plant)
    with pytest.raises(NotADirectoryError):
        open_beneath(tmp_path / "1c", path)


def test_links_that_stay_inside_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "1c", IMPORT, "real/import.xml")
    (tmp_path / "1c/import.xml").symlink_to("real/import.xml")
    (tmp_path / "1c/1.jpg").symlink_to("real/2.jpg")
    write(tmp_path / "1c", b"2", "real/2.jpg")
    (tmp_path / "link").symlink_to("1c")
    export = open_export(tmp_path / "link")
    assert all(map(content_of, export.parts))
    assert content_of(export.images()["1.jpg"]) == b"2"
    zipped = source_of(tmp_path / "z", "zip", {"import.xml": IMPORT.encode()})
    (tmp_path / "z").mkdir()
    (tmp_path / "z/current.zip").symlink_to(zipped)
    assert all(map(content_of, open_export(tmp_path / "z/current.zip").parts))


def test_an_archive_that_is_replaced_at_the_last_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and its opening."""
    secret = source_of(tmp_path / "secret", "zip", {"import.xml": IMPORT.encode(), "1.jpg": b"secret"})
    source = source_of(tmp_path / "1c", "zip in a folder", {"import.xml": IMPORT.encode(), "1.jpg": b"1"})
    part = open_export(source).images()["1.jpg"]

    def plant(root: Path, path: Path) -> IO[bytes]:
        file = open_beneath(root, path)
        path.unlink()
        path.symlink_to(secret)
        return file

    monkeypatch.setattr(parts, "open_beneath", plant)
    with pytest.raises(BadFile, match="was changed"):
        content_of(part)
