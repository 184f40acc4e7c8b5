"""What the grammars of the fast way are made of: names, tags, attributes, references. Whatever matches them means the
same to every parser of XML."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from importers.commerceml.sections import DROPPED, GOODS_IN, RECORDS, SECTIONS, SETS

compiled = cache(re.compile)
"""Of a pattern, when it is first needed: to compile them all takes longer than many a file."""
LONGEST_KNOWN = 500
"""What an export has few of is read once and remembered, up to so many characters."""
SPECIAL = frozenset((*SECTIONS, *SETS, *DROPPED, *GOODS_IN, *RECORDS, "НаборыТоваров"))
"""Elements that the reader does not pass over, wherever they are."""
S = r"[ \t\n]*"
NAME = r"[A-Za-zА-Яа-яЁё_][0-9A-Za-zА-Яа-яЁё_]*"
ELEMENT = re.compile(rf"<({NAME})(?:{S}/>|>([^<]*)(</\1>)?){S}")
"""(name, text, closing tag) of a plain element; where there is text and no closing tag, others are in it."""
PLAIN = rf"<({NAME})(?:{S}/>|>([^<]*)</\1>)"
ATTRIBUTE = rf"[ \t\n]+{NAME}=\"[^<\"&]*\""
TAG = re.compile(rf"<({NAME})((?:{ATTRIBUTE})*){S}(/?)>")
_ANY_TAG = rf"<(/?)({NAME})((?:{ATTRIBUTE})*){S}(/?)>"
_REFERENCE = re.compile("&(?:lt|gt|amp|quot|apos);")
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
"""The last one last: what stands behind it is no reference."""


def after_space(text: str, at: int) -> int:
    return _SPACE(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


_SPACE = re.compile(S).match


def has_only_known_references(text: str, at: int, end: int) -> bool:
    while (at := text.find("&", at, end)) >= 0:
        if not _REFERENCE.match(text, at):
            return False
        at += 1
    return True


def without_references(text: str) -> str:
    for reference, character in _REFERENCES:
        text = text.replace(reference, character)
    return text


def attributes_of(written: str) -> dict[str, str] | None:
    """None where one stands twice, and of a namespace: the parser has an opinion of it."""
    return _known_attributes(written) if len(written) <= LONGEST_KNOWN else None


@lru_cache(maxsize=1024)
def _known_attributes(written: str) -> dict[str, str] | None:
    attributes = {name: value.translate(_SPACES) for name, value in _ATTRIBUTES.findall(written)}
    return attributes if len(attributes) == written.count('="') and "xmlns" not in attributes else None


_SPACES = str.maketrans("\t\n", "  ")
"""As XML reads them in an attribute."""
_ATTRIBUTES = re.compile(rf"({NAME})=\"([^\"]*)\"")


def is_regular(text: str, at: int, end: int) -> bool:
    """Whether elements that nobody asks for are well-formed."""
    names: list[str] = []
    tags = compiled(_ANY_TAG).findall(text, at, end)
    for closing, name, attributes, empty in tags:
        if closing:
            if empty or attributes or not names or names.pop() != name:
                return False
        elif name in SPECIAL or attributes_of(attributes) is None or len(names) > 50:
            return False
        elif not empty:
            names.append(name)
    return not names and text.count("<", at, end) == len(tags)
