"""Clocks. Leases and recency count on the boot clock: docs/guarantees.md, "Clocks"."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Now(NamedTuple):
    """One reading of a clock."""

    seconds: float
    epoch: str
    """Since when the seconds count: those of different epochs cannot be compared."""
    utc: str
    """For people, see `Clock.now`."""


class Clock:
    """The machine's clocks; tests give another one."""

    def read(self) -> Now:
        """The boot clock, which a start of the machine begins anew."""
        return Now(self.boot(), self.boot_id(), self.now())

    def boot(self) -> float:
        """Seconds since the machine started, suspend included."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def boot_id(self) -> str:
        return boot_id()

    def now(self) -> str:
        """UTC for people, ISO 8601 to the millisecond."""
        return utc_text(datetime.now(UTC))


def utc_text(moment: datetime) -> str:
    """A time of any zone as the journal writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def boot_id() -> str:
    """Differs after every start of the machine; "" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_another_boot(one: str, other: str) -> bool:
    """Known to be: where the system does not tell, it may as well be the same."""
    return bool(one and other) and one != other
