"""What a run tells, and what a launch may ask of it: the words that every room shares."""

from __future__ import annotations

import msgspec

from importers.texts import N_, Message

NO_RECORD = N_("{kinds}: the export holds no record of it; check what 1C writes to {source}")


class Options(msgspec.Struct, frozen=True):
    """What a launch may ask beyond kinds and source. Part of the request's identity."""

    dry_run: bool = False
    force: bool = False
    """Go past the limits of guarantee 9."""
    strict: bool = False
    """Refuse or fail unless the export has something of every chosen kind."""


class Counts(msgspec.Struct):
    """read = created + updated + unchanged + removed + rejected, always (docs/format.md says what one record is)."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: int = 0
    orphans: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f) + getattr(other, f) for f in self.__struct_fields__))


class FileRead(msgspec.Struct):
    """What one import type read of a file."""

    name: str
    records: dict[str, int] = {}
    """Rows by catalog table."""
    rejected: int = 0
    seconds: float = 0.0


class Progress(msgspec.Struct, frozen=True):
    """How far the kind is: first it reads, then it merges. `done` of `total` is in bytes of XML while reading, in
    records while merging; within a stage `total` stays and `done` only grows."""

    kind: str
    stage: str
    """"read" or "merge"."""
    done: int
    total: int
    records: int
    """Records read so far."""
    file: str = ""
    """The one that is read."""
    files: tuple[FileRead, ...] = ()
    """All that were, with the last one of reading."""
    reading: dict[str, float] = {}
    """How far each file is that is read now, 0 to 1: several, where another process reads beside."""


class Log(msgspec.Struct, frozen=True):
    """A line for the operator. `message` is English, translated when shown: `texts.render(message, args)`."""

    level: str
    """info | warning | error"""
    message: str
    args: dict[str, str | int] = {}
    once: bool = False
    """Speaks of what was changed: when the same export comes again, it has nothing to say."""

    @classmethod
    def of(cls, level: str, message: Message) -> Log:
        return cls(level, message.text, {**message.args})


class Reject(msgspec.Struct, frozen=True):
    """A record or fact that was not taken (guarantee 9)."""

    kind: str
    file: str
    line: int | None
    record_id: str
    reason: str
    """English message with `args`, as in Log."""
    args: dict[str, str] = {}
    fragment: str = ""


class Again(msgspec.Struct, frozen=True):
    """What a kind would tell if the same export came again right after: of each record that it is unchanged."""

    tables: dict[str, Counts]
    lines: list[Log]
    """With the counts; those that it told before and not `once` come in front of them."""
    uses: frozenset[str]
    """The tables that it compares records with: true as long as no later kind of the session changes these."""
    changes: frozenset[str]
    """Those of them that it changed."""


class AllRead(msgspec.Struct, frozen=True):
    """The kind has read all of its files, and asked nothing of the catalog so far."""


class Counted(msgspec.Struct, frozen=True):
    """The kind is through. Exactly one, the last event of a run."""

    kind: str
    counts: Counts
    tables: dict[str, Counts] = {}
    """The same per catalog table, for the summary."""
    empty: bool = False
    """Nothing of it was in the export."""
    again: Again | None = None
    """None: only another run can tell."""


class PriceChange(msgspec.Struct, frozen=True):
    """`old` and `new` as decimals."""

    offer: str
    name: str
    price_type: str
    """Its name."""
    old: str
    new: str
    currency: str
    percent: float | None
    """+25.0: a quarter dearer; None: it was 0 or less, which has no share."""


class StockLoss(msgspec.Struct, frozen=True):
    """Of an offer in all its warehouses: what was there, and what is left."""

    offer: str
    name: str
    old: float
    new: float


class Gone(msgspec.Struct, frozen=True):
    """What a shop has no more."""

    id: str
    name: str


class Changes(msgspec.Struct, frozen=True):
    """What a kind gave to the shop and took from it: all in numbers, and the largest or first of each by name."""

    kind: str
    tables: dict[str, Counts]
    """Of which anything was read."""
    prices: tuple[PriceChange, ...] = ()
    """The largest changes first, by ratio."""
    raised: int = 0
    lowered: int = 0
    stocks: tuple[StockLoss, ...] = ()
    """The largest losses first."""
    emptied: int = 0
    """Offers that were in stock and are not."""
    gone: dict[str, tuple[Gone, ...]] = {}
    """By table: things that were there and are marked as removed now, or lost all their prices or stocks."""


Event = Progress | Log | Reject | AllRead | Changes | Counted
