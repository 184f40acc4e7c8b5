"""Whether a database of SQLite is still the file that was opened: SQLite itself writes on into one that was removed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from importers.errors import DatabaseError
from importers.identity import Identity, identity_of
from importers.texts import N_

REMOVED = N_("{path}: the file was removed or replaced while it was open; put it back, or start again")


class OpenedFile:
    """The file that a path led to when this was made."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._file = self._found()

    def require(self) -> None:
        """Raises DatabaseError when the path leads to another file now, or to none."""
        if self._found() != self._file:
            raise DatabaseError(REMOVED, path=self._path)

    def _found(self) -> tuple[int, int] | None:
        try:
            found = Path(self._path).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def whole_identity(path: str | Path) -> Identity | None:
    """Of the file, while it is all that there is: with nothing in -wal nobody writes to it but who may write there."""
    place = Path(path).resolve()
    try:
        with suppress(FileNotFoundError):
            if place.with_name(f"{place.name}-wal").stat().st_size:
                return None
        return identity_of(place.stat())
    except OSError:
        return None
