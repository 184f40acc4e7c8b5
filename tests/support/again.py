"""What a session says that the next one of the same export would tell, and what that tells."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from importers.commerceml.scan import identities_in
from importers.events import Event
from importers.identity import seconds_to_settle
from importers.worker.known import Listener, Told, recalled


def foretold(events: Iterable[Event], *, changed: bool) -> Told | None:
    """What is remembered of a session for the next one; None: nothing."""
    listener = Listener()
    for event in events:
        listener.observe(event)
    told = listener.told(changed=changed)
    return recalled(told.decode()) if told else None


def plain(told: Told | None) -> Told | None:
    """Without what nobody sees: which lines are told once."""
    return told and msgspec.structs.replace(
        told, lines=[msgspec.structs.replace(line, once=False) for line in told.lines]
    )


def settle(source: Path) -> None:
    """Wait until whatever is written to the source from now on shows in its times."""
    while seconds_to_settle(identities_in(source).values(), time.time_ns()):
        time.sleep(0.002)
