"""Opening what lies below a folder and nothing else, whoever plants a link there at whatever moment.

A look beforehand is not enough: what was looked at may be something else when it is opened. So each folder on the way
is opened by its name in the one before, and never through a link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from importers.errors import SourceError
from importers.shared_files import is_shared
from importers.texts import N_

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
"""O_PATH: a folder may be passed through without the right to list it."""
_LINKS = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)
"""What the system says of a link in a place where none is followed."""


def open_beneath(root: Path, path: Path) -> IO[bytes]:
    """Open a regular file for reading. Links that end below `root` are followed. Raises SourceError, OSError."""
    try:
        handle = _open(root, path.relative_to(root).parts)
    except OSError as error:
        if error.errno not in _LINKS:
            raise
        home, real = Path(os.path.realpath(root)), Path(os.path.realpath(path))
        if not real.is_relative_to(home):
            text = N_("{path}: a link that leads out of the source is not followed; copy the file")
            raise SourceError(text, path=path) from error
        handle = _open(home, real.relative_to(home).parts)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SourceError(N_("{path}: is no regular file; remove it"), path=path)
    return os.fdopen(handle, "rb")


def _open(root: Path, pieces: Sequence[str]) -> int:
    folders = Folders(root)
    try:
        # O_NONBLOCK: a named pipe would wait for a writer.
        return os.open(
            pieces[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folders.open(pieces[:-1])
        )
    finally:
        folders.close()


class Folders:
    """The folders below `root`. The last one stays open, as its neighbour is likely to be asked for next."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._last: tuple[tuple[str, ...], int] | None = None
        self.made: list[tuple[str, ...]] = []
        """Folders that `open` made, outer ones first."""

    def open(self, pieces: Sequence[str], *, make: bool = False) -> int:
        """A handle to use as `dir_fd`, until the next call. Raises OSError: NotADirectoryError also at a link."""
        pieces = tuple(pieces)
        if self._last is None or self._last[0] != pieces:
            self.close()
            handle = os.open(self._root, _FOLDER)
            for depth, name in enumerate(pieces, 1):
                handle, made = _step(handle, name, make)
                if made:
                    self.made.append(pieces[:depth])
            self._last = pieces, handle
        return self._last[1]

    def close(self) -> None:
        if self._last:
            os.close(self._last[1])
            self._last = None


def _step(parent: int, name: str, make: bool) -> tuple[int, bool]:
    """Go from a folder, which is closed, to one in it; whether that was made."""
    if "/" in name or name == "..":
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
    made = False
    try:
        if make:
            made = _make(parent, name)
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent), made
    finally:
        os.close(parent)


def _make(parent: int, name: str) -> bool:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return False
    mode = os.fstat(parent).st_mode
    if is_shared(mode):
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            os.fchmod(handle, stat.S_IMODE(mode))
        finally:
            os.close(handle)
    return True


def create(folder: int, name: str) -> int:
    """Make a file that is not there yet, with the rights that the folder asks for; a handle to write it."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
    mode = os.fstat(folder).st_mode
    if is_shared(mode):
        os.fchmod(handle, mode & 0o664)
    return handle
