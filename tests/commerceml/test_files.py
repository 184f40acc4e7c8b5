"""What lies in a source: folders, archives, parts in order, and nothing from outside of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.records import OfferPrices, OfferStocks, Product
from importers.errors import BadFile, SourceError
from tests.commerceml.exports import goods, package, read, stream, write, xml

PRODUCT = xml(goods("<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>"))
OFFER = "<Предложение><Ид>o</Ид><Наименование>x</Наименование>{}</Предложение>"
PRICES = package(
    OFFER.format("<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>")
)


def zipped(path: Path, **files: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return path


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        write(tmp_path, xml(package("")), f"rests/rests_1_{number}_abc.xml")
    assert [part.name.split("_")[2] for part in open_export(tmp_path).parts] == ["1", "2", "9", "10"]


def test_missing_parts_are_told(tmp_path: Path) -> None:
    for number in (1, 3):
        write(tmp_path, xml(package("")), f"prices_1_{number}_abc.xml")
    assert open_export(tmp_path).gaps == ("prices_1_2: this part is missing",)


@pytest.mark.parametrize("form", ["folder", "zip", "zip in a folder", "zip in a zip"])
def test_sources(tmp_path: Path, form: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    if form == "folder":
        write(source, PRODUCT, "goods/import.xml")
    else:
        archive = zipped(source / "1c.zip", goods__import_DOT_xml=PRODUCT)
        if form == "zip":
            source = archive
        elif form == "zip in a zip":
            source = zipped(tmp_path / "all.zip", inner_DOT_zip=archive.read_bytes())
    assert [p.id for p in read(source, Product) if isinstance(p, Product)] == ["p"]


def test_files_of_their_own_are_read_for_their_type_only(tmp_path: Path) -> None:
    write(tmp_path, xml(package(OFFER.format(""))), "offers/offers_1_1_a.xml")
    write(tmp_path, xml(PRICES), "prices/prices_1_1_a.xml")
    write(tmp_path, xml(package("")), "rests/rests_1_1_a.xml")
    names = {
        kind: [p.name.split("/")[0] for p in open_export(tmp_path).files_for(kind)]
        for kind in ("prices", "stocks", "variants")
    }
    assert names == {"prices": ["prices"], "stocks": ["rests"], "variants": ["offers"]}


def test_other_files_are_read_for_every_type_that_they_may_hold(tmp_path: Path) -> None:
    """Nothing is dropped by its name alone: here prices stand in offers.xml, and in a file of any name."""
    write(tmp_path, xml(PRICES), "offers.xml")
    write(tmp_path, xml(PRICES), "catalog_prices.xml")
    assert len(read(tmp_path, OfferPrices, kind="prices")) == 2
    assert read(tmp_path, OfferStocks, kind="stocks") == []


@pytest.mark.parametrize("make", ["missing", "empty", "no xml", "other xml", "damaged zip", "encrypted name"])
def test_a_source_without_an_export_says_so(tmp_path: Path, make: str) -> None:
    source = tmp_path / "source"
    if make == "damaged zip":
        source = tmp_path / "a.zip"
        source.write_bytes(b"PK\x03\x04 damaged")
    elif make != "missing":
        source.mkdir()
        if make == "no xml":
            (source / "a.txt").write_text("x", encoding="utf-8")
        elif make == "other xml":
            (source / "pom.xml").write_text("<project/>", encoding="utf-8")
    with pytest.raises(SourceError, match=str(source)):
        open_export(source)


def test_a_file_of_1c_with_another_root_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "<html/>", "import.xml")
    with pytest.raises(BadFile, match=r"import\.xml:1: .*html"):
        read(tmp_path, Product)


@pytest.mark.parametrize("name", ["../x.xml", "/x.xml", "a/../../x.xml", "C:\\x.xml"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, PRODUCT)
    with pytest.raises(SourceError, match="outside"):
        open_export(tmp_path / "a.zip")


def test_links_that_lead_out_of_the_source_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", PRODUCT)
    source = write(tmp_path / "source", PRODUCT, "goods.xml")
    (source / "import.xml").symlink_to(tmp_path / "elsewhere" / "import.xml")
    with pytest.raises(SourceError, match="link"):
        open_export(source)


def test_an_archive_that_unpacks_to_absurd_sizes_is_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", import_DOT_xml=b" " * 100_000_000)
    with pytest.raises(SourceError, match="100000000 bytes"):
        open_export(tmp_path / "a.zip")


def test_an_archive_with_a_false_crc_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("import.xml", PRODUCT)
    data = path.read_bytes()
    path.write_bytes(data.replace("Наименование>x".encode(), "Наименование>y".encode()))
    with pytest.raises(BadFile, match=r"import\.xml"):
        read(path, Product)


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
        other = write(tmp_path / "o", PRODUCT) / "import.xml"
        other.replace(path)
    else:
        path.unlink()
    with pytest.raises(BadFile, match=r"import\.xml"):
        list(records)


def test_a_file_that_is_cut_names_its_line(tmp_path: Path) -> None:
    text = xml(goods("\n<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>" * 3))
    source = write(tmp_path, text.encode()[:-90])
    with pytest.raises(BadFile) as error:
        read(source, Product)
    assert (error.value.path, error.value.line) == ("import.xml", 5)
