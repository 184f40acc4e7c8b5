"""What the contract of the launch lock is tried on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from importers.launch.lock import LaunchLock

KEY = "launch:somewhere"


@dataclass
class LockBench:
    """Locks as rivals have them, and a way to let time pass."""

    make: Callable[[], LaunchLock]
    expire: Callable[[], Awaitable[None]]
    """The seconds of KEY are over."""
    held: Callable[[], int]
    """How many keys are held."""
