"""No XML makes the reader open other files, fill the memory or show a traceback (guarantee 10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml import normalise
from importers.commerceml.records import Group, Offer, OfferPrices, OfferStocks, Product, Record
from importers.errors import BadFile
from tests.commerceml.exports import classifier, goods, package, read, rejects, write, xml

ROOT = "КоммерческаяИнформация"
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = {
    "external entity": f'<!DOCTYPE {ROOT} [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "external DTD": f'<!DOCTYPE {ROOT} SYSTEM "http://127.0.0.1:9/x.dtd">',
    "billion laughs": f'<!DOCTYPE {ROOT} [<!ENTITY a0 "ha">{LAUGHS}]>',
    "defaults of attributes": f"<!DOCTYPE {ROOT} [<!ATTLIST Товар Статус CDATA 'Удален'>]>",
}
BEFORE = {
    "at once": "",
    "behind a comment": "<!-- <КоммерческаяИнформация> -->",
    "behind a long comment": f"<!-- {'x' * 300_000} -->",
    "behind an instruction like the root": f"<?x <{ROOT}> {'x' * 300_000}?>",
}


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_a_doctype_is_refused(tmp_path: Path, doctype: str, before: str, encoding: str) -> None:
    body = goods("<Товар><Ид>p</Ид><Наименование>&x;&a9;</Наименование></Товар>")
    text = xml(body, declaration=BEFORE[before] + DOCTYPES[doctype])
    write(tmp_path, text.encode(encoding))
    with pytest.raises(BadFile, match=r"^import\.xml:1: (has a DOCTYPE|the root element is \?)"):
        read(tmp_path, Product)


@pytest.mark.parametrize(
    ("wanted", "body"),
    [
        (Product, goods("<Товар>" + "<a>" * 10_000 + "</a>" * 10_000 + "</Товар>")),
        (Group, classifier("<Группы><Группа><Ид>1</Ид><Наименование>x</Наименование>" * 10_000)),
        (OfferPrices, package("<Предложение>" * 10_000)),
    ],
)
def test_deep_nesting_is_an_error_with_its_line(tmp_path: Path, wanted: type[Record], body: str) -> None:
    write(tmp_path, xml(body))
    with pytest.raises(BadFile, match=r"import\.xml:2: .*[Dd]epth"):
        read(tmp_path, wanted)


@pytest.mark.parametrize("value", ["1e999", "NaN", "inf", "-inf", "0x10", "1" * 31, "٣", "--1", "1.2.3"])
@pytest.mark.parametrize("kind", ["prices", "stocks"])
def test_what_is_no_number_is_rejected_alone(tmp_path: Path, value: str, kind: str) -> None:
    facts = (
        "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена></Цены>"
        "<Остатки><Остаток><Склад><Ид>w</Ид><Количество>{}</Количество></Склад></Остаток></Остатки>"
    )
    offers = "".join(
        f"\n<Предложение><Ид>{ident}</Ид>{facts.format(told, told)}</Предложение>"
        for ident, told in (("a", "1"), ("b", value), ("c", "1"))
    )
    write(tmp_path, xml(package(offers)))
    found = read(tmp_path, OfferPrices if kind == "prices" else OfferStocks)
    (reject,) = rejects(found)
    assert (reject.id, reject.file, reject.line) == ("b", "import.xml", 4)
    taken = [
        r
        for r in found
        if (isinstance(r, OfferPrices) and r.prices) or (isinstance(r, OfferStocks) and r.stocks)
    ]
    assert [record.id for record in taken] == ["a", "c"]


def test_an_endless_id_is_rejected_and_shown_short(tmp_path: Path) -> None:
    ids = ("a" * normalise.MAX_ID, "x" * (normalise.MAX_ID + 1), "c")
    write(
        tmp_path,
        xml(package("".join(f"\n<Предложение><Ид>{i}</Ид><Артикул>1</Артикул></Предложение>" for i in ids))),
    )
    found = read(tmp_path, Offer)
    (reject,) = rejects(found)
    assert reject.line == 4
    assert len(reject.fragment) <= 500
    assert len(reject.args["value"]) < 100
    assert [r.id for r in found if isinstance(r, Offer)] == [ids[0], "c"]


@pytest.mark.parametrize(
    "data", [b"\0", b"\x0b", b"\xff", b"&unknown;", b"&#0;", b"]]>", b"<", b"<!DOCTYPE x>", b"a&nbsp;b"]
)
def test_bytes_that_xml_forbids_are_an_error(tmp_path: Path, data: bytes) -> None:
    text = xml(goods("<Товар><Ид>p</Ид><Наименование>HERE</Наименование></Товар>")).encode()
    write(tmp_path, text.replace(b"HERE", data))
    with pytest.raises(BadFile, match=r"import\.xml:2: "):
        read(tmp_path, Product)


@pytest.mark.parametrize(
    "encoding", ["zlib", "base64", "rot13", "undefined", "unicode_escape", "utf-7", "idna"]
)
def test_a_codec_that_is_no_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, xml("", declaration=f'<?xml version="1.0" encoding="{encoding}"?>').encode() + b"\xff")
    with pytest.raises(BadFile, match=encoding):
        read(tmp_path, Product)


PRODUCT_OF_ALL = "<Товар><Ид>p</Ид><Наименование>x</Наименование></Товар>"
OFFER_OF_ALL = "<Предложение><Ид>p</Ид><Наименование>x</Наименование></Предложение>"


@pytest.mark.parametrize("name", ["Каталог", "ПакетПредложений"])
def test_an_endless_id_of_a_section_is_refused(tmp_path: Path, name: str) -> None:
    """Every product and offer keeps the id of its catalog."""
    body = {"Каталог": goods(PRODUCT_OF_ALL), "ПакетПредложений": package(OFFER_OF_ALL)}[name]
    most = normalise.MAX_ID
    for length in (most, most + 1):
        write(tmp_path, xml("\n" + body.replace(">cat<", f">{'c' * length}<").replace(">cat#<", ">cat<")))
        if length > most:
            with pytest.raises(BadFile, match=rf"import\.xml:3: the Ид of {name} is longer than any"):
                read(tmp_path, Product, Offer)
        else:
            assert read(tmp_path, Product, Offer)
