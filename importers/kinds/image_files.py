"""One picture: comparing it with what lies in its place, and replacing that."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from importers.texts import N_

if TYPE_CHECKING:
    from importers.commerceml.parts import Part

CHUNK = 1 << 20
DAMAGED = N_("the copy is damaged; import images again")


def compared(
    part: Part, known: IO[bytes] | None, write: Callable[[bytes], int] | None = None
) -> tuple[int, str, bool]:
    """Size and SHA-256 of a picture of the export, and whether the known file has the same bytes."""
    from importers.commerceml.parts import open_part

    size = 0
    digest = hashlib.sha256()
    same = known is not None
    with open_part(part) as picture:
        while chunk := picture.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if write:
                write(chunk)
            same = same and known is not None and known.read(len(chunk)) == chunk
    return size, digest.hexdigest(), same and known is not None and not known.read(1)


def replace(folder: int, copy: str, name: str, size: int) -> None:
    if os.stat(copy, dir_fd=folder, follow_symlinks=False).st_size != size:
        # After a power cut, as to wait for the disk with every copy takes long.
        os.unlink(copy, dir_fd=folder)
        raise OSError(errno.EIO, DAMAGED)
    os.rename(copy, name, src_dir_fd=folder, dst_dir_fd=folder)


def refuse_irreplaceable(folder: int, name: str) -> None:
    """Raises PermissionError for a file that no rename could replace: another account's in a sticky folder, or one
    with the attribute immutable."""
    where, what = os.fstat(folder), os.stat(name, dir_fd=folder, follow_symlinks=False)
    if where.st_mode & stat.S_ISVTX and os.geteuid() not in (0, where.st_uid, what.st_uid):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder))
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
