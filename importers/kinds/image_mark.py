"""Whose folder of images it is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from pathlib import Path

import msgspec

from importers.addresses import SQLITE
from importers.commerceml.beneath import Folders, create
from importers.errors import ObmenError
from importers.kinds.image_paths import OURS
from importers.texts import N_

MARK = "catalog.json"


class Mark(msgspec.Struct, frozen=True):
    """The catalog that a folder belongs to: its identity, and where it was when it was here last."""

    catalog: str
    host: str
    path: str

    @classmethod
    def of(cls, identity: str, path: str) -> Mark:
        return cls(identity, socket.gethostname(), path)

    def may_follow(self, other: Mark) -> bool:
        """Whether this catalog stands where the other one stood, or is the same one, moved: a copy is not."""
        if (self.host, self.path) == (other.host, other.path):
            return True
        return self.catalog == other.catalog and not (
            self.host == other.host and _is_in_use(Path(other.path))
        )

    def claim(self, folders: Folders, path: Path) -> bool:
        """Write it into the folder of images at `path`; whether that was nobody's. Raises ObmenError where it is
        another catalog's, OSError."""
        text = msgspec.json.encode(self)
        if _written(folders) == text:
            return False
        folder = folders.open((OURS,), make=True)
        fresh = False
        with contextlib.suppress(FileExistsError):
            os.close(create(folder, MARK))
            fresh = True
        with os.fdopen(os.open(MARK, os.O_RDWR | os.O_NOFOLLOW, dir_fd=folder), "r+b") as file:
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(file, fcntl.LOCK_EX)
            self._refuse(file.read(), path)
            file.seek(0)
            file.write(text)
            file.truncate()
        return fresh

    def refuse_other(self, folders: Folders, path: Path) -> None:
        """Raises ObmenError where the folder of images at `path` is another catalog's, OSError."""
        self._refuse(_written(folders), path)

    def _refuse(self, written: bytes, path: Path) -> None:
        """An empty mark is one whose writer died."""
        if not written:
            return
        try:
            other = msgspec.json.decode(written, type=Mark)
        except msgspec.MsgspecError:
            other = Mark("", "", "?")
        if not self.may_follow(other):
            raise ObmenError(
                N_(
                    "{folder}: holds the images of another catalog, {path}; set images.path to another folder, "
                    "or remove {mark} if that catalog is gone"
                ),
                folder=path,
                path=other.path,
                mark=path / OURS / MARK,
            )


def _written(folders: Folders) -> bytes:
    try:
        handle = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folders.open((OURS,)))
    except FileNotFoundError:
        return b""
    with os.fdopen(handle, "rb") as file:
        return file.read()


def _is_in_use(catalog: Path) -> bool:
    """One whose content was moved to a server is not."""
    from importers.database.looking import look
    from importers.database.migrations import MOVED

    return catalog.exists() and not look(f"{SQLITE}{catalog}", "", MOVED, f"SELECT place FROM {MOVED}")  # noqa: S608


class Stuck(msgspec.Struct, frozen=True):
    """Copies that could not be put in place."""

    count: int
    first: str
    """The path of the first of them."""
    error: str
    """A text marked with N_, or words of the system."""
