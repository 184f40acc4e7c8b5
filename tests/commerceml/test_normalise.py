"""Values of 1C become canonical: docs/commerceml.md 1.6."""

from __future__ import annotations

import pytest

from importers.commerceml import normalise


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1", "1"), ("100", "100"), ("1.10", "1.1"), ("0.50", "0.5"), ("00", "0"), ("-0.0", "0"), ("-3", "-3"),
        ("1 234,50", "1234.5"), ("1\u00a0234,5", "1234.5"), ("12%", "12"), ("6990 руб", "6990"), (".5", "0.5"),
        ("5.", "5"), (" 7 ", "7"), ("007", "7"), ("+2", "2"), ("", None), (None, None), ("  ", None),
        ("-999 999 999,9", None), ("-999\u00a0999\u00a0999,9", None), ("-999999999.9", None),
        ("12345678901234567890.125", "12345678901234567890.125"), ("5 м2", "5"), ("5 м³", "5"), ("5 ёмк.", "5"),
        ("5 kg", "5"), ("5,5 USD", "5.5"), ("5 ₽", "5"),
    ],
)  # fmt: skip
def test_number(written: str | None, number: str | None) -> None:
    assert normalise.number(written) == number


@pytest.mark.parametrize(
    "written", ["1e999", "1E5", "1e", "NaN", "inf", "-", "%", "1.2.3", "1-2", "0x10", "１２", "1" * 31, "руб"]
)
def test_what_is_no_number(written: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        normalise.number(written)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (" a ", "a"), ("\u00a0\ufeffa\u200b", "a"), ("", None), (None, None), ("\n\t ", None), ("\ufeff", None),
        ("00000000-0000-0000-0000-000000000000", None), ("0001-01-01T00:00:00", None), ("0001", "0001"), ("-1", "-1"),
        ("a  b", "a  b"), ("0001-01-01", None), ("0001-01-0155", "0001-01-0155"),
    ],
)  # fmt: skip
def test_text(written: str | None, text: str | None) -> None:
    assert normalise.text(written) == text


@pytest.mark.parametrize(
    ("written", "code"),
    [("руб", "RUB"), ("руб.", "RUB"), ("RUR", "RUB"), ("643", "RUB"), ("грн", "UAH"), ("USD", "USD"), ("BYR", "BYR"),
     ("тугрик", "тугрик"), (None, None)],
)  # fmt: skip
def test_currency(written: str | None, code: str | None) -> None:
    assert normalise.currency(written) == code


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("import_files\\ab\\c.jpg", "import_files/ab/c.jpg"),
        ("./a//b.png", "a/b.png"),
        ("", None),
        (None, None),
    ],
)
def test_image_path(written: str | None, path: str | None) -> None:
    assert normalise.image_path(written) == path


@pytest.mark.parametrize(
    "written", ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "C:\\a.jpg", "\\\\host\\a.jpg", "a\x01b.jpg", "."]
)
def test_image_path_that_leads_elsewhere(written: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        normalise.image_path(written)


def test_an_id_keeps_its_case_and_has_a_limit() -> None:
    assert normalise.identity(" aBc# ") == "aBc#"
    assert normalise.goods_identity("a#00000000-0000-0000-0000-000000000000") == "a", "no characteristic"
    assert normalise.goods_identity(" a# ") == "a"
    assert normalise.goods_identity("a#b#c") == "a#b#c"
    for without_product in ("#a", "##"):
        with pytest.raises(ValueError, match="#"):
            normalise.goods_identity(without_product)
    with pytest.raises(ValueError, match="…"):
        normalise.identity("x" * 256)
