"""Streaming one file: constant memory, one record element at a time, nothing but the file itself.

The parser builds the tree of one record after another; records that were read are cut off behind it. Entities,
DTDs and the network are off, and libxml2's own limits on depth and text size stay on (guarantee 10).
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import cast

import msgspec
from lxml import etree

from importers.commerceml import encoding, normalise
from importers.commerceml.contents import ROOT
from importers.commerceml.earlier import PriceTypes
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.dispatch import EXTRACT
from importers.commerceml.extract.elements import MAX_LINE
from importers.commerceml.extract.goods_tree import product_set
from importers.commerceml.extract.reference import catalog_info, property_value
from importers.commerceml.fast_goods import matchers_for
from importers.commerceml.fast_text import FastText
from importers.commerceml.parts import Part, PartFile, open_part
from importers.commerceml.records import Record, Rejected, Section
from importers.commerceml.sections import (
    DROPPED,
    GOODS,
    GOODS_IN,
    LISTS,
    RECORDS,
    SECTIONS,
    SETS,
    VALUES,
    local,
    property_of,
    section_of,
    section_record,
)
from importers.commerceml.tree_guard import TreeGuard, collect_parsers, cut_off, drop_last_text
from importers.errors import BadFile
from importers.texts import N_

Batch = list[Record | Rejected]
BATCH = 1000
"""Records that are handed on at once: one element may make hundreds of thousands of rejects."""
CHUNK = 1 << 17
ENDS_EARLY = N_(
    "the file ends in the middle: 1C has not finished it, or the copy was cut; import again later"
)
NO_TEXT = N_("byte {offset} is not {encoding}; let 1C write the file again")
LISTS_CHUNK = 1 << 16
"""Little is read of a file that is left at its first record."""


def read_part(
    part: Part, wanted: frozenset[type[Record]], price_types: PriceTypes | None = None
) -> Iterator[tuple[int, Batch]]:
    """(bytes of XML read so far, records) in batches. Raises BadFile with the line.

    `price_types`: those that the files in front of it have defined; this one's are added.
    """
    with open_part(part) as file:
        yield from _Reading(part, wanted, price_types or PriceTypes()).run(file)
    collect_parsers()


def read_lists(
    part: Part, wanted: frozenset[type[Record]], price_types: PriceTypes
) -> Iterator[list[Record | Rejected]]:
    """As `read_part`, of what stands in front of the first Товар or Предложение: a file may be huge behind it."""
    with open_part(part) as file:
        for _position, batch in _Reading(part, wanted, price_types, lists_only=True).run(file):
            yield batch
    collect_parsers()


class _Reading:
    """One file on its way: records that have ended wait in `pending` until a batch of them is read."""

    def __init__(
        self,
        part: Part,
        wanted: frozenset[type[Record]],
        price_types: PriceTypes,
        *,
        lists_only: bool = False,
    ) -> None:
        self.part = part
        self.wanted = wanted
        self.records: Batch = []
        self.pending: list[etree._Element] = []
        self.container: etree._Element | None = None
        self.fitting: tuple[str, ...] = ()
        """The names of the records in it."""
        self.entered: tuple[etree._Element, Context] | None = None
        self.root: etree._Element | None = None
        self.ended = False
        """Whether the root element has."""
        self.list_met: etree._Element | None = None
        """The list of goods or offers that was entered last, and the one whose regular elements are matched."""
        self.goods: etree._Element | None = None
        self.guard = TreeGuard(part.name)
        self.price_types = price_types
        self.lists_only = lists_only
        self.met_goods = False
        self.line = 1
        """Where the parser is."""
        self.recent: deque[tuple[int, bytes]] = deque(maxlen=4)
        """What it was fed last, with the line that each begins in."""

    def run(self, file: PartFile) -> Iterator[tuple[int, Batch]]:
        charset = encoding.decide(file, self.part.name)
        matchers = {} if self.lists_only else matchers_for(self.wanted)
        fast = FastText(matchers) if matchers else None
        decoder = encoding.Decoder(charset, as_text=fast is not None)
        parser = self._parser()
        position = 0
        try:
            while chunk := file.read(LISTS_CHUNK if self.lists_only else CHUNK):
                position += len(chunk)
                if position == len(chunk):
                    self._check_head(chunk, charset)
                data = decoder.decode(chunk)
                if fast and decoder.has_controls:
                    fast.give_up()
                for batch in self._feed_chunk(parser, fast, data):
                    yield position, batch
                if self.records:
                    yield position, self._pop_batch()
                if self.lists_only and self.met_goods:
                    return
            if not position:
                self._check_head(b"", charset)
            for batch in self._rest(parser, fast, self._last(decoder, fast)):
                yield position, batch
        except etree.XMLSyntaxError as error:
            raise self._bad(error, parser, file, charset) from error
        except UnicodeDecodeError as error:
            offset = position - len(error.object) + error.start
            line = None if charset.startswith("utf-16") else encoding.line_at(file, offset)
            raise BadFile(NO_TEXT, self.part.name, line, offset=offset, encoding=charset) from error
        try:
            parser.close()
        except etree.XMLSyntaxError as error:
            # Anything else the parser would have told when it was fed: it waited for the rest of something.
            raise self._bad(error, parser, file, charset, cut=True) from error
        for batch in self._feed(parser, b""):
            yield position, batch
        if self.records:
            yield position, self.records

    def _last(self, decoder: encoding.Decoder, fast: FastText | None) -> str | bytes:
        try:
            return decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:  # half of a character
            line = self.line + (fast.held_lines if fast else 0)
            raise BadFile(ENDS_EARLY, self.part.name, line) from error

    def _parser(self) -> etree.XMLPullParser:
        """For UTF-8 whatever the file declares: what is in another encoding is decoded before."""
        return etree.XMLPullParser(
            events=("start", "end"),
            tag=[
                f"{{*}}{name}"
                for name in (ROOT, *RECORDS, *VALUES, *LISTS, *SETS, *DROPPED, *SECTIONS, *GOODS_IN)
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

    def _feed(self, parser: etree.XMLPullParser, data: bytes) -> Generator[Batch, None, str]:
        """Let the parser read on: full batches; the name of the last list of goods that it has entered, if that is one
        of records."""
        if data:
            self.guard.before_feeding(data, self.line)
            self.recent.append((self.line, data))
            self.line += data.count(b"\n")
            parser.feed(data)
        met = ""
        for event, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
            self.guard.something_came()
            if event == "end":
                self.ended = self.ended or element is self.root
                yield from self._ended(element)
            elif (name := local(element)) == ROOT:
                self.root = element if self.root is None else self.root
            elif name in GOODS_IN:
                section = section_of(element)
                met = name if section is not None else ""
                if section is not None:
                    self._enter(section)
                    self.list_met = element
        yield from self._flush()
        self.guard.after_feeding(len(data), self.root, self.recent[-1][0] if self.recent else 1)
        return met

    def _feed_chunk(
        self, parser: etree.XMLPullParser, fast: FastText | None, data: str | bytes
    ) -> Iterator[Batch]:
        if isinstance(data, bytes):
            yield from self._feed(parser, data)
        elif fast:
            yield from self._feed_fast(parser, fast, data)

    def _rest(self, parser: etree.XMLPullParser, fast: FastText | None, data: str | bytes) -> Iterator[Batch]:
        yield from self._feed_chunk(parser, fast, data)
        if fast:
            yield from self._feed(parser, fast.rest().encode())

    def _feed_fast(self, parser: etree.XMLPullParser, fast: FastText, text: str) -> Iterator[Batch]:
        for piece in fast.split(text):
            if not isinstance(piece, str):
                self.records += piece
                self.guard.something_came()
                if self.goods is not None:
                    drop_last_text(self.goods)  # the line breaks in place of what was matched
            else:
                met = yield from self._feed(parser, piece.encode())
                if met and self.entered and piece.endswith(f"<{met}>"):
                    fast.opened(met, self.entered[1])
                    self.goods = self.list_met

    def _check_head(self, head: bytes, charset: str) -> None:
        if len(head) < CHUNK and not head.strip(_BLANK):
            raise BadFile(N_("the file is empty; let 1C write it again"), self.part.name)
        text, charset_of_head = encoding.text_of(head)
        root = encoding.root_in(text)
        if text.lstrip().startswith("<!DOCTYPE"):
            raise BadFile(N_("has a DOCTYPE, which no export of 1C has; it is not read"), self.part.name, 1)
        if root is None and charset_of_head == "?":
            codecs.getincrementaldecoder(charset)("strict").decode(head)  # says where it cannot be read
        if root is None and len(head) < CHUNK and _ROOT_CUT.fullmatch(text):
            raise BadFile(ENDS_EARLY, self.part.name)
        if root != ROOT:
            raise BadFile(
                N_("the root element is {root}, not КоммерческаяИнформация: not an export of 1C"),
                self.part.name,
                1,
                root=root or "?",
            )

    def _ended(self, element: etree._Element) -> Iterator[Batch]:
        parent = element.getparent()
        name = local(element)
        if (
            parent is not None and parent is self.container and name in self.fitting
        ):  # the list of records goes on
            self.pending.append(element)
            return
        if name in RECORDS:
            if parent is not None and local(parent) == RECORDS[name] and section_of(parent) is not None:
                yield from self._flush()
                self.container, self.fitting = parent, (name,)
                self.pending.append(element)
        elif name in VALUES:
            if parent is not None and property_of(parent) is not None:
                yield from self._flush()
                self.container, self.fitting = parent, VALUES
                self.pending.append(element)
        elif name in LISTS:
            if parent is not None and local(parent) in SECTIONS:
                yield from self._flush()
                yield from self._add(EXTRACT[name](self._enter(parent), element))
                element.clear()
        elif name in SETS:
            if parent is not None and local(parent) == "НаборыТоваров":
                yield from self._flush()
                outside = Section("", "", None, set=self.part.set, file=self.part.name)
                yield from self._add(product_set(Context(self.part.name, self.wanted, outside), element))
                cut_off(element)
        elif name in DROPPED:
            yield from self._flush()
            cut_off(element)
        elif section_of(element) is element:
            yield from self._flush()
            context = self._enter(element)
            # What it says of itself may also stand behind its records.
            section = section_record(element, self.part)
            if (
                section.changes_only is None
            ):  # what stood in front of Контрагент elements was cut off with them
                section = msgspec.structs.replace(section, changes_only=context.section.changes_only)
            if section != context.section and Section in self.wanted:
                self.records.append(msgspec.structs.replace(section, again=True))
            yield from self._add(catalog_info(context, element))
            self.entered = self.container = None
            element.clear()

    def _flush(self) -> Iterator[Batch]:
        """Read the pending siblings and cut them off the tree."""
        if not self.pending:
            return
        container, last = self.container, self.pending[-1]
        values = property_of(container) if container is not None else None
        section = section_of(values[0] if values else container) if container is not None else None
        if container is not None and section is not None:
            context = self._enter(section)
            if values:  # all of them, as they may be written in several ways
                elements = list(container)[: container.index(last) + 1]
                records = map(partial(property_value, context, property_id=values[1]), elements)
            else:
                self.met_goods = self.met_goods or local(last) in GOODS
                records = map(partial(EXTRACT[local(last)], context), self.pending)
            yield from self._add(chain.from_iterable(records))
        cut_off(self.pending[-1])
        self.pending.clear()

    def _add(self, records: Iterable[Record | Rejected]) -> Iterator[Batch]:
        """Full batches; what is left of the last one waits in `records`."""
        coming = iter(records) if self.line < MAX_LINE else map(self._in_line, records)
        self.records += islice(coming, BATCH)
        while len(self.records) >= BATCH:
            yield self._pop_batch()
            self.records += islice(coming, BATCH)

    def _pop_batch(self) -> Batch:
        batch, self.records = self.records, []
        return batch

    def _in_line(self, record: Record | Rejected) -> Record | Rejected:
        """A reject has the line of its element, or behind MAX_LINE that of a text in it: find the element's."""
        if not isinstance(record, Rejected) or record.line is None or record.line < MAX_LINE:
            return record
        from importers.commerceml.lines import line_of  # here: few files are so long

        return msgspec.structs.replace(record, line=line_of(record.fragment, record.line, list(self.recent)))

    def _enter(self, section: etree._Element) -> Context:
        """The context of a section; its Section record comes before all others of it."""
        if self.entered is None or self.entered[0] is not section:
            record = section_record(section, self.part)
            # Every product keeps the id of its catalog.
            if max(map(len, (record.id, record.catalog_id, record.classifier_id))) > normalise.MAX_ID:
                raise BadFile(
                    N_("the Ид of {name} is longer than any that 1C makes; let 1C write the file again"),
                    self.part.name,
                    line if (line := cast("int", section.sourceline)) < MAX_LINE else None,
                    name=record.name,
                )
            self.entered = section, Context(self.part.name, self.wanted, record, self.price_types)
            if Section in self.wanted:
                self.records.append(record)
        return self.entered[1]

    def _bad(
        self,
        error: etree.XMLSyntaxError,
        parser: etree.XMLPullParser,
        file: PartFile,
        charset: str,
        *,
        cut: bool = False,
    ) -> BadFile:
        if charset == "utf-8" and (offset := self._bad_byte(error, file)) is not None:
            return BadFile(NO_TEXT, self.part.name, error.lineno, offset=offset, encoding=charset)
        of_namespaces = getattr(error, "code", None) in _OF_NAMESPACES
        if cut and not of_namespaces and "Extra content" not in (error.msg or ""):
            return BadFile(ENDS_EARLY, self.part.name, error.lineno)
        if not of_namespaces and (cut or self._has_ended(parser)):
            text = N_("something follows the end of the document; let 1C write the file again")
            return BadFile(text, self.part.name, error.lineno)
        text = N_("not well-formed XML: {error}; let 1C write the file again")
        return BadFile(text, self.part.name, error.lineno, error=" ".join((error.msg or "").split()))

    def _has_ended(self, parser: etree.XMLPullParser) -> bool:
        """Whether the document had ended before what the parser stumbled over."""
        events = cast("Iterator[tuple[str, etree._Element]]", parser.read_events())
        return self.ended or any(event == "end" and element.getparent() is None for event, element in events)

    def _bad_byte(self, error: etree.XMLSyntaxError, file: PartFile) -> int | None:
        if not any(word in (error.msg or "") for word in ("UTF-8", "encoding")):  # by the version of libxml2
            return None
        file.rewind()
        return encoding.bad_byte(file, "utf-8")


_OF_NAMESPACES = frozenset((99, *range(200, 206)))
"""WAR_NS_URI and NS_ERR_* of libxml2, which tells these errors at the end only, wherever they are."""
_BLANK = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
"""White space and byte order marks, in any encoding."""
_ROOT_CUT = re.compile(r"\s*(?:<[\w.:-]*)?")
