"""The shapes in which 1C writes stocks, and one way to read them all (docs/commerceml.md, 1.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.extract.elements import Node, children, text_of, value

Place = Callable[[etree._Element, Node, Node], str | None]
"""(element, what is in it, what is beside it) → the text in a place; None where that is not there."""


def attribute(name: str) -> Place:
    """As written: an empty one is there."""
    return lambda element, _inside, _beside: element.get(name)


def id_attribute(name: str) -> Place:
    return lambda element, _inside, _beside: normalise.text(element.get(name))


def child(*names: str) -> Place:
    """The first child of these names that has any text."""
    return lambda _element, inside, _beside: value(inside, *names)


def child_or_beside(name: str) -> Place:
    """The first one, be it empty."""

    def place(_element: etree._Element, inside: Node, beside: Node) -> str | None:
        elements = inside.get(name) or beside.get(name)
        return text_of(elements[0]) if elements else None

    return place


def own_text(element: etree._Element, _inside: Node, _beside: Node) -> str | None:
    return normalise.text(element.text)


def all_text(element: etree._Element, _inside: Node, _beside: Node) -> str | None:
    return text_of(element)


class StockShape(NamedTuple):
    """Elements of one shape, each of them a stock, and where in them is what."""

    name: str
    paths: tuple[str, ...]
    """Where they lie in an offer."""
    warehouse: tuple[Place, ...]
    """The id of the warehouse: the first place that has any text. Without a place it is a total."""
    quantity: tuple[Place, ...]
    """The number: the first place that is there."""
    not_around: str = ""
    not_beside: str = ""
    """What holds such an element, or stands beside one, is no stock itself."""


ID, QUANTITY = "Ид", "Количество"
_ID = (id_attribute("ИдСклада"), child("ИдСклада", ID))
_QUANTITY = (attribute("КоличествоНаСкладе"), child("КоличествоНаСкладе", QUANTITY))
_REST_ID = (child(ID), own_text)

REST = StockShape("rest", ("Остатки/Склад", "Остатки/Остаток/Склад"), _REST_ID, (child_or_beside(QUANTITY),))
"""What regular files have, see `fast_facts.py`."""
STOCK_SHAPES = (
    StockShape("total", ("Количество",), (), (all_text,)),
    StockShape("warehouse", ("Склад",), _ID, _QUANTITY, not_around="Склад"),
    StockShape("warehouse in plural", ("Склады", "Склады/Склад"), _ID, _QUANTITY, not_around="Склад"),
    REST,
    StockShape(
        "rest in total", ("Остатки/Количество", "Остатки/Остаток/Количество"), (), (all_text,), not_beside="Склад"
    ),
)  # fmt: skip

STOCKED = frozenset(path.split("/")[0] for shape in STOCK_SHAPES for path in shape.paths)
"""What an offer with a stock has one of."""

_SHAPES_IN: dict[str, list[tuple[str, StockShape]]] = defaultdict(list)
_HOLDERS_IN: dict[str, dict[str, None]] = defaultdict(dict)
"""What may be in an element, "" for the offer, with its name."""
for _shape in STOCK_SHAPES:
    for _path in _shape.paths:
        *_holders, _name = ("", *_path.split("/"))
        _SHAPES_IN[_holders[-1]].append((_name, _shape))
        for _outer, _inner in pairwise(_holders):
            _HOLDERS_IN[_outer][_inner] = None


def quantities(offer: Node) -> Iterator[tuple[str | None, etree._Element, str | None]]:
    """(warehouse id, element, number as written) of every stock that an offer has, in any shape; "" is a total,
    None a warehouse without an id."""
    nodes = [("", offer)]
    for holder, node in nodes:
        for name, shape in _SHAPES_IN[holder]:
            if name not in node or shape.not_beside in node:
                continue
            for element in node[name]:
                inside = children(element) if len(element) else {}
                if shape.not_around in inside:
                    continue
                ident = None if shape.warehouse else ""
                for place in shape.warehouse:
                    if ident := place(element, inside, node):
                        break
                number = None
                for place in shape.quantity:
                    if (number := place(element, inside, node)) is not None:
                        break
                yield ident, element, number
        for name in _HOLDERS_IN.get(holder, ()):
            if name in node:
                nodes += [(name, children(element)) for element in node[name]]
