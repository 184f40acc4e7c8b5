"""Which encoding the bytes are in: the byte order mark, else UTF-8 if it is, else as declared (docs/commerceml.md 1.1).

1C 7.7 and hand-made exports declare windows-1251 over UTF-8 bytes, or write UTF-16 without a declaration.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, AnyStr, Generic, TypeVar

from importers.errors import BadFile
from importers.texts import N_

if TYPE_CHECKING:
    from importers.commerceml.parts import PartFile

Sought = TypeVar("Sought", bound=Hashable)

_DECLARATION = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ROOT = re.compile(r"\s*<(?:!doctype\s+)?(?:[\w.-]+:)?([\w.-]+)(?=[\s/>\[])", re.IGNORECASE)
_ASIDE = re.compile(r"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
_LATE = re.compile("(\ufeff?\\s+)(<\\?xml\\s[^<>]*\\?>)")
_LATE_BYTES = re.compile(rb"((?:\xef\xbb\xbf)?\s+)(<\?xml\s[^<>]*\?>)")
_CHUNK = 1 << 20
_KNOWN = frozenset(
    (
        "utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii", "cp1251", "cp1252", "cp866", "koi8-r", "koi8-u",
        "iso8859-1", "iso8859-5", "mac-cyrillic",
    )
)  # fmt: skip
"""By Python's names. Its other codecs are no encodings of text (zlib, base64) or hide `<` from a look at the head."""
_BEGINNINGS = (b"<", b" ", b"\t", b"\r", b"\n")
"""What XML begins with: which of its two bytes is nothing tells UTF-16 without a mark."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def of_head(head: bytes) -> str | None:
    """The encoding that the first bytes prove; None where the declaration alone speaks."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    for encoding, first in (("utf-16-le", head[:2]), ("utf-16-be", head[1::-1])):
        if first[:1] in _BEGINNINGS and first[1:] == b"\0":
            return encoding
    return None


def declared(head: bytes) -> str:
    """The declared encoding in lower case; UTF-8 where none is declared, as XML says."""
    match = _DECLARATION.search(head[:1000])
    return match[1].decode("ascii").lower() if match else "utf-8"


def is_known(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name in _KNOWN
    except LookupError:
        return False


def text_of(head: bytes) -> tuple[str, str]:
    """The beginning of a file as text without comments and instructions, and the encoding that it has."""
    for encoding in (of_head(head), "utf-8", declared(head)):
        if encoding and is_known(encoding):
            try:
                text = codecs.getincrementaldecoder(encoding)("strict").decode(head)
            except UnicodeDecodeError:
                continue
            return _ASIDE.sub("", text).removeprefix("\ufeff"), encoding
    return _ASIDE.sub("", head.decode("utf-8", "replace")), "?"


def root_in(head: str) -> str | None:
    """The local name of the root element in `text_of` a file; None where something else comes first, or it is cut."""
    match = _ROOT.match(head)
    return match[1] if match else None


def decide(file: PartFile, name: str) -> str:
    """The encoding to parse `file` with; reads as far as needed and rewinds. Raises BadFile with the byte offset."""
    head = file.read(4096)
    file.rewind()
    by_head = of_head(head)
    if by_head:
        return by_head
    by_declaration = declared(head)
    if not is_known(by_declaration):
        raise BadFile(
            N_("encoding {encoding} is unknown; let 1C write UTF-8"), name, 1, encoding=by_declaration
        )
    if by_declaration == "utf-8" or bad_byte(file, "utf-8") is None:
        return "utf-8"  # the parser finds a wrong byte itself, with its line
    if (offset := bad_byte(file, by_declaration)) is not None:
        raise BadFile(
            N_("byte {offset} is neither UTF-8 nor {encoding} as declared; let 1C write the file again"),
            name,
            offset=offset,
            encoding=by_declaration,
        )
    return by_declaration


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NO_CONTROLS = bytes(byte for byte in range(256) if not _CONTROLS.match(chr(byte)))


class Decoder:
    """Chunks of a file, as text or as UTF-8, with line feeds for line breaks of every kind, as XML reads them.

    libxml2 counts line feeds only: so its lines are those of the file also where that has carriage returns.
    """

    def __init__(self, encoding: str, *, as_text: bool) -> None:
        self._to_text = None
        if as_text or encoding != "utf-8":
            self._to_text = codecs.getincrementaldecoder(encoding)("strict").decode
        self._as_text = as_text
        self._of_bytes = not encoding.startswith("utf-16")
        self.has_controls = False
        """Of text: whether the last chunk had a control character that XML does not allow."""
        self._held = False
        """A carriage return that a line feed may follow."""
        self._begun = False

    def decode(self, chunk: bytes, *, final: bool = False) -> str | bytes:
        """Raises UnicodeDecodeError, but not for UTF-8 that goes to the parser as it is."""
        if self._to_text is None:
            data = self._line_feeds(chunk, b"\r", b"\n", final)
            return data if self._begun else self._first(data, _LATE_BYTES, b"\n")
        text = self._to_text(chunk, final)
        # In bytes it costs a tenth of a search in the text.
        self.has_controls = bool(
            chunk.translate(None, _NO_CONTROLS) if self._of_bytes else _CONTROLS.search(text)
        )
        text = self._line_feeds(text, "\r", "\n", final)
        if not self._begun:
            text = self._first(text, _LATE, "\n")
        return text if self._as_text else text.encode()

    def _line_feeds(self, data: AnyStr, carriage: AnyStr, line: AnyStr, final: bool) -> AnyStr:
        if self._held:
            data = carriage + data
        elif carriage not in data:
            return data
        self._held = data.endswith(carriage) and not final
        if self._held:
            data = data[:-1]
        return data.replace(carriage + line, line).replace(carriage, line)

    def _first(self, data: AnyStr, late: re.Pattern[AnyStr], line: AnyStr) -> AnyStr:
        """Without a declaration that white space stands before: XML has it at the very beginning or not at all."""
        self._begun = bool(data)
        match = late.match(data)
        return match[1] + line * match[2].count(line) + data[match.end() :] if match else data


class Search(Generic[Sought]):
    """Which of the things that are sought stand in a file, which it is fed from the beginning. Of each: the words that
    it has, and the texts with that word by which it is known."""

    def __init__(self, sought: Mapping[Sought, Mapping[str, Iterable[str]]], encoding: str) -> None:
        self.sought = frozenset(sought)
        self.met: set[Sought] = set()
        """All, where the encoding tells nothing."""
        self.ended = False
        """Whether it was fed the file to its end."""
        self._words: dict[Sought, dict[bytes, list[bytes]]] = {}
        if is_known(encoding):
            for one, words in sought.items():
                self._words[one] = {
                    word.encode(encoding, "ignore"): [text.encode(encoding, "ignore") for text in texts]
                    for word, texts in words.items()
                }
        texts = [text for words in self._words.values() for texts in words.values() for text in texts]
        self._longest = max(map(len, texts), default=0)
        self.restart()

    def restart(self) -> None:
        """It is fed from the beginning again."""
        self.met = set(self.sought - self._words.keys())
        self.ended = False
        self._end = b""

    def feed(self, data: bytes) -> None:
        """What comes next in the file; nothing: it has ended."""
        self.ended = not data
        unmet = self._words.keys() - self.met
        if not unmet or not data:
            return
        seam = self._end + data[: self._longest]
        self._end = seam[-self._longest :] if len(data) < self._longest else data[-self._longest :]
        for one in unmet:
            if any(
                word in piece and any(text in piece for text in texts)
                for word, texts in self._words[one].items()
                for piece in (data, seam)
            ):
                self.met.add(one)


def bad_byte(file: PartFile, encoding: str) -> int | None:
    """Where `file` is not `encoding`, None where all of it is, and be it cut within a character; rewinds."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset = 0
    try:
        while chunk := file.read(_CHUNK):
            offset += len(chunk)
            decoder.decode(chunk)
    except UnicodeDecodeError as error:
        return offset - len(error.object) + error.start  # it holds what was left of the chunk before, too
    finally:
        file.rewind()
    return None


def line_at(file: PartFile, offset: int) -> int:
    """The line that a byte of `file` stands in; rewinds."""
    file.rewind()
    line = 1
    while offset > 0 and (chunk := file.read(min(_CHUNK, offset))):
        line += chunk.count(b"\n")
        offset -= len(chunk)
    file.rewind()
    return line
