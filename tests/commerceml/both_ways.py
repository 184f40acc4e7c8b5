"""One file read by the fast way and by the parser's alone, and odd things to put into it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from importers.commerceml import fast_order, reader
from importers.commerceml.fast_goods import matchers_for
from importers.commerceml.parts import Part
from importers.commerceml.records import (
    Offer,
    OfferPrices,
    OfferStocks,
    Product,
    Record,
    Section,
    Seen,
    UnitUse,
)
from importers.errors import BadFile

WANTED: dict[str, frozenset[type[Record]]] = {
    "prices": frozenset((OfferPrices, Section)),
    "stocks": frozenset((OfferStocks, Section)),
    "catalog": frozenset((Product, Offer, UnitUse, Seen, Section)),
    "variants": frozenset((Offer, UnitUse, Seen, Section)),
    "facts": frozenset((OfferPrices, OfferStocks, Seen, Section)),
    "seen": frozenset((Seen,)),
}
TEXTS = (
    " x ", "", "  ", "a\nb", "a\r\nb", "\u00a0шт\u00a0", "a&amp;b", "&#1078;", "<![CDATA[x]]>", "x]]&gt;y", "x<!-- y -->z",
    "<b>x</b>", "00000000-0000-0000-0000-000000000000", "x" * 256, "x" * 1001, "\ufeffx", "\u2028", "т", "x\ty",
)  # fmt: skip
NUMBERS = (
    "0", "10", "0.50", "100.00", "1 000,5", " 7 ", "\n7\n", "-3", "007", "00", "1.", ".5", "1e999", "NaN", "inf", "-0",
    "-999 999 999,9", "1234567890123450", "12345678901234567890", "123456789012345.10", "1.12345678901", "5 шт", "5&#48;",
)  # fmt: skip
BETWEEN = (
    "\n\n", "\u00a0", "\x85", "\x0b", "\x1c", "x", "<!-- c -->", "<?pi x?>", "<![CDATA[x]]>", "&amp;", "<x/>", "<Ид>второй</Ид>",
    "<Количество>3</Количество>", "<ИдХарактеристики>х</ИдХарактеристики>", "<Предложение>", "</Предложение>",
    "</Предложения>", "<Предложения>",
)  # fmt: skip
ATTRIBUTES = (
    " ",
    "\n",
    ' Статус="Удален"',
    ' Статус="Новый"',
    " Статус='Удален'",
    ' а="1" а="2"',
    ' а="&lt;"',
    ' а="<"',
    ' xmlns="у"',
)
"""What may stand behind the name of a tag."""


def part(path: Path, data: bytes) -> Part:
    path.write_bytes(data)
    return Part("prices.xml", len(data), "", frozenset(), path)


def outcome(file: Part, wanted: frozenset[type[Record]]) -> Any:
    """The records of the file, or that it is bad."""
    try:
        return [record for _position, batch in reader.read_part(file, wanted) for record in batch]
    except BadFile as error:
        return type(error)


def assert_both_ways_are_equal(folder: Path, text: str, kind: str) -> Any:
    """The fast way as it begins, and as it goes on when it has learned an order from the first element."""
    file = part(folder / "prices.xml", text.encode())
    fast = outcome(file, WANTED[kind])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fast_order, "FIRST_MISSES", 1)
        matchers_for.cache_clear()
        assert fast == outcome(file, WANTED[kind]), text
        matchers_for.cache_clear()
        patched.setattr(reader, "matchers_for", lambda wanted: {})
        assert fast == outcome(file, WANTED[kind]), text
    return fast


def pieces_of(text: str) -> list[str]:
    """Cut at every tag: texts and tags in turn."""
    return re.split(r"(<[^>]*>)", text)
