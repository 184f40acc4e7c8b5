"""Which sessions are looked for, in which order, and from where on: the words of `Journal.find`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from importers.sessions.models import Attempt, Outcome, Session, Status
from importers.sessions.rows import json
from importers.sessions.tally import seconds_between


class Word(msgspec.Struct, frozen=True):
    """A text that has to stand in one of the session's: operator, host, shop, source, kinds, error; whichever the case,
    in any script. Or it is its number, or the beginning of its request id, four characters or more."""

    text: str
    kinds: frozenset[str] = frozenset()
    """It stands in what these are called in the reader's language."""
    errors: frozenset[str] = frozenset()
    """The same of errors, by their English texts (`Journal.names` lists them)."""


class SessionFilter(msgspec.Struct, frozen=True):
    """Every part has to match; an empty one matches all."""

    statuses: frozenset[Status] = frozenset()
    kinds: frozenset[str] = frozenset()
    """Any of its kinds is one of these."""
    operator: str | None = None
    shop: str | None = None
    dry_run: bool | None = None
    with_rejects: bool | None = None
    since: str | None = None
    """Made at this time or later: as the journal writes times, or the beginning of such a one ("2026-03")."""
    until: str | None = None
    """Made before this time."""
    id_prefix: str = ""
    """Its number begins with, or is, these digits."""
    request_prefix: str = ""
    words: tuple[Word, ...] = ()


ALL = SessionFilter()


class AttemptFilter(msgspec.Struct, frozen=True):
    """The same of attempts. Words may stand in a reason as well, and name the session."""

    outcomes: frozenset[Outcome] = frozenset()
    kinds: frozenset[str] = frozenset()
    operator: str | None = None
    shop: str | None = None
    since: str | None = None
    until: str | None = None
    request_id: str | None = None
    words: tuple[Word, ...] = ()
    dry_run: bool | None = None
    """Of the session that it made: who was refused, or joined one, has none."""
    with_rejects: bool | None = None
    """Of the session: who was refused has none."""

    @property
    def by_steps(self) -> bool:
        """Whether no index tells what matches."""
        return bool(self.words) or self.dry_run is not None or self.with_rejects is not None


ALL_ATTEMPTS = AttemptFilter()


class By(StrEnum):
    """What sessions are ordered by, as the columns of the journal; equal ones by their ids, in the same direction."""

    ID = "id"
    CREATED = "created_at"
    KINDS = "kinds"
    STATUS = "status"
    OPERATOR = "operator"
    DURATION = "milliseconds"
    """From the first claim to the end; 0 of those that have not ended."""
    REJECTED = "rejected"


class Order(NamedTuple):
    by: By = By.ID
    descending: bool = True


NEWEST = Order()


class Place(NamedTuple):
    """Where a session stands in an order. It need not be there any more."""

    key: str | int
    id: int


class Page(NamedTuple):
    sessions: list[Session]
    """In the order that was asked for, also those in front of a place."""
    rest: Place | None
    """From where the search goes on in its direction; None: there is no more. Where words are looked for, a page may
    be empty, and there is more."""


class AttemptPage(NamedTuple):
    attempts: list[Attempt]
    """Newest first, as a page of sessions otherwise."""
    rest: Place | None


class Names(NamedTuple):
    """What there is to filter by, sorted; also of sessions that were deleted since."""

    operators: list[str]
    shops: list[str]
    kinds: list[str]
    errors: list[str]
    """English texts, not yet put together with what they speak of."""


def place_of(session: Session, order: Order = NEWEST) -> Place:
    match order.by:
        case By.ID:
            return Place(session.id, session.id)
        case By.CREATED:
            return Place(session.created_at, session.id)
        case By.KINDS:
            return Place(json(session.kinds), session.id)
        case By.STATUS:
            return Place(session.status.value, session.id)
        case By.OPERATOR:
            return Place(session.operator, session.id)
        case By.DURATION:
            seconds = seconds_between(session.started_at, session.finished_at)
            return Place(round(seconds * 1000), session.id)
        case By.REJECTED:
            return Place(session.counts.rejected, session.id)


def place_of_attempt(attempt: Attempt) -> Place:
    return Place(attempt.id, attempt.id)
