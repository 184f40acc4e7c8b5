"""Archives as they come: archives in archives, thousands of files, damaged ones, and any order of reading."""

from __future__ import annotations

import os
import struct
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from importers.commerceml import archives, open_export, places
from importers.commerceml.parts import open_part
from importers.commerceml.records import Product
from importers.errors import BadFile, SourceError
from tests.commerceml.exports import IMPORT, PRODUCT, goods, read, xml, zipped


def nested(path: Path, members: dict[str, str | bytes]) -> bytes:
    """An archive to be put into another one."""
    data = zipped(path, members).read_bytes()
    path.unlink()
    return data


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# Archives in archives


def test_an_archive_too_deep_is_refused(tmp_path: Path) -> None:
    deepest = nested(tmp_path / "x.zip", {"import.xml": IMPORT})
    middle = nested(tmp_path / "x.zip", {"deepest.zip": deepest, "goods.xml": IMPORT})
    with pytest.raises(SourceError, match=r"all\.zip/middle\.zip: deepest\.zip cannot be read.*unpack it"):
        open_export(zipped(tmp_path / "all.zip", {"middle.zip": middle}))


def test_an_archive_too_large_to_be_unpacked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_NESTED_BYTES", 100)
    inner = nested(tmp_path / "x.zip", {"import.xml": IMPORT})
    with pytest.raises(SourceError, match=r"all\.zip: inner\.zip cannot be read.*unpack it"):
        open_export(zipped(tmp_path / "all.zip", {"inner.zip": inner}))


def test_without_room_to_unpack_the_cure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    source = zipped(tmp_path / "all.zip", {"inner.zip": nested(tmp_path / "x.zip", {"import.xml": IMPORT})})
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(SourceError, match="No space left on device; free some space"):
        open_export(source)


def test_an_archive_that_packs_far_too_well_is_no_archive(tmp_path: Path) -> None:
    """It would fill the disk before anybody looks into it."""
    inner = nested(tmp_path / "x.zip", {"import.xml": IMPORT})
    source = zipped(tmp_path / "all.zip", {"inner.zip": b"\0" * 8_000_000 + inner})
    with pytest.raises(SourceError, match=r"all\.zip: inner\.zip cannot be read.*unpack it"):
        open_export(source)


def test_what_was_unpacked_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = nested(tmp_path / "x.zip", {"import.xml": IMPORT})
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", len(inner) * 3)
    export = open_export(zipped(tmp_path / "all.zip", {f"{n}.zip": inner for n in range(10)}))
    before = descriptors()
    for part in export.parts:
        with open_part(part) as file:
            assert file.read()
    assert descriptors() <= before + 4


@pytest.mark.parametrize("form", ["folder", "zip", "zip in a zip"])
def test_folders_that_lie_too_deep_are_refused(tmp_path: Path, form: str) -> None:
    def laid(depth: int) -> Path:
        source = tmp_path / f"{depth}"
        name = "d/" * depth + "1.jpg"
        (source / "d").mkdir(parents=True)
        (source / "import.xml").write_text(IMPORT, encoding="utf-8")
        if form == "folder":
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).touch()
        elif form == "zip":
            zipped(source / "1.zip", {name: b""})
        else:
            zipped(source / "1.zip", {"2.zip": nested(tmp_path / "x.zip", {name: b""})})
        return source

    assert "1.jpg" in open_export(laid(places.MAX_DEPTH)).images()
    with pytest.raises(SourceError, match="folders lie deeper in each other than 1C makes them") as error:
        open_export(laid(900))
    assert len(str(error.value)) < 400


# Size


def with_many_files(path: Path, count: int) -> Path:
    return zipped(path, {f"{number}.txt": b"" for number in range(count)} | {"import.xml": IMPORT})


@pytest.mark.parametrize("form", ["zip", "zip in a zip", "zips in a zip", "zip64"])
def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(archives, "MAX_LIST_BYTES", 30_000)
    if form == "zip64":
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    source = with_many_files(tmp_path / "many.zip", 120 if form == "zips in a zip" else 250)
    if "in a zip" in form:
        data = source.read_bytes()
        source = zipped(tmp_path / "all.zip", {f"{number}.zip": data for number in range(3)})
    with pytest.raises(SourceError, match=r"zip.*: the archive holds too many files"):
        open_export(source)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("form", ["plain", "zip64", "behind a program", "with a comment"])
def test_the_list_of_an_archive_is_read_as_zipfile_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    if form == "zip64":
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    path = tmp_path / "1c.zip"
    with zipfile.ZipFile(path, "w") as written:
        for name in ("import.xml", "картинка.jpg", "folder/", "a\\b.jpg", "./x//y.jpg"):
            info = zipfile.ZipInfo(name, (2026, 11, 26, 23, 59, 58))
            info.comment, info.extra = b"comment", struct.pack("<HH4x", 0x5455, 4)
            written.writestr(info, name * 100, zipfile.ZIP_DEFLATED)
        written.comment = b"of the archive" if form == "with a comment" else b""
    if form == "behind a program":
        path.write_bytes(b"MZ" * 1000 + path.read_bytes())
    fields = [name for name in zipfile.ZipInfo.__slots__ if name in (
        "orig_filename", "filename", "date_time", "flag_bits", "compress_type", "CRC", "external_attr", "extra",
        "file_size", "compress_size", "header_offset",
    )]  # fmt: skip
    with zipfile.ZipFile(path) as known, archives.opened(path) as archive:
        listed = list(archive.listed())
        assert [[getattr(entry, field) for field in fields] for _at, entry in listed] == [
            [getattr(entry, field) for field in fields] for entry in known.infolist()
        ]
        for at, entry in listed:
            member = archives.Member(archives.path_of(entry), at)
            assert archive.open(member).read() == known.read(entry.filename)


def test_files_from_the_same_bytes_are_damage(tmp_path: Path) -> None:
    """A bomb: a few megabytes that each of thousands of files unpacks once more."""
    path = zipped(tmp_path / "1c.zip", {"import.xml": IMPORT, "1.jpg": b"1", "2.jpg": b"2"})
    with zipfile.ZipFile(path) as archive:
        first, second = (archive.getinfo(name).header_offset for name in ("1.jpg", "2.jpg"))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", second) + b"2.jpg", struct.pack("<I", first) + b"2.jpg"))
    with pytest.raises(
        SourceError, match=r"1c\.zip: the archive is damaged .*Overlapped entries; copy it again"
    ):
        open_export(path)


def test_an_archive_in_which_files_have_moved_was_changed(tmp_path: Path) -> None:
    source = zipped(tmp_path / "1c.zip", {"1.jpg": b"1", "2.jpg": b"2", "import.xml": IMPORT})
    picture = open_export(source).images()["2.jpg"]
    for members in ({"2.jpg": b"2"}, {"2.jpg": b"2", "1.jpg": b"1"}):
        zipped(tmp_path / "new.zip", {**members, "import.xml": IMPORT}).replace(source)
        changed = pytest.raises(BadFile, match=r"2\.jpg: the file was changed while it was read")
        with changed, open_part(picture):
            pass


def test_a_list_longer_than_the_archive_is_damage(tmp_path: Path) -> None:
    source = zipped(tmp_path / "1c.zip", {"import.xml": IMPORT})
    data = bytearray(source.read_bytes())
    data[-10:-6] = b"\xff\xff\xff\x7f"
    source.write_bytes(data)
    with pytest.raises(SourceError, match="damaged"):
        open_export(source)


@pytest.mark.parametrize("form", ["zip", "zip in a zip"])
def test_many_files_are_read_in_no_time(tmp_path: Path, form: str) -> None:
    """The list of an archive is read once, not for each of its files."""
    source = zipped(tmp_path / "1c.zip", {f"import_{n}.xml": xml(goods("")) for n in range(2000)})
    if form == "zip in a zip":
        source = zipped(tmp_path / "all.zip", {"1c.zip": source.read_bytes()})
    start = time.process_time()
    assert len(open_export(source).parts) == 2000
    assert read(source, Product) == []
    assert time.process_time() - start < 10


def test_archives_are_read_in_any_order(tmp_path: Path) -> None:
    members = {f"import_files/{number}.jpg": os.urandom(3000) for number in range(50)}
    inner = nested(tmp_path / "x.zip", {**members, "import.xml": IMPORT})
    export = open_export(zipped(tmp_path / "all.zip", {"1.zip": inner, "2.zip": inner}))
    for name in sorted(members, reverse=True):
        for number in (2, 1):
            with open_part(export.images()[f"{number}.zip/{name}"]) as file:
                assert file.read() == members[name]


def test_two_readers_of_an_archive_do_not_meet(tmp_path: Path) -> None:
    members = {f"{number}.jpg": bytes([number]) * 100_000 for number in range(2)}
    export = open_export(zipped(tmp_path / "1c.zip", {**members, "import.xml": IMPORT}, zipfile.ZIP_STORED))
    with open_part(export.images()["0.jpg"]) as one, open_part(export.images()["1.jpg"]) as other:
        for _ in range(10):
            assert (one.read(10_000), other.read(10_000)) == (b"\0" * 10_000, b"\1" * 10_000)


def test_archives_do_not_stay_open(tmp_path: Path) -> None:
    before = descriptors()
    for number in range(100):
        zipped(tmp_path / f"import_{number}.zip", {"import.xml": IMPORT})
    export = open_export(tmp_path)
    assert descriptors() <= before
    for part in export.parts:
        with open_part(part) as file:
            assert file.read()
    assert descriptors() <= before + archives.MAX_OPEN


@pytest.mark.parametrize("form", ["zip", "zip in a zip"])
@pytest.mark.parametrize("when", ["while it is read", "before it is read again"])
def test_a_changed_archive_is_never_read_as_if_it_were_the_old_one(
    tmp_path: Path, form: str, when: str
) -> None:
    def written(name: str, told: str) -> Path:
        members: dict[str, str | bytes] = {"import.xml": xml(goods(PRODUCT.format(told)))}
        if form == "zip in a zip":
            members = {"inner.zip": nested(tmp_path / "x.zip", members)}
        return zipped(tmp_path / name, members)

    source = written("1c.zip", "old")
    (part,) = open_export(source).parts
    with open_part(part) as file:
        assert b"old" in file.read()
    with ExitStack() as reading:
        if when == "while it is read":
            reading.enter_context(pytest.raises(BadFile, match="changed"))
            reading.enter_context(open_part(part)).read(1)
        written("new.zip", "new").replace(source)
    with open_part(part) as file:
        assert b"new" in file.read()


def test_times_that_there_are_not() -> None:
    assert places.time_of(1e15) == places.NEVER
    assert places.time_of(0).year == 1970
