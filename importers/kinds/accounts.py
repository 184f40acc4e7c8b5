"""What a kind says of its counts: what is beyond the limits of guarantee 9."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from importers.events import Counts, Log
from importers.settings import Limits
from importers.texts import N_

HARMLESS = 10
"""Up to so many rejects or removals no limit applies, unless it is 0: in a small shop they are a large share, not a
disaster."""


def total_of(tables: Mapping[str, Counts]) -> Counts:
    return sum(tables.values(), Counts())


def many_rejects(kind: str, counts: Counts, limits: Limits) -> Iterator[Log]:
    """A warning where more records are rejected than may be."""
    share = limits.max_reject_share
    if counts.rejected > _harmless(share) and counts.rejected > share * counts.read:
        yield Log(
            "warning",
            N_("{kind}: {rejected} of {read} records are rejected, more than {share}"),
            {"kind": kind, "rejected": counts.rejected, "read": counts.read, "share": _percent(share)},
        )


def many_removed(
    kind: str, table: str, removed: int, active: int, limits: Limits, *, by_offer: bool
) -> Iterator[Log]:
    """A warning where more of the active rows would be removed than may be. `by_offer`: offers are counted that would
    lose all of theirs."""
    share = limits.max_removed_share
    if removed > _harmless(share) and removed > share * active:
        text = (
            N_("{kind}: {removed} of {active} offers would lose their {table}, more than {share}")
            if by_offer
            else N_("{kind}: {removed} of {active} rows of {table} would be removed, more than {share}")
        )
        yield Log(
            "warning",
            text,
            {"kind": kind, "removed": removed, "active": active, "table": table, "share": _percent(share)},
        )


def _harmless(share: float) -> int:
    return HARMLESS if share else 0


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
