"""What a session tells of itself beside its row: one of each, kept as long as its log lines."""

from __future__ import annotations

import msgspec

from importers.events import Changes, FileRead


class KindStanding(msgspec.Struct, frozen=True):
    """Of one import type: which share of it is read and merged, 0 to 1, and how many records were read."""

    read: float
    merged: float
    records: int


class Standing(msgspec.Struct, frozen=True):
    """How far a session is, as long as one worker has it; the next one begins anew. It only grows."""

    share: float
    """Of all its work, 0 to 1: what `Session.done` of `total` says, too."""
    kind: str | None
    """What runs; None: nothing yet, or all are through."""
    stage: str
    """"read", "merge", or at last "commit"; "" after the end."""
    file: str
    """The file that is read; "" while none is."""
    records: int
    """Read so far, of all import types."""
    rate: float
    """Records a second of the last seconds, each counted in part when it is read and in full when it is merged."""
    seconds_left: float | None
    """None: nobody can tell yet."""
    kinds: dict[str, KindStanding]
    """In the order of running."""
    rates: tuple[float, ...] = ()
    """`rate` from the beginning on, at most 60 of them, each of `step` seconds."""
    step: float = 0
    reading: dict[str, float] = {}
    """How far each file is that is read now, 0 to 1."""


class FileTold(msgspec.Struct, frozen=True):
    """A file of the export."""

    name: str
    size: int
    modified: str
    """UTC."""
    read: dict[str, FileRead]
    """By import type: what it read of it."""

    @property
    def seconds(self) -> float:
        return sum(read.seconds for read in self.read.values())


class Files(msgspec.Struct, frozen=True):
    """Those that were read, in their order; of a session that was skipped, none."""

    files: tuple[FileTold, ...]


class Gains(msgspec.Struct, frozen=True):
    """Counts by table, and what the shop gained and lost, by import type; of a dry run, what it would."""

    kinds: dict[str, Changes]


Detail = Standing | Files | Gains
