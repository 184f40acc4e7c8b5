"""What can go wrong, as one tree. Each error names the thing and the cure, in the language of who looks.

    ObmenError                 exit code 1 unless a subclass says otherwise
    ├── UsageError             2: a wrong option or setting
    │   ├── SettingsError
    │   └── ReadOnly           the settings are for watching, and it would change something
    ├── SourceError            2: the source is missing, empty, or holds no export
    │   └── BadFile            a file of the export cannot be read: cut, wrong root, wrong encoding, changed
    ├── DatabaseError          1: journal or catalog cannot be opened, is locked, read-only, too new, full
    │   ├── ForeignTables      another program's tables have our names there
    │   ├── ConnectionLost     to its server, before a commit: nothing was done, and it can be done again
    │   └── Unsure             as it is lost in the midst of a commit, and nobody can tell what came of it
    ├── BrokerDown             1: nothing could be put where workers fetch it, or be asked of it; later it may
    │   └── BrokerRefuses      it answers, but not to this account, or not with what was asked for
    ├── LimitExceeded          1: guarantee 9: too many rejects or removals; nothing was changed
    ├── LeaseLost              1: another worker or the operator took the session away; nothing was changed
    └── UnknownSession         1

Programming errors are not in the tree: they stay ValueError, TypeError and so on.
"""

from __future__ import annotations

import errno
from pathlib import Path

from importers.texts import N_, Message

PLACE = "{path}: {why}"
"""Where something is wrong, and what: for `why`, which is a Message."""
PLACE_LINE = "{path}:{line}: {why}"


class ObmenError(Exception):
    """An error meant for the operator: `str(error)` is one line that names the thing and the cure.

    `text` is marked with N_, its `args` are of any type; an error among them stands for its message.
    """

    exit_code = 1
    message: Message

    def __init__(self, text: str | Message = "", /, **args: object) -> None:
        if isinstance(text, str):
            plain_args = {
                name: value.message if isinstance(value, ObmenError) else value
                for name, value in args.items()
            }
            text = Message.of(text, **plain_args)
        super().__init__(text)
        self.message = text

    def __str__(self) -> str:
        return str(self.message)


class UsageError(ObmenError):
    exit_code = 2


class SettingsError(UsageError):
    pass


class ReadOnly(UsageError):
    """Of settings with `read_only`, for all that would change something."""

    def __init__(self) -> None:
        super().__init__(N_("these settings are for watching only (read_only = true)"))


class SourceError(ObmenError):
    exit_code = 2


class BadFile(SourceError):
    """A file that cannot be read as CommerceML.

    Attributes: `path` as shown to the operator (relative to the source), `line` (1-based, None if unknown).
    """

    exit_code = 1

    def __init__(self, text: str, path: str | Path, line: int | None = None, /, **args: object) -> None:
        place = {"path": path, "line": line} if line else {"path": path}
        super().__init__(PLACE_LINE if line else PLACE, **place, why=Message.of(text, **args))
        self.path = str(path)
        self.line = line


class DatabaseError(ObmenError):
    pass


class ForeignTables(DatabaseError):
    """In a schema of a server."""

    def __init__(self, path: str, names: str | Message, cure: Message) -> None:
        super().__init__(
            N_("{path}: its tables are not those that obmen made: {error}; {cure}"),
            path=path,
            error=names,
            cure=cure,
        )
        self.names = names


class Unreachable(DatabaseError):
    """No connection could be made; a later try may have one."""


class ConnectionLost(DatabaseError):
    """Before a commit: nothing of the transaction was done."""


class Unsure(DatabaseError):
    """Whether a transaction was committed."""


class BrokerDown(ObmenError):
    pass


class BrokerRefuses(BrokerDown):
    pass


class LimitExceeded(ObmenError):
    pass


class LeaseLost(ObmenError):
    pass


class UnknownSession(ObmenError):
    pass


def cure_of(error: OSError, setting: str) -> Message:
    """What helps where a folder takes no files; `setting` names another folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        text = N_("free some space or set {setting}")
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        text = N_("give this account the right to write there or set {setting}")
    else:
        text = N_("mend that or set {setting}")
    return Message.of(text, setting=setting)
