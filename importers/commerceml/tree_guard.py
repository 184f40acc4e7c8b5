"""Constant memory: the tree that a parser builds of a file is watched, and cut where it was read."""

from __future__ import annotations

import gc
import re
from itertools import count
from typing import cast

from lxml import etree

from importers.errors import BadFile
from importers.texts import N_

CHECK_EVERY = 1 << 18
"""Bytes of XML after which the size of the tree is looked at."""
MAX_NODES = 200_000
MAX_TREE = 10 << 20
MAX_IDLE = 1 << 19
"""Nodes, and bytes when written, that the tree may have: more is no record or list of 1C, and memory is not endless.
A list of 20,000 groups has as many; one record of 1C has at most some thousands.
IDLE: bytes that may go by while the tree stays as it is: the parser holds one comment or tag without end."""
SAMPLE = 8192
SHARE = 64
MAX_NAMES = 1 << 18
MAX_NAME = 1000
"""The parser keeps every name that it meets, of elements, attributes and namespaces, to the end of the process. One
part in SHARE of the text is looked at, SAMPLE bytes at a time, and may have names of so many bytes."""
_NAMES = re.compile(rb"""<[^\s<>/!?]+|\sxmlns[^\s<>=]*\s*=\s*["'][^"'<>]*|\s[^\s<>/="']+(?=\s*=\s*["'])""")


class TreeGuard:
    """Watches the tree that a parser builds of one file, and the names that it keeps. All methods raise BadFile."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._unchecked = 0
        """Bytes that the parser was fed since the tree was looked at."""
        self._idle = 0
        """Bytes that it was fed since something came of them."""
        self._tree = (0, 0)
        self._names: set[bytes] = set()
        self._name_bytes = 0
        self._unsampled = 0

    def before_feeding(self, data: bytes, line: int) -> None:
        """Look at some of the names in it; `line`: where it begins."""
        self._unsampled += len(data)
        size = min(len(data), SAMPLE)
        if self._unsampled < SHARE * size:
            return
        self._unsampled -= SHARE * size  # a small piece must not pay for a large one
        start = line % (len(data) - size + 1)  # never long in the same place
        for name in set(_NAMES.findall(data, start, start + size)) - self._names:
            self._names.add(name)
            self._name_bytes += len(name) + 32
            if self._name_bytes > MAX_NAMES or (len(name) > MAX_NAME and name.startswith(b"<")):
                raise BadFile(
                    N_("has more names of elements than any file of 1C; let 1C write the file again"),
                    self._file,
                    line + data.count(b"\n", 0, data.find(name, start)),
                )

    def something_came(self) -> None:
        """An element that is looked for, or a record."""
        self._idle = 0

    def after_feeding(self, size: int, root: etree._Element | None, line: int) -> None:
        """So many bytes more; now and then look at the tree. `line`: the last one that is known."""
        self._unchecked += size
        self._idle += size
        if self._unchecked > CHECK_EVERY:
            self._check(root, line)
            self._unchecked = 0

    def _check(self, root: etree._Element | None, line: int) -> None:
        """Elements that are no records, or one endless record, fill the memory."""
        if root is None:
            raise self._too_much(line)
        # An attribute takes as much memory as several nodes; so does a namespace, which XPath does not count at all.
        nodes = int(cast("float", root.xpath("count(/descendant::node()) + 4 * count(/descendant::*/@*)")))
        written = etree.tostring(root, encoding="utf-8") if nodes <= MAX_NODES else b""
        nodes += 4 * written.count(b" xmlns")
        if (nodes, len(written)) != self._tree:
            self._tree, self._idle = (nodes, len(written)), 0
        if nodes > MAX_NODES or len(written) > MAX_TREE or self._idle > MAX_IDLE:
            raise self._too_much(line)

    def _too_much(self, line: int) -> BadFile:
        return BadFile(
            N_("one element holds more than any that 1C writes; let 1C write the file again"),
            self._file,
            line,
        )


def drop_last_text(container: etree._Element) -> None:
    if len(container):
        container[-1].tail = None
    else:
        container.text = None


def cut_off(last: etree._Element) -> None:
    """Remove all before an element that has ended, and what is in it; what comes after is still being built.

    The element itself stays, empty. The parser may be in the middle of the text behind it, and remembers how long that
    text is, not which node it is: without this element a text before it would be taken for that one, and libxml2 would
    write beyond its end.
    """
    container = last.getparent()
    if container is not None:
        del container[: container.index(last)]
    last.clear()


FILES = 16
_files = count(1)


def collect_parsers() -> None:
    """After each file. A parser of lxml, its events and its tree refer to each other, and an import lets so few such
    things go that the collector would not come by for hundreds of files, 100 kB each: every few files it is called."""
    if next(_files) % FILES == 0:
        gc.collect(1)
