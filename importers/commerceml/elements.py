"""Looking into one XML element: its children by local name, its text, its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from lxml import etree

from importers.commerceml import normalise

MAX_LINE = 65535
"""libxml2 keeps the line of an element in 16 bits; text nodes have it whole."""

Node = dict[str, list[etree._Element]]


def children(element: etree._Element) -> Node:
    """The child elements by their local name."""
    found: Node = {}
    for child in element.iterchildren(etree.Element):
        found.setdefault(child.tag.rpartition("}")[2], []).append(child)
    return found


def text_of(element: etree._Element) -> str | None:
    """All text below an element, in order, also where markup stands in it."""
    return "".join(map(str, element.itertext())) if len(element) else element.text


def own_text(element: etree._Element) -> str:
    """The text of an element without that of its children."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def value(node: Node, *names: str) -> str | None:
    """The normalised text of the first child of these names that has any."""
    for name in names:
        for child in node.get(name, ()):
            if found := normalise.text(text_of(child)):
                return found
    return None


def flag(node: Node, name: str) -> bool | None:
    return normalise.boolean(value(node, name))


def inner(node: Node, *path: str) -> Iterator[etree._Element]:
    """All elements at a path of local names below the node."""
    first, *rest = path
    for child in node.get(first, ()):
        if rest:
            yield from inner(children(child), *rest)
        else:
            yield child


def distinct(elements: Iterator[etree._Element] | list[etree._Element]) -> tuple[str, ...]:
    """The normalised texts of elements, each once."""
    return tuple(dict.fromkeys(t for e in elements if (t := normalise.text(text_of(e)))))


def is_empty(element: etree._Element) -> bool:
    """An element without text or attributes anywhere in it tells nothing."""
    return not any(inside.attrib for inside in element.iter(etree.Element)) and not (
        (text_of(element) or "").strip()
    )


def line_of(element: etree._Element) -> int | None:
    for inside in element.iter(etree.Element):
        line = cast("int | None", inside.sourceline)
        if line and line != MAX_LINE:
            return line
    return None
