"""A reject and an error name the line of the file, however far behind and however its lines end; or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml import reader
from importers.commerceml.records import Group, Offer, OfferPrices, OfferStocks, Product, Record
from importers.errors import BadFile
from tests.commerceml.exports import classifier, goods, package, read, rejects, write, xml

BREAKS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
PRICE = "<Цены>\n<Цена>\n<ИдТипаЦены>t</ИдТипаЦены>\n<ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу>\n</Цена>\n</Цены>\n"
OFFER = f"<Предложение>\n<Ид>{{}}</Ид>\n{PRICE}</Предложение>\n"
PRODUCT = "<Товар>\n<Ид>{}</Ид>\n<Описание>one\n\nмного <![CDATA[<Товар>\n]]>&amp; two</Описание>\n</Товар>\n"


def line_of(text: str, what: str) -> int:
    """Of the beginning of what holds `what`."""
    return text.count("\n", 0, text.rindex("<", 0, text.index(what))) + 1


def told(
    folder: Path, text: str, line_break: str, *wanted: type[Record], encoding: str = "utf-8"
) -> list[int | None]:
    folder.mkdir()
    write(folder, text.replace("\n", line_break).encode(encoding))
    return [reject.line for reject in rejects(read(folder, *wanted))]


@pytest.mark.parametrize(
    ("line_break", "encoding"),
    [
        pytest.param(line_break, encoding, marks=[] if met else [pytest.mark.chaos])
        for line_break, met_in in zip(BREAKS, (("utf-8",), ("cp1251",), ("utf-16", "utf-8")), strict=True)
        for encoding in ("utf-8", "utf-16", "cp1251")
        for met in [encoding in met_in]
    ],
)
def test_rejects_of_prices_on_both_ways(tmp_path: Path, line_break: str, encoding: str) -> None:
    """A reject every thousand offers; the fast way has line breaks in place of the offers between them."""
    count = 9_000
    offers = [OFFER.format(n, "5") for n in range(count)]
    bad = range(500, count, 1000)
    for n in bad:
        offers[n] = OFFER.format(n, f"bad{n}.").replace("<Ид>", "<Ид >" if n % 2000 < 1000 else "<Ид>")
    name = {"cp1251": "windows-1251", "utf-16": "UTF-16"}.get(encoding, "UTF-8")
    text = xml(package("\n" + "".join(offers)), declaration=f'<?xml version="1.0" encoding="{name}"?>\n')
    expected = [line_of(text, f"<ИдТипаЦены>t</ИдТипаЦены>\n<ЦенаЗаЕдиницу>bad{n}.") for n in bad]
    for wanted in ((OfferPrices,), (OfferPrices, Offer)):
        folder = tmp_path / str(len(wanted))
        assert told(folder, text, BREAKS[line_break], *wanted, encoding=encoding) == expected
    assert expected[-1] > 65_535 > expected[0]


@pytest.mark.parametrize("line_break", BREAKS)
def test_rejects_of_goods(tmp_path: Path, line_break: str) -> None:
    """Texts of several lines, tags that are none in a CDATA, products that begin on the line of the one before."""
    products = [
        PRODUCT.format(n).replace("<Описание>", "<Наименование>x</Наименование><Описание>")
        for n in range(12_000)
    ]
    bad = [100, *range(9_500, 12_000, 100)]
    for n in bad:
        products[n] = PRODUCT.format("x" * 2000 + str(n))
        products[n + 1] = products[n + 1].rstrip("\n")  # the next one begins on the same line
    text = xml(goods("\n" + "".join(products)))
    expected = [text.count("\n", 0, text.rindex("<Товар>\n<Ид>", 0, text.index(f"x{n}<"))) + 1 for n in bad]
    lines = told(tmp_path / "1c", text, BREAKS[line_break], Product)
    assert lines == expected
    assert expected[1] > 65_535


def test_a_line_that_may_be_one_of_several_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "matchers_for", lambda wanted: {})  # which would give the parser one by one
    long = "x" * 2000
    bad = f"<Товар><Ид>{long}</Ид></Товар>"
    good = "<Товар><Ид>a</Ид><Наименование>x</Наименование></Товар>"
    ends_here = f"<Товар>\n<Ид>{long}</Ид></Товар>"
    body = (
        "\n" * 70_000
        + f"{good}{bad}\n{good}{ends_here}{good}\n<Товар x='1'/>\n<Товар x='1'></Товар>\n\n{ends_here}\n"
    )
    lines = told(tmp_path / "1c", xml(goods(body)), "\n", Product)
    assert lines == [70_002, None, None, None, 70_008]


def test_groups_in_groups(tmp_path: Path) -> None:
    def group(ident: str, inside: str = "") -> str:
        groups = f"<Группы>\n{inside}</Группы>\n" if inside else ""
        return f"<Группа>\n<Ид>{ident}</Ид>\n{groups}<Наименование>x</Наименование>\n</Группа>\n"

    long = "x" * 2000
    tree = group("a", group("b") + group(long + "1", group("c") + group(long + "2")) + group(long + "3"))
    text = xml(classifier("\n" * 70_000 + f"<Группы>{tree}</Группы>"))
    lines = told(tmp_path / "1c", text, "\n", Group)
    assert lines == [line_of(text, f"<Ид>{long}{n}<") for n in (1, 2, 3)]


@pytest.mark.parametrize("line_break", BREAKS)
def test_stocks_without_a_text(tmp_path: Path, line_break: str) -> None:
    """Attributes have no line: what begins late and holds nothing else has none rather than that of its neighbour."""
    offer = '<Предложение>\n<Ид>{}</Ид>\n<Склад ИдСклада="w" КоличествоНаСкладе="{}"/>\n</Предложение>\n'
    text = xml(package("\n" + "".join(offer.format(n, "x" if n % 4000 == 5 else 1) for n in range(24_000))))
    first, *later = told(tmp_path / "1c", text, BREAKS[line_break], OfferStocks)
    assert first == line_of(text, 'ИдСклада="w" КоличествоНаСкладе="x"')
    assert later[-1] is None


@pytest.mark.parametrize("wanted", [Product, OfferPrices])
@pytest.mark.parametrize("line_break", BREAKS)
def test_an_error_of_xml_names_its_line(tmp_path: Path, line_break: str, wanted: type[Record]) -> None:
    offers = "".join(OFFER.format(n, "5") for n in range(9_000))
    text = xml(package("\n" + offers + "<Предложение>\n<Ид>&nbsp;</Ид></Предложение>"))
    write(tmp_path, text.replace("\n", BREAKS[line_break]))
    with pytest.raises(BadFile) as error:
        read(tmp_path, wanted)
    assert error.value.line == text.count("\n", 0, text.index("&nbsp;")) + 1


@pytest.mark.parametrize("size", [3, 7, 64])
def test_a_line_break_across_two_chunks_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(reader, "CHUNK", size)
    body = "\n\n" + "".join(f"<Товар>\n<Ид>{n}</Ид>\n</Товар>\n\n" for n in range(20))
    text = '<?xml version="1.0"?>\n' + xml(goods(body), declaration="")
    text = text.replace("<Ид>7</Ид>", f"<Ид>{'x' * 2000}</Ид>").replace(
        "</Ид>\n</Т", "</Ид><Код>1</Код>\n</Т"
    )
    monkeypatch.setattr(reader.encoding, "root_in", lambda _head: reader.ROOT)
    for name, line_break in BREAKS.items():
        lines = told(tmp_path / name, text, line_break, Product)
        assert lines == [line_of(text, "<Ид>" + "x" * 2000)]
