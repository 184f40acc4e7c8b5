"""What the journal's rows mean: guarantees 4 and 5 without a database, for every engine and dispatcher.

Statements guard against races; what they find is judged here, and nowhere else.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from importers.clock import is_another_boot
from importers.sessions.models import Outcome

if TYPE_CHECKING:
    from importers.sessions.models import ActiveSession, NewSession

UNSENT_SECONDS = 3.0
"""A launch dispatches within milliseconds; a session that waits so long was made by a process that died."""
LOST_SECONDS = 60.0
"""A dispatched session that no worker claims for so long is sent again."""
MAX_DISPATCHES = 3


def answer_to_key(new: NewSession, params_hash: str, made_by: str) -> Outcome:
    """What a launch is told whose key had been answered before with a session. `params_hash`: what the key asked for
    then; `made_by`: the key that made that session."""
    if params_hash != new.params_hash:
        return Outcome.MISMATCH
    # The session may be another confirm's, which this one has joined.
    return Outcome.REPLAYED if made_by == new.idempotency_key else Outcome.JOINED


def is_lease_over(lease_until: float | None, of_boot: str | None, now: float, boot: str) -> bool:
    """A clock of another boot tells nothing but that all of its leases are over."""
    return is_another_boot(of_boot or "", boot) or (lease_until or 0) < now


def seconds_since(since: float, of_boot: str, now: float, boot: str) -> float:
    """Without end where the clocks cannot be compared, or `since` is yet to come: nothing waits for ever."""
    return now - since if of_boot == boot and since <= now else float("inf")


class Due(Enum):
    """What is to be done with a session that waits for a worker."""

    NOTHING = "nothing"
    SEND = "send"
    SEND_AGAIN = "send again"
    GIVE_UP = "give up"


def is_due(held: ActiveSession, *, is_owner_dead: bool) -> Due:
    """`is_owner_dead`: the process that was to take it, or to start that one, is known to be gone."""
    if not held.dispatched:
        return Due.NOTHING if held.age < UNSENT_SECONDS else Due.SEND
    if held.age < LOST_SECONDS and not is_owner_dead:
        return Due.NOTHING
    return Due.GIVE_UP if held.dispatches >= MAX_DISPATCHES else Due.SEND_AGAIN
