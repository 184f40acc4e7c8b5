"""The bytes decide, then the declaration (docs/commerceml.md 1.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml.inspect import inspect_export
from importers.commerceml.records import OfferPrices, Product, Record
from importers.errors import BadFile
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
    "koi8-r": ("koi8-r", "koi8-r"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_encoding_gives_the_same_records(tmp_path: Path, form: str) -> None:
    declaration, encoding = FORMS[form]
    name = NAME if encoding != "koi8-r" else "Палатка"
    body = PRODUCT.replace(NAME, name) + PRICE
    write(tmp_path, xml(body, declaration=declared(declaration)).encode(encoding))
    found: list[Record] = [*read(tmp_path, Product), *read(tmp_path, OfferPrices, kind="prices")]
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
    with pytest.raises(BadFile, match=r"import\.xml: byte \d+ is not utf-8"):
        read(tmp_path, OfferPrices, kind="prices")


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    write(tmp_path, xml(PRODUCT, declaration=declared("windows-9999")))
    with pytest.raises(BadFile, match="windows-9999"):
        read(tmp_path, Product)
