"""What lies in a source: folders and archives, files for each type, and nothing from outside of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.contents import NAMES
from importers.commerceml.parts import open_part
from importers.commerceml.reader import CHUNK
from importers.commerceml.records import Offer, OfferPrices, OfferStocks, PriceType, Product, Record
from importers.errors import BadFile, SourceError
from tests.commerceml.exports import (
    IMPORT,
    OFFER,
    PRICES,
    classifier,
    goods,
    package,
    read,
    write,
    xml,
    zipped,
)


@pytest.mark.parametrize("form", ["folder", "zip", "zip in a folder", "zip in a zip"])
def test_sources(tmp_path: Path, form: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    if form == "folder":
        write(source, IMPORT, "goods/import.xml")
    else:
        archive = zipped(source / "1c.zip", {"goods/import.xml": IMPORT})
        if form == "zip":
            source = archive
        elif form == "zip in a zip":
            source = zipped(tmp_path / "all.zip", {"inner.zip": archive.read_bytes()})
    assert [p.id for p in read(source, Product) if isinstance(p, Product)] == ["p"]


def test_files_of_their_own_are_read_for_their_type_only(tmp_path: Path) -> None:
    write(tmp_path, xml(package(OFFER.format(""))), "offers/offers_1_1_a.xml")
    write(tmp_path, xml(PRICES), "prices/prices_1_1_a.xml")
    write(tmp_path, xml(package("")), "rests/rests_1_1_a.xml")
    names = {
        record: [p.name.split("/")[0] for p in open_export(tmp_path).files_for(record)]
        for record in (OfferPrices, OfferStocks, Offer)
    }
    assert names == {OfferPrices: ["prices"], OfferStocks: ["rests"], Offer: ["offers"]}


def test_price_types_are_read_where_goods_are_and_no_goods_for_them(tmp_path: Path) -> None:
    types = "<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Розничная</Наименование></ТипЦены></ТипыЦен>"
    many = xml(classifier(types) + goods("<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>\n" * 5000))
    assert len(many.encode()) > 3 * CHUNK
    write(tmp_path, many.replace("</КоммерческаяИнформация>", "<cut"), "import___a.xml")
    write(tmp_path, xml(PRICES), "prices___a.xml")
    write(tmp_path, xml(package(OFFER.format(""))), "offers___a.xml")
    assert [type(record).__name__ for record in read(tmp_path, PriceType, OfferPrices)] == [
        "PriceType",
        "OfferPrices",
    ]
    with pytest.raises(BadFile):
        read(tmp_path, PriceType, Product)


def test_other_files_are_read_for_every_type_that_they_may_hold(tmp_path: Path) -> None:
    """Nothing is dropped by its name alone: here prices stand in offers.xml, and in a file of any name."""
    write(tmp_path, xml(PRICES), "offers.xml")
    write(tmp_path, xml(PRICES), "catalog_prices.xml")
    assert len(read(tmp_path, OfferPrices)) == 2
    assert read(tmp_path, OfferStocks) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("prefix", ["", "c:"])
def test_what_begins_late_in_a_file_is_read(tmp_path: Path, encoding: str, prefix: str) -> None:
    """There are files of prices; offers.xml has some, too, behind the part that shows what it is."""
    many = "".join(
        f"<Предложение><Ид>{n}</Ид><Наименование>x</Наименование></Предложение>" for n in range(9000)
    )
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
    text = package(many + OFFER.format(price))
    if prefix:
        text = text.replace("<", "<c:").replace("<c:/", "</c:")
    text = xml(text, declaration=f'<?xml version="1.0" encoding="{encoding}"?>', namespace=' xmlns:c="c"')
    write(tmp_path, text.replace("utf-8-sig", "utf-8").encode(encoding), "offers.xml")
    write(tmp_path, xml(package("")), "prices.xml")
    write(tmp_path, xml(package("")), "rests.xml")
    assert len(read(tmp_path, OfferPrices)) == 1
    assert [part.name for part in open_export(tmp_path).files_for(OfferStocks)] == ["rests.xml"]


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (goods("<Товар><Ид>p</Ид><Цены><Цена/></Цены></Товар>"), {OfferPrices}),
        (goods("<Товар><Ид>p</Ид><Количество>5</Количество></Товар>"), {OfferStocks}),
        (goods('<Товар><Ид>p</Ид><Склад ИдСклада="w" КоличествоНаСкладе="5"/></Товар>'), {OfferStocks}),
        (goods("<Товар><Ид>p</Ид></Товар>") + PRICES, {OfferPrices, Offer}),
        ("<Классификатор><Склады><Склад/></Склады></Классификатор>" + goods("<Товар/>"), set()),
    ],
)
def test_goods_are_read_for_what_they_hold(tmp_path: Path, body: str, facts: set[type[Record]]) -> None:
    write(tmp_path, xml(body), "goods.xml")
    (part,) = open_export(tmp_path).parts
    assert part.records == NAMES["goods"] | facts


def test_prices_of_goods_are_read(tmp_path: Path) -> None:
    """Also where there are files of prices."""
    price = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
    write(tmp_path, xml(goods(f"<Товар><Ид>p</Ид>{price}</Товар>")), "goods/goods_1_1_a.xml")
    write(tmp_path, xml(package("")), "prices/prices_1_1_a.xml")
    assert len(read(tmp_path, OfferPrices)) == 1


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
        archive.writestr(name, IMPORT)
    with pytest.raises(SourceError, match="outside"):
        open_export(tmp_path / "a.zip")


def test_links_that_lead_out_of_the_source_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", IMPORT)
    source = write(tmp_path / "source", IMPORT, "goods.xml")
    (source / "import.xml").symlink_to(tmp_path / "elsewhere" / "import.xml")
    with pytest.raises(SourceError, match="link"):
        open_export(source)


def test_an_archive_that_unpacks_to_absurd_sizes_is_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"import.xml": b" " * 100_000_000})
    with pytest.raises(SourceError, match="100000000 bytes"):
        open_export(tmp_path / "a.zip")


def test_an_archive_with_a_false_crc_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("import.xml", IMPORT)
    data = path.read_bytes()
    path.write_bytes(data.replace("Наименование>x".encode(), "Наименование>y".encode()))
    with pytest.raises(BadFile, match=r"import\.xml"):
        read(path, Product)


def test_a_file_that_is_cut_names_its_line(tmp_path: Path) -> None:
    text = xml(goods("\n<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>" * 3))
    source = write(tmp_path, text.encode()[:-90])
    with pytest.raises(BadFile) as error:
        read(source, Product)
    assert (error.value.path, error.value.line) == ("import.xml", 5)


def test_one_file_is_no_export(tmp_path: Path) -> None:
    write(tmp_path, xml(""), "import.xml")
    with pytest.raises(
        SourceError, match=r"import\.xml: is one file of an export; give the folder that holds it"
    ):
        open_export(tmp_path / "import.xml")


def test_a_file_that_this_account_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root nothing is refused, so the refusal is made up."""
    write(tmp_path, xml(""), "import.xml")
    export = open_export(tmp_path)

    def refused(_root: Path, path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("importers.commerceml.parts.open_beneath", refused)
    with (
        pytest.raises(
            BadFile, match=r"import\.xml: cannot be read: Permission denied; give this account the right"
        ),
        open_part(export.parts[0]),
    ):
        pass
