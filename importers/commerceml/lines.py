"""Lines behind those that libxml2 counts: of an element there it tells the line of a text in it, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOT_EMPTY = re.compile(r"<(?:[^\s<>/:]+:)?([^\s<>/]+)(?:\s[^<>]*)?(?<!/)>")
_ASIDE = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_NO_LINE_BREAK = re.compile(rb"[^\n]")
_HIDING = re.compile(rb"<!|<\?|-->|\?>|\]\]>")
"""The beginning or the end of something that tags may stand in and mean nothing."""


def line_of(fragment: str, inside: int, recent: Sequence[tuple[int, bytes]]) -> int | None:
    """The line in which the element begins that has a text in line `inside`; None where several may be meant.

    `fragment`: the beginning of the element. `recent`: what the parser was fed last, with the line that each begins in.
    """
    name = _NOT_EMPTY.match(fragment)
    at = next((n for n, (first, _data) in enumerate(recent) if first > inside), len(recent)) - 1
    if name is None or at < 0:
        return None
    near = [data for _first, data in recent[max(at - 1, 0) : at + 2]]
    behind = recent[at][1].split(b"\n", inside - recent[at][0])[-1]
    text = b"".join(near)
    mark = _HIDING.search(text)
    if mark and mark[0].endswith(b">"):  # of what begins before
        text = _NO_LINE_BREAK.sub(b" ", text[: mark.end()]) + text[mark.end() :]
    text = _ASIDE.sub(lambda aside: _NO_LINE_BREAK.sub(b" ", aside[0]), text)
    start = len(b"".join(near[: min(at, 1) + 1])) - len(behind)
    start = text.rfind(b"\n", 0, start) + 1
    end = text.find(b"\n", start)
    end = end if end >= 0 else len(text)
    tags = re.compile(rb"<(/?)(?:[^\s<>/!?:]+:)?" + re.escape(name[1].encode()) + rb"(?=[\s/>])[^<>]*?(/?)>")
    opened: list[int] = []
    for tag in tags.finditer(text, 0, start):
        if tag[1]:
            del opened[-1:]
        elif not tag[2]:
            opened.append(tag.start())
    here = [not tag[1] for tag in tags.finditer(text, start, end)]
    if _HIDING.search(text, 0, end) or (any(here) if opened else not any(here[:1])):
        return None
    return inside - text.count(b"\n", opened[-1] if opened else start, start)
