"""What is learned of the order in which an export writes: it must serve, and must not cost where it cannot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from importers.commerceml import fast_goods, fast_order, reader
from importers.commerceml.fast_order import Order
from importers.commerceml.records import Product, Record
from tests.commerceml.both_ways import WANTED, part
from tests.commerceml.exports import goods, xml

PARTS = (
    "<НомерВерсии>A=</НомерВерсии>",
    "<Наименование>Лампа &amp; плафон</Наименование>",
    "<Артикул/>",
    "<БазоваяЕдиница Код='796'>шт</БазоваяЕдиница>".replace("'", '"'),
    "<Группы><Ид>г</Ид></Группы>",
    "<Картинка>a.jpg</Картинка><Картинка>b.jpg</Картинка>",
    "<ЗначенияСвойств><ЗначенияСвойства><Ид>п</Ид><Значение>x</Значение></ЗначенияСвойства></ЗначенияСвойств>",
    "<Прочее><Ещё>1</Ещё></Прочее>",
)
NAMED = PARTS[1]


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The elements that were not matched at once."""
    slow: list[str] = []
    read = fast_goods._read_one_by_one

    def noted(*args: object) -> object:
        slow.append(str(args[0]))
        return read(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(fast_goods, "_read_one_by_one", noted)
    fast_goods.matchers_for.cache_clear()
    yield slow
    fast_goods.matchers_for.cache_clear()


def products_of(folder: Path, elements: list[str]) -> list[Record]:
    text = xml(goods("".join(f"<Товар><Ид>{n}</Ид>{inside}</Товар>" for n, inside in enumerate(elements))))
    batches = reader.read_part(part(folder / "a.xml", text.encode()), WANTED["catalog"])
    return [record for _position, batch in batches for record in batch if isinstance(record, Product)]


def some_left_out() -> list[str]:
    """Everything, then each two left out, in one order."""
    left_out = [(), *itertools.combinations(range(len(PARTS)), 2)]
    return [
        "".join(piece for at, piece in enumerate(PARTS) if at not in out or piece == NAMED)
        for out in left_out
    ]


def test_what_is_left_out_or_not_is_matched_at_once(tmp_path: Path, one_by_one: list[str]) -> None:
    elements = ["".join(PARTS)] * fast_order.FIRST_MISSES + some_left_out() * 3
    products = products_of(tmp_path, elements)
    assert len(products) == len(elements)
    assert len(one_by_one) == fast_order.FIRST_MISSES


def test_what_is_in_no_element_that_was_met_first_is_learned_later(
    tmp_path: Path, one_by_one: list[str]
) -> None:
    first = fast_order.FIRST_MISSES
    elements = [NAMED] * first + ["".join(PARTS)] * (first * 4 + 100)
    assert len(products_of(tmp_path, elements)) == len(elements)
    assert len(one_by_one) == first * 5


def test_the_next_file_is_read_with_what_was_learned(tmp_path: Path, one_by_one: list[str]) -> None:
    products_of(tmp_path, ["".join(PARTS)] * fast_order.FIRST_MISSES)
    products_of(tmp_path, ["".join(PARTS)] * 10)
    assert len(one_by_one) == fast_order.FIRST_MISSES


def test_few_elements_compile_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: list[str]
) -> None:
    monkeypatch.setattr(Order, "_compile", lambda _order: pytest.fail("dear"))
    products_of(tmp_path, ["".join(PARTS)] * (fast_order.FIRST_MISSES - 1))


def test_elements_of_no_order_are_tried_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_order, "FIRST_MISSES", 1)
    order = Order("a", texts={"b"}, lists={}, asked=())
    for number in range(fast_order.MAX_PATTERNS):
        for _ in range(4**number):
            order.learn(["b", f"c{number}"], [])
    assert order.match("<a><b>1</b></a>", 0, 15)
    for number in range(fast_order.MAX_MISSED + 1):
        text = f"<a><d{number}/></a>"
        order.match(text, 0, len(text))
        order.learn([f"d{number}"], [])
    assert order.match("<a><b>1</b></a>", 0, 15) is None


def test_an_element_ends_where_its_own_closing_tag_is(tmp_path: Path, one_by_one: list[str]) -> None:
    """A list that is not closed in its product would otherwise take what comes behind it."""
    order = Order("a", texts=(), lists={"l": None}, asked=())
    for _ in range(fast_order.FIRST_MISSES):
        order.learn(["l"], ["l"])
    text = "<a><l></a><a></l></a>"
    assert order.match("<a><l></l></a>", 0, 14)
    assert order.match(text, 0, text.find("</a>") + 4) is None
