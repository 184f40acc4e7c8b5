"""What the journal tells in figures: read at once, whoever may read it only, and whatever the number of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from importers.addresses import JOURNAL_SCHEMA
from importers.database.looking import looking, require_schema
from importers.sessions import statements as sql
from importers.sessions.opening import SCHEMAS

if TYPE_CHECKING:
    from importers.clock import Clock


class Ended(msgspec.Struct, frozen=True):
    """Sessions that have ended, also those that were deleted since."""

    shop: str
    type: str
    status: str
    sessions: int
    seconds: float
    """From the first claim to the end."""
    read: int
    rejected: int
    taken: int
    """So often one of them was taken from a worker that died or froze."""


class LastGood(msgspec.Struct, frozen=True):
    """The last completed session with an import type, dry runs apart."""

    shop: str
    type: str
    at: str
    seconds: float
    read: int
    """Of all its import types."""


class Active(msgspec.Struct, frozen=True):
    """A session that has not ended."""

    shop: str
    type: str
    status: str
    created_at: str
    retries: int
    """So often it was taken from a worker that died or froze."""
    is_held_up: bool
    """Whether it was told why no worker has it yet."""


class Figures(msgspec.Struct, frozen=True):
    """Of one moment. What is counted never falls, but for attempts without an outcome."""

    at: str
    """By the journal's clock; as all times here UTC, as in Session."""
    schema: int
    ended: list[Ended]
    last_good: list[LastGood]
    active: list[Active]
    attempts: list[tuple[str, str | None, int]]
    """Shop, outcome, how many. Without an outcome are those that are under way, or whose process died."""


def read_figures(url: str, clock: Clock | None = None) -> Figures:
    """Of the journal at `url`, which is neither made nor migrated nor changed. `clock`: as for `open_journal`. Raises
    SettingsError for another address, DatabaseError."""
    with looking(url, JOURNAL_SCHEMA, clock) as look:
        return Figures(
            schema=require_schema(look, SCHEMAS),
            at=look.now().utc,
            ended=[Ended(*row) for row in look.fetch(sql.ENDED)],
            last_good=[LastGood(*row) for row in look.fetch(sql.GOOD)],
            active=[
                Active(shop, msgspec.json.decode(kinds)[0], status, created_at, retries, bool(held_up))
                for shop, kinds, status, created_at, retries, held_up in look.fetch(sql.ACTIVE_NOW)
            ],
            attempts=[(shop, outcome, count) for shop, outcome, count in look.fetch(sql.OUTCOMES)],
        )
