"""What the journal's rows mean: guarantees 4 and 5 without a database, for every engine and dispatcher.

Statements guard against races; what they find is judged here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from importers.clock import utc_text
from importers.sessions.models import Outcome

if TYPE_CHECKING:
    from importers.clock import Now
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


def is_lease_over(until: float | None, epoch: str | None, now: Now) -> bool:
    """Judged by the journal's own clock, which wrote `until` in that epoch: one of another epoch tells nothing but that
    all of its leases are over. Where the system tells no epoch, it may as well be the same, and the seconds count."""
    is_another = bool(epoch and now.epoch) and epoch != now.epoch
    return is_another or (until or 0) < now.seconds


def seconds_since(since: float, epoch: str, now: Now) -> float:
    """Without end where the clocks cannot be compared, or `since` is yet to come: nothing waits for ever."""
    return now.seconds - since if epoch == now.epoch and since <= now.seconds else float("inf")


def days_before(utc: str, days: int) -> str:
    """A time of the journal, so many days earlier."""
    return utc_text(datetime.fromisoformat(utc) - timedelta(days))


def newest_outlived(made: Iterable[tuple[int, str]], utc: str, days: int) -> int:
    """The newest session that is older than `days` by the journal's own count of time (see `Journal.prune`), as are all
    before it; 0 when none is. `made`: number and time of all sessions, newest first; `utc`: now."""
    age, longest_step = timedelta(), timedelta(days) / 4
    later = datetime.fromisoformat(utc)
    for number, at in made:
        created = datetime.fromisoformat(at)
        age += min(max(later - created, timedelta()), longest_step)
        if age > timedelta(days):
            return number
        later = created
    return 0


class Due(Enum):
    """What is to be done with a session that waits for a worker."""

    NOTHING = "nothing"
    SEND = "send"
    SEND_AGAIN = "send again"
    GIVE_UP = "give up"


def is_due(active: ActiveSession, lost_seconds: float = LOST_SECONDS, *, is_lost: bool) -> Due:
    """`is_lost`: the worker that was to claim it, or whoever was to send it, is known to be gone."""
    if not active.dispatched:
        return Due.NOTHING if active.age < UNSENT_SECONDS else Due.SEND
    if active.age < lost_seconds and not is_lost:
        return Due.NOTHING
    return Due.GIVE_UP if active.dispatches >= MAX_DISPATCHES else Due.SEND_AGAIN
