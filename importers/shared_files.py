"""Who may read the files that obmen makes: they hold customers' data, so their owner alone, whatever the umask says.

Several accounts of one group may use them (docs/guide.md): a setgid folder that its group may write says so.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def make_file(path: Path) -> None:
    """Make an empty file at `path`, with its folder, unless it is there. Raises OSError.

    For its owner, in a shared folder for the group, too; SQLite then makes -wal and -shm alike.
    """
    make_folder(path.parent)
    mode = path.parent.stat().st_mode
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(handle, 0o660 if is_shared(mode) else 0o600)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents, which nobody else may write; below a shared one they are shared, too.

    Raises OSError.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    mode = folder.parent.stat().st_mode
    try:
        folder.mkdir(mode=0o755)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        if is_shared(mode):
            folder.chmod(stat.S_IMODE(mode))


def is_shared(mode: int) -> bool:
    return bool(mode & stat.S_ISGID and mode & stat.S_IWGRP)
