"""The fast way for regular prices and stocks gives exactly what the parser's way gives, whatever the file looks like."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.commerceml import fast_facts, normalise, reader
from importers.commerceml.records import OfferPrices, Rejected
from tests.commerceml.both_ways import (
    BETWEEN,
    NUMBERS,
    TEXTS,
    WANTED,
    assert_both_ways_are_equal,
    outcome,
    part,
    pieces_of,
)
from tests.commerceml.exports import package, xml

OFFERS = {
    "prices": "<Предложение>\n<Ид>{}</Ид>\r\n<Цены><Цена><Представление>5 руб</Представление><ИдТипаЦены>т</ИдТипаЦены>"
    "<ЦенаЗаЕдиницу>5.50</ЦенаЗаЕдиницу><Валюта>руб</Валюта><Единица>шт</Единица><Коэффициент>1</Коэффициент>"
    "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог></Цена>"
    "<Цена><ИдТипаЦены>у</ИдТипаЦены><ЦенаЗаЕдиницу>7</ЦенаЗаЕдиницу></Цена></Цены></Предложение>",
    "stocks": "<Предложение><Ид>{}</Ид>\n<Остатки><Остаток><Склад><Ид>с</Ид><Количество>5</Количество></Склад></Остаток>"
    "<Остаток><Склад><Ид>т</Ид><Количество>7.0</Количество></Склад></Остаток></Остатки></Предложение>",
}


def file_with(kind: str, pieces: list[str]) -> str:
    """The offer between regular ones."""
    offer = OFFERS[kind].format
    return xml(package(offer("1") + "".join(pieces) + offer("3")) + package(offer("4")))


@pytest.mark.parametrize("kind", OFFERS)
def test_one_odd_thing_at_every_place_of_a_regular_file(tmp_path: Path, kind: str) -> None:
    pieces = pieces_of(OFFERS[kind].format("2"))
    assert len(assert_both_ways_are_equal(tmp_path, file_with(kind, pieces), kind)) == 6
    for place, piece in enumerate(pieces):
        odd = BETWEEN if not piece.strip() else ("",) if piece.startswith("<") else TEXTS + NUMBERS
        for one in odd:
            edited = [*pieces[:place], one, *pieces[place + 1 :]]
            assert_both_ways_are_equal(tmp_path, file_with(kind, edited), kind)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(sorted(OFFERS)), chunk=st.integers(250, 1000))
def test_several_odd_things_and_any_chunks(
    tmp_path: Path, data: st.DataObject, kind: str, chunk: int
) -> None:
    pieces = pieces_of(OFFERS[kind].format("2"))
    for place in data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=3)):
        pieces[place] += data.draw(st.sampled_from(BETWEEN + TEXTS + NUMBERS))
    text = file_with(kind, pieces)
    cut = data.draw(st.one_of(st.just(len(text)), st.integers(200, len(text))))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "CHUNK", chunk)
        assert_both_ways_are_equal(tmp_path, text[:cut], kind)


OFFER = OFFERS["prices"].format("скрыто")
LIST = f"<Предложения>{OFFER}</Предложения>"
TRAPS = {
    "in a comment behind a list": f"<Предложения ><!-- {LIST} --></Предложения>",
    "in a comment": f"<!-- {LIST} -->",
    "in text": f"<Описание><![CDATA[{LIST}]]></Описание>",
    "in an instruction": f"<Предложения ><?x {LIST}?></Предложения>",
    "in another element": f"<Прочее>{LIST}</Прочее>",
    "in another element behind a list": f"<Предложения ></Предложения><Прочее>{LIST}</Прочее>",
    "in an offer": f"<Предложения><Предложение><Ид>1</Ид>{OFFER}{OFFER}</Предложение></Предложения>",
    "in a list in a list": f"<Предложения>{LIST}</Предложения>",
    "with an attribute": LIST.replace("<Предложение>", '<Предложение Статус="Удален">'),
    "with a prefix": LIST.replace("<Предложение>", '<п:Предложение xmlns:п="x">').replace(
        "</Предложение>", "</п:Предложение>"
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("chunk", [1 << 17, 250])
def test_what_only_looks_like_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str, chunk: int
) -> None:
    monkeypatch.setattr(reader, "CHUNK", chunk)
    body = f"<ПакетПредложений><Ид>x</Ид>{TRAPS[trap]}</ПакетПредложений>"
    found = assert_both_ways_are_equal(tmp_path, xml(body + package(OFFERS["prices"].format("1"))), "prices")
    ids = [record.id for record in found if isinstance(record, OfferPrices)]
    assert ids[-1] == "1"


REGULAR = package(
    "\n".join(
        f"<Предложение>\n<Ид>{n}</Ид>\n<Цены>\n<Цена>\n<Представление>5 руб</Представление>\n<ИдТипаЦены>т</ИдТипаЦены>\n"
        f"<ЦенаЗаЕдиницу>{n}.50</ЦенаЗаЕдиницу>\n<Валюта>руб</Валюта>\n<Единица>шт</Единица>\n"
        "<Коэффициент>1</Коэффициент>\n</Цена>\n</Цены>\n</Предложение>"
        for n in range(1, 400)
    )
)


def test_regular_offers_never_reach_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the comparison above would compare the slow way with itself."""
    monkeypatch.setitem(reader.EXTRACT, "Предложение", lambda *_: pytest.fail("the slow way"))
    monkeypatch.setattr(reader, "CHUNK", 1000)
    file = part(tmp_path / "prices.xml", xml(REGULAR).encode())
    found = [
        record for _position, batch in reader.read_part(file, frozenset((OfferPrices,))) for record in batch
    ]
    assert found == [OfferPrices(str(n), (("т", f"{n}.5", "RUB", "шт", "1", None),)) for n in range(1, 400)]


@pytest.mark.parametrize("missed", [0, 1000])
def test_offers_of_ever_other_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missed: int) -> None:
    """More of them than patterns are kept, and after `missed` of them no pattern any more."""
    monkeypatch.setattr(fast_facts, "MAX_MISSED", missed)
    random = Random(1)
    price = "<Цена><ИдТипаЦены>{}</ИдТипаЦены><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена>"
    offers = "".join(
        f"<Предложение><Ид>{number}</Ид><Цены>"
        + "".join(
            price.format(of, random.randint(0, 99) / 4)
            for of in random.sample("abcdefg", random.randint(1, 3))
        )
        + "</Цены></Предложение>"
        for number in range(400)
    )
    assert len(assert_both_ways_are_equal(tmp_path, xml(package(offers)), "prices")) == 401


def test_more_line_breaks_than_a_text_may_have(tmp_path: Path) -> None:
    """What was taken leaves line breaks to the parser, whose texts end at ten million characters."""
    lines = xml(REGULAR).replace("</Предложение>\n", "</Предложение>" + "\n" * 30_000).encode()
    file = part(tmp_path / "prices.xml", lines)
    assert len(outcome(file, WANTED["prices"])) == 400


@pytest.mark.parametrize(("kind", "varied"), [("prices", "5 руб"), ("stocks", "2")])
@pytest.mark.parametrize("text", ["x", "x\ny\n\nz"])
def test_lines_behind_what_was_taken_are_those_of_the_file(
    tmp_path: Path, kind: str, varied: str, text: str
) -> None:
    """Learned offers have as many as their pattern, and one more wherever a text of theirs has one."""
    offer = OFFERS[kind].replace("\r\n", "\n")
    wrong = offer.format("w").replace("7", "не число", 1)
    offers = [offer.format(1), offer.format(2).replace(varied, text), "\n\n", offer.format(3), wrong]
    body = xml(package("".join(offers)))
    told = assert_both_ways_are_equal(tmp_path, body, kind)
    (rejected,) = (record for record in told if isinstance(record, Rejected))
    assert rejected.line == body[: body.index("не число")].count("\n") + 1


@settings(max_examples=2000, deadline=None)
@given(st.text("0125.", min_size=1, max_size=8))
def test_a_number_that_is_taken_is_the_one_that_is_written(written: str) -> None:
    found = re.match(f"{fast_facts._NUMBER}<", written + "<")
    if found:
        assert found[1] == normalise.number(written)
