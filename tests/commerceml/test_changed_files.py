"""An export that changes while it is read fails (guarantee 9)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.records import Product
from importers.errors import BadFile
from tests.commerceml.exports import (
    IMPORT,
    PRICES,
    goods,
    stream,
    write,
    xml,
    zipped,
)

LATER: dict[str, Callable[[Path], object]] = {
    "a part came": lambda source: write(source, IMPORT, "import0_3.xml"),
    "a part went": lambda source: (source / "import0_1.xml").unlink(),
    "a part came in an archive": lambda source: zipped(source / "2.zip", {"import0_3.xml": IMPORT}),
    "an archive was packed anew": lambda source: zipped(source / "1.zip", {"prices.xml": xml(PRICES)}),
    "a file of another type was written": lambda source: write(source, IMPORT + " ", "rests.xml"),
    "a folder came": lambda source: write(source / "goods", IMPORT, "goods.xml"),
    "the source went": lambda source: source.rename(source.with_name("elsewhere")),
}


@pytest.mark.parametrize("how", LATER)
@pytest.mark.parametrize("when", ["while it is read", "after it was read"])
def test_an_export_that_changes_while_it_is_read_fails(tmp_path: Path, how: str, when: str) -> None:
    """Also where none of its files does: what 1C adds then would look as if it were removed."""
    source = tmp_path / "source"
    for name in ("import0_1.xml", "import0_2.xml", "rests.xml"):
        write(source, IMPORT, name)
    zipped(source / "1.zip", {"prices.xml": IMPORT})
    export = open_export(source)
    if when == "after it was read":
        assert list(export.records(Product))
        export.check_unchanged()
        LATER[how](source)
        with pytest.raises(BadFile, match="import again"):
            export.check_unchanged()
    else:
        records = export.records(Product)
        next(records)
        LATER[how](source)
        with pytest.raises(BadFile, match="import again"):
            list(records)


def test_pictures_may_come_while_an_export_is_read(tmp_path: Path) -> None:
    """1C sends them in sessions of their own."""
    source = write(tmp_path, IMPORT)
    export = open_export(source)
    write(source, b"picture", "import_files/1.jpg")
    write(source, IMPORT, ".hidden.xml")
    write(source, IMPORT, "import.xml.part")
    export.check_unchanged()


@pytest.mark.parametrize("form", ["folder", "zip", "zip in a folder"])
def test_an_edit_whose_time_was_set_back_is_noticed(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    if form == "folder":
        path = write(folder, IMPORT) / "import.xml"
    else:
        path = zipped(folder / "1.zip", {"import.xml": IMPORT})
    export = open_export(path if form == "zip" else folder)
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of the file system may be coarse
        path.write_bytes(path.read_bytes())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BadFile, match=r"the file was changed while it was read; import again"):
        list(export.records(Product))


@pytest.mark.parametrize("how", ["grown", "replaced", "removed"])
def test_a_file_that_changes_while_it_is_read_fails(tmp_path: Path, how: str) -> None:
    many = "".join(
        f"<Товар><Ид>{n}</Ид><Наименование>{'x' * 300}</Наименование></Товар>" for n in range(2000)
    )
    source = write(tmp_path / "s", xml(goods(many)))
    path = source / "import.xml"
    records = stream(source, Product)
    next(records)
    if how == "grown":
        with path.open("ab") as file:
            file.write(b"<!-- more -->")
    elif how == "replaced":
        other = write(tmp_path / "o", IMPORT) / "import.xml"
        other.replace(path)
    else:
        path.unlink()
    with pytest.raises(BadFile, match=r"import\.xml"):
        list(records)
