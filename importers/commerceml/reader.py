"""Streaming one file: constant memory, one record element at a time, nothing but the file itself.

The parser builds the tree of one record after another; records that were read are cut off behind it. Entities,
DTDs and the network are off, and libxml2's own limits on depth and text size stay on (guarantee 10).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, cast

from lxml import etree

from importers.commerceml import encoding, normalise, shortcut
from importers.commerceml.extract import Extractor, children, value
from importers.commerceml.files import Part, open_part
from importers.commerceml.records import Record, Rejected, Section
from importers.errors import BadFile
from importers.texts import _

CHUNK = 1 << 17
BATCH = 200
"""Record elements that stay in the tree before they are read and cut off."""
ROOT = "КоммерческаяИнформация"
SECTIONS = ("Каталог", "Классификатор", "ПакетПредложений", "ИзмененияПакетаПредложений", "Контрагенты")
RECORDS = {
    "Товар": "Товары",
    "Предложение": "Предложения",
    "Контрагент": "Контрагенты",
    "Свойство": "Свойства",
}
"""Record elements by the container they must stand in: a Контрагент may also be a Представитель's."""
OFFERS = "Предложения"
LISTS = ("Группы", "ТипыЦен", "Склады", "ЕдиницыИзмерения")
"""Small lists of reference data that are read whole when they end."""
DROPPED = ("Документ", "НаборТоваров")
"""Records of no import type, cut off all the same to keep memory constant."""


def read_part(part: Part, wanted: frozenset[type[Record]]) -> Iterator[tuple[int, list[Record | Rejected]]]:
    """(bytes of XML read so far, records) in batches. Raises BadFile with the line."""
    with open_part(part) as file:
        yield from _Reading(part, wanted).run(file)


class _Reading:
    """One file on its way: records that have ended wait in `pending` until a batch of them is read."""

    def __init__(self, part: Part, wanted: frozenset[type[Record]]) -> None:
        self.part = part
        self.wanted = wanted
        self.records: list[Record | Rejected] = []
        self.pending: list[etree._Element] = []
        self.container: etree._Element | None = None
        self.entered: tuple[etree._Element, Extractor] | None = None

    def run(self, file: IO[bytes]) -> Iterator[tuple[int, list[Record | Rejected]]]:
        charset = encoding.decide(file, self.part.name)
        take = shortcut.take_for(self.wanted)
        short = shortcut.Shortcut(take) if take else None
        decode = codecs.getincrementaldecoder(charset)("strict").decode
        parser = self._parser("utf-8" if short else charset)
        position = 0
        try:
            while chunk := file.read(CHUNK):
                if not position:
                    self._check_head(chunk)
                if short:
                    self._feed_short(parser, short, decode(chunk))
                else:
                    self._feed(parser, chunk)
                position += len(chunk)
                if self.records:
                    yield position, self.records
                    self.records = []
            if short:
                self._feed(parser, (short.rest() + decode(b"", True)).encode())
            parser.close()
        except etree.XMLSyntaxError as error:
            raise self._bad(error) from error
        except UnicodeDecodeError as error:
            raise BadFile(
                _("byte {offset} is not {encoding}; let 1C write the file again").format(
                    offset=position + error.start, encoding=charset
                ),
                self.part.name,
            ) from error
        self._feed(parser, b"")
        self._flush()
        if self.records:
            yield position, self.records

    def _parser(self, charset: str) -> etree.XMLPullParser:
        return etree.XMLPullParser(
            events=("start", "end"),
            tag=[f"{{*}}{name}" for name in (*RECORDS, *LISTS, *DROPPED, *SECTIONS, OFFERS)],
            encoding=charset,
            remove_blank_text=True,
            remove_comments=True,
            remove_pis=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            collect_ids=False,
        )

    def _feed(self, parser: etree.XMLPullParser, data: bytes) -> bool:
        """Let the parser read on; whether it has met the opening tag of a list of offers."""
        if data:
            parser.feed(data)
        met = False
        for event, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
            if event == "end":
                self._ended(element)
            elif local(element) == OFFERS and (section := _section_of(element)) is not None:
                self._enter(section)
                met = True
        return met

    def _feed_short(self, parser: etree.XMLPullParser, short: shortcut.Shortcut, text: str) -> None:
        for piece in short.split(text):
            if not isinstance(piece, str):
                self.records += piece
            elif self._feed(parser, piece.encode()) and piece.endswith(shortcut.OPENING):
                short.opened()
            else:
                self._flush()  # in the order of the file: of the same key the last one counts

    def _check_head(self, head: bytes) -> None:
        text, _charset = encoding.text_of(head)
        root = encoding.root_in(text)
        if "<!DOCTYPE" in text:
            raise BadFile(_("has a DOCTYPE, which no export of 1C has; it is not read"), self.part.name, 1)
        if root != ROOT:
            raise BadFile(
                _("the root element is {root}, not КоммерческаяИнформация: not an export of 1C").format(
                    root=root or "?"
                ),
                self.part.name,
                1,
            )

    def _ended(self, element: etree._Element) -> None:
        parent = element.getparent()
        if parent is not None and parent is self.container:  # the list of records goes on
            self.pending.append(element)
            if len(self.pending) == BATCH:
                self._flush()
            return
        name = local(element)
        if name in RECORDS:
            if parent is not None and local(parent) == RECORDS[name] and _section_of(parent) is not None:
                self._flush()
                self.container = parent
                self.pending.append(element)
        elif name in LISTS:
            if parent is not None and local(parent) in SECTIONS:
                self._flush()
                self.records += self._enter(parent).by_element[name](element)
                element.clear()
        elif name in DROPPED:
            _cut(element)
        elif name in SECTIONS:
            self._flush()
            self._enter(element)
            self.entered = self.container = None
            element.clear()

    def _flush(self) -> None:
        """Read the pending siblings and cut them off the tree."""
        if not self.pending:
            return
        container = self.container
        section = _section_of(container) if container is not None else None
        if container is not None and section is not None:
            extractor = self._enter(section)
            read = extractor.by_element[local(self.pending[0])]
            for element in self.pending:
                self.records += read(element)
        _cut(self.pending[-1])
        self.pending.clear()

    def _enter(self, section: etree._Element) -> Extractor:
        """The extractor of a section; its Section record comes before all others of it."""
        if self.entered is None or self.entered[0] is not section:
            record = _section(section)
            self.entered = section, Extractor(self.part.name, self.wanted, record)
            if Section in self.wanted:
                self.records.append(record)
        return self.entered[1]

    def _bad(self, error: etree.XMLSyntaxError) -> BadFile:
        if "end of" in (error.msg or "") or "Premature" in (error.msg or ""):
            text = _(
                "the file ends in the middle: 1C has not finished it, or the copy was cut; import again later"
            )
        else:
            text = _("not well-formed XML: {error}; let 1C write the file again").format(error=error.msg)
        return BadFile(text, self.part.name, error.lineno)


def local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _section_of(container: etree._Element) -> etree._Element | None:
    """The section that a container of records stands in; Контрагенты are both."""
    for element in (container, container.getparent()):
        if element is not None and local(element) in SECTIONS:
            return element
    return None


def _section(element: etree._Element) -> Section:
    node = children(element)
    ident = value(node, "Ид") or ""
    name = local(element)
    own = ident if name == "Каталог" else value(node, "ИдКаталога") or ident.strip("#")
    changes_only = normalise.boolean(element.get("СодержитТолькоИзменения"))
    return Section(ident, name, changes_only is not False, own)


def _cut(last: etree._Element) -> None:
    """Remove an element that has ended and all before it; what comes after is still being built."""
    container = last.getparent()
    if container is not None:
        del container[: container.index(last) + 1]
