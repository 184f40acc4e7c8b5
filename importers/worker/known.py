"""The same export again: what a session told of it is told again, and nothing is read.

It must be exact. So the files of the export, the catalog, the program, the settings and the options are the same, or
the session runs as any other; and what it would tell is either what one told that changed nothing, or follows from
what its kinds know (`Again`). Whatever is unsure is not remembered.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import importers
from importers.clock import boot_id
from importers.events import Counted, Counts, Event, Log, Reject
from importers.identity import identity_of, seconds_to_settle
from importers.kinds.registry import repeats
from importers.mounts import has_our_clock
from importers.sessions import MAX_REJECTS

if TYPE_CHECKING:
    from importers.commerceml import Export
    from importers.kinds.protocol import Kind
    from importers.sessions import Session
    from importers.targets import Target

MAX_TOLD = 4 << 20
"""Bytes of what is remembered of a session; thousands of rejects take so much."""
MAX_LINES = 10_000
"""Of a log; what a session tells beyond them is not kept in memory."""


class Told(msgspec.Struct):
    """What a session tells of its kinds, line by line, but how long it took."""

    lines: list[Log] = []
    rejects: list[Reject] = []
    """The first MAX_REJECTS."""
    rejected: int = 0
    counted: list[Counted] = []

    @property
    def by_kind(self) -> dict[str, Counts]:
        return {counted.kind: counted.counts for counted in self.counted}

    def events(self) -> Iterator[Event]:
        yield from self.lines
        yield from self.rejects
        yield from self.counted


class Listener:
    """Hears what a session tells, for the next one of the same: unless it tells more than is remembered."""

    def __init__(self) -> None:
        self._now = Told()
        self._again: Told | None = Told()
        self._used: set[str] = set()
        """Tables that the kinds so far have compared with."""
        self._is_long = False

    @property
    def again(self) -> Told | None:
        """What is told after this session changed something; None: only another one can tell."""
        return self._again

    def observe(self, event: Event) -> None:
        now, again = self._now, self._again
        match event:
            case Log():
                if len(now.lines) < MAX_LINES:
                    now.lines.append(event)
                    if again and not event.once:
                        again.lines.append(event)
                else:
                    self._is_long = True
            case Reject():
                now.rejected += 1
                if now.rejected <= MAX_REJECTS:
                    now.rejects.append(event)
            case Counted():
                now.counted.append(msgspec.structs.replace(event, again=None))
                if again:
                    self._count_again(event, again)

    def _count_again(self, event: Counted, again: Told) -> None:
        follows = event.again
        if follows is None or follows.changes & self._used:
            # Rows that an earlier kind compared with are others now: it may change them back.
            self._again = None
            return
        self._used |= follows.uses
        again.lines += follows.lines
        counts = sum(follows.tables.values(), Counts())
        again.counted.append(Counted(event.kind, counts, follows.tables, event.empty))

    def told(self, *, changed: bool) -> bytes | None:
        """For the next one, as it is remembered."""
        if self._is_long:
            return None
        told = self._now
        if changed:
            if self._again is None:
                return None
            told = self._again
            told.rejects, told.rejected = self._now.rejects, self._now.rejected
        encoded = msgspec.json.encode(told)
        return encoded if len(encoded) <= MAX_TOLD else None


def recalled(told: str) -> Told:
    return msgspec.json.decode(told, type=Told)


def key_of(
    session: Session, target: Target, kinds: Mapping[str, Kind], export: Export, opened_ns: int
) -> str | None:
    """What a session imports, and how: equal keys for what is equal. None: that cannot be told without a look into the
    files, or the result hangs on more. `opened_ns`: the wall clock before the export was opened."""
    boot, code = boot_id(), _code()
    if session.upload or not all(repeats(kind) and _is_ours(kind, module) for kind, module in kinds.items()):
        return None
    # What another machine keeps may be told from memory: only who opens a file asks there.
    one_a_device = {identity[0]: export.path / name for name, identity in export.identities.items()}
    if not all(map(has_our_clock, (export.path, *one_a_device.values()))):
        return None
    if not boot or not code or seconds_to_settle(export.identities.values(), opened_ns) != 0:
        return None
    told = (
        boot, code, tuple(kinds), session.options, target.limits, target.keep_unlisted, str(export.path),
        sorted(export.identities.items()),
    )  # fmt: skip
    return sha256(repr(told).encode()).hexdigest()


def _is_ours(kind: str, module: Kind) -> bool:
    return getattr(module, "__name__", "") == f"importers.kinds.{kind}"


def _code() -> str:
    """What runs, and what it runs on; "" where it does not lie in files."""
    versions = (importers.__version__, sys.version, sqlite3.sqlite_version)
    try:
        parser = find_spec("lxml.etree")
        if parser is None or parser.origin is None:
            return ""
        files = [(parser.origin, os.stat(parser.origin)), *_sources(Path(importers.__file__).parent)]  # noqa: PTH116
    except (OSError, ImportError):
        return ""
    # Without the device and the number: those of a container are others in each.
    told = versions, [(name, *identity_of(stat)[2:]) for name, stat in files]
    return sha256(repr(told).encode()).hexdigest()


def _sources(folder: Path | str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as listed:
        entries = sorted(listed, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.endswith((".py", ".sql")):
            yield entry.path, entry.stat()
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry.path)
