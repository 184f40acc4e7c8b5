"""The parts of an export in the order of their numbers; what is missing or cannot be recognised is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.errors import SourceError
from tests.commerceml.exports import (
    IMPORT,
    package,
    write,
    xml,
)


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        write(tmp_path, xml(package("")), f"rests/rests_1_{number}_abc.xml")
    assert [part.name.split("_")[2] for part in open_export(tmp_path).parts] == ["1", "2", "9", "10"]


def test_missing_parts_are_told(tmp_path: Path) -> None:
    for number in (1, 3):
        write(tmp_path, xml(package("")), f"prices_1_{number}_abc.xml")
    assert list(map(str, open_export(tmp_path).gaps)) == ["prices_1_2: this part is missing"]


@pytest.mark.parametrize(
    ("names", "gap"),
    [
        (("import_1", "import_3"), "import_2"),
        (("import1", "import3"), "import2"),
        (("import_0", "import_2"), "import_1"),
        (("1", "3"), "2"),
        (("import0_1", "import2_1"), "import1_…"),
        (("import0_2",), "import0_1"),
        (("import_1_872a8dd1-f81c", "import_3_5c086757-7615"), "import_2"),
        (("prices_1_1_872a8dd1-f81c", "prices_1_3_5c086757-7615"), "prices_1_2"),
        (("offers_2_2_872a8dd1-f81c",), "offers_2_1"),
        (("contragents_1_1", "contragents_1_3"), "contragents_1_2"),
    ],
)
def test_missing_numbers_are_told(tmp_path: Path, names: tuple[str, ...], gap: str) -> None:
    for name in names:
        write(tmp_path, IMPORT, f"{name}.xml")
    assert list(map(str, open_export(tmp_path).gaps)) == [f"{gap}: this part is missing"]


@pytest.mark.parametrize(
    "names",
    [
        ("offers_2026_11_20", "offers_2026_11_23"),
        ("offers_20_11_2026", "offers_23_11_2026"),
        ("offers_20261120", "offers_20261123"),
        ("import___12345678-0001", "import___12345678-0003"),
        ("import_12345678-0001", "import_32345678-0003"),
        ("import_05_12", "offers_05_12"),
        ("import_5_12", "offers_5_14"),
        ("prices_5_12", "prices_5_14"),
        ("offers_2024_05", "offers_2024_07"),
        ("offers_01", "offers_03"),
        ("offers_5_12_18", "offers_7_12_18"),
        ("offers_5_12_evening",),
        ("offers_12_5_10-30",),
        ("import-1", "import-3"),
        ("import0_1", "import0_3_with_groups"),
        ("catalog7", "catalog9"),
        ("import_1", "import_2", "offers_1"),
        ("prices_1_1_a", "prices_3_1_b", "prices_3_2_c"),  # of a package the first number is a catalog
        ("offers_1_1_a", "offers_3_1_b"),
    ],
)
def test_dates_and_guids_are_no_numbers_of_parts(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write(tmp_path, IMPORT, f"{name}.xml")
    assert open_export(tmp_path).gaps == ()


UNKNOWN = {
    "empty": b"",
    "cut in its declaration": b'<?xml version="1.0" enco',
    "cut in its root": b'<?xml version="1.0"?>\n<' + "Коммерческая".encode(),
    "in another encoding than it says": IMPORT.encode("cp1251"),
    "in an encoding that nobody knows": IMPORT.replace("UTF-8", "x-1c").encode("cp1251"),
    "begins with a long comment": f"<!--{'x' * 70_000}-->{IMPORT}".encode(),
}


@pytest.mark.parametrize("how", UNKNOWN)
def test_a_file_that_cannot_be_recognised_is_told(tmp_path: Path, how: str) -> None:
    """The half of a catalog must not count as all of it."""
    write(tmp_path, IMPORT, "catalog0_1.xml")
    write(tmp_path, UNKNOWN[how], "catalog0_2.xml")
    export = open_export(tmp_path)
    assert [part.name for part in export.parts] == ["catalog0_1.xml"]
    (gap,) = map(str, export.gaps)
    assert gap.startswith("catalog0_2.xml: cannot be recognised")


@pytest.mark.parametrize("how", UNKNOWN)
def test_a_file_that_cannot_be_recognised_is_no_export(tmp_path: Path, how: str) -> None:
    with pytest.raises(SourceError, match="holds no export"):
        open_export(write(tmp_path, UNKNOWN[how], "catalog.xml"))


@pytest.mark.parametrize(
    "text",
    ["<config/>", "<html><body/></html>", "<!DOCTYPE html>\n<html/>", "<!doctype html><html/>",
     '<!DOCTYPE plist PUBLIC "x" "y">\n<plist/>', "<?xml version='1.0'?><a:b c='d'/>"],
)  # fmt: skip
def test_other_files_are_not_told(tmp_path: Path, text: str) -> None:
    write(tmp_path, IMPORT, "catalog.xml")
    write(tmp_path, text, "other.xml")
    export = open_export(tmp_path)
    assert ([part.name for part in export.parts], export.gaps) == (["catalog.xml"], ())
