"""Which file it is, and whether it is as it was, without a look into it.

Who writes to a file gives it another time of change, and nobody can set that (what is written through a mapping into
memory comes by it later). It is as fine as the kernel's tick; and what a loss of power leaves may have the times of
before, so that it counts within one boot only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

TICK_NS = 20_000_000
"""Two writes further apart never have the same time: a tick takes 10 ms at most."""
COARSE_NS = 1_000_000
"""A time that is a multiple of this may be of a file system that tells whole seconds only."""
COARSE_TICK_NS = 3_000_000_000

Identity = tuple[int, ...]


def identity_of(stat: os.stat_result) -> Identity:
    """What tells a file from another, and from itself before it was written to: who sets the time of the content back
    cannot set that of the change back."""
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def seconds_to_settle(identities: Iterable[Identity], now_ns: int) -> float | None:
    """How long to wait until all that is written to these files, by this machine's clock, is sure to change their
    identities. None: nobody knows, as a time lies in the future; or longer than it is worth."""
    wait = 0
    for identity in identities:
        changed = identity[4]
        age = now_ns - changed
        if age < (COARSE_TICK_NS if changed % COARSE_NS == 0 else 0):
            return None
        wait = max(wait, TICK_NS - age)
    return wait / 1e9
