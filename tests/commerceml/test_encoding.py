"""The bytes decide, then the declaration (docs/commerceml.md 1.1)."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from importers.commerceml import open_export
from importers.commerceml.records import OfferPrices, Product, Record
from importers.errors import BadFile
from importers.kinds.inspect import inspect_export
from tests.commerceml.exports import goods, package, read, write, xml

NAME = "Палатка «Ёж» №5"
PRODUCT = goods(f"<Товар><Ид>p</Ид><Наименование>{NAME}</Наименование></Товар>")
PRICE = package(
    "<Предложение><Ид>о</Ид><Цены><Цена><ИдТипаЦены>т</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
)


def declared(encoding: str | None) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n' if encoding else ""


FORMS = {
    "utf-8": ("UTF-8", "utf-8"),
    "utf-8 with a mark": ("UTF-8", "utf-8-sig"),
    "utf-8 without a declaration": (None, "utf-8"),
    "windows-1251": ("windows-1251", "cp1251"),
    "Windows-1251": ("Windows-1251", "cp1251"),
    "utf-8 declared as windows-1251": ("windows-1251", "utf-8"),
    "utf-16 without a declaration": (None, "utf-16"),
    "utf-16 without a mark": (None, "utf-16-le"),
    "utf-16 declared": ("UTF-16", "utf-16"),
    "utf-16 of the other kind": (None, "utf-16-be"),
    "utf-16 without a mark declared": ("UTF-16", "utf-16-le"),
    "koi8-r": ("koi8-r", "koi8-r"),
}


@pytest.mark.parametrize("before", ["", " ", "\r\n\r\n\t"])
@pytest.mark.parametrize("form", FORMS)
def test_every_encoding_gives_the_same_records(tmp_path: Path, form: str, before: str) -> None:
    """Also behind white space, which should not stand before a declaration."""
    declaration, encoding = FORMS[form]
    name = NAME if encoding != "koi8-r" else "Палатка"
    body = PRODUCT.replace(NAME, name) + PRICE
    write(tmp_path, (before + xml(body, declaration=declared(declaration))).encode(encoding), "anything.xml")
    found: list[Record] = [*read(tmp_path, Product), *read(tmp_path, OfferPrices)]
    assert found == [
        Product("p", name, catalog_id="cat"),
        OfferPrices("о", (("т", "5", None, None, "1", None),)),
    ]


def test_inspect_tells_the_encoding(tmp_path: Path) -> None:
    write(tmp_path, xml(PRODUCT, declaration=declared("windows-1251")).encode("cp1251"))
    assert inspect_export(tmp_path).files[0].encoding == "windows-1251"


def test_undecodable_bytes_name_the_line_or_the_byte(tmp_path: Path) -> None:
    text = xml("\n\n" + PRODUCT).encode()
    write(tmp_path, text.replace("Ёж".encode(), b"\xff\xfe"))
    with pytest.raises(BadFile, match=r"import\.xml:4: "):
        read(tmp_path, Product)
    data = xml(PRODUCT, declaration=declared("ascii")).encode("cp1251")
    write(tmp_path, data)
    with pytest.raises(BadFile, match=r"import\.xml: byte \d+ is neither UTF-8 nor ascii"):
        read(tmp_path, Product)


def test_undecodable_bytes_on_the_fast_way(tmp_path: Path) -> None:
    write(tmp_path, xml(PRICE).encode().replace("<ИдТипаЦены>т".encode(), "<ИдТипаЦены>".encode() + b"\xff"))
    with pytest.raises(BadFile, match=r"import\.xml:2: byte \d+ is not utf-8"):
        read(tmp_path, OfferPrices)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("before", ["", "\n "])
@pytest.mark.parametrize("declaration", [None, "UTF-16"])
def test_utf_16_is_recognised(tmp_path: Path, encoding: str, before: str, declaration: str | None) -> None:
    """Its files serve what they hold: beside one of prices, these goods serve no prices."""
    text = before + xml(PRODUCT, declaration=declared(declaration))
    write(tmp_path, text.encode(encoding), "anything.xml")
    write(tmp_path, (before + xml(PRICE, declaration=declared(declaration))).encode(encoding), "prices.xml")
    export = open_export(tmp_path)
    assert [(part.name, OfferPrices in part.records) for part in export.parts] == [
        ("anything.xml", False), ("prices.xml", True),
    ]  # fmt: skip
    assert export.gaps == ()
    told = {file.name: (file.encoding, file.version) for file in inspect_export(tmp_path).files}
    expected = "utf-16-le" if encoding == "utf-16" else encoding
    assert told == dict.fromkeys(told, (expected, "3.1"))


def first_wrong(data: bytes, encoding: str) -> int:
    with pytest.raises(UnicodeDecodeError) as error:
        data.decode(encoding)
    return error.value.start


WRONG = {
    "utf-8": ("utf-8", "UTF-8", b"\xd0<"),
    "utf-8 with a mark": ("utf-8-sig", "UTF-8", b"\xff"),
    "utf-16": ("utf-16", None, b"\x00\xd8<\x00"),
    "utf-16 without a mark": ("utf-16-be", None, b"\xdc\x00"),
    "windows-1251": ("cp1251", "windows-1251", b"\x98"),
}


@pytest.mark.parametrize("wanted", [Product, OfferPrices])
@pytest.mark.parametrize("place", [0, 3, 64_000, 131_060, 400_001])
@pytest.mark.parametrize("form", WRONG)
def test_the_offset_is_that_in_the_file(tmp_path: Path, form: str, place: int, wanted: type[Record]) -> None:
    """However many chunks were read before, and whatever the decoder still holds of them."""
    encoding, declaration, wrong = WRONG[form]
    text = xml(f"<Прочее>{'ж' * place}|</Прочее>{PRODUCT}{PRICE}", declaration=declared(declaration))
    before, behind = (part.encode(encoding) for part in text.split("|"))
    behind = behind.removeprefix(codecs.BOM_UTF8).removeprefix(codecs.BOM_UTF16)
    data = before + wrong + behind
    write(tmp_path, data)
    at = first_wrong(data, encoding if encoding != "utf-8-sig" else "utf-8")
    assert at >= place
    with pytest.raises(BadFile, match=rf"import\.xml:?\d*: byte {at} is (not|neither)"):
        read(tmp_path, wanted)


def test_the_offset_in_a_root_of_another_encoding(tmp_path: Path) -> None:
    text = xml(PRODUCT)
    write(tmp_path, text.encode("cp1251"))
    with pytest.raises(BadFile, match=rf"import\.xml:2: byte {text.index('<К') + 1} is not utf-8"):
        read(tmp_path, Product)


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    write(tmp_path, xml(PRODUCT, declaration=declared("windows-9999")))
    with pytest.raises(BadFile, match="windows-9999"):
        read(tmp_path, Product)
