"""What lies in a source: folders, archives, parts in order, and nothing from outside of it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from importers.commerceml import encoding as encodings
from importers.commerceml import open_export, source
from importers.commerceml.contents import NAMES
from importers.commerceml.parts import Part, open_part
from importers.commerceml.reader import CHUNK
from importers.commerceml.records import Offer, OfferPrices, OfferStocks, PriceType, Product, Record
from importers.errors import BadFile, SourceError
from tests.commerceml.exports import classifier, goods, package, read, stream, write, xml

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
        write(tmp_path, PRODUCT, f"{name}.xml")
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
        write(tmp_path, PRODUCT, f"{name}.xml")
    assert open_export(tmp_path).gaps == ()


UNKNOWN = {
    "empty": b"",
    "cut in its declaration": b'<?xml version="1.0" enco',
    "cut in its root": b'<?xml version="1.0"?>\n<' + "Коммерческая".encode(),
    "in another encoding than it says": PRODUCT.encode("cp1251"),
    "in an encoding that nobody knows": PRODUCT.replace("UTF-8", "x-1c").encode("cp1251"),
    "begins with a long comment": f"<!--{'x' * 70_000}-->{PRODUCT}".encode(),
}


@pytest.mark.parametrize("how", UNKNOWN)
def test_a_file_that_cannot_be_recognised_is_told(tmp_path: Path, how: str) -> None:
    """The half of a catalog must not count as all of it."""
    write(tmp_path, PRODUCT, "catalog0_1.xml")
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
    write(tmp_path, PRODUCT, "catalog.xml")
    write(tmp_path, text, "other.xml")
    export = open_export(tmp_path)
    assert ([part.name for part in export.parts], export.gaps) == (["catalog.xml"], ())


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


@pytest.mark.parametrize(("sought", "stands"), [("<Цены", True), ("ЦенаЗаЕдиницу", True), ("x:", False)])
def test_what_lies_between_two_looks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sought: str, stands: bool
) -> None:
    monkeypatch.setattr(encodings, "_CHUNK", 7)
    (part,) = open_export(write(tmp_path, xml(PRICES))).parts
    with open_part(part) as file:
        assert encodings.is_in(file, "utf-8", [sought]) is stands


def test_the_rest_of_a_file_is_searched_only_where_a_type_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launch looks at heads; the type that is asked for is sought, once, and no other."""
    many = "<Предложение><Ид>a</Ид><Наименование>x</Наименование></Предложение>" * 9000
    for stem in ("prices", "rests", "offers"):
        write(tmp_path, xml(package(many if stem == "offers" else "")), f"{stem}.xml")
    searched: list[tuple[str, type[Record]]] = []
    is_anywhere = source.is_anywhere

    def note(part: Part, record: type[Record]) -> bool:
        searched.append((part.name, record))
        return is_anywhere(part, record)

    monkeypatch.setattr(source, "is_anywhere", note)
    export = open_export(tmp_path)
    assert [part.name for part in export.files_shown(OfferPrices)] == ["prices.xml"]
    assert searched == []
    for _time in range(2):
        assert [part.name for part in export.files_for(OfferPrices)] == ["prices.xml"]
    assert searched == [("offers.xml", OfferPrices)]


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


LATER: dict[str, Callable[[Path], object]] = {
    "a part came": lambda source: write(source, PRODUCT, "import0_3.xml"),
    "a part went": lambda source: (source / "import0_1.xml").unlink(),
    "a part came in an archive": lambda source: zipped(source / "2.zip", import0_3_DOT_xml=PRODUCT),
    "an archive was packed anew": lambda source: zipped(source / "1.zip", prices_DOT_xml=xml(PRICES)),
    "a file of another type was written": lambda source: write(source, PRODUCT + " ", "rests.xml"),
    "a folder came": lambda source: write(source / "goods", PRODUCT, "goods.xml"),
    "the source went": lambda source: source.rename(source.with_name("elsewhere")),
}


@pytest.mark.parametrize("how", LATER)
@pytest.mark.parametrize("when", ["while it is read", "after it was read"])
def test_an_export_that_changes_while_it_is_read_fails(tmp_path: Path, how: str, when: str) -> None:
    """Also where none of its files does: what 1C adds then would look as if it were removed."""
    source = tmp_path / "source"
    for name in ("import0_1.xml", "import0_2.xml", "rests.xml"):
        write(source, PRODUCT, name)
    zipped(source / "1.zip", prices_DOT_xml=PRODUCT)
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
    source = write(tmp_path, PRODUCT)
    export = open_export(source)
    write(source, b"picture", "import_files/1.jpg")
    write(source, PRODUCT, ".hidden.xml")
    write(source, PRODUCT, "import.xml.part")
    export.check_unchanged()


@pytest.mark.parametrize("form", ["folder", "zip", "zip in a folder"])
def test_an_edit_whose_time_was_set_back_is_noticed(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    if form == "folder":
        path = write(folder, PRODUCT) / "import.xml"
    else:
        path = zipped(folder / "1.zip", import_DOT_xml=PRODUCT)
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
