"""Streaming one file: constant memory, one record element at a time, nothing but the file itself.

The parser builds the tree of one record after another; records that were read are cut off behind it. Entities,
DTDs and the network are off, and libxml2's own limits on depth and text size stay on (guarantee 10).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import cast

import msgspec
from lxml import etree

from importers.commerceml import encoding, normalise, shortcut
from importers.commerceml.elements import children, line_of, value
from importers.commerceml.extract import Extractor
from importers.commerceml.files import Part, PartFile, open_part
from importers.commerceml.records import Record, Rejected, Section
from importers.errors import BadFile
from importers.texts import _

CHUNK = 1 << 17
LOOK = 1 << 20
"""Bytes of XML after which the size of the tree is looked at."""
MAX_NODES = 500_000
MAX_TREE = 24 << 20
MAX_IDLE = 12 << 20
MAX_ATTRIBUTES = 60_000
"""Nodes, and bytes when written, that the tree may have: more is no record or list of 1C, and memory is not endless.
IDLE: bytes that may go by while the tree stays as it is: the parser holds one comment or tag without end. ATTRIBUTES:
so many in LOOK bytes, as the parser keeps all of one tag."""
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
VALUES = ("Справочник", "Вариант")
"""Allowed values of a Свойство in its ВариантыЗначений: there may be more of them than anybody wants in memory."""
LISTS = ("Группы", "ТипыЦен", "Склады", "ЕдиницыИзмерения", "Категории")
"""Small lists of reference data that are read whole when they end."""
SETS = ("НаборыТовара", "НаборТоваров")
"""What goods that are sold as a set consist of, in НаборыТоваров beside the sections."""
DROPPED = ("Документ",)
"""Records of no import type, cut off all the same to keep memory constant."""


def read_part(
    part: Part, wanted: frozenset[type[Record]], price_types: set[str] | None = None
) -> Iterator[tuple[int, list[Record | Rejected]]]:
    """(bytes of XML read so far, records) in batches. Raises BadFile with the line.

    `price_types`: the ids of those that the files of the same set have defined so far; this one's are added.
    """
    with open_part(part) as file:
        yield from _Reading(part, wanted, set() if price_types is None else price_types).run(file)


class _Reading:
    """One file on its way: records that have ended wait in `pending` until a batch of them is read."""

    def __init__(self, part: Part, wanted: frozenset[type[Record]], price_types: set[str]) -> None:
        self.part = part
        self.wanted = wanted
        self.records: list[Record | Rejected] = []
        self.pending: list[etree._Element] = []
        self.container: etree._Element | None = None
        self.entered: tuple[etree._Element, Extractor] | None = None
        self.root: etree._Element | None = None
        self.offers: etree._Element | None = None
        """The list of offers that was entered last."""
        self.unseen = 0
        """Bytes that the parser was fed since `_check_tree`."""
        self.idle = 0
        """Bytes that it was fed since something came of them."""
        self.attributes = 0
        """Of those bytes: what looks like attributes."""
        self.tree = (0, 0)
        self.price_types = price_types

    def run(self, file: PartFile) -> Iterator[tuple[int, list[Record | Rejected]]]:
        charset = encoding.decide(file, self.part.name)
        take = shortcut.take_for(self.wanted)
        short = shortcut.Shortcut(take) if take else None
        decode = codecs.getincrementaldecoder(charset)("strict").decode
        parser = self._parser()
        position = 0
        try:
            while chunk := file.read(CHUNK):
                if not position:
                    self._check_head(chunk)
                position += len(chunk)
                if short:
                    self._feed_short(parser, short, decode(chunk))
                else:
                    self._feed(parser, chunk if charset == "utf-8" else decode(chunk).encode())
                if self.records:
                    yield position, self.records
                    self.records = []
            left = decode(b"", True) if short or charset != "utf-8" else ""
            self._feed(parser, ((short.rest() if short else "") + left).encode())
            parser.close()
        except etree.XMLSyntaxError as error:
            raise self._bad(error) from error
        except UnicodeDecodeError as error:
            raise BadFile(
                _("byte {offset} is not {encoding}; let 1C write the file again").format(
                    offset=position - len(error.object) + error.start, encoding=charset
                ),
                self.part.name,
            ) from error
        self._feed(parser, b"")
        if self.records:
            yield position, self.records

    def _parser(self) -> etree.XMLPullParser:
        """For UTF-8 whatever the file declares: what is in another encoding is decoded before."""
        return etree.XMLPullParser(
            events=("start", "end"),
            tag=[
                f"{{*}}{name}"
                for name in (ROOT, *RECORDS, *VALUES, *LISTS, *SETS, *DROPPED, *SECTIONS, OFFERS)
            ],
            encoding="utf-8",
            remove_blank_text=True,
            remove_comments=True,
            remove_pis=True,
            # Without a DOCTYPE there are none, and a reference is an error, not a gap in a text.
            resolve_entities="internal",  # type: ignore[arg-type]  # lxml 5 and later; the stubs are older
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            collect_ids=False,
        )

    def _feed(self, parser: etree.XMLPullParser, data: bytes) -> bool:
        """Let the parser read on; whether the last list of offers that it has entered is one of records."""
        if data:
            parser.feed(data)
        met = False
        for event, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
            self.idle = 0
            if event == "end":
                self._ended(element)
            elif local(element) == ROOT:
                self.root = element if self.root is None else self.root
            elif local(element) == OFFERS:
                section = _section_of(element)
                met = section is not None
                if section is not None:
                    self._enter(section)
                    self.offers = element
        self._flush()
        self.unseen += len(data)
        self.idle += len(data)
        self.attributes += data.count(b'="') + data.count(b"='")
        if self.unseen > LOOK and self.root is not None:
            self._check_tree(self.root)
            self.unseen = self.attributes = 0
        return met

    def _check_tree(self, root: etree._Element) -> None:
        """Raises BadFile where elements that are no records, or one endless record, fill the memory."""
        nodes = int(cast("float", root.xpath("count(/descendant::node()) + count(/descendant::*/@*)")))
        tree = (nodes, len(etree.tostring(root, encoding="utf-8")) if nodes <= MAX_NODES else 0)
        if tree != self.tree:
            self.tree, self.idle = tree, 0
        if (
            nodes > MAX_NODES
            or tree[1] > MAX_TREE
            or self.idle > MAX_IDLE
            or self.attributes > MAX_ATTRIBUTES * max(1, self.unseen // LOOK)
        ):
            raise BadFile(
                _("one element holds more than any that 1C writes; let 1C write the file again"),
                self.part.name,
                line_of(root[-1]) if len(root) else None,
            )

    def _feed_short(self, parser: etree.XMLPullParser, short: shortcut.Shortcut, text: str) -> None:
        for piece in short.split(text):
            if not isinstance(piece, str):
                self.records += piece
                self.idle = 0
                if self.offers is not None:
                    _drop_last_text(self.offers)  # the line breaks in place of what was taken
            elif self._feed(parser, piece.encode()) and piece.endswith(shortcut.OPENING):
                short.opened()

    def _check_head(self, head: bytes) -> None:
        text, charset = encoding.text_of(head)
        root = encoding.root_in(text)
        if text.lstrip().startswith("<!DOCTYPE"):
            raise BadFile(_("has a DOCTYPE, which no export of 1C has; it is not read"), self.part.name, 1)
        if root is None and charset == "?":
            head.decode()  # says where it is no UTF-8
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
            return
        name = local(element)
        if name in RECORDS:
            if parent is not None and local(parent) == RECORDS[name] and _section_of(parent) is not None:
                self._flush()
                self.container = parent
                self.pending.append(element)
        elif name in VALUES:
            if parent is not None and _property_of(parent) is not None:
                self._flush()
                self.container = parent
                self.pending.append(element)
        elif name in LISTS:
            if parent is not None and local(parent) in SECTIONS:
                self._flush()
                self.records += self._enter(parent).by_element[name](element)
                element.clear()
        elif name in SETS:
            if parent is not None and local(parent) == "НаборыТоваров":
                self._flush()
                outside = Section("", "", None, set=self.part.set, file=self.part.name)
                self.records += Extractor(self.part.name, self.wanted, outside).product_set(element)
                _cut(element)
        elif name in DROPPED:
            _cut(element)
        elif _section_of(element) is element:
            self._flush()
            extractor = self._enter(element)
            # What it says of itself may also stand behind its records.
            section = _section(element, self.part)
            if section.changes_only is None:  # what stood in front of Контрагент elements was cut off with them
                section = msgspec.structs.replace(section, changes_only=extractor.section.changes_only)
            if section != extractor.section and Section in self.wanted:
                self.records.append(section)
            self.records += extractor.catalog_info(element)
            self.entered = self.container = None
            element.clear()

    def _flush(self) -> None:
        """Read the pending siblings and cut them off the tree."""
        if not self.pending:
            return
        container, last = self.container, self.pending[-1]
        values = _property_of(container) if container is not None else None
        section = _section_of(values[0] if values else container) if container is not None else None
        if container is not None and section is not None:
            extractor = self._enter(section)
            if values:  # all of them, as they may be written in several ways
                for element in list(container)[: container.index(last) + 1]:
                    self.records += extractor.property_value(element, values[1])
            else:
                read = extractor.by_element[local(last)]
                for element in self.pending:
                    self.records += read(element)
        _cut(self.pending[-1])
        self.pending.clear()

    def _enter(self, section: etree._Element) -> Extractor:
        """The extractor of a section; its Section record comes before all others of it."""
        if self.entered is None or self.entered[0] is not section:
            record = _section(section, self.part)
            self.entered = section, Extractor(self.part.name, self.wanted, record, self.price_types)
            if Section in self.wanted:
                self.records.append(record)
        return self.entered[1]

    def _bad(self, error: etree.XMLSyntaxError) -> BadFile:
        if any(cut in (error.msg or "") for cut in ("end of", "Premature", "no element found")):
            text = _(
                "the file ends in the middle: 1C has not finished it, or the copy was cut; import again later"
            )
        else:
            text = _("not well-formed XML: {error}; let 1C write the file again").format(
                error=" ".join((error.msg or "").split())
            )
        return BadFile(text, self.part.name, error.lineno)


def local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _section_of(container: etree._Element) -> etree._Element | None:
    """The section that a container of records stands in; Контрагенты are both. Those of an order are none: an order
    tells of its customer only what was typed into it."""
    parent = container.getparent()
    if local(container) in SECTIONS:
        return None if parent is not None and local(parent) == "Документ" else container
    return parent if parent is not None and local(parent) in SECTIONS else None


def _property_of(container: etree._Element) -> tuple[etree._Element, str] | None:
    """(Свойства, Ид of the Свойство) of ВариантыЗначений; None where the Ид is none, or comes only after them."""
    of = container.getparent()
    holder = of.getparent() if of is not None else None
    if (
        of is None
        or holder is None
        or (local(container), local(of), local(holder)) != ("ВариантыЗначений", "Свойство", "Свойства")
        or _section_of(holder) is None
    ):
        return None
    try:
        ident = normalise.identity(value(children(of), "Ид"))
    except ValueError:
        return None
    return (holder, ident) if ident else None


def _section(element: etree._Element, part: Part) -> Section:
    node = children(element)
    ident = section_id(value(node, "Ид"))
    name = local(element)
    said = normalise.text(element.get("СодержитТолькоИзменения")) or value(node, "СодержитТолькоИзменения")
    return Section(
        ident,
        name,
        # Only what says so in a known word is full: by what is missing in it things are removed.
        said.lower() not in ("false", "0", "нет", "ложь") if said else None,
        ident if name == "Каталог" else section_id(value(node, "ИдКаталога")) or ident.strip("#"),
        ident if name == "Классификатор" else section_id(value(node, "ИдКлассификатора")),
        part.set,
        part.name,
    )


def section_id(told: str | None) -> str:
    """The id of a section, "" where it has none, or one so long that no 1C made it: every row would repeat it."""
    try:
        return normalise.identity(told) or ""
    except ValueError:
        return ""


def _drop_last_text(container: etree._Element) -> None:
    if len(container):
        container[-1].tail = None
    else:
        container.text = None


def _cut(last: etree._Element) -> None:
    """Remove all before an element that has ended, and what is in it; what comes after is still being built.

    The element itself stays, empty. The parser may be in the middle of the text behind it, and remembers how long that
    text is, not which node it is: without this element a text before it would be taken for that one, and libxml2 would
    write beyond its end.
    """
    container = last.getparent()
    if container is not None:
        del container[: container.index(last)]
    last.clear()
