"""What can go wrong, as one tree. Each error names the thing and the cure, in the operator's language.

    ObmenError                 exit code 1 unless a subclass says otherwise
    ├── UsageError             2: a wrong option or setting
    │   └── SettingsError
    ├── SourceError            2: the source is missing, empty, or holds no export
    │   └── BadFile            a file of the export cannot be read: cut, wrong root, wrong encoding, changed
    ├── DatabaseError          1: journal or catalog cannot be opened, is locked, read-only, too new, full
    ├── LimitExceeded          1: guarantee 9: too many rejects or removals; nothing was changed
    ├── LeaseLost              1: another worker or the operator took the session away; nothing was changed
    └── UnknownSession         1

Programming errors are not in the tree: they stay ValueError, TypeError and so on.
"""

from __future__ import annotations

import errno
from pathlib import Path

from importers.texts import _


class ObmenError(Exception):
    """An error meant for the operator: `str(error)` is one line that names the thing and the cure."""

    exit_code = 1


class UsageError(ObmenError):
    exit_code = 2


class SettingsError(UsageError):
    pass


class SourceError(ObmenError):
    exit_code = 2


class BadFile(SourceError):
    """A file that cannot be read as CommerceML.

    Attributes: `path` as shown to the operator (relative to the source), `line` (1-based, None if unknown).
    """

    exit_code = 1

    def __init__(self, text: str, path: str | Path, line: int | None = None) -> None:
        super().__init__(f"{path}:{line}: {text}" if line else f"{path}: {text}")
        self.path = str(path)
        self.line = line


class DatabaseError(ObmenError):
    pass


class LimitExceeded(ObmenError):
    pass


class LeaseLost(ObmenError):
    pass


class UnknownSession(ObmenError):
    pass


def cure_of(error: OSError, setting: str) -> str:
    """What helps where a folder takes no files; `setting` names another folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _("free some space or set {setting}").format(setting=setting)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _("give this account the right to write there or set {setting}").format(setting=setting)
    return _("mend that or set {setting}").format(setting=setting)
