"""Looking into one XML element: its children by local name, its text, its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast

from lxml import etree

from importers.commerceml import normalise

MAX_LINE = 65535
"""libxml2 keeps the line of an element in 16 bits; text nodes have it whole."""


Node = dict[str, list[etree._Element]]
"""The child elements of an element by their local name."""


@lru_cache(maxsize=1024)
def local_name(tag: str) -> str:
    """Without the namespace."""
    return tag.rpartition("}")[2]


def children(element: etree._Element) -> Node:
    """What is in an element. The parser keeps no comments and no instructions."""
    node: Node = {}
    for child in element:
        name = local_name(child.tag)
        if name in node:
            node[name].append(child)
        else:
            node[name] = [child]
    return node


def text_of(element: etree._Element) -> str | None:
    """All text below an element, in order, also where markup stands in it."""
    return "".join(map(str, element.itertext())) if len(element) else element.text


def own_text(element: etree._Element) -> str:
    """The text of an element without that of its children."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def value(node: Node, *names: str) -> str | None:
    """The normalised text of the first child of these names that has any."""
    for name in names:
        if name in node:
            for child in node[name]:
                written = text_of(child) if len(child) else child.text
                if written and (text := normalise.text(written)):
                    return text
    return None


def flag(node: Node, name: str) -> bool | None:
    return normalise.boolean(value(node, name))


def inner(node: Node, holder: str, name: str) -> Iterator[etree._Element]:
    """All elements of one name in the children of another name."""
    for child in node.get(holder, ()):
        for inside in child:
            if local_name(inside.tag) == name:
                yield inside


def distinct(elements: Iterable[etree._Element]) -> tuple[str, ...]:
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


def is_removed(element: etree._Element, node: Node) -> bool:
    """Статус="Удален" as attribute or element, or ПометкаУдаления."""
    for status in (element.get("Статус"), value(node, "Статус")):
        if status and status.strip().lower().replace("ё", "е") == "удален":
            return True
    return any(normalise.boolean(text_of(mark)) for mark in node.get("ПометкаУдаления", ()))


def decimal(written: str | None) -> str | None:
    """Canonical text of what is no record of its own: what is no number is not told."""
    try:
        return normalise.number(written)
    except ValueError:
        return None
