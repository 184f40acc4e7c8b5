"""The fast way for goods and offers gives exactly what the parser's way gives, whatever an element holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.commerceml import reader
from importers.commerceml.fast_order import Order
from importers.commerceml.records import Product, Section, UnitUse
from importers.errors import BadFile
from tests.commerceml.both_ways import (
    ATTRIBUTES,
    BETWEEN,
    NUMBERS,
    TEXTS,
    WANTED,
    assert_both_ways_are_equal,
    part,
    pieces_of,
)
from tests.commerceml.exports import goods, package, xml

ABOUT = (
    "<НомерВерсии>A=</НомерВерсии>\n<ПометкаУдаления>false</ПометкаУдаления><Штрихкод>46</Штрихкод><Артикул>А-1</Артикул>"
    "<Наименование>Палатка</Наименование>\r\n<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Цвет</Наименование>"
    "<Значение>хаки</Значение></ХарактеристикаТовара><ХарактеристикаТовара><Ид>х</Ид><Наименование>Вес</Наименование>"
    "<Значение/></ХарактеристикаТовара></ХарактеристикиТовара><ЗначенияСвойств><ЗначенияСвойства><Ид>п</Ид>"
    "<Значение>a &lt;b&gt; &amp;amp; c</Значение></ЗначенияСвойства><ЗначенияСвойства><Ид>р</Ид><Значение/><Тип>т</Тип></ЗначенияСвойства>"
    '</ЗначенияСвойств><Картинка>a.jpg</Картинка><Картинка>b\\c.jpg</Картинка><Прочее><Ещё а="1">x</Ещё></Прочее>'
)
UNIT = (
    '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="P\n\tE">шт<Пересчет><Единица>778</Единица>'
    "<Коэффициент>6.50</Коэффициент></Пересчет></БазоваяЕдиница>"
)
REST = (
    "<Группы><Ид>г</Ид><Ид>д</Ид></Группы><Описание>a&lt;br&gt;b\nc</Описание><Страна>Чад</Страна><Изготовитель><Ид>м</Ид>"
    "<Наименование>Маяк</Наименование><ОфициальноеНаименование>ООО</ОфициальноеНаименование></Изготовитель>"
    "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Полное наименование</Наименование><Значение>Палатка 2</Значение>"
    "</ЗначениеРеквизита><ЗначениеРеквизита><Наименование>Вес</Наименование><Значение>1,5</Значение></ЗначениеРеквизита>"
    "</ЗначенияРеквизитов><СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога>"
    "</СтавкиНалогов><Вес>0.5</Вес>"
)
PRICES = (
    "<Цены><Цена><ИдТипаЦены>т</ИдТипаЦены><ЦенаЗаЕдиницу>5.50</ЦенаЗаЕдиницу><Валюта>руб</Валюта></Цена><Цена>"
    "<ИдТипаЦены>у</ИдТипаЦены><ЦенаЗаЕдиницу/></Цена></Цены><Количество>7</Количество>"
    '<Склад ИдСклада="с" КоличествоНаСкладе="3"/><Склад ИдСклада="т" КоличествоНаСкладе="4"/>'
)
LISTS = {
    "goods": f"<Товар><Ид>{{}}</Ид>{ABOUT}{UNIT}{REST}</Товар>",
    "variant": f"<Товар><Ид>{{}}#c</Ид>{ABOUT}{UNIT}{REST}</Товар>",
    "offers": f"<Предложение><Ид>{{}}#c</Ид>{ABOUT}{UNIT}{PRICES}</Предложение>",
    "plain offers": "<Предложение><Ид>{}</Ид><Наименование>x</Наименование><БазоваяЕдиница>796</БазоваяЕдиница>"
    "<Остатки><Остаток><Склад><Ид>с</Ид><Количество>5</Количество></Склад></Остаток></Остатки></Предложение>",
}


def file_with(name: str, pieces: list[str]) -> str:
    """The element between regular ones."""
    element = LISTS[name].format
    inside = element("1") + "".join(pieces) + element("3")
    holder = goods if element("").startswith("<Товар>") else package
    return xml(holder(inside) + goods(LISTS["goods"].format("4")) + package(LISTS["offers"].format("4")))


@pytest.fixture
def never_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the comparisons would compare the slow way with itself."""
    for name in ("Товар", "Предложение"):
        monkeypatch.setitem(reader.EXTRACT, name, lambda *_: pytest.fail("the slow way"))


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", WANTED)
def test_regular_elements_never_reach_the_slow_way(
    tmp_path: Path, never_slow: None, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    if kind == "seen":
        monkeypatch.undo()  # goods are not asked for then
    monkeypatch.setattr(reader, "CHUNK", 1000)
    text = file_with(name, [LISTS[name].format("2")])
    file = part(tmp_path / "a.xml", text.encode())
    read = [record for _position, batch in reader.read_part(file, WANTED[kind]) for record in batch]
    assert any(isinstance(record, tuple(WANTED[kind] - {Section, UnitUse})) for record in read)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", WANTED)
def test_regular_elements_are_read_alike(tmp_path: Path, name: str, kind: str) -> None:
    assert assert_both_ways_are_equal(tmp_path, file_with(name, [LISTS[name].format("2")]), kind)


@pytest.mark.parametrize("name", LISTS)
def test_regular_elements_behind_the_first_are_matched_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Or no odd thing would meet a pattern below."""
    match = Order.match
    matched: list[bool] = []

    def noted(order: Order, text: str, position: int, end: int) -> re.Match[str] | None:
        found = match(order, text, position, end)
        matched.append(found is not None)
        return found

    monkeypatch.setattr(Order, "match", noted)
    assert_both_ways_are_equal(tmp_path, file_with(name, [LISTS[name].format("2")]), "catalog")
    assert sum(matched) >= 2


@pytest.mark.parametrize("name", LISTS)
def test_odd_things_at_every_place(tmp_path: Path, name: str) -> None:
    put_odd_things(tmp_path, name, one_of=11)


@pytest.mark.chaos
@pytest.mark.parametrize("name", LISTS)
def test_each_odd_thing_at_every_place(tmp_path: Path, name: str) -> None:
    put_odd_things(tmp_path, name, one_of=1)


def put_odd_things(folder: Path, name: str, *, one_of: int) -> None:
    """`one_of`: so many, each time others, is one put there. An odd number, as every other piece is a text."""
    pieces = pieces_of(LISTS[name].format("2"))
    kinds = ("catalog", "facts") if "offers" in name else ("catalog",)
    for place, piece in enumerate(pieces):
        if piece.startswith("<"):
            odd = ["", piece * 2, *(piece.replace(">", f"{more}>", 1) for more in ATTRIBUTES)]
        else:
            odd = [*(BETWEEN if not piece.strip() else TEXTS + NUMBERS)]
        for one in odd[place % one_of :: one_of]:
            text = file_with(name, [*pieces[:place], one, *pieces[place + 1 :]])
            for kind in kinds:
                assert_both_ways_are_equal(folder, text, kind)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    name=st.sampled_from(sorted(LISTS)),
    kind=st.sampled_from(sorted(WANTED)),
    chunk=st.integers(250, 3000),
)
def test_several_odd_things_and_any_chunks(
    tmp_path: Path, data: st.DataObject, name: str, kind: str, chunk: int
) -> None:
    pieces = pieces_of(LISTS[name].format("2"))
    for place in data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=3)):
        if data.draw(st.booleans()):
            other = data.draw(st.integers(0, len(pieces) - 1))
            pieces[place], pieces[other] = pieces[other], pieces[place]
        else:
            pieces[place] += data.draw(st.sampled_from(BETWEEN + TEXTS + NUMBERS))
    text = file_with(name, pieces)
    if data.draw(st.booleans()):
        text = text.replace("\n", "\r\n").replace("\r\r", "\r")
    cut = data.draw(st.one_of(st.just(len(text)), st.integers(200, len(text))))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "CHUNK", chunk)
        assert_both_ways_are_equal(tmp_path, text[:cut], kind)


EMPTY = (
    "ЗначенияСвойств",
    "Группы",
    "ХарактеристикиТовара",
    "ЗначенияРеквизитов",
    "Изготовитель",
    "Цены",
    "Остатки",
    "Склад",
)


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize(
    "form", ["<{0}/>", "<{0}></{0}>", "<{0}>\n</{0}>", "<{0}>x</{0}>", "<{0}/><{0}/>", '<{0} а="1"/>']
)
def test_lists_without_anything_in_them(tmp_path: Path, name: str, form: str) -> None:
    """Of an offer, an empty list says that there are none; without the list it says nothing."""
    inside = form.format(name)
    text = xml(
        goods(f"<Товар><Ид>p</Ид><Наименование>x</Наименование>{inside}</Товар>")
        + package(f"<Предложение><Ид>o</Ид><Наименование>x</Наименование>{inside}</Предложение>")
    )
    for kind in WANTED:
        assert_both_ways_are_equal(tmp_path, text, kind)


def test_a_return_that_the_end_of_a_chunk_parts_from_its_line_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file_with("goods", [LISTS["goods"].format("2")]).replace("\r", "").replace(">", ">\r\n")
    for chunk in range(300, 340):
        monkeypatch.setattr(reader, "CHUNK", chunk)
        assert_both_ways_are_equal(tmp_path, text, "catalog")


NAMED = "<Ид>1</Ид><Наименование>x</Наименование>"
ODD = {
    "a unit twice": f"<Товар>{NAMED}<БазоваяЕдиница/><БазоваяЕдиница>шт</БазоваяЕдиница></Товар>",
    "no components": "<Товар><Ид>1#2</Ид><Наименование>x</Наименование><Комплектующие/></Товар>",
    "components with an attribute": f"<Товар>{NAMED}<Комплектующие а='1'/></Товар>",
    "hidden space": "<Товар><Ид>1</Ид><Наименование>\ufeff\u2003x\u200b\u3000</Наименование></Товар>",
    "a special element": f"<Товар>{NAMED}<Изготовитель><Ид>m</Ид><Документ>1</Документ></Изготовитель></Товар>",
    "a line break in what makes no record": "<Товар>\n\n<Ид>1</Ид>\n</Товар><Товар><Ид></Ид><Цены>x</Цены></Товар>",
    "a special element beside others": f"<Товар>{NAMED}<Документ/></Товар>",
    "a property of several values": f"<Товар>{NAMED}<ЗначенияСвойств><ЗначенияСвойства><Ид>п</Ид><Значение>а</Значение>"
    "<Значение>б</Значение></ЗначенияСвойства></ЗначенияСвойств></Товар>",
    "a maker in a maker": f"<Товар>{NAMED}<Изготовитель><Ид>m</Ид><z><Наименование>q</Наименование></z></Изготовитель></Товар>",
    "an end in a comment": f"<Товар><Ид a='1'>1</Ид><!-- </Товар><Товар>{NAMED}</Товар> --></Товар>",
    "the end of a section of text": f"<Товар>{NAMED}<Описание>x]]>y</Описание></Товар>",
    "no character of XML": f"<Товар>{NAMED}<Описание>x\ufffey</Описание></Товар>",
    "an attribute with line breaks": f"<Товар>{NAMED}<БазоваяЕдиница Код='7'/></Товар><Товар>{NAMED}"
    '<БазоваяЕдиница Код="8" НаименованиеПолное="a\n\tb">x</БазоваяЕдиница></Товар>',
    "a list of something else": f"<Товар>{NAMED}</Товар><Категории/><Группы/><Контрагент/>",
    "a document": f"<Товар>{NAMED}</Товар><Документ/><Справочник/><Товар><Ид>2</Ид><Наименование>y</Наименование></Товар>",
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", WANTED)
def test_what_was_read_otherwise_once(tmp_path: Path, name: str, kind: str) -> None:
    offers = ODD[name].replace("Товар>", "Предложение>").replace("<Товар", "<Предложение")
    for text in (xml(goods(ODD[name])), xml(package(offers))):
        assert_both_ways_are_equal(tmp_path, text, kind)


def test_the_line_of_a_cut_character(tmp_path: Path) -> None:
    text = xml(goods(f"<Товар>{NAMED}</Товар>\n" * 3000 + "\n<Товар>\n\n<Ид>Ж"))
    whole = text.partition("Ж")[0]
    file = part(tmp_path / "a.xml", whole.encode() + b"\xd0")
    with pytest.raises(BadFile, match=rf":{whole.count(chr(10)) + 1}: the file ends in the middle"):
        list(reader.read_part(file, WANTED["catalog"]))


def test_line_breaks_go_into_the_list_that_is_read(tmp_path: Path) -> None:
    """Not into one that stands in an element of it: texts end at ten million characters."""
    inside = f"<Товар>{NAMED}<z><Каталог><Товары/></Каталог></z></Товар>"
    regular = f"<Товар>{NAMED}</Товар>" + "\n" * 30_000
    file = part(tmp_path / "a.xml", xml(goods(inside + regular * 400)).encode())
    assert sum(len(batch) for _position, batch in reader.read_part(file, frozenset((Product,)))) == 401


def test_units_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Also by an element for the parser: the first word on a unit counts."""
    offers = [
        f"<Предложение><Ид>{ident}</Ид><Наименование>{name}</Наименование>"
        f'<БазоваяЕдиница Код="796">{unit}</БазоваяЕдиница></Предложение>'
        for ident, name, unit in (("a", "<b>x</b>", "шт"), ("b", "x", "Шт"), ("c", "x", "шт"))
    ]
    told = assert_both_ways_are_equal(tmp_path, xml(package("".join(offers))), "catalog")
    assert [record.short_name for record in told if isinstance(record, UnitUse)] == ["шт", "Шт"]
