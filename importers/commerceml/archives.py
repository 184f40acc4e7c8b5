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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from importers.errors import SourceError
from importers.texts import _, plain

DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, KeyError, OSError,
    OverflowError, UnicodeDecodeError, IndexError,
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
MAX_DEPTH = 30
"""Folders in each other; 1C makes four at most."""
MAX_LIST_BYTES = 8 * 2**20
"""The list of files in an archive, those in it included; in memory it takes up to twenty times as much."""
KEPT = 32
MAX_UNPACKED_BYTES = 2**30
"""So many archives, and bytes of those that had to be unpacked, stay open while an export is read."""


class Archive:
    """A .zip that is open, or one that lies in it. To open it is to read the list of all its files."""

    def __init__(self, path: Path, nested: str | None) -> None:
        self.path = path
        self.nested = nested
        with ExitStack() as stack:
            if nested is None:
                file: IO[bytes] = stack.enter_context(path.open("rb"))
                self.identity = identity_of(os.fstat(file.fileno()))
            else:
                with opened(path) as outer:
                    self.identity = outer.identity
                    file = stack.enter_context(_unpacked(outer.zip, nested, path))
            self.list_bytes = _list_bytes(file)
            self.unpacked_bytes = 0 if nested is None else os.fstat(file.fileno()).st_size
            refuse_long_list(self.list_bytes, path if nested is None else f"{path}/{nested}")
            self.zip: zipfile.ZipFile = stack.enter_context(zipfile.ZipFile(file))
            self.close = stack.pop_all().close


class _Idle:
    """Archives that are open and read by nobody at the moment, the one that was read last at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._archives: list[Archive] = []

    def take(self, path: Path, nested: str | None) -> Archive | None:
        """The archive, if it is here and its file is still the same; it belongs to the caller alone."""
        identity = identity_of(path.stat())
        with self._lock:
            for at, archive in enumerate(self._archives):
                if (archive.path, archive.nested, archive.identity) == (path, nested, identity):
                    return self._archives.pop(at)
        return None

    def keep(self, archive: Archive) -> None:
        with self._lock:
            self._archives.append(archive)
            while len(self._archives) > KEPT or (len(self._archives) > 1 and self._is_much()):
                self._archives.pop(0).close()

    def _is_much(self) -> bool:
        return (
            sum(one.list_bytes for one in self._archives) > MAX_LIST_BYTES
            or sum(one.unpacked_bytes for one in self._archives) > MAX_UNPACKED_BYTES
        )

    def close(self) -> None:
        with self._lock:
            while self._archives:
                self._archives.pop().close()


_idle = _Idle()
close_idle = _idle.close
atexit.register(close_idle)


@contextmanager
def opened(path: Path, nested: str | None = None) -> Iterator[Archive]:
    archive = _idle.take(path, nested) or Archive(path, nested)
    try:
        yield archive
    except BaseException:
        archive.close()
        raise
    _idle.keep(archive)


def _list_bytes(file: IO[bytes]) -> int:
    """The size of an archive's list of files by its end record, which zipfile goes by; 0 where it finds it damaged."""
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    size, place = (end[5], end[9]) if end else (0, 0)
    return int(size) if size <= place else 0


def refuse_long_list(size: int, path: Path | str) -> None:
    if size > MAX_LIST_BYTES:
        raise refused(
            _("{path}: the archive holds too many files; pack them into several archives"), path=path
        )


def _unpacked(archive: zipfile.ZipFile, name: str, path: Path) -> IO[bytes]:
    """A member as a file without a name: in what is packed, each step back means to unpack from the beginning."""
    entry = archive.getinfo(name)
    most = min(MAX_NESTED_BYTES, MAX_NESTED_RATIO * max(entry.compress_size, 65536))
    if entry.file_size > most:
        raise nested_too_far(path, name)
    with ExitStack() as stack:
        with _room():
            copy = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        with archive.open(name) as source:
            while chunk := source.read(1 << 20):
                _write(copy, memoryview(chunk))
        stack.pop_all()  # it stays open
    return copy


def _write(file: IO[bytes], data: memoryview) -> None:
    with _room():
        while data:
            data = data[file.write(data) :]


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refused(
            _("{folder}: cannot hold temporary files: {error}; free some space or set $TMPDIR"),
            folder=tempfile.tempdir or "$TMPDIR",
            error=error.strerror,
        ) from error


def refused(text: str, **names: object) -> SourceError:
    """Names in archives and folders may hold control characters."""
    return SourceError(plain(text.format(**names)))


def nested_too_far(path: Path | str, name: str) -> SourceError:
    return refused(
        _("{path}: {name} cannot be read inside of another archive; unpack it"), path=path, name=name
    )


def identity_of(stat: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another, and from itself before it was written to: who sets the time of the content back
    cannot set that of the change back."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def refuse_depth(name: str, place: object) -> None:
    if name.count("/") > MAX_DEPTH:
        raise refused(
            _("{path}: folders lie deeper in each other than 1C makes them; move the export out of them"),
            path=f"{place}"[:200],
        )


def entries(
    archive: zipfile.ZipFile, label: str, wanted: tuple[str, ...]
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """What may be of an export, with names as a folder would have them. Of other files than the wanted those that
    cannot be used are passed over."""
    names: set[str] = set()
    for entry in archive.infolist():
        path = PurePosixPath(name_of(entry).replace("\\", "/"))
        name = str(path)
        if entry.is_dir() or path.name.startswith(".") or not path.name:
            continue
        try:
            _refuse(entry, path, names, label)
        except SourceError:
            if name.lower().endswith(wanted):
                raise
            continue
        names.add(name)
        yield name, entry


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
    if told := _unicode_path(entry.extra, raw):
        return told
    name = raw.decode("cp866")
    if _FOREIGN.search(name):
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = entry.orig_filename
    return name


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in the extra field of Info-ZIP, which counts for the name that it was made for only."""
    while len(extra) >= 4:
        field, size = struct.unpack_from("<HH", extra)
        told, extra = extra[4 : 4 + size], extra[4 + size :]
        if field == _UNICODE_PATH and told[:1] == b"\1" and told[1:5] == struct.pack("<I", zlib.crc32(raw)):
            try:
                return told[5:].decode() or None
            except UnicodeDecodeError:
                return None
    return None


def _refuse(entry: zipfile.ZipInfo, path: PurePosixPath, names: set[str], label: str) -> None:
    """Raises SourceError for a file that has the name of another, leads out, or cannot be unpacked."""
    name = str(path)
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise refused(
            _("{path}: the archive names a file outside of itself: {name}; do not use it"),
            path=label, name=name_of(entry),
        )  # fmt: skip
    refuse_depth(name, label)
    if name in names:
        raise refused(_("{path}: the archive holds {name} twice; pack it again"), path=label, name=name)
    if entry.flag_bits & 1 or entry.compress_type not in PACKED:
        raise refused(
            _("{path}: {name} is encrypted or packed in a rare way; pack it as a plain .zip"),
            path=label, name=name,
        )  # fmt: skip
    if entry.file_size > MAX_ENTRY_BYTES or entry.file_size > MAX_RATIO * max(entry.compress_size, 65536):
        raise refused(
            _("{path}: {name} unpacks to {size} bytes; an archive like this is made to do harm"),
            path=label, name=name, size=entry.file_size,
        )  # fmt: skip


def packed_at(entry: zipfile.ZipInfo) -> datetime:
    try:
        return datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return NEVER


def time_of(seconds: float) -> datetime:
    """A file may say that it is of the year 30000."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return NEVER


NEVER = datetime(1980, 1, 1, tzinfo=UTC)
"""Where no time is told, or none that there is."""
