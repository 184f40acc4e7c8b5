"""One file of an export: a file of a folder, or one in an archive. Whatever goes wrong in it is a BadFile."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from importers.commerceml.beneath import open_beneath
from importers.commerceml.places import Member
from importers.commerceml.records import Record
from importers.errors import BadFile
from importers.identity import identity_of
from importers.texts import N_

if TYPE_CHECKING:
    from importers.commerceml.encoding import Search

HEAD = 65536
"""So many bytes of a file tell what it is."""


class Part(msgspec.Struct, frozen=True):
    """One XML file or picture."""

    name: str
    """Relative to the source, archives in it included: `1.zip/goods/import.xml`."""
    size: int
    modified: str
    records: frozenset[type[Record]]
    """What it holds, by its name and its head."""
    path: Path
    """The file itself, or the archive that holds it."""
    members: tuple[Member, ...] = ()
    """The way inside the archive(s): one file, or two where a zip lies in a zip."""
    made: str = ""
    """ДатаФормирования, as 2024-05-31T08:00:00 on the clock of 1C; "" where none can be read."""
    set: int = 0
    """Files of one number are parts of one set (see `sets.py`); sets are read in the order of their numbers."""
    root: Path | None = None
    """The folder out of which no link may lead; None: that of the file itself."""
    unsure: frozenset[type[Record]] = frozenset()
    """Records that have files of their own, see `contents.SPLIT`: whether this one holds them, too, only all of it
    tells."""
    encoding: str = ""
    """As far as its head shows it; "" before that was looked at."""
    search: Search[type[Record]] | None = None
    """Is fed all that is read of it."""


CHANGED = N_("the file was changed while it was read; import again when 1C is done")
GONE = N_("the file vanished while it was read; import again when 1C is done")


class PartFile:
    """The bytes of a part. What cannot be read is a BadFile, whoever reads."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        self._file = file
        self._part = part

    def read(self, size: int = -1) -> bytes:
        with reading(self._part):
            data = self._file.read(size)
        if self._part.search:
            self._part.search.feed(data)
        return data

    def rewind(self) -> None:
        with reading(self._part):
            self._file.seek(0)
        if self._part.search:
            self._part.search.restart()


@contextmanager
def open_part(part: Part) -> Iterator[PartFile]:
    """The bytes of a part; after a clean read the file must be the one that was opened, unchanged."""
    with ExitStack() as stack:
        with reading(part):
            file = stack.enter_context(open_beneath(part.root or part.path.parent, part.path))
            before = identity_of(os.fstat(file.fileno()))
            if part.members:
                from importers.commerceml.archives import opened

                archive = stack.enter_context(opened(part.path, *part.members[:-1]))
                if archive.identity != before:
                    raise BadFile(CHANGED, part.name)
                file = stack.enter_context(archive.open(part.members[-1]))
        yield PartFile(file, part)
        if before != identity_of(_stat(part)):
            raise BadFile(CHANGED, part.name)


@contextmanager
def reading(part: Part) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        from importers.commerceml.archives import DAMAGED, Moved  # a folder needs none of zipfile

        if not isinstance(error, DAMAGED):
            raise
        if isinstance(error, Moved):
            raise BadFile(CHANGED, part.name) from error
        if isinstance(error, PermissionError):
            text = N_("cannot be read: {error}; give this account the right to")
        elif part.members:
            text = N_("the archive is damaged: {error}; copy it again")
        else:
            text = N_("cannot be read: {error}; let 1C write it again")
        raise BadFile(text, part.name, error=getattr(error, "strerror", None) or error) from error


def require_readable(part: Part) -> None:
    """Raises BadFile for a file of a folder that this account may not read: the right is asked for, nothing opened."""
    with reading(part):
        if not part.members and not os.access(part.path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _stat(part: Part) -> os.stat_result:
    try:
        return part.path.stat()
    except OSError as error:
        raise BadFile(GONE, part.name) from error


def head_of(part: Part) -> tuple[str, str]:
    """The beginning of a part as text, and its encoding as far as that shows it."""
    from importers.commerceml.encoding import text_of

    with open_part(part) as file:
        return text_of(file.read(HEAD))


def utc_text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
