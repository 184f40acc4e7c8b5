"""What is shown of a rejected element: itself, as a person reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from importers.commerceml import open_export
from importers.commerceml.extract.fragment import FRAGMENT, fragment_of
from importers.commerceml.records import OfferPrices, Product, Record, Rejected
from importers.texts import render
from tests.commerceml.exports import goods, package, xml


def rejected(tmp_path: Path, body: str, *wanted: type[Record]) -> Rejected:
    (tmp_path / "import0_1.xml").write_text(xml(body), encoding="utf-8")
    (found,) = (
        record
        for batch in open_export(tmp_path).records(*wanted)
        for record in batch
        if isinstance(record, Rejected)
    )
    return found


def test_it_is_the_element_itself_without_namespaces(tmp_path: Path) -> None:
    price = (
        '<Цена Код="&quot;&lt;">\n <Представление>5 &lt; 6 руб</Представление>\n <ИдТипаЦены>t</ИдТипаЦены>'
    )
    price += "<ЦенаЗаЕдиницу>пять</ЦенаЗаЕдиницу><Валюта/></Цена>"
    body = package(f"\n<Предложение><Ид>a</Ид><Цены>\n\n{price}</Цены></Предложение>")
    found = rejected(tmp_path, body, OfferPrices)
    assert found.fragment == (
        "<Цена Код='\"&lt;'><Представление>5 &lt; 6 руб</Представление><ИдТипаЦены>t</ИдТипаЦены>"
        "<ЦенаЗаЕдиницу>пять</ЦенаЗаЕдиницу><Валюта/></Цена>"
    )
    before = xml(body).partition("<Цена ")[0]
    assert (found.file, found.line, found.id) == ("import0_1.xml", before.count("\n") + 1, "a")
    assert "пять" in render(found.reason, found.args)


def test_a_prefix_is_left_out() -> None:
    element = etree.fromstring(
        '<c:a xmlns:c="urn:1" xmlns:d="urn:2" d:x="1"><c:b xmlns="urn:3">é</c:b></c:a>'
    )
    assert fragment_of(element) == '<a x="1"><b>é</b></a>'


def test_what_is_left_out_is_seen(tmp_path: Path) -> None:
    """A long text does not hide what comes behind it, and many elements do not make it long."""
    long = rejected(tmp_path, goods(f"<Товар><Описание>{'Ж' * 9000}</Описание><Код>7</Код></Товар>"), Product)
    assert "Ж…</Описание><Код>7</Код></Товар>" in long.fragment
    many = rejected(tmp_path, goods(f"<Товар>{'<Код>7</Код>' * 900}</Товар>"), Product)
    assert len(many.fragment) == FRAGMENT
    assert many.fragment.endswith("…")


def test_as_deep_as_it_likes() -> None:
    deep = etree.fromstring("<a>" * 200 + "</a>" * 200)
    assert fragment_of(deep).startswith("<a><a>")


@pytest.mark.parametrize("value", ["x" * 101, "1" * 101 + "x"])
def test_a_value_that_is_cut_in_the_reason_says_so(tmp_path: Path, value: str) -> None:
    price = f"<Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу></Цена>"
    body = package(f"<Предложение><Ид>a</Ид><Цены>{price}</Цены></Предложение>")
    found = rejected(tmp_path, body, OfferPrices)
    assert found.args["value"].endswith("…")
