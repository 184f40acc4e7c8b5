"""Stocks and prices become records, in all shapes that 1C writes them in (docs/commerceml.md 1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.commerceml.records import (
    OfferPrices,
    OfferStocks,
    Rejected,
)
from tests.commerceml.exports import goods, package, read, read_body, rejects, write, xml

STOCKS = [
    ("<Количество>2.0</Количество>", [("", "2")]),
    ('<Склад ИдСклада="w" КоличествоНаСкладе="-3"/><Склад ИдСклада="v" КоличествоНаСкладе="1"/>', [("w", "-3"), ("v", "1")]),
    ('<Склады ИдСклада="w" КоличествоНаСкладе="4"/>', [("w", "4")]),
    ("<Остатки><Остаток><Склад><Ид>w</Ид><Количество>5</Количество></Склад></Остаток></Остатки>", [("w", "5")]),
    ("<Остатки><Остаток><Количество>6</Количество></Остаток></Остатки>", [("", "6")]),
    ('<Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе="7"/>', [("w", "7")]),
    ("<Остатки><Количество>6</Количество></Остатки>", [("", "6")]),
    ("<Остатки><Склад><Ид>w</Ид><Количество>6</Количество></Склад></Остатки>", [("w", "6")]),
    ("<Склад><ИдСклада>w</ИдСклада><КоличествоНаСкладе>8</КоличествоНаСкладе></Склад>", [("w", "8")]),
    ('<Склад КоличествоНаСкладе="7"/>', [("", "7")]),
    ('<Склад ИдСклада="w" КоличествоНаСкладе="2"/><Склад ИдСклада="w" КоличествоНаСкладе="3"/>', [("w", "2"), ("w", "3")]),
    ('<Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе="-999 999 999,9"/>', None),
    ("<Наименование>x</Наименование>", None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "stocks"), STOCKS)
@pytest.mark.parametrize("namespace", ["", ' xmlns="urn:1C.ru:commerceml_210"'])
def test_stocks_in_five_shapes(
    tmp_path: Path, told: str, stocks: list[tuple[str, str]] | None, namespace: str
) -> None:
    text = xml(package(f"<Предложение><Ид>o</Ид>{told}</Предложение>"), namespace=namespace)
    found = read(write(tmp_path, text), OfferStocks)
    unequal = "Количество>9<" in told
    assert found == ([] if stocks is None else [OfferStocks("o", tuple(stocks), unequal=unequal)])


@pytest.mark.parametrize(("total", "whole"), [("3", True), ("3.00", True), ("4", False), ("?", False)])
def test_a_total_beside_warehouses_says_whether_they_are_all(tmp_path: Path, total: str, whole: bool) -> None:
    shops = '<Склад ИдСклада="w" КоличествоНаСкладе="0.1"/><Склад ИдСклада="v" КоличествоНаСкладе="2.9"/>'
    offer = f"<Предложение><Ид>o</Ид><Количество>{total}</Количество>{shops}</Предложение>"
    stocks = (("w", "0.1"), ("v", "2.9"))
    assert read_body(tmp_path, package(offer), OfferStocks) == [
        OfferStocks("o", stocks, whole=whole, unequal=total == "4")
    ]


@pytest.mark.parametrize(
    ("told", "taken", "reason"),
    [
        ('<Количество>9</Количество><Склад ИдСклада="w" КоличествоНаСкладе=""/>', [], "{field} is empty"),
        ('<Количество>9</Количество><Склад КоличествоНаСкладе="7"/>', [("", "9")], "has no ИдСклада"),
        (
            '<Склад ИдСклада="w" КоличествоНаСкладе="1"/><Склад КоличествоНаСкладе="7"/>',
            [("w", "1")],
            "has no ИдСклада",
        ),
    ],
)
def test_a_wrong_stock_is_rejected_and_no_total_takes_its_place(
    tmp_path: Path, told: str, taken: list[tuple[str, str]], reason: str
) -> None:
    offer = f"<Предложение><Ид>o</Ид>{told}</Предложение>"
    reject, *found = read_body(tmp_path, package(offer), OfferStocks)
    assert isinstance(reject, Rejected)
    assert reject.reason == reason
    assert found == [OfferStocks("o", tuple(taken), readable=False)]


def price(value: str, more: str = "") -> str:
    return f"<Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу>{more}</Цена>"


def test_prices_also_of_goods(tmp_path: Path) -> None:
    terms = "<Валюта>грн</Валюта><Единица>шт</Единица><Коэффициент>12</Коэффициент>"
    body = goods(f"<Товар><Ид>p</Ид><Цены>{price('1 234,50', terms)}</Цены></Товар>") + package(
        f"<Предложение><Ид>o</Ид><Цены>{price('0')}</Цены></Предложение>"
    )
    assert read_body(tmp_path, body, OfferPrices) == [
        OfferPrices("p", (("t", "1234.5", "UAH", "шт", "12", None),)),
        OfferPrices("o", (("t", "0", None, None, "1", None),)),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (price("дорого"), "{field} is not a number: {value}"),
        (price("1e999"), "{field} is not a number: {value}"),
        ("<Цена><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу></Цена>", "has no ИдТипаЦены"),
    ],
)
def test_a_wrong_price_is_rejected_and_the_others_are_taken(tmp_path: Path, wrong: str, reason: str) -> None:
    offer = f"\n\n<Предложение><Ид>o</Ид><Цены>\n{wrong}{price('5')}</Цены></Предложение>"
    found = read_body(tmp_path, package(offer), OfferPrices)
    (reject,) = rejects(found)
    assert (reject.id, reject.file, reject.line, reject.reason) == ("o", "import.xml", 5, reason)
    assert "Цена" in reject.fragment
    assert found[-1] == OfferPrices("o", (("t", "5", None, None, "1", None),), whole=False)
