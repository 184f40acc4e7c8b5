"""Archives (.zip) of an export, and those that lie in them: opened once, never trusted.

Names that lead out of an archive, bombs, and lists of files that fill the memory are refused.
"""

from __future__ import annotations

import atexit
import os
import re
import struct
import tempfile
import threading
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from importers.commerceml.places import NEVER, Member, refuse_depth
from importers.errors import SourceError
from importers.identity import identity_of
from importers.texts import N_, plain


class Moved(LookupError):
    """The list of an archive has another file in that place: it is not the archive that was looked into."""


DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, KeyError, OSError,
    OverflowError, UnicodeDecodeError, IndexError, Moved,
)  # fmt: skip
"""What zipfile raises for a .zip that is not as it should be."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How 1C packs. Other ways unpack to any size from a few bytes, before a limit can be looked at."""
MAX_ENTRY_BYTES = 20 * 2**30
MAX_RATIO = 300
"""An archived file that unpacks to so many times its size is a bomb: XML of 1C packs 10 to 40 times."""
MAX_NESTED_BYTES = 4 * 2**30
MAX_NESTED_RATIO = 40
"""A .zip that lies in a .zip is unpacked to the disk as a whole. It is packed already; only one whose files are stored
as they are packs once more, like XML."""
MAX_LIST_BYTES = 80 * 2**20
FILE_BYTES = 160
XML_BYTES = 1600
"""What the files of an archive, of those in it included, may take in memory: each of them its name and about so much,
of those that are read (.xml) more."""
MAX_OPEN = 32
MAX_UNPACKED_BYTES = 2**30
"""So many archives, and bytes of those that had to be unpacked, stay open while an export is read."""


class _Unlisted(zipfile.ZipFile):
    """Without its list of files, which takes a kilobyte of memory for each."""

    def _RealGetContents(self) -> None:  # noqa: N802 (the name that zipfile gives it)
        pass


class Archive:
    """A .zip that is open, or one that lies in it. Of the list of its files each entry is read when it is wanted."""

    def __init__(self, path: Path, nested: Member | None) -> None:
        self.path = path
        self.nested = nested
        with ExitStack() as stack:
            if nested is None:
                file: IO[bytes] = stack.enter_context(path.open("rb"))
                self.identity = identity_of(os.fstat(file.fileno()))
            else:
                with opened(path) as outer:
                    self.identity = outer.identity
                    file = stack.enter_context(_unpacked(outer, nested, path))
            self.unpacked_bytes = 0 if nested is None else os.fstat(file.fileno()).st_size
            self._file = file
            self._start, self._size, self._shift = _list_in(file)
            self._zip: zipfile.ZipFile = stack.enter_context(_Unlisted(file))
            self.close = stack.pop_all().close

    def listed(self) -> Iterator[tuple[int, zipfile.ZipInfo]]:
        """The entries of all files, each with its place in the list."""
        at = 0
        while at < self._size:
            entry, behind = self._entry(at)
            yield at, entry
            at = behind

    def entry(self, member: Member) -> zipfile.ZipInfo:
        try:
            entry, _behind = self._entry(member.at)
        except DAMAGED as error:
            raise Moved(member.name) from error
        if plain(path_of(entry)) != member.name:
            raise Moved(member.name)
        return entry

    def open(self, member: Member) -> IO[bytes]:
        return self._zip.open(self.entry(member))

    def _entry(self, at: int) -> tuple[zipfile.ZipInfo, int]:
        """The entry in a place of the list, as zipfile reads it, and where it ends."""
        self._file.seek(self._start + at)
        head = self._file.read(_ENTRY.size)
        if len(head) < _ENTRY.size or not head.startswith(_ENTRY_MARK):
            raise zipfile.BadZipFile("Bad magic number for central directory")
        flags, method, time, date, crc, packed, size, *lengths, attributes, offset = _ENTRY.unpack(head)
        name_length, extra_length, comment_length = lengths
        behind = at + _ENTRY.size + name_length + extra_length + comment_length
        if behind > self._size:
            raise zipfile.BadZipFile("Truncated central directory")
        name = self._file.read(name_length).decode("utf-8" if flags & _IS_UNICODE else "cp437")
        day = ((date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2)
        entry = zipfile.ZipInfo(name)
        entry.date_time = day
        entry.flag_bits, entry.compress_type, entry.CRC, entry.external_attr = flags, method, crc, attributes
        entry.extra = self._file.read(extra_length)
        size, packed, offset = _long(entry.extra, size, packed, offset)
        entry.file_size, entry.compress_size, entry.header_offset = size, packed, offset + self._shift
        return entry, behind


_ENTRY = struct.Struct("<8xHHHHIIIHHH4xII")
_ENTRY_MARK = b"PK\1\2"
_LOCAL_BYTES = 30
"""What stands before each file in an archive has so many bytes, and its name."""
_LONG = 1


def _list_in(file: IO[bytes]) -> tuple[int, int, int]:
    """Where the list of an archive's files begins, its size, and how many bytes lie before the archive itself, by its
    end record, as zipfile finds them."""
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise zipfile.BadZipFile("File is not a zip file")
    size, offset, start = end[5], end[6], end[9] - end[5]
    if end[0] == b"PK\6\6":
        start -= 76  # the end records of zip64
    if start < 0:
        raise zipfile.BadZipFile("Bad offset for central directory")
    return start, size, start - offset


def _long(extra: bytes, *sizes: int) -> tuple[int, ...]:
    """Sizes and offset of an entry; those that need more than 32 bits stand in a field of zip64."""
    field = _field(extra, _LONG)
    values = []
    for size in sizes:
        if size == 0xFFFF_FFFF and field is not None:
            values.append(int.from_bytes(field[:8], "little"))
            if len(field) < 8:
                raise zipfile.BadZipFile("Corrupt zip64 extra field")
            field = field[8:]
        else:
            values.append(size)
    return tuple(values)


def _field(extra: bytes, wanted: int) -> bytes | None:
    while len(extra) >= 4:
        field, size = struct.unpack_from("<HH", extra)
        if field == wanted:
            return extra[4 : 4 + size]
        extra = extra[4 + size :]
    return None


class _Idle:
    """Archives that are open and read by nobody at the moment, the one that was read last at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._archives: list[Archive] = []

    def acquire(self, path: Path, nested: Member | None) -> Archive | None:
        """The archive, if it is here and its file is still the same; it belongs to the caller alone."""
        identity = identity_of(path.stat())
        with self._lock:
            for at, archive in enumerate(self._archives):
                if (archive.path, archive.nested, archive.identity) == (path, nested, identity):
                    return self._archives.pop(at)
        return None

    def release(self, archive: Archive) -> None:
        """It stays open until too many others are released after it."""
        with self._lock:
            self._archives.append(archive)
            while len(self._archives) > MAX_OPEN or (len(self._archives) > 1 and self._is_much()):
                self._archives.pop(0).close()

    def _is_much(self) -> bool:
        return sum(one.unpacked_bytes for one in self._archives) > MAX_UNPACKED_BYTES

    def close(self) -> None:
        with self._lock:
            while self._archives:
                self._archives.pop().close()


_idle = _Idle()
close_idle = _idle.close
atexit.register(close_idle)


@contextmanager
def opened(path: Path, nested: Member | None = None) -> Iterator[Archive]:
    archive = _idle.acquire(path, nested) or Archive(path, nested)
    try:
        yield archive
    except BaseException:
        archive.close()
        raise
    _idle.release(archive)


class Listing:
    """What the files of an archive, and of those in it, take in memory."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bytes = 0

    def add(self, name: str) -> None:
        self._bytes += len(name.encode()) + (XML_BYTES if name.lower().endswith(".xml") else FILE_BYTES)
        if self._bytes > MAX_LIST_BYTES:
            raise SourceError(
                N_("{path}: the archive holds too many files; pack them into several archives"),
                path=self._label,
            )


def _unpacked(archive: Archive, member: Member, path: Path) -> IO[bytes]:
    """A member as a file without a name: in what is packed, each step back means to unpack from the beginning."""
    entry = archive.entry(member)
    most = min(MAX_NESTED_BYTES, MAX_NESTED_RATIO * max(entry.compress_size, 65536))
    if entry.file_size > most:
        raise nested_too_far(path, member.name)
    with ExitStack() as stack:
        with room():
            copy = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        with archive.open(member) as source:
            while chunk := source.read(1 << 20):
                _write(copy, memoryview(chunk))
        stack.pop_all()  # it stays open
    return copy


def _write(file: IO[bytes], data: memoryview) -> None:
    with room():
        while data:
            data = data[file.write(data) :]


@contextmanager
def room() -> Iterator[None]:
    """What keeps a temporary file from being written, as a SourceError."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            N_("{folder}: cannot hold temporary files: {error}; free some space or set $TMPDIR"),
            folder=tempfile.tempdir or "$TMPDIR",
            error=error.strerror,
        ) from error


def nested_too_far(path: Path | str, name: str) -> SourceError:
    return SourceError(
        N_("{path}: {name} cannot be read inside of another archive; unpack it"), path=path, name=name
    )


def entries(
    archive: Archive, label: str, wanted: tuple[str, ...], listing: Listing
) -> Iterator[tuple[Member, zipfile.ZipInfo]]:
    """What may be of an export, with names as a folder would have them. Of other files than the wanted those that
    cannot be used are passed over."""
    names: set[int] = set()
    starts, ends = array("q"), array("q")
    for at, entry in archive.listed():
        name = path_of(entry)
        listing.add(name)
        starts.append(entry.header_offset)
        ends.append(entry.header_offset + _LOCAL_BYTES + len(entry.orig_filename) + entry.compress_size)
        last = name.rpartition("/")[2]
        if entry.is_dir() or last.startswith(".") or not last:
            continue
        try:
            _refuse(entry, name, names, label)
        except SourceError:
            if name.lower().endswith(wanted):
                raise
            continue
        names.add(hash(name))
        yield Member(plain(name), at), entry
    names.clear()
    if any(end > start for end, start in zip(sorted(ends), sorted(starts)[1:], strict=False)):
        raise zipfile.BadZipFile("Overlapped entries")  # many files from the same bytes


def path_of(entry: zipfile.ZipInfo) -> str:
    name = name_of(entry).replace("\\", "/")
    return str(PurePosixPath(name)) if _UNTIDY.search(name) else name


_UNTIDY = re.compile(r"(?:^|/)\.?(?:/|$)")
"""What a path means nothing by: `./`, `//`, a `/` at its end."""


_FOREIGN = re.compile(r"[\u2500-\u25ff°∙·√¤\xa0]")
"""What cp866 has besides letters, digits and the signs of a keyboard."""
_UNICODE_PATH = 0x7075
_IS_UNICODE = 0x800


def name_of(entry: zipfile.ZipInfo) -> str:
    """The name of an archived file. zipfile reads cp437 where the archive does not say that it is Unicode; the packers
    of Windows mean the code page of their console, cp866 in Russian, and some write UTF-8 and do not say so."""
    if entry.flag_bits & _IS_UNICODE or entry.orig_filename.isascii():
        return entry.filename
    raw = entry.orig_filename.encode("cp437", "replace")
    if name := _unicode_path(entry.extra, raw):
        return name
    name = raw.decode("cp866")
    if _FOREIGN.search(name):
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = entry.orig_filename
    return name


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in the extra field of Info-ZIP, which counts for the name that it was made for only."""
    field = _field(extra, _UNICODE_PATH) or b""
    if field[:1] == b"\1" and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
        try:
            return field[5:].decode() or None
        except UnicodeDecodeError:
            return None
    return None


def _refuse(entry: zipfile.ZipInfo, name: str, names: set[int], label: str) -> None:
    """Raises SourceError for a file that has the name of another, leads out, or cannot be unpacked."""
    if name.startswith("/") or ".." in name.split("/") or ":" in name:
        raise SourceError(
            N_("{path}: the archive names a file outside of itself: {name}; do not use it"),
            path=label,
            name=name_of(entry),
        )
    refuse_depth(name, label)
    if hash(name) in names:  # 64 bits of a key that nobody knows: names that differ do not meet
        raise SourceError(N_("{path}: the archive holds {name} twice; pack it again"), path=label, name=name)
    if entry.flag_bits & 1 or entry.compress_type not in PACKED:
        raise SourceError(
            N_("{path}: {name} is encrypted or packed in a rare way; pack it as a plain .zip"),
            path=label,
            name=name,
        )
    if entry.file_size > MAX_ENTRY_BYTES or entry.file_size > MAX_RATIO * max(entry.compress_size, 65536):
        raise SourceError(
            N_("{path}: {name} unpacks to {size} bytes; an archive like this is made to do harm"),
            path=label,
            name=name,
            size=entry.file_size,
        )


def packed_at(entry: zipfile.ZipInfo) -> datetime:
    try:
        return datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return NEVER
