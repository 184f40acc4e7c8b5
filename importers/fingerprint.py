"""Whether two hosts see the same files of a source, without a look into one.

By names, sizes and times in whole seconds: the device and the number of a file are others on each host that shares a
folder, and a network file system may cut off the fractions of its times.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from importers.texts import N_, Message, plain

if TYPE_CHECKING:
    from importers.identity import Identity

LISTED = 2000
"""So many characters of a fingerprint tell of single files: it stands in the row of a session."""


class _Print(msgspec.Struct, frozen=True, array_like=True):
    files: int
    digest: str
    """Of all of them."""
    first: tuple[tuple[str, int, int], ...] = ()
    """The first ones by name: (name, size, seconds)."""


def fingerprint(files: Mapping[str, Identity]) -> str:
    """Of files by their names in the source."""
    told = [
        (name, size, ns // 10**9) for name, (_device, _number, size, ns, _changed) in sorted(files.items())
    ]
    digest = sha256()
    for name, size, seconds in told:
        digest.update(b"%b\0%d %d\0" % (os.fsencode(name), size, seconds))
    first: list[tuple[str, int, int]] = []
    left = LISTED
    for name, size, seconds in told:
        left -= len(name) + 24
        if left < 0:
            break
        first.append((plain(name), size, seconds))
    return msgspec.json.encode(_Print(len(told), digest.hexdigest()[:32], tuple(first))).decode()


def difference(there: str, here: str) -> Message | None:
    """What one host sees otherwise than another; None where both see the same."""
    of_there, of_here = (msgspec.json.decode(told, type=_Print) for told in (there, here))
    if (of_there.files, of_there.digest) == (of_here.files, of_here.digest):
        return None
    name = _first_that_differs(of_there, of_here)
    if name is None:
        text = N_("files there: {there}, here: {here}, and not the same")
        return Message.of(text, there=of_there.files, here=of_here.files)
    text = N_("files there: {there}, here: {here}; the first that differs: {name}")
    return Message.of(text, there=of_there.files, here=of_here.files, name=name)


def _first_that_differs(there: _Print, here: _Print) -> str | None:
    """None: it is none of those that both would list."""
    ends = [told.first[-1:] for told in (there, here) if len(told.first) < told.files]
    last = min((end[0][0] if end else "" for end in ends), default=None)
    ways = [{name: rest for name, *rest in told.first} for told in (there, here)]
    for name in sorted(ways[0].keys() | ways[1].keys()):
        if last is not None and name > last:
            return None
        if ways[0].get(name) != ways[1].get(name):
            return name
    return None
