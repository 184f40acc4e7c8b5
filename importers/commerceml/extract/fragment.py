"""What of a rejected element a person is shown: the element as 1C wrote it, without namespaces, and short."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from importers.commerceml.extract.elements import local_name
from importers.texts import shorten

FRAGMENT = 500
"""Characters at most."""
TEXT = 120
"""Characters of each text in it, so that a long description hides nothing."""


def fragment_of(element: etree._Element) -> str:
    """On one line; what is left out ends in "…"."""
    written = ""
    for piece in _written(element):
        written += piece
        if len(written) > FRAGMENT:
            break
    return shorten(written, FRAGMENT)


def _written(root: etree._Element) -> Iterator[str]:
    """Piece by piece: of a large element only the beginning is asked for, and one may be as deep as it likes."""
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = local_name(element.tag)
        if event == "end":
            if len(element) or element.text:
                yield f"</{name}>"
            if element is not root:
                yield _text(element.tail)
            continue
        attributes = chain.from_iterable(
            (" ", local_name(str(key)), "=", quoteattr(_line(str(value))))
            for key, value in element.attrib.items()
        )
        empty = not len(element) and not element.text
        yield f"<{name}{''.join(attributes)}{'/' if empty else ''}>"
        yield _text(element.text)


def _text(text: str | None) -> str:
    return escape(_line(text)) if text and not text.isspace() else ""


def _line(text: str) -> str:
    return " ".join(shorten(text, TEXT).split())
