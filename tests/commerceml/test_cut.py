"""Files that are not whole, and those that are more than that: the operator is told which, as only the first may mend
itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml.records import OfferPrices, Product, Record
from importers.errors import BadFile
from tests.commerceml.exports import goods, package, read, write, xml

CUT = "the file ends in the middle: 1C has not finished it, or the copy was cut; import again later"
EMPTY = "the file is empty; let 1C write it again"
MORE = "something follows the end of the document; let 1C write the file again"
PRODUCT = (
    '<!-- ж --><Товар Статус="Новый"><Ид>p&lt;</Ид><Наименование>х</Наименование>'
    "<Описание><![CDATA[ж<]]></Описание><?x y?></Товар>"
)
PRICE = (
    "<Предложение><Ид>p</Ид><Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу>"
    "</Цена></Цены></Предложение>\r\n"
)
BODY = goods(PRODUCT) + package(PRICE * 2)
ENCODINGS = [
    ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("windows-1251", "windows-1251"), ("utf-8", "windows-1251"),
    ("utf-16", "UTF-16"), ("utf-16-be", "UTF-16"),
]  # fmt: skip


@pytest.mark.parametrize("first", [pytest.param(n, marks=[pytest.mark.chaos] if n else []) for n in range(4)])
@pytest.mark.parametrize("number", range(len(ENCODINGS)), ids=map("-".join, ENCODINGS))
@pytest.mark.parametrize("wanted", [Product, OfferPrices])
def test_a_file_that_is_cut_anywhere_is_told_to_be(
    tmp_path: Path, wanted: type[Record], number: int, first: int
) -> None:
    """One place of four at a time, other ones of each encoding."""
    encoding, declared = ENCODINGS[number]
    declaration = f'<?xml version="1.0" encoding="{declared}"?>\r\n'
    data = xml(BODY, declaration=declaration).encode(encoding)
    assert read(write(tmp_path, data), wanted)
    for size in range((first + number) % 4, len(data), 4):
        write(tmp_path, data[:size])
        with pytest.raises(BadFile) as error:
            read(tmp_path, wanted)
        told = str(error.value).partition(": ")[2]
        assert told in ((CUT,) if size > 4 else (CUT, EMPTY)), data[:size]


@pytest.mark.parametrize(
    "data", [b"", b" \n\t", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff\xfe \0\r\0", b"\xfe\xff", b"\0" * 100]
)
def test_a_file_with_nothing_in_it_is_empty(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadFile, match=rf"^import\.xml: {EMPTY}$"):
        read(write(tmp_path, data), Product)


@pytest.mark.parametrize(
    "more",
    ["<x/>", "\n<x>", "x", "\nx", "<", "</x>", "&amp;", "\0", "\ufeff", "<![CDATA[x]]>", "<?xml version='1.0'?>", xml("")],
)  # fmt: skip
@pytest.mark.parametrize("wanted", [Product, OfferPrices])
def test_what_follows_a_whole_file_is_told(tmp_path: Path, wanted: type[Record], more: str) -> None:
    """To wait for the rest would be in vain."""
    write(tmp_path, xml(BODY) + more)
    with pytest.raises(BadFile, match=MORE):
        read(tmp_path, wanted)


@pytest.mark.parametrize("after", ["\n", " \r\n", "<!-- x -->", "<?x y?>\n"])
def test_what_may_follow_the_root_may_stay(tmp_path: Path, after: str) -> None:
    assert read(write(tmp_path, xml(BODY) + after), Product)


@pytest.mark.parametrize(
    "bad",
    [
        b"<a><b></a>",
        b"<a b=c>",
        b"&unknown;",
        b"<>",
        b"\xff<a/>",
        b"<a b='1' b='1'/>",
        b"<x:a/>",
        b"<a x:b='1'/>",
        "<a xmlns='у'/>".encode(),
        b"<a xmlns:q=''/>",
    ],
)
def test_what_is_wrong_in_the_middle_is_no_cut(tmp_path: Path, bad: bytes) -> None:
    write(tmp_path, xml(goods("HERE")).encode().replace(b"HERE", bad))
    with pytest.raises(BadFile) as error:
        read(tmp_path, Product)
    assert CUT not in str(error.value)
    assert MORE not in str(error.value)
