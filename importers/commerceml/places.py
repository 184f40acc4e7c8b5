"""Where the pictures and other files of an export lie: hundreds of thousands of them, in no more memory than needed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import NamedTuple

from importers.errors import SourceError
from importers.texts import N_, plain

MAX_DEPTH = 30
"""Folders in each other; 1C makes four at most."""
Place = bytes
"""The name backwards, so that names with the same end stand together when sorted; behind a NUL, which no name holds,
the way to the file where the name does not say it. A tuple of texts would take twice as much."""


class Member(NamedTuple):
    """A file in an archive: its name as it is shown, and the place of its entry in the list."""

    name: str
    at: int


class Holder(NamedTuple):
    """An archive that holds files, by its path, or one that lies in it."""

    path: str
    prefix: str
    """What the names of its files begin with."""
    nested: Member | None


class Way(NamedTuple):
    """To a file by its path, or to one in an archive: the number of its holder, and its place in the list there."""

    path: str
    holder: int = -1
    at: int = -1


def in_folder(name: str, path: str) -> Place:
    """`name` in the source, which is its path there unless it cannot be shown as it is."""
    shown = plain(name)
    return _backwards(shown) + b"\0" + (b"" if shown == name else b"/" + os.fsencode(path))


def in_archive(name: str, holder: int, at: int) -> Place:
    return b"%b\0%d %d" % (_backwards(name), holder, at)


def name_of(place: Place) -> str:
    return place.partition(b"\0")[0].decode()[::-1]


def way_of(place: Place) -> Way:
    """With an empty path: as its name says."""
    way = place.partition(b"\0")[2]
    if way[:1] in (b"", b"/"):
        return Way(os.fsdecode(way[1:]))
    holder, at = way.split()
    return Way("", int(holder), int(at))


def endings(path: str) -> tuple[Place, Place]:
    """How places of this name begin, and those below a folder."""
    return _backwards(path) + b"\0", _backwards(f"/{path}")


def _backwards(name: str) -> bytes:
    return name[::-1].encode()


def time_of(seconds: float) -> datetime:
    """A file may say that it is of the year 30000."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return NEVER


NEVER = datetime(1980, 1, 1, tzinfo=UTC)
"""Where no time is told, or none that there is."""


def refuse_depth(name: str, place: object) -> None:
    if name.count("/") > MAX_DEPTH:
        raise SourceError(
            N_("{path}: folders lie deeper in each other than 1C makes them; move the export out of them"),
            path=f"{place}"[:200],
        )
