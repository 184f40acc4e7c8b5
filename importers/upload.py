"""Sending a source along with a launch: packed into a .zip on its way into the journal's database, and back.

Of a folder what may be of the export is packed, in the order of names; a .zip goes as it is. Neither end holds more
than a piece of it in memory.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from importers.errors import SourceError
from importers.fingerprint import fingerprint
from importers.identity import identity_of
from importers.sessions.uploads import PIECE_BYTES
from importers.shielding import to_the_end
from importers.texts import N_, is_text

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from importers.identity import Identity
    from importers.sessions.uploads import Uploads

CHUNK = 1 << 20
"""So many bytes are packed at a time."""
LEVEL = 1
"""Of compression: XML packs to a twentieth at once, and what is sent is read once."""
PREFIX = "obmen-upload-"
YOUNG_SECONDS = 60.0
"""A folder that nobody has locked yet may be about to be."""
Report = Callable[[int, int], None]
"""(bytes that are packed and sent, bytes in all)."""


class _File(NamedTuple):
    name: str
    path: Path
    identity: Identity

    @property
    def size(self) -> int:
        return self.identity[2]


class Parcel:
    """A source that is to be sent. Not for an event loop; SourceError where it cannot be read."""

    def __init__(self, source: str, *, pictures: bool) -> None:
        """`pictures`: with them, and with all else that a <Картинка> may name."""
        from importers.commerceml.scan import IMAGES, WANTED, identities_in, listed

        self._source = Path(source)
        if not self._source.exists():
            raise SourceError(
                N_("{path}: there is no such folder or .zip; name the one that 1C writes"), path=source
            )
        try:
            self._is_folder = self._source.is_dir()
            self._identities = identities_in(self._source)
            if self._is_folder:
                wanted = None if pictures else tuple(set(WANTED) - set(IMAGES))
                self._files = [
                    _file(name, Path(entry.path), entry.stat())
                    for name, entry in listed(self._source)
                    if wanted is None or name.lower().endswith(wanted)
                ]
                self._refuse_nested()
            else:
                self._files = [_file(self._source.name, self._source, self._source.stat())]
        except OSError as error:
            raise SourceError(
                N_("{path}: cannot be read: {error}"), path=error.filename or source, error=error.strerror
            ) from error
        self.bytes = sum(file.size for file in self._files)
        self.fingerprint = fingerprint({file.name: file.identity for file in self._files})

    def _refuse_nested(self) -> None:
        """Archives that lie in those of the folder would lie one deeper."""
        from importers.commerceml.archives import DAMAGED, Listing, entries, nested_too_far, opened

        for file in self._files:
            if not file.name.lower().endswith(".zip"):
                continue
            with suppress(*DAMAGED), opened(file.path) as archive:  # of damaged ones the launch tells
                for member, _entry in entries(archive, file.name, (".zip",), Listing(file.name)):
                    if member.name.lower().endswith(".zip"):
                        raise nested_too_far(file.path, member.name)

    def pieces(self) -> Iterator[tuple[int, bytes | None]]:
        """Steps of milliseconds: (bytes that were read so far, a piece if there is one). Raises BadFile for what is
        changed meanwhile."""
        from importers.commerceml.source import require_unchanged

        done, packed = 0, bytearray()
        for read, more in self._packed() if self._is_folder else self._as_it_is():
            done += read
            packed += more
            while len(packed) >= PIECE_BYTES:
                piece = bytes(packed[:PIECE_BYTES])
                del packed[:PIECE_BYTES]
                yield done, piece
            yield done, None
        require_unchanged(self._source, self._identities)
        yield done, bytes(packed)

    def _as_it_is(self) -> Iterator[tuple[int, bytes]]:
        for file in self._files:
            for chunk in self._read(file):
                yield len(chunk), chunk

    def _packed(self) -> Iterator[tuple[int, bytes]]:
        from zipfile import ZipFile

        out = _Out()
        with ZipFile(cast("IO[bytes]", out), "w", compresslevel=LEVEL) as archive:
            for file in self._files:
                # A file may grow meanwhile: that is told by name, not by what a packer says of 32 bits.
                with archive.open(_entry(file), "w", force_zip64=True) as entry:
                    for chunk in self._read(file):
                        entry.write(chunk)
                        yield len(chunk), out.taken()
        yield 0, out.taken()

    def _read(self, file: _File) -> Iterator[bytes]:
        from importers.commerceml.parts import Part, open_part

        root = self._source if self._is_folder else None
        path = file.path if self._is_folder else Path(os.path.realpath(file.path))
        with open_part(Part(file.name, file.size, "", frozenset(), path, root=root)) as data:
            while chunk := data.read(CHUNK):
                yield chunk


class _Out:
    """What a packer writes, until it is taken. It cannot go back."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _file(name: str, path: Path, stat: os.stat_result) -> _File:
    if not is_text(name):
        raise SourceError(N_("{path}: the name is not in UTF-8; rename it"), path=path)
    return _File(name, path, identity_of(stat))


def _entry(file: _File) -> ZipInfo:
    """With the file's time in UTC, by which exports are put in order; the same bytes wherever it is packed."""
    from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

    from importers.commerceml.scan import IMAGES

    changed = datetime.fromtimestamp(min(max(file.identity[3] // 10**9, _EARLIEST), _LATEST), UTC)
    entry = ZipInfo(file.name, changed.timetuple()[:6])
    is_packed = file.name.lower().endswith((".zip", *IMAGES))
    entry.compress_type = ZIP_STORED if is_packed else ZIP_DEFLATED
    entry.create_system, entry.external_attr = 3, 0o600 << 16
    return entry


_EARLIEST, _LATEST = (int(datetime(year, 1, 2, tzinfo=UTC).timestamp()) for year in (1980, 2107))
"""The years of a .zip."""


async def send(parcel: Parcel, uploads: Uploads, name: str, report: Report | None = None) -> None:
    """Raises SourceError, DatabaseError: then, and when it is cancelled, a part of it may lie in the journal."""
    pieces, number = parcel.pieces(), 0
    try:
        # A thread cannot be left alone in the middle of a step: the next to come would find it there.
        while step := await to_the_end(asyncio.to_thread(next, pieces, None)):
            done, piece = step
            if piece is not None:
                await uploads.add(name, number, piece)
                number += 1
            if report:
                report(done, parcel.bytes)
    finally:
        pieces.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def received(
    uploads: Uploads, name: str, source: str, check: Callable[[], None]
) -> AsyncIterator[tuple[Path, int]]:
    """What was sent, as a private file that is gone afterwards, with its size. `source`: where it was, which gives the
    file its name. `check` is called between pieces, and may raise.

    What a worker that was killed left is removed by the next one that receives something. Raises ObmenError where it is
    not there any more, SourceError where there is no room for it."""
    from importers.commerceml.archives import close_idle, room

    with room():
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = _locked(folder)
    try:
        await asyncio.to_thread(_remove_what_died, folder)
        stem = Path(source).name[-60:]
        path = folder / (stem if stem.lower().endswith(".zip") else f"{stem or 'source'}.zip")
        with room(), _private(path) as file:
            size = await _write(file, uploads, name, check)
        yield path, size
    finally:
        close_idle()
        await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
        if lock is not None:
            os.close(lock)


async def _write(file: IO[bytes], uploads: Uploads, name: str, check: Callable[[], None]) -> int:
    async for piece in uploads.read(name):
        check()
        left = memoryview(piece)
        while left:
            left = left[file.write(left) :]
    return file.tell()


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)


def _locked(folder: Path) -> int | None:
    """A lock that ends with this process, whatever ends it; None where the file system has none."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_what_died(ours: Path) -> None:
    now = ours.stat().st_mtime
    for folder in ours.parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            if folder == ours or found.st_uid != os.geteuid() or now - found.st_mtime < YOUNG_SECONDS:
                continue
            if (lock := _locked(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
